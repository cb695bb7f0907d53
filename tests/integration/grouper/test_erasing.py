"""A large tenant is erased in pieces: no batch waits for all of it, nobody sees a difference, and all of it goes (ADR 13)."""

from itertools import pairwise

from tests.support.folding import Folding, firing
from tests.support.grouping import TOPIC_ID, dump, handler_on
from tests.support.images import records_of
from tests.support.migrated import MigratedDatabase
from tocsin_contracts.topics import GROUPER_CONSUMER, LIVE
from tocsin_grouper.adapters import erasing, fingerprint
from tocsin_grouper.adapters.codec import Connection
from tocsin_grouper.adapters.postgres import Projection
from tocsin_grouper.handler import PartitionHandler
from tocsin_runtime import fence

_PIECE = 4


async def in_pieces(connection: Connection) -> PartitionHandler:
    """Take the partition over, as a new owner does, and erase few rows at once."""
    claim = await fence.claim(connection, generation=LIVE, consumer=GROUPER_CONSUMER, partition=0, topic_id=TOPIC_ID)
    store = Projection(connection, erased_piece_rows=_PIECE)
    return PartitionHandler(store, claim, await store.load_partition(0))


async def rows_of(connection: Connection, tenant: str) -> dict[str, int]:
    return {
        table: await connection.fetchval(f"SELECT count(*) FROM proj.{table} WHERE tenant_id = $1", tenant)
        for table in erasing.TABLES
    }


async def test_rows_that_are_still_to_go_are_compared_by_nobody(migrated: MigratedDatabase) -> None:
    """`verify` cuts batches otherwise than the live fold did."""
    folding = Folding()
    folding.deliver(*(firing(f"a{number}") for number in range(20)))
    folding.erase("acme")
    records = records_of(folding.records)
    prints = []
    for take_over in (handler_on, in_pieces):
        connection = await migrated.grouper()
        await connection.execute(
            "DROP SCHEMA IF EXISTS proj CASCADE; DELETE FROM control.progress; DELETE FROM control.projection"
        )
        await (await handler_on(connection)).handle(records[:-1])
        await (await take_over(connection)).handle(records[-1:])
        prints.append((sum((await rows_of(connection, "acme")).values()), await fingerprint.take(connection, "proj", None)))
        await connection.close()
    assert (prints[0][0], prints[1][0] > 0) == (0, True)
    assert prints[0][1] == prints[1][1]


async def test_a_large_tenant_goes_piece_by_piece_over_restarts_and_leaves_what_one_piece_leaves(
    migrated: MigratedDatabase,
) -> None:
    folding = Folding()
    for number in range(10):
        folding.deliver(firing(f"a{number}", problem="Disk"), firing(f"b{number}", problem="Net"))
        folding.deliver(firing(f"o{number}", problem="Disk"), tenant="other")
    folding.wait(15).tick(refused=["prod"])
    folding.erase("acme")
    erased = len(folding.records)
    folding.tick_for(15 * 60)
    records = records_of(folding.records)

    connection = await migrated.grouper()
    whole = await handler_on(connection)
    await whole.handle(records)
    expected = await dump(connection)
    await connection.execute("DROP SCHEMA proj CASCADE; DELETE FROM control.progress; DELETE FROM control.projection")
    await connection.close()

    connection = await migrated.grouper()
    await (await handler_on(connection)).handle(records[: erased - 1])
    held = await rows_of(connection, "acme")
    assert sum(held[table] for table in erasing.IN_PIECES) > 10 * _PIECE
    lefts = []
    for record in records[erased - 1 :]:
        await (await in_pieces(connection)).handle([record])  # a new owner each time: nothing is remembered but the rows
        rows = await rows_of(connection, "acme")
        lefts.append(sum(rows.values()))
        assert [rows[table] for table in erasing.AT_ONCE] == [0] * len(erasing.AT_ONCE)
    assert lefts[0] > 0
    assert all(before - after <= _PIECE for before, after in pairwise(lefts))
    assert lefts[-1] == 0
    assert await dump(connection) == expected
    await connection.close()
