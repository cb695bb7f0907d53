"""Checks of PostgreSQL and Kafka: reachable, of the right version, prepared, and how far the services are."""

from collections.abc import Sequence

import asyncpg

from tocsin.doctor.finding import Finding, ill, well
from tocsin.local.system import System
from tocsin_contracts.topics import ALERTS, GROUPER_CONSUMER, LIVE, LOG
from tocsin_control.bootstrap import PACKAGE, Role
from tocsin_control.tenants import recorded_partitions
from tocsin_runtime.errors import Fatal, TocsinError
from tocsin_runtime.kafka_log import KafkaLog
from tocsin_runtime.migrate import find, pending
from tocsin_runtime.postgres import Connection, close, connect

LEAST_POSTGRES = 18
PREPARE = "Prepare it: tocsin up"
_PROGRESS = """
SELECT partition, next, source_next FROM control.progress
WHERE generation = $1 AND consumer = $2 ORDER BY partition
"""


async def check_storage(system: System) -> list[Finding]:
    """Check both servers; what hangs on one that is away is left out."""
    try:
        connection = await connect(system.owner_dsn, application="tocsin doctor")
    except TocsinError as error:
        return [ill("PostgreSQL", str(error), "Start it: tocsin up"), *await _kafka(system, None)]
    try:
        found = [_version(connection), *await _roles(system), await _migrations(connection)]
        found += await _kafka(system, connection)
    finally:
        await close(connection)
    return found


def _version(connection: Connection) -> Finding:
    version = connection.get_server_version()
    detail = f"version {version.major}.{version.minor}"
    if version.major < LEAST_POSTGRES:
        return ill("PostgreSQL", detail, f"Tocsin needs PostgreSQL {LEAST_POSTGRES}")
    return well("PostgreSQL", detail)


async def _roles(system: System) -> list[Finding]:
    refused = []
    for role, dsn in system.dsns.items():
        try:
            await close(await connect(dsn, application="tocsin doctor"))
        except Fatal:
            refused.append(role.value)
    if refused:
        return [ill("roles", f"cannot log in: {', '.join(refused)}", PREPARE)]
    return [well("roles", f"{len(Role)} can log in")]


async def _migrations(connection: Connection) -> Finding:
    try:
        missing = await pending(connection, PACKAGE, find(PACKAGE))
    except (TocsinError, asyncpg.PostgresError) as error:
        return ill("migrations", str(error), PREPARE)
    if missing:
        return ill("migrations", f"{len(missing)} not applied", "Apply them: tocsin migrate")
    return well("migrations", "all applied")


async def _kafka(system: System, connection: Connection | None) -> list[Finding]:
    log = KafkaLog(system.kafka)
    admin = log.admin()
    try:
        await admin.start()
        counts = {topic: (await admin.describe(topic)).partitions for topic in (LOG, ALERTS)}
    except TocsinError as error:
        return [ill("Kafka", str(error), PREPARE)]
    finally:
        await admin.close()
    found = [well("Kafka", f"answers at {system.kafka}")]
    try:
        recorded = None if connection is None else await recorded_partitions(connection)
        found.append(_partitions(counts, recorded))
        if connection is not None:
            rows = await connection.fetch(_PROGRESS, LIVE, GROUPER_CONSUMER)
            found.append(await _progress(log, rows, counts[ALERTS]))
    except (TocsinError, asyncpg.PostgresError) as error:
        found.append(ill("progress", str(error), PREPARE))
    return found


def _partitions(counts: dict[str, int], recorded: int | None) -> Finding:
    detail = ", ".join(f"{topic} has {count} partitions" for topic, count in counts.items())
    if counts[ALERTS] < counts[LOG] or (recorded is not None and recorded > min(counts.values())):
        return ill("topics", f"{detail}; {recorded} recorded", "Add what is missing: tocsin up does it")
    return well("topics", detail)


async def _progress(log: KafkaLog, rows: Sequence[asyncpg.Record], partitions: int) -> Finding:
    reader = log.reader()
    await reader.start()
    try:
        ends = {partition: (await reader.bounds(ALERTS, partition)).next for partition in range(partitions)}
        written = sum([(await reader.bounds(LOG, partition)).next for partition in range(partitions)])
    finally:
        await reader.close()
    behind = sum(ends.values()) - sum(int(row["next"]) for row in rows)
    waiting = written - sum(ends.values())
    detail = f"{written} records in the log; normalizer {waiting} behind, grouper {behind} behind"
    return well("progress", detail)
