"""The fence on `control.progress`, on a real PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.support.servers import Database
from tocsin_runtime.errors import Fatal
from tocsin_runtime.fence import Claim, Fenced, advance, claim
from tocsin_runtime.postgres import Connection, DedicatedConnection, close, connect

PROGRESS = """
CREATE SCHEMA control;
CREATE TABLE control.progress (
    generation text, consumer text, partition int, topic_id text NOT NULL,
    next bigint NOT NULL, source_next bigint, epoch bigint NOT NULL,
    PRIMARY KEY (generation, consumer, partition));
CREATE TABLE rows (partition int, source bigint, epoch bigint);
"""


@pytest.fixture
async def connections(database: Database) -> AsyncIterator[list[DedicatedConnection]]:
    opened = [await connect(database.dsn, application="fence test") for _ in range(2)]
    await opened[0].execute(PROGRESS)
    yield opened
    for connection in opened:
        await close(connection)


async def take(connection: Connection, topic_id: str = "t1") -> Claim:
    return await claim(connection, generation="live", consumer="grouper", partition=3, topic_id=topic_id)


async def test_a_first_claim_starts_at_nothing(connections: list[DedicatedConnection]) -> None:
    first = await take(connections[0])
    assert (first.next, first.source_next, first.epoch) == (0, None, 1)


async def test_a_claim_goes_on_where_the_last_owner_committed(connections: list[DedicatedConnection]) -> None:
    mine, other = connections
    held = await take(mine)
    async with mine.transaction():
        held = await advance(mine, held, expected_next=0, next=500, source_next=498)
    taken = await take(other)
    assert (taken.next, taken.source_next, taken.epoch) == (500, 498, held.epoch + 1)


async def test_the_former_owner_writes_nothing_after_a_claim(connections: list[DedicatedConnection]) -> None:
    mine, other = connections
    held = await take(mine)
    await take(other)
    with pytest.raises(Fenced):
        async with mine.transaction():
            await advance(mine, held, expected_next=held.next, next=10, source_next=10)
    assert await mine.fetchval("SELECT next FROM control.progress") == 0


async def test_an_owner_that_is_behind_its_own_progress_is_fenced(connections: list[DedicatedConnection]) -> None:
    """A batch whose commit was acknowledged to nobody must not be applied again."""
    mine, _ = connections
    held = await take(mine)
    await advance(mine, held, expected_next=0, next=10, source_next=10)
    with pytest.raises(Fenced):
        await advance(mine, held, expected_next=0, next=10, source_next=10)


async def test_a_claim_waits_for_the_batch_under_way(connections: list[DedicatedConnection]) -> None:
    mine, other = connections
    held = await take(mine)
    async with mine.transaction():
        await advance(mine, held, expected_next=0, next=7, source_next=7)
        taking = asyncio.ensure_future(take(other))
        await _until_blocked(mine)
    assert (await taking).next == 7


async def test_progress_of_another_topic_is_fatal(connections: list[DedicatedConnection]) -> None:
    await take(connections[0], "t1")
    with pytest.raises(Fatal, match="deleted and made anew"):
        await take(connections[0], "t2")


async def test_two_owners_that_take_turns_at_random_apply_every_record_once(connections: list[DedicatedConnection]) -> None:
    """Each reads on from its claim, believing that it is the owner; the fence alone decides."""

    async def work(connection: Connection) -> None:
        for _ in range(20):
            held = await take(connection)
            for _ in range(3):
                try:
                    async with connection.transaction():
                        held = await advance(
                            connection, held, expected_next=held.next, next=held.next + 2, source_next=held.next + 2
                        )
                        insert = "INSERT INTO rows SELECT 3, n, $3 FROM generate_series($1::bigint, $2::bigint) n"
                        await connection.execute(insert, held.next - 2, held.next - 1, held.epoch)
                except Fenced:
                    break

    await asyncio.gather(*(work(connection) for connection in connections))
    applied = [row["source"] for row in await connections[0].fetch("SELECT source FROM rows ORDER BY source")]
    assert applied == list(range(await connections[0].fetchval("SELECT next FROM control.progress")))


async def _until_blocked(connection: Connection) -> None:
    """Wait until somebody waits for a lock of this transaction."""
    waiting = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid)))"
    while not await connection.fetchval(waiting):
        pass
