"""What redrives read of PostgreSQL, as tocsin_ingest: the rows of one tenant, and no others."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import orjson
import pytest

from tests.support.projection_rows import START, ProjectionDatabase, build_projection
from tests.support.servers import SharedPostgres
from tocsin_contracts.command import Actor
from tocsin_contracts.ids import TenantId, delivery_id
from tocsin_contracts.position import Position
from tocsin_contracts.times import MINUTE, from_datetime
from tocsin_control.audit import Author
from tocsin_control.bootstrap import Role
from tocsin_ingest.adapters.failed import PostgresFailed
from tocsin_ingest.failed.ports import Fate, Wanted
from tocsin_runtime.clock import SystemClock
from tocsin_runtime.errors import Invalid
from tocsin_runtime.postgres import PostgresUnavailable

ADA = Actor(kind="person", id="k1", name="Ada")
AUTHOR = Author(name="person:Ada", key="k1", request="r1")


@pytest.fixture(scope="module")
def projection(postgres: SharedPostgres) -> ProjectionDatabase:
    made = asyncio.run(build_projection(postgres))
    asyncio.run(_seed(made))
    return made


async def _seed(projection: ProjectionDatabase) -> None:
    async with projection.writing() as rows:
        for offset in range(10):
            at = START + timedelta(minutes=offset)
            reason = ("unknown-shape", "not-json")[offset % 2]
            source = "sentry" if offset == 8 else "alertmanager"
            await rows.delivery("acme", offset, outcome="failed", reason=reason, logged_at=at, source=source)
        await rows.delivery("acme", 10, outcome="processed")
        await rows.delivery("acme", 11, outcome="redriven", reason="not-json", redriven_to=10)
        await rows.delivery("acme", 12, outcome="failed", reason="not-json", redrive_of=3)
        await rows.delivery("globex", 20, outcome="failed", reason="not-json")
        await rows.folded(partition=0, source_next=21, appended_at=0)


@pytest.fixture
async def store(projection: ProjectionDatabase) -> AsyncIterator[PostgresFailed]:
    made = PostgresFailed(projection.dsn(Role.INGEST), clock=SystemClock(), connections_max=4)
    yield made
    await made.close()


@pytest.mark.parametrize(
    ("wanted", "offsets"),
    [
        (Wanted(), range(10)),
        (Wanted(after=6), [7, 8, 9]),
        (Wanted(reasons=("not-json",)), [1, 3, 5, 7, 9]),
        (Wanted(sources=("sentry",)), [8]),
        (Wanted(integrations=("prometheus", "other"), after=8), [9]),
        (Wanted(integrations=("other",)), []),
        (Wanted(logged_from=from_datetime(START) + 7 * MINUTE), [7, 8, 9]),
        (Wanted(logged_to=from_datetime(START) + 2 * MINUTE), [0, 1]),
    ],
)
async def test_what_failed_is_listed_in_log_order_without_redrives(
    store: PostgresFailed, wanted: Wanted, offsets: list[int]
) -> None:
    assert await store.failed("acme", 0, wanted, limit=100) == list(offsets)


async def test_a_list_is_as_long_as_asked(store: PostgresFailed) -> None:
    assert await store.failed("acme", 0, Wanted(), limit=3) == [0, 1, 2]


async def test_fates_are_the_tenants_own(store: PostgresFailed) -> None:
    assert await store.fates("acme", 0, [9, 10, 11, 20, 999]) == {
        9: Fate(outcome="failed", reason="not-json"),
        10: Fate(outcome="processed", reason=None),
        11: Fate(outcome="redriven", reason="not-json"),
    }
    assert await store.fate("globex", Position(0, 9)) is None


async def test_how_far_the_fold_is(store: PostgresFailed) -> None:
    assert (await store.folded(0), await store.folded(3)) == (20, -1)


async def test_the_first_word_on_a_delivery_stands_and_it_is_left_out(store: PostgresFailed) -> None:
    for why, first in (("a test", True), ("no test", False)):
        assert await store.discard("globex", Position(0, 20), why=why, actor=ADA, author=AUTHOR) is first
    assert await store.failed("globex", 0, Wanted(), limit=10) == []


async def test_a_discard_and_the_begin_of_a_bulk_stand_in_the_audit(
    store: PostgresFailed, projection: ProjectionDatabase
) -> None:
    await store.discard("acme", Position(0, 77), why="noise", actor=ADA, author=AUTHOR)
    await store.begin("acme", author=AUTHOR, wanted={"reason": ["not-json"]})
    async with projection.owning() as rows:
        found = await rows.connection.fetch(
            "SELECT actor, action, subject, detail::text AS detail FROM control.audit WHERE tenant_id = 'acme' ORDER BY id"
        )
    who = {"key": "k1", "request": "r1"}
    assert [tuple(row)[:3] for row in found] == [
        ("person:Ada", "delivery.discarded", delivery_id(TenantId("acme"), Position(0, 77))),
        ("person:Ada", "deliveries.redrive-begun", "acme"),
    ]
    assert [orjson.loads(row["detail"]) for row in found] == [
        {"why": "noise", **who},
        {"wanted": {"reason": ["not-json"]}, **who},
    ]


async def test_one_gateway_at_a_time_redrives_for_a_tenant(store: PostgresFailed, projection: ProjectionDatabase) -> None:
    other = PostgresFailed(projection.dsn(Role.INGEST), clock=SystemClock(), connections_max=4)
    async with store.alone("acme") as first, other.alone("acme") as second, other.alone("globex") as third:
        assert (first, second, third) == (True, False, True)
    async with other.alone("acme") as again:
        assert again is True
    await other.close()


async def test_an_unknown_version_is_none(store: PostgresFailed) -> None:
    with pytest.raises(Invalid):
        await store.settings("nobody", 1)


async def test_without_a_projection_it_is_away(postgres: SharedPostgres) -> None:
    database = await postgres.create_database()
    store = PostgresFailed(database.dsn, clock=SystemClock(), connections_max=2)
    with pytest.raises(PostgresUnavailable):
        await store.fate("acme", Position(0, 1))
    await store.close()
    await postgres.drop_database(database)
