"""Day tables have an age limit, counted from the fold's clock, never from the machine's."""

from tocsin_contracts.times import DAY
from tocsin_grouper.adapters.codec import Connection
from tocsin_grouper.adapters.schema import DAY_TABLES, renamed

_OLDEST_CLOCK = "SELECT min(clock) FROM proj.partitions"
_DAYS = "SELECT c.relname FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid WHERE i.inhparent = to_regclass($1)"


async def first_day_kept(connection: Connection, schema: str, retention_days: int) -> int | None:
    """Give the first day that is kept: the slowest partition's clock less the retention; None while nothing was folded."""
    clock = await connection.fetchval(renamed(_OLDEST_CLOCK, schema))
    return None if clock is None else clock // DAY - retention_days


async def drop_old_days(connection: Connection, schema: str, retention_days: int) -> list[str]:
    """Drop the day tables before the first day kept; gives their names."""
    first = await first_day_kept(connection, schema, retention_days)
    dropped: list[str] = []
    for table in DAY_TABLES if first is not None else ():
        for row in await connection.fetch(_DAYS, f"{renamed('proj', schema)}.{table}"):
            name = row["relname"]
            if first is not None and int(name.rpartition("_")[2]) < first:
                await connection.execute(f"DROP TABLE {renamed('proj', schema)}.{name}")
                dropped.append(name)
    return dropped
