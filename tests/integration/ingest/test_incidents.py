"""What commands look up of incidents, as tocsin_ingest: a few columns of one tenant's."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import asyncpg
import pytest

from tests.support.projection_rows import START, ProjectionDatabase, build_projection
from tests.support.servers import SharedPostgres
from tocsin_contracts.reference import CHOICES_MAX, read_reference
from tocsin_contracts.times import MINUTE, from_datetime
from tocsin_control.bootstrap import Role
from tocsin_ingest.adapters.incidents import PostgresIncidents
from tocsin_ingest.commands.ports import Choice
from tocsin_ingest.domain.ask import Wanted
from tocsin_runtime.clock import SystemClock
from tocsin_runtime.postgres import PostgresUnavailable

A, B, C = "7K3QF2B" + "A" * 19, "7K3QF2B" + "B" * 19, "8K3QF2B" + "C" * 19
FOREIGN = "9K3QF2B" + "D" * 19
BEGAN = from_datetime(START)
DAY, LATER = timedelta(days=1), START + timedelta(days=2)


@pytest.fixture(scope="module")
def projection(postgres: SharedPostgres) -> ProjectionDatabase:
    made = asyncio.run(build_projection(postgres))
    asyncio.run(_seed(made))
    return made


async def _seed(projection: ProjectionDatabase) -> None:
    async with projection.writing() as rows:
        await rows.incident(
            "acme", id=A, created_at=START, updated_at=START + DAY, title="a", service="api", severity="LOW", snoozed_until=LATER
        )
        await rows.incident(
            "acme",
            id=B,
            created_at=START + timedelta(minutes=1),
            title="b",
            service="db",
            status="RESOLVED",
            snoozed_until=LATER,
            flapping=True,
        )
        await rows.incident(
            "acme",
            id=C,
            created_at=START + timedelta(minutes=2),
            title="c",
            service="db",
            environment="prod",
            team="core",
            assignee="ada",
            source="sentry",
            category="errors",
            snoozed_until=START,
        )
        await rows.folded(partition=0, source_next=1, appended_at=0, clock=START + timedelta(hours=1))
        for name in (FOREIGN, A[:-1] + "Z"):
            await rows.incident("globex", id=name)
        for number in range(CHOICES_MAX + 2):
            await rows.incident("initech", id=f"{'0' * 7}{number:019d}")


@pytest.fixture
async def incidents(projection: ProjectionDatabase) -> AsyncIterator[PostgresIncidents]:
    made = PostgresIncidents(projection.dsn(Role.INGEST), clock=SystemClock(), connections_max=2)
    yield made
    await made.close()


async def test_each_reference_gets_what_it_may_mean_in_order(incidents: PostgresIncidents) -> None:
    """Another tenant's are not among them, nor the choices of another reference."""
    wanted = [read_reference(text) for text in ("INC-8K3QF2B", "inc-7k3qf2b", "INC-9K3QF2B", "7K3QF2BB")]
    found = await incidents.choices("acme", wanted)
    assert [[choice.id for choice in each] for each in found] == [[C], [A, B], [], [B]]
    assert found[1][1] == Choice(id=B, title="b", status="RESOLVED")


async def test_so_many_choices_are_shown_and_no_more(incidents: PostgresIncidents) -> None:
    (found,) = await incidents.choices("initech", [read_reference("0000000")])
    assert len(found) == CHOICES_MAX


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Wanted(), [C, B, A]),
        (Wanted(statuses=("OPEN", "ACKNOWLEDGED")), [C, A]),
        (Wanted(severities=("LOW",)), [A]),
        (Wanted(services=("db", "api")), [C, B, A]),
        (Wanted(services=("db",), statuses=("RESOLVED",)), [B]),
        (Wanted(environments=("prod",)), [C]),
        (Wanted(teams=("core",)), [C]),
        (Wanted(sources=("alertmanager",)), [B, A]),
        (Wanted(assignees=("ada",)), [C]),
        (Wanted(created_from=BEGAN + MINUTE), [C, B]),
        (Wanted(created_from=BEGAN, created_to=BEGAN + MINUTE), [A]),
        (Wanted(assignees=("nobody",)), []),
        (Wanted(categories=("errors", "data")), [C]),
        (Wanted(snoozed=True), [A]),
        (Wanted(snoozed=False), [C, B]),
        (Wanted(snoozed=False, statuses=("OPEN",)), [C]),
        (Wanted(flapping=True), [B]),
        (Wanted(flapping=False), [C, A]),
        (Wanted(updated_from=BEGAN + 1440 * MINUTE), [A]),
        (Wanted(updated_from=BEGAN, updated_to=BEGAN + 1440 * MINUTE), [C, B]),
    ],
)
async def test_a_filter_matches_the_newest_first(incidents: PostgresIncidents, wanted: Wanted, found: list[str]) -> None:
    assert await incidents.matching("acme", wanted, 501) == found
    assert await incidents.count("acme", wanted) == len(found)
    assert await incidents.matching("acme", replace(wanted), 1) == found[:1]


async def test_another_tenant_matches_its_own(incidents: PostgresIncidents) -> None:
    assert FOREIGN in await incidents.matching("globex", Wanted(), 10)
    assert await incidents.matching("nobody", Wanted(), 10) == []


async def test_a_code_and_a_list_are_read_from_an_index(projection: ProjectionDatabase) -> None:
    async with projection.connected(Role.GROUPER) as connection:
        await connection.execute("SET enable_seqscan = off")
        rows = await connection.fetch(
            "EXPLAIN SELECT w.place, i.id FROM unnest(ARRAY['7'], ARRAY['8']) WITH ORDINALITY AS w(first, last, place)"
            " CROSS JOIN LATERAL (SELECT id FROM proj.incidents WHERE tenant_id = 'acme' AND id >= w.first AND id <= w.last"
            " ORDER BY id LIMIT 10) AS i"
        )
    text = "\n".join(row[0] for row in rows)
    assert "incidents_pkey" in text
    assert "id >= w.first" in text.split("Index Cond", 1)[1].split("\n", 1)[0]


async def test_without_a_projection_or_postgres_incidents_are_unavailable(projection: ProjectionDatabase) -> None:
    async with projection.connected(Role.GROUPER) as connection:
        await connection.execute("ALTER SCHEMA proj RENAME TO elsewhere")
    incidents = PostgresIncidents(projection.dsn(Role.INGEST), clock=SystemClock(), connections_max=1)
    try:
        with pytest.raises(PostgresUnavailable):
            await incidents.matching("acme", Wanted(), 10)
    finally:
        await incidents.close()
        async with projection.connected(Role.GROUPER) as connection:
            await connection.execute("ALTER SCHEMA elsewhere RENAME TO proj")
    away = PostgresIncidents("postgresql://u:p@127.0.0.1:1/x", clock=SystemClock(), connections_max=1)
    with pytest.raises(PostgresUnavailable):
        await away.choices("acme", [read_reference("0000000")])
    await away.close()


async def test_ingest_sees_no_more_columns_than_it_needs(projection: ProjectionDatabase) -> None:
    async with projection.connected(Role.INGEST) as connection, connection.transaction():
        await connection.execute("SELECT set_config('app.tenant', 'acme', true)")
        assert len(await connection.fetch("SELECT id FROM proj.incidents")) == 3
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.fetch("SELECT description FROM proj.incidents")
