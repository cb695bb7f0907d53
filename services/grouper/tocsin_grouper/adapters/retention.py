"""Day tables have an age limit, counted from the fold's clock, never from the machine's."""

import asyncpg
import structlog

from tocsin_contracts.times import DAY, SECOND
from tocsin_grouper.adapters.codec import Connection
from tocsin_grouper.adapters.schema import DAY_TABLES, children, renamed

_log = structlog.get_logger()
_OLDEST_CLOCK = "SELECT min(clock) FROM proj.partitions"
LOCK_MS = 200
"""Dropping waits for readers of the table, and everybody else waits behind it: so long at most."""
RETRY = 15 * SECOND
"""Of the fold's clock, µs: about a tick."""


class Retention:
    """Drops old day tables of the live projection behind a batch, never inside its transaction."""

    def __init__(self, connection: Connection, schema: str, days: int) -> None:
        self._connection = connection
        self._schema = schema
        self._days = days
        self._due = False
        self._tried_at: int | None = None

    def day_began(self) -> None:
        """Let the next `keep` look for old days."""
        self._due = True

    async def keep(self, clock: int) -> list[str]:
        """Drop what is too old, if a day began; gives the names. What somebody reads just now is tried again a tick later."""
        if not self._due or (self._tried_at is not None and clock - self._tried_at < RETRY):
            return []
        self._tried_at = clock
        try:
            dropped = await drop_old_days(self._connection, self._schema, self._days)
        except asyncpg.LockNotAvailableError:
            _log.info("retention.waits", reason="a day table that is to be dropped is being read")
            return []
        self._due = False
        return dropped


async def first_day_kept(connection: Connection, schema: str, retention_days: int) -> int | None:
    """Give the first day that is kept: the slowest partition's clock less the retention; None while nothing was folded."""
    clock = await connection.fetchval(renamed(_OLDEST_CLOCK, schema))
    return None if clock is None else clock // DAY - retention_days


async def drop_old_days(connection: Connection, schema: str, retention_days: int) -> list[str]:
    """Drop the day tables before the first day kept, each in a transaction of its own; gives their names.

    Raises:
        asyncpg.LockNotAvailableError: one of them is being read, for longer than `LOCK_MS`.
    """
    first = await first_day_kept(connection, schema, retention_days)
    dropped: list[str] = []
    for table in DAY_TABLES if first is not None else ():
        for name in await children(connection, schema, table):
            if first is not None and int(name.rpartition("_")[2]) < first:
                async with connection.transaction():
                    await connection.execute(f"SET LOCAL lock_timeout = {LOCK_MS}")
                    await connection.execute(f"DROP TABLE IF EXISTS {renamed('proj', schema)}.{name}")
                dropped.append(name)
    return dropped
