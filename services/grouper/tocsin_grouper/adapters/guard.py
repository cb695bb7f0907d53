"""Whether the projection that is there is the one that this release writes."""

import orjson

from tocsin_contracts.topics import GROUPER_CONSUMER, LIVE
from tocsin_grouper.adapters import schema
from tocsin_grouper.adapters.codec import Connection
from tocsin_grouper.domain.fold import FOLD_VERSION
from tocsin_runtime.errors import Fatal

_LOCK = "SELECT pg_advisory_xact_lock(hashtext('tocsin.projection'))"
_FIND = "SELECT fold_version, ddl_hash FROM control.projection WHERE generation = $1"
_INSERT = (
    "INSERT INTO control.projection (generation, fold_version, ddl_hash, start_positions) VALUES ($1, $2, $3, $4)"
    " ON CONFLICT (generation) DO UPDATE SET fold_version = excluded.fold_version, ddl_hash = excluded.ddl_hash,"
    " start_positions = excluded.start_positions"
)
_HAS_PROGRESS = "SELECT true FROM control.progress WHERE generation = $1 AND consumer = $2 AND source_next IS NOT NULL LIMIT 1"


class ProjectionDiffers(Fatal):
    """The projection was made by another fold or DDL: it is rebuilt, never altered."""


async def ensure(connection: Connection) -> None:
    """Make the live projection if there was never one; refuse one that this release would not have made.

    Raises:
        ProjectionDiffers: FOLD_VERSION or the DDL is another, or the schema is gone: 'tocsin rebuild' makes it anew.
    """
    async with connection.transaction():
        await connection.execute(_LOCK)
        row = await connection.fetchrow(_FIND, LIVE)
        there = await schema.exists(connection)
        if row is None and not there and not await connection.fetchval(_HAS_PROGRESS, LIVE, GROUPER_CONSUMER):
            await schema.create(connection)
            await record(connection, LIVE, {})
            return
    difference = _difference(None if row is None else (row["fold_version"], row["ddl_hash"]), there)
    if difference is not None:
        raise ProjectionDiffers(f"{difference}; run 'tocsin rebuild' to make it anew from the log")


async def record(connection: Connection, generation: str, start: dict[int, int]) -> None:
    """Record which fold and DDL a generation was made by, and at which source offset of each partition it starts."""
    positions = orjson.dumps({str(partition): offset for partition, offset in start.items()}).decode()
    await connection.execute(_INSERT, generation, FOLD_VERSION, schema.ddl_hash(), positions)


def _difference(recorded: tuple[int, str] | None, there: bool) -> str | None:
    if not there or recorded is None:
        return "the projection is not there, though progress says that it was"
    fold_version, ddl_hash = recorded
    if fold_version != FOLD_VERSION:
        return f"the projection was made by fold version {fold_version}, this release folds by version {FOLD_VERSION}"
    if ddl_hash != schema.ddl_hash():
        return "the projection was made by another DDL than this release's"
    return None
