"""Old day tables go behind a batch, not inside it: who reads one holds up neither the fold nor other readers."""

from tests.support.folding import Folding, firing
from tests.support.grouping import TOPIC_ID
from tests.support.images import records_of
from tests.support.migrated import MigratedDatabase
from tocsin_contracts.times import DAY, SECOND
from tocsin_contracts.topics import GROUPER_CONSUMER, LIVE
from tocsin_grouper.adapters import guard, schema
from tocsin_grouper.adapters.codec import Connection
from tocsin_grouper.adapters.postgres import Projection
from tocsin_grouper.handler import PartitionHandler
from tocsin_runtime import fence

_KEPT_DAYS = 31


async def owner(connection: Connection) -> PartitionHandler:
    await guard.ensure(connection)
    claim = await fence.claim(connection, generation=LIVE, consumer=GROUPER_CONSUMER, partition=0, topic_id=TOPIC_ID)
    store = Projection(connection, retention_days=_KEPT_DAYS)
    return PartitionHandler(store, claim, await store.load_partition(0))


async def days(connection: Connection, table: str) -> list[int]:
    return [int(name.rpartition("_")[2]) for name in await schema.children(connection, "proj", table)]


async def test_a_day_table_that_is_being_read_stays_and_goes_a_tick_later(migrated: MigratedDatabase) -> None:
    folding = Folding()
    old = folding.now // DAY
    folding.deliver(firing("a"))
    folding.wait((_KEPT_DAYS + 1) * DAY // SECOND).deliver(firing("b"))
    folding.wait(1).tick()
    folding.wait(15).tick()
    old_day, *later = records_of(folding.records)
    new = folding.now // DAY

    reader, connection = await migrated.grouper(), await migrated.grouper()
    handler = await owner(connection)
    await handler.handle([old_day])
    reading = reader.transaction()
    await reading.start()
    await reader.fetch(f"SELECT * FROM proj.alert_events_{old}")
    await handler.handle(later[:1])
    assert await days(connection, "alert_events") == [old, new]
    assert handler.claim.source_next == 2
    await handler.handle(later[1:2])  # too soon to try again
    await reading.rollback()
    assert await days(connection, "alert_events") == [old, new]
    await handler.handle(later[2:])
    assert [await days(connection, table) for table in schema.DAY_TABLES] == [[new], [new]]
    await reader.close()
    await connection.close()
