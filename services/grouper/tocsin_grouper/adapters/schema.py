"""The projection's schema: one DDL file, made under any name, never altered."""

import re
from functools import cache
from hashlib import sha256
from importlib.resources import files

from tocsin_contracts.times import DAY
from tocsin_grouper.adapters.codec import Connection
from tocsin_runtime.queries import Queries, parse

LIVE_SCHEMA = "proj"
_NAME = re.compile(r"\bproj\b")
_FIT = re.compile(r"proj(_[a-z0-9_]{1,40})?")
DAY_TABLES = ("alert_events", "deliveries")
_CHILDREN = """
SELECT c.relname FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid WHERE i.inhparent = to_regclass($1) ORDER BY 1
"""


@cache
def ddl() -> str:
    """Read the DDL file."""
    return files("tocsin_grouper").joinpath("sql/schema.sql").read_text(encoding="utf-8")


def ddl_hash() -> str:
    """Name the DDL: a change of it is a rebuild."""
    return sha256(ddl().encode()).hexdigest()[:16]


def renamed(sql: str, schema: str) -> str:
    """Put a shadow's name in place of `proj`.

    Raises:
        ValueError: not a name that we give: names never come from outside, and this proves it.
    """
    if not _FIT.fullmatch(schema):
        raise ValueError(f"{schema!r} is not a name for a projection")
    return sql if schema == LIVE_SCHEMA else _NAME.sub(schema, sql)


@cache
def queries(schema: str = LIVE_SCHEMA) -> Queries:
    """Give the grouper's statements for a schema."""
    text = files("tocsin_grouper").joinpath("sql/queries.sql").read_text(encoding="utf-8")
    return parse(renamed(text, schema), "tocsin_grouper/sql/queries.sql")


async def create(connection: Connection, schema: str = LIVE_SCHEMA) -> None:
    """Make the schema with its tables, grants and policies, empty."""
    async with connection.transaction():
        await connection.execute(renamed(ddl(), schema))


async def exists(connection: Connection, schema: str = LIVE_SCHEMA) -> bool:
    """Tell whether the schema is there."""
    return bool(await connection.fetchval("SELECT true FROM pg_namespace WHERE nspname = $1", schema))


async def drop(connection: Connection, schema: str) -> None:
    """Drop a schema with all that it holds."""
    await connection.execute(f"DROP SCHEMA IF EXISTS {renamed('proj', schema)} CASCADE")


def day_of(at: int) -> int:
    """Give the day (since the epoch, UTC) of a time in µs."""
    return at // DAY


async def children(connection: Connection, schema: str, table: str) -> list[str]:
    """Name the day tables of `table`, without the schema."""
    return [row["relname"] for row in await connection.fetch(_CHILDREN, f"{renamed('proj', schema)}.{table}")]


async def ensure_day(connection: Connection, schema: str, day: int) -> None:
    """Make the day tables of one day, if they are not there.

    Own tables, attached: `CREATE TABLE … PARTITION OF` would lock readers out; attaching does not. A twin that makes the
    same day at the same time is waited for.
    """
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('tocsin.day', $1))", day)
    for table in DAY_TABLES:
        await _ensure_day_table(connection, renamed("proj", schema), table, day)


async def _ensure_day_table(connection: Connection, schema: str, table: str, day: int) -> None:
    name = f"{schema}.{table}_{day}"
    if await connection.fetchval("SELECT to_regclass($1)", name) is not None:
        return
    bounds = await connection.fetchrow(
        "SELECT (date '1970-01-01' + $1::integer)::text AS first, (date '1970-01-01' + $1::integer + 1)::text AS last", day
    )
    if bounds is None:
        raise ValueError("PostgreSQL gave no dates")
    await connection.execute(f"CREATE TABLE {name} (LIKE {schema}.{table} INCLUDING DEFAULTS)")
    await connection.execute(f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY")
    await connection.execute(
        f"ALTER TABLE {schema}.{table} ATTACH PARTITION {name} "
        f"FOR VALUES FROM ('{bounds['first']} 00:00:00+00') TO ('{bounds['last']} 00:00:00+00')"
    )
