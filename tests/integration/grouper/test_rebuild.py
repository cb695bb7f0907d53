"""Rebuild, swap and verify on real PostgreSQL, reading the log's in-memory twin (the contract suite holds it to Kafka)."""

import asyncio

import asyncpg
import pytest

from tests.support.folding import Folding, firing
from tests.support.grouping import a_day_in_the_life, dump, handler_on
from tests.support.images import entry_of, records_of
from tests.support.migrated import MigratedDatabase
from tocsin_contracts.topics import ALERTS
from tocsin_grouper.adapters import guard
from tocsin_grouper.adapters.codec import Connection
from tocsin_grouper.adapters.guard import ProjectionDiffers
from tocsin_grouper.handler import PartitionHandler
from tocsin_grouper.rebuild import Options, Rebuild
from tocsin_runtime.clock import ManualClock
from tocsin_runtime.fence import Fenced
from tocsin_runtime.log import Record
from tocsin_runtime.memory_log import MemoryLog


def log_of(folding: Folding) -> MemoryLog:
    """Store a fold's records as images in a log of one partition."""
    log = MemoryLog(ManualClock(), {ALERTS: 1})
    log.store(ALERTS, 0, [entry_of(record) for record in folding.records])
    return log


def rebuild_of(log: MemoryLog, migrated: MigratedDatabase, **options: object) -> Rebuild:
    return Rebuild(log, migrated.grouper, Options(**{"batch_records": 7, **options}))  # type: ignore[arg-type]


async def test_a_rebuild_gives_byte_identical_tables(migrated: MigratedDatabase) -> None:
    """P5: whatever was there before, the rebuilt tables hold the same rows, and the live grouper goes on behind them."""
    folding = a_day_in_the_life()
    log = log_of(folding)
    connection = await migrated.grouper()
    await (await handler_on(connection)).handle(records_of(folding.records))
    before = await dump(connection)
    await connection.execute("UPDATE proj.incidents SET title = 'tampered', event_count = 999")
    folded = await rebuild_of(log, migrated).run()
    assert folded == len(folding.records)
    assert await dump(connection) == before
    await connection.close()
    connection = await migrated.grouper()  # a new owner has a new connection: COPY remembers types
    handler = await handler_on(connection)
    assert handler.claim.next == handler.claim.source_next == len(folding.records)
    folding.deliver(firing("new", problem="Another"))
    await handler.handle(records_of(folding.records[-1:], first=handler.claim.next))
    assert len(await connection.fetch("SELECT id FROM proj.incidents")) == len(folding.incidents())
    await connection.close()


async def test_an_owner_of_before_the_swap_is_fenced_and_tears_nothing(migrated: MigratedDatabase) -> None:
    """A batch that waits at the fence during the swap writes nothing: neither into the old table nor into the new."""
    folding = a_day_in_the_life()
    log = log_of(folding)
    connection = await migrated.grouper()
    old_owner = await handler_on(connection)
    await old_owner.handle(records_of(folding.records[:-1]))
    last = records_of(folding.records[-1:], first=len(folding.records) - 1)
    held = await migrated.grouper()
    lock = held.transaction()
    await lock.start()
    await held.execute("SELECT 1 FROM control.progress WHERE generation = 'live' FOR UPDATE")
    swapping = asyncio.create_task(rebuild_of(log, migrated).run())
    blocked = asyncio.create_task(_handle(old_owner, last))
    watching = await migrated.grouper()  # not `held`: a transaction sees activity as it was
    await _wait_for_lock_waiters(watching, 2)
    await watching.close()
    await lock.rollback()
    await swapping
    # Whichever of the two took the lock first: the batch is whole and before the swap, or refused.
    (fate,) = await asyncio.gather(blocked, return_exceptions=True)
    assert fate is None or isinstance(fate, Fenced)
    with pytest.raises(Fenced):
        await old_owner.handle(records_of(folding.records[-1:], first=len(folding.records)))
    compared = await rebuild_of(log, migrated).verify()
    assert all(table.equal for table in compared), compared
    await connection.close()
    await held.close()


async def test_verify_finds_a_single_changed_value_and_leaves_everything_as_it_was(migrated: MigratedDatabase) -> None:
    """`verify` compares every table at one position, and only reads the live projection."""
    folding = a_day_in_the_life()
    connection = await migrated.grouper()
    await (await handler_on(connection)).handle(records_of(folding.records[:20]))
    rebuild = rebuild_of(log_of(folding), migrated)
    assert all(table.equal for table in await rebuild.verify()), "the log is longer than what was folded: same position"
    await connection.execute("UPDATE proj.alerts SET severity = 'LOW' WHERE identity = 'a'")
    before = await dump(connection)
    assert [table.table for table in await rebuild.verify() if not table.equal] == ["alerts"]
    assert await dump(connection) == before
    left = await connection.fetch("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'proj%'")
    assert [row["nspname"] for row in left] == ["proj"]
    await connection.close()


async def test_a_rebuild_says_which_incidents_it_cannot_remake(migrated: MigratedDatabase) -> None:
    """Retention took the first images: the incidents that they opened are named before anything is done."""
    folding = a_day_in_the_life()
    log = log_of(folding)
    connection = await migrated.grouper()
    await (await handler_on(connection)).handle(records_of(folding.records))
    assert (await rebuild_of(log, migrated).find_loss()).count == 0
    await log.admin().truncate(ALERTS, 0, 5)
    loss = await rebuild_of(log, migrated).find_loss()
    gone = {i.id for i in folding.incidents() if i.created_at == folding.records[0].appended_at}
    assert loss.count == len(gone) == 2
    assert set(loss.examples) == gone
    await rebuild_of(log, migrated).run()
    assert (await handler_on(connection)).claim.source_next == len(folding.records)
    await connection.close()


async def test_a_projection_of_another_fold_or_ddl_is_refused_by_name_of_the_cure(migrated: MigratedDatabase) -> None:
    """The grouper refuses to start with one line that names `tocsin rebuild`; a rebuild cures it."""
    folding = a_day_in_the_life()
    connection = await migrated.grouper()
    await (await handler_on(connection)).handle(records_of(folding.records))
    for change in ("fold_version = 0", "ddl_hash = 'other'"):
        await connection.execute(f"UPDATE control.projection SET {change} WHERE generation = 'live'")
        with pytest.raises(ProjectionDiffers, match="tocsin rebuild"):
            await guard.ensure(connection)
        await rebuild_of(log_of(folding), migrated).run()
        await guard.ensure(connection)
    await connection.execute("DROP SCHEMA proj CASCADE")
    with pytest.raises(ProjectionDiffers, match="tocsin rebuild"):
        await guard.ensure(connection)
    await connection.close()


async def test_an_interrupted_rebuild_leaves_the_live_projection_and_the_next_one_works(migrated: MigratedDatabase) -> None:
    """Stopped at any point before the swap, nothing of the live projection changed."""
    folding = a_day_in_the_life()
    log = log_of(folding)
    connection = await migrated.grouper()
    await (await handler_on(connection)).handle(records_of(folding.records))
    before = await dump(connection)
    reached = asyncio.Event()
    running = asyncio.create_task(
        Rebuild(log, migrated.grouper, Options(batch_records=1), lambda _done, _all: reached.set()).run()
    )
    await reached.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await rebuild_of(log, migrated).run()
    assert await dump(connection) == before
    await connection.close()


async def _handle(handler: PartitionHandler, records: list[Record]) -> None:
    await handler.handle(records)


async def _wait_for_lock_waiters(connection: Connection, count: int) -> None:
    """Wait until so many sessions of this database wait for a lock."""
    waiting = 0
    while waiting < count:
        waiting = await connection.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )


async def test_an_erased_tenant_is_gone_from_the_rows_and_a_rebuild_never_shows_it(migrated: MigratedDatabase) -> None:
    """Live, the tenant was folded and then erased; the rebuild knows from `control`, and leaves it out from the first record.

    Stopped before the erasing record, the rebuild shows nothing of the tenant either; behind it both agree byte for byte.
    """
    folding = Folding()
    for number in range(5):
        folding.deliver(firing(f"a{number}", problem="Disk"))
        folding.deliver(firing(f"b{number}", problem="Disk"), tenant="other")
        folding.wait(15).tick(refused=["prod"])
    folding.erase("acme")
    folding.deliver(firing("late"))
    folding.deliver(firing("b9", problem="Net"), tenant="other")
    log = log_of(folding)
    connection = await migrated.grouper()
    handler = await handler_on(connection)
    for record in records_of(folding.records):
        await handler.handle([record])
    tenants = await connection.fetch("SELECT DISTINCT tenant_id FROM proj.deliveries UNION SELECT tenant_id FROM proj.facts")
    assert [row["tenant_id"] for row in tenants] == ["other"]
    rebuild = rebuild_of(log, migrated)
    assert all(table.equal for table in await rebuild.verify())

    owner = await asyncpg.connect(migrated.dsn)
    await owner.execute(
        "INSERT INTO control.tenants (id, name, partition, rate_limit_per_min, burst, erased_at)"
        " VALUES ('acme', 'acme', 0, 1, 1, '0:15')"
    )
    await owner.close()
    before = await dump(connection)
    await rebuild.run()
    assert await dump(connection) == before
    assert all(table.equal for table in await rebuild.verify())
    await connection.execute("DELETE FROM control.progress; DROP SCHEMA proj CASCADE; DELETE FROM control.projection")
    await connection.close()
    connection = await migrated.grouper()  # a new one for a new projection
    fresh = await handler_on(connection)
    await fresh.handle(records_of(folding.records[:12]))
    shown = await connection.fetch("SELECT DISTINCT tenant_id FROM proj.alerts")
    assert [row["tenant_id"] for row in shown] == ["other"]
    await connection.close()
