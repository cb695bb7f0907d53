"""One contract for outcomes of commands, on the twin and on PostgreSQL as the grouper writes and ingest reads it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import asyncpg
import orjson
import pytest

from tests.support.migrated import MigratedDatabase
from tests.unit.ingest.gateway import InMemoryOutcomes
from tocsin_control.bootstrap import Role
from tocsin_grouper.adapters import schema
from tocsin_ingest.adapters.outcomes import PostgresOutcomes
from tocsin_ingest.ports import Outcome, Outcomes
from tocsin_runtime.clock import SystemClock
from tocsin_runtime.postgres import PostgresUnavailable

APPLIED = Outcome(request_hash="hash", status=200, detail={"incident": "I", "status": "OPEN", "version": 2, "revision": 1})
_INSERT = """
INSERT INTO proj.commands
    (tenant_id, id, request_hash, kind, actor_kind, actor_id, actor_name, outcome, status, detail, decided_at,
    partition, "offset")
VALUES ($1, $2, $3, 'set-status', 'person', 'k', 'Ada', 'applied', $4, $5::text::jsonb, to_timestamp(0), 0, 0)
"""


@dataclass(frozen=True, slots=True)
class World:
    """An implementation, and the grouper's hand beside it."""

    outcomes: Outcomes
    record: Callable[[str, str, Outcome], Awaitable[None]]


@pytest.fixture(params=["memory", "postgres"])
async def world(request: pytest.FixtureRequest, migrated: MigratedDatabase) -> AsyncIterator[World]:
    if request.param == "memory":
        twin = InMemoryOutcomes()

        async def put(tenant: str, command: str, outcome: Outcome) -> None:
            twin.record(tenant, command, outcome)

        yield World(twin, put)
        return
    grouper = await migrated.grouper()
    await schema.create(grouper)

    async def insert(tenant: str, command: str, outcome: Outcome) -> None:
        await grouper.execute(
            _INSERT, tenant, command, outcome.request_hash, outcome.status, orjson.dumps(outcome.detail).decode()
        )

    outcomes = PostgresOutcomes(migrated.dsn_of(Role.INGEST), clock=SystemClock(), connections_max=2)
    yield World(outcomes, insert)
    await outcomes.close()
    await grouper.close()


async def test_a_command_without_an_outcome_has_none(world: World) -> None:
    assert await world.outcomes.find("t", "c") is None
    assert await world.outcomes.wait("t", "c", 0.02) is None


async def test_an_outcome_is_found_as_it_was_recorded(world: World) -> None:
    await world.record("t", "c", APPLIED)
    assert await world.outcomes.find("t", "c") == APPLIED
    assert await world.outcomes.wait("t", "c", 0.02) == APPLIED


async def test_who_waits_is_told(world: World) -> None:
    waiting = asyncio.create_task(world.outcomes.wait("t", "c", 20))
    await world.record("t", "other", APPLIED)
    await world.record("t", "c", APPLIED)
    assert await waiting == APPLIED


async def test_another_tenants_outcome_is_not_seen(world: World) -> None:
    await world.record("t", "c", APPLIED)
    assert await world.outcomes.find("rival", "c") is None


async def test_without_a_projection_outcomes_are_unavailable_not_an_error_of_ours(migrated: MigratedDatabase) -> None:
    """`tocsin up` starts ingest before the grouper made the projection."""
    outcomes = PostgresOutcomes(migrated.dsn_of(Role.INGEST), clock=SystemClock(), connections_max=1)
    with pytest.raises(PostgresUnavailable):
        await outcomes.find("t", "c")
    await outcomes.close()


async def test_with_postgres_away_outcomes_are_unavailable() -> None:
    outcomes = PostgresOutcomes("postgresql://u:p@127.0.0.1:1/x", clock=SystemClock(), connections_max=1)
    for _ in range(2):
        with pytest.raises(PostgresUnavailable):
            await outcomes.find("t", "c")
    await outcomes.close()


async def test_outcomes_survive_a_swap_of_the_projection(migrated: MigratedDatabase) -> None:
    """A prepared statement of the old schema must not answer for the new one."""
    grouper = await migrated.grouper()
    await schema.create(grouper)
    outcomes = PostgresOutcomes(migrated.dsn_of(Role.INGEST), clock=SystemClock(), connections_max=1)
    assert await outcomes.find("t", "c") is None
    async with grouper.transaction():
        await schema.create(grouper, "proj_next")
        await grouper.execute("ALTER SCHEMA proj RENAME TO proj_old; ALTER SCHEMA proj_next RENAME TO proj")
    await grouper.execute(_INSERT, "t", "c", "hash", 200, orjson.dumps(APPLIED.detail).decode())
    await schema.drop(grouper, "proj_old")

    assert await outcomes.find("t", "c") == APPLIED
    await outcomes.close()
    await grouper.close()


async def test_ingest_may_read_outcomes_and_nothing_else_of_the_projection(migrated: MigratedDatabase) -> None:
    grouper = await migrated.grouper()
    await schema.create(grouper)
    await grouper.close()
    ingest = await asyncpg.connect(migrated.dsn_of(Role.INGEST))
    try:
        for table in ("incidents", "alerts", "deliveries", "facts"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await ingest.fetch(f"SELECT * FROM proj.{table}")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await ingest.execute("DELETE FROM proj.commands")
    finally:
        await ingest.close()
