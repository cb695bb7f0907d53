"""The shadow on real PostgreSQL: what interrupts it must leave it as its rows say."""

import asyncio

from tests.integration.grouper.test_rebuild import log_of
from tests.support.grouping import a_day_in_the_life, handler_on
from tests.support.images import records_of
from tests.support.migrated import MigratedDatabase
from tocsin_grouper.adapters import fingerprint
from tocsin_grouper.shadow import ShadowPartition, find_start, make_schema, open_partition

SHADOW = "proj_shadow"


async def test_a_shadow_that_was_interrupted_anywhere_goes_on_from_its_rows(migrated: MigratedDatabase) -> None:
    """The swap gives a shadow one second and tries again later: what was folded and not written is folded anew, once (P5)."""
    folding = a_day_in_the_life()
    log = log_of(folding)
    connection = await migrated.grouper()
    handler = await handler_on(connection)
    await handler.handle(records_of(folding.records))
    await make_schema(connection, SHADOW)
    reader = log.reader()
    start = await find_start(reader, 0)
    part = await open_partition(migrated.grouper, reader, start, schema_name=SHADOW, topic_id=handler.claim.topic_id)
    for _ in folding.records:
        await _interrupted_after_a_batch(part, len(folding.records))
    assert part.claim.source_next == len(folding.records), "each try writes at least one batch"
    await part.close()
    live = await fingerprint.take(connection, "proj", None)
    assert await fingerprint.take(connection, SHADOW, None) == live
    await connection.close()


async def _interrupted_after_a_batch(part: ShadowPartition, stop: int) -> None:
    """Fold on; at whatever it waits for behind the first batch, it is cancelled."""

    def interrupt() -> None:
        task.cancel()

    task = asyncio.create_task(part.fold_to(stop, batch_records=1, folded=interrupt))
    await asyncio.gather(task, return_exceptions=True)
