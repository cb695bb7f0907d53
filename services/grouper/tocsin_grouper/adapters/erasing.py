"""Erase a tenant from a projection: every row, facts included, inside the fold's transaction (DESIGN 3, "Erase")."""

from collections.abc import Mapping

from tocsin_grouper.adapters.codec import Connection
from tocsin_grouper.adapters.schema import renamed

TABLES = (
    "refusals", "timers", "facts", "incidents", "groups", "alerts", "alert_bodies", "alert_events", "deliveries",
    "incident_actions", "commands", "rule_sets",
)  # fmt: skip
"""Every table that holds rows of tenants; a test holds the list against the DDL."""
_DELETE = "DELETE FROM proj.{table} WHERE tenant_id = ANY($1::text[])"
_RECORD = (
    'INSERT INTO proj.erased (partition, tenant_id, "offset") SELECT $1, * FROM unnest($2::text[], $3::bigint[])'
    " ON CONFLICT DO NOTHING"
)
_PATIENCE_S = 3600.0


async def erase(connection: Connection, schema: str, partition: int, tenants: Mapping[str, int]) -> None:
    """Delete all rows of these tenants, and record at which offset each went; nothing to do costs nothing.

    A large tenant takes as long as it takes: the partition waits, for rows and position commit together.
    """
    if not tenants:
        return
    await connection.execute("SET LOCAL statement_timeout = 0")
    for table in TABLES:
        await connection.execute(renamed(_DELETE.format(table=table), schema), list(tenants), timeout=_PATIENCE_S)
    await connection.execute(renamed(_RECORD, schema), partition, list(tenants), list(tenants.values()))
