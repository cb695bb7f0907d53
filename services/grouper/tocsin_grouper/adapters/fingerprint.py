"""What a projection says, in one number a table: counts and order-free hashes, compared by `tocsin verify`.

A hash is the sum of the hashes of all rows as text, so it does not depend on the order of rows; two projections in one
database are compared, so PostgreSQL's own hash function serves (it may differ between major versions).
"""

from dataclasses import dataclass

from tocsin_contracts.times import DAY
from tocsin_grouper.adapters import erasing
from tocsin_grouper.adapters.codec import Connection
from tocsin_grouper.adapters.schema import DAY_TABLES, renamed

TABLES = (
    "partitions", "refusals", "timers", "facts", "incidents", "groups", "alerts", "alert_bodies", "alert_events", "deliveries",
    "incident_actions", "commands", "erased", "rule_sets", "gateways",
)  # fmt: skip
_HASH = "SELECT count(*) AS rows, coalesce(sum(hashtextextended(t::text, 0)), 0)::text AS hash FROM proj.{table} AS t"
_SINCE = " AND logged_at >= $1"
_KEPT = " WHERE tenant_id NOT IN (SELECT tenant_id FROM proj.erased)"
"""Rows of erased tenants go in pieces, whose cuts depend on batches: they count as gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """Rows of one table, and the sum of their hashes."""

    rows: int
    hash: str


async def take(connection: Connection, schema: str, first_day: int | None) -> dict[str, Fingerprint]:
    """Fingerprint every table as the connection's transaction sees it; day tables from `first_day` on."""
    found: dict[str, Fingerprint] = {}
    for table in TABLES:
        kept = _KEPT if table in erasing.IN_PIECES else ""
        statement = renamed(_HASH.format(table=table) + kept, schema)
        if table in DAY_TABLES and first_day is not None:
            row = await connection.fetchrow(statement + _SINCE, first_day * DAY)
        else:
            row = await connection.fetchrow(statement)
        if row is not None:
            found[table] = Fingerprint(rows=row["rows"], hash=row["hash"])
    return found
