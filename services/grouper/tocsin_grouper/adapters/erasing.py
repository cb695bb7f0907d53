"""Erase a tenant from a projection: what the fold reads by itself at once, other rows in pieces (DESIGN 3, "Erase"; ADR 13)."""

from collections.abc import Iterable, Mapping

from tocsin_grouper.adapters.codec import Connection
from tocsin_grouper.adapters.schema import DAY_TABLES, children, renamed

AT_ONCE = ("refusals", "timers", "rule_sets")
"""What `load_partition` reads whole: a row that stayed would be folded."""
IN_PIECES = (
    "facts", "incidents", "groups", "alerts", "alert_bodies", "alert_events", "deliveries", "incident_actions", "commands",
)  # fmt: skip
TABLES = AT_ONCE + IN_PIECES
"""Every table that holds rows of tenants; a test holds the list against the DDL."""
PIECE_ROWS = 100_000
"""Rows deleted beside one batch: a few tenths of a second, and ticks bring a batch every 15 s at least."""

_DELETE = "DELETE FROM proj.{table} WHERE tenant_id = ANY($1::text[])"
_RECORD = (
    'INSERT INTO proj.erased (partition, tenant_id, "offset") SELECT $1, * FROM unnest($2::text[], $3::bigint[])'
    " ON CONFLICT DO NOTHING"
)
_PIECE = "DELETE FROM {name} WHERE ctid = ANY(ARRAY(SELECT ctid FROM {name} WHERE tenant_id = ANY($1::text[]) LIMIT $2))"

_BY_INDEX = "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off"
"""Each piece would else pass all dead rows of those before; a plain index scan marks their entries, and skips them."""


class Erasing:
    """The tenants whose rows are not all gone yet. Rows go in the transactions of batches, a bounded number with each.

    What is left is found again from `proj.erased` by whoever takes the partition over. Nobody reads it meanwhile: the tenant's
    keys went before the record was written, and the fold skips the tenant.
    """

    def __init__(self, connection: Connection, schema: str, *, piece_rows: int = PIECE_ROWS) -> None:
        self._connection = connection
        self._schema = schema
        self._piece_rows = piece_rows
        self._left: list[str] = []
        self._done = 0  # of IN_PIECES, for those who are left

    def resume(self, tenants: Iterable[str]) -> None:
        """Look once more for rows of tenants that were erased before."""
        self._left, self._done = sorted({*self._left, *tenants}), 0

    async def erase(self, partition: int, tenants: Mapping[str, int]) -> None:
        """Delete what the fold would read, and record at which offset each tenant went; nothing to do costs nothing."""
        if not tenants:
            return
        for table in AT_ONCE:
            await self._connection.execute(renamed(_DELETE.format(table=table), self._schema), list(tenants))
        await self._connection.execute(renamed(_RECORD, self._schema), partition, list(tenants), list(tenants.values()))
        self.resume(tenants)

    async def piece(self) -> None:
        """Delete the next piece of what is left; nothing left costs nothing."""
        if not self._left:
            return
        await self._connection.execute(_BY_INDEX)
        budget = self._piece_rows
        for table in IN_PIECES[self._done :]:
            for name in await self._physical(table):
                status = await self._connection.execute(_PIECE.format(name=name), self._left, budget)
                budget -= int(status.rpartition(" ")[2])
                if budget <= 0:
                    return
            self._done += 1
        self._left = []

    async def _physical(self, table: str) -> list[str]:
        """Name the tables that hold the rows of `table`: `ctid` is a place in one of them."""
        schema = renamed("proj", self._schema)
        names = await children(self._connection, self._schema, table) if table in DAY_TABLES else [table]
        return [f"{schema}.{name}" for name in names]
