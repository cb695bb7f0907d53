"""The grouper's transaction against COPY of as many rows of one fixed form, over the same kind of connection."""

import time
from dataclasses import dataclass, field
from typing import Any

import uvloop

from bench import images, process, servers, sink, statistics, traffic
from bench.fold import BATCH
from bench.result import Result, at_least, told
from tests.support.servers import Database
from tocsin_contracts.topics import GROUPER_CONSUMER, LIVE
from tocsin_control.bootstrap import Role, ensure_roles, migrate_control
from tocsin_grouper.adapters import guard
from tocsin_grouper.adapters.codec import Connection
from tocsin_grouper.adapters.connecting import open_connection
from tocsin_grouper.adapters.postgres import Projection
from tocsin_grouper.domain.changes import Changes
from tocsin_runtime import collector, fence

PASSWORD = "bench-only"
BATCHES = 40
WARM = 4
GOAL = 0.5
FLOOR_TABLE = (
    "CREATE SCHEMA floor; CREATE TABLE floor.rows (tenant text, partition integer, number bigint, at timestamptz, body jsonb,"
    " PRIMARY KEY (tenant, partition, number))"
)
FLOOR_COLUMNS = ("tenant", "partition", "number", "at", "body")
FLOOR_BODY = '{"kind": "fixed", "title": "' + "a row as heavy as one of ours is on average, " * 9 + '", "n": 1}'
_WAL = "SELECT pg_current_wal_insert_lsn() - '0/0'"


@dataclass(slots=True)
class Cost:
    """What batches took: seconds, and CPU of this process and of the backend."""

    rates: list[float] = field(default_factory=list)
    python_s: float = 0.0
    backend_s: float = 0.0
    wal_bytes: float = 0.0
    rows: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """One batch, folded, and how many rows its transaction writes."""

    changes: Changes
    rows: int


def measure() -> list[Result]:
    """Fold everything first, then write batch and floor in turns."""
    with servers.running_servers() as running, collector.spared():  # as the service does
        return uvloop.run(_measure(running))


async def _measure(running: servers.Servers) -> list[Result]:
    batches = await _prepare()
    database = await servers.empty_database(running)
    await ensure_roles(database.dsn, database.name, {role.value: PASSWORD for role in Role})
    await migrate_control(database.dsn)
    connection, floor = await _connect(database), await _connect(database)
    await guard.ensure(connection)
    await floor.execute(FLOOR_TABLE)
    claim = await fence.claim(connection, generation=LIVE, consumer=GROUPER_CONSUMER, partition=0, topic_id="bench")
    store = Projection(connection)
    ours, bare = Cost(), Cost()
    for number, batch in enumerate(batches):
        into = (ours, bare) if number >= WARM else (Cost(), Cost())

        async def write(batch: Prepared = batch, number: int = number) -> None:
            nonlocal claim
            claim = await store.write(claim, batch.changes, next=(number + 1) * BATCH, source_next=(number + 1) * BATCH)

        async def copy(batch: Prepared = batch, number: int = number) -> None:
            records = [("bench", number, place, claim.next, FLOOR_BODY) for place in range(batch.rows)]
            async with floor.transaction():
                await floor.copy_records_to_table("rows", schema_name="floor", columns=FLOOR_COLUMNS, records=records)

        await _timed(connection, write, batch.rows, into[0])
        await _timed(floor, copy, batch.rows, into[1])
    await connection.close()
    await floor.close()
    return _results(ours, bare, len(batches) - WARM)


async def _prepare() -> list[Prepared]:
    """Fold the traffic, and count each batch's rows with the writer itself."""
    records = images.image_records(images.log_records(traffic.stream(BATCH * BATCHES)))
    handler = sink.handler(sink.Sink())
    prepared: list[Prepared] = []
    for first in range(0, len(records), BATCH):
        changes = await handler.handle(records[first : first + BATCH])
        counting = sink.Sink()
        await sink.projection(counting).write_rows(0, changes)
        prepared.append(Prepared(changes=changes, rows=counting.rows))
    return prepared


async def _connect(database: Database) -> Connection:
    """Connect as the grouper does: it does not wait for the disk, so neither does the floor."""
    return await open_connection(database.dsn_as(Role.GROUPER, PASSWORD), synchronous_commit=False)


async def _timed(connection: Connection, work: Any, rows: int, cost: Cost) -> None:
    pid = await connection.fetchval("SELECT pg_backend_pid()")
    wal = await connection.fetchval(_WAL)
    backend, python, began = process.cpu_s([pid]), time.process_time(), time.perf_counter()
    await work()
    cost.rates.append(rows / (time.perf_counter() - began))
    cost.python_s += time.process_time() - python
    cost.backend_s += process.cpu_s([pid]) - backend
    cost.wal_bytes += float(await connection.fetchval(_WAL) - wal)
    cost.rows += rows


def _cpu_us(cost: Cost, alerts: int) -> float:
    return (cost.python_s + cost.backend_s) / alerts * 1e6


def _results(ours: Cost, bare: Cost, batches: int) -> list[Result]:
    alerts = batches * BATCH * traffic.ALERTS_PER_DELIVERY
    middle = statistics.middle
    return [
        at_least(GOAL, "transaction: rows written", middle(ours.rates), "rows/s", floor=middle(bare.rates)),
        told("transaction: alerts written", middle(ours.rates) * alerts / ours.rows, "alerts/s"),
        told("transaction: CPU an alert", _cpu_us(ours, alerts), "µs", floor=_cpu_us(bare, alerts)),
        told("transaction: rows an alert", ours.rows / alerts, "rows"),
        told("transaction: WAL an alert", ours.wal_bytes / alerts, "bytes", floor=bare.wal_bytes / alerts),
        told("transaction: Python an alert", ours.python_s / alerts * 1e6, "µs", floor=bare.python_s / alerts * 1e6),
        told("transaction: PostgreSQL an alert", ours.backend_s / alerts * 1e6, "µs", floor=bare.backend_s / alerts * 1e6),
    ]
