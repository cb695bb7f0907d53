"""The swap: the shadow becomes the live projection between two batches of the live grouper (DESIGN 5)."""

import asyncio
from collections.abc import Sequence

from tocsin_contracts.topics import GROUPER_CONSUMER, LIVE
from tocsin_grouper.adapters import guard, schema
from tocsin_grouper.adapters.codec import Connection
from tocsin_grouper.shadow import ShadowPartition
from tocsin_runtime.errors import Recoverable

OLD_SCHEMA = "proj_old"

_LOCK_LIVE = (
    "SELECT partition, source_next FROM control.progress WHERE generation = $1 AND consumer = $2 ORDER BY partition FOR UPDATE"
)
_MOVE = (
    "INSERT INTO control.progress AS p (generation, consumer, partition, topic_id, next, source_next, epoch)"
    " VALUES ($1, $2, $3, $4, $5, $6, 1) ON CONFLICT (generation, consumer, partition) DO UPDATE"
    " SET epoch = p.epoch + 1, topic_id = excluded.topic_id, next = excluded.next, source_next = excluded.source_next"
)
_FORGET = "DELETE FROM control.progress WHERE generation = $1"
_FORGET_GENERATION = "DELETE FROM control.projection WHERE generation = $1"


class NotReached(Recoverable):
    """The shadow did not reach the live projection in time; the locks were released, try again."""


async def swap(
    connection: Connection,
    partitions: Sequence[ShadowPartition],
    *,
    schema_name: str,
    start: dict[int, int],
    limit_s: float,
    batch_records: int,
) -> None:
    """Put the shadow in the place of the live projection, in one transaction.

    The live progress rows are locked first: the live grouper waits at its fence, readers go on. Epochs move *before* the
    schemas are renamed: a blocked fence then fails, where it would else succeed on the old table and tear a batch.

    Raises:
        NotReached: the shadow is too far behind to catch up within `limit_s`.
    """
    async with connection.transaction():
        rows = await connection.fetch(_LOCK_LIVE, LIVE, GROUPER_CONSUMER)
        reached = {row["partition"]: row["source_next"] for row in rows}
        await _catch_up(partitions, reached, limit_s, batch_records)
        for part in partitions:
            claim = part.claim
            await connection.execute(
                _MOVE, LIVE, GROUPER_CONSUMER, claim.partition, claim.topic_id, claim.next, claim.source_next
            )
        await connection.execute(_FORGET, schema_name)
        await connection.execute(_FORGET_GENERATION, schema_name)
        await guard.record(connection, LIVE, start)
        if await schema.exists(connection):
            await connection.execute(f"ALTER SCHEMA {schema.LIVE_SCHEMA} RENAME TO {OLD_SCHEMA}")
        await connection.execute(f"ALTER SCHEMA {schema.renamed('proj', schema_name)} RENAME TO {schema.LIVE_SCHEMA}")


async def _catch_up(
    partitions: Sequence[ShadowPartition], reached: dict[int, int | None], limit_s: float, batch_records: int
) -> None:
    """Fold the shadow as far as the live projection came; both stand still then."""
    try:
        async with asyncio.timeout(limit_s):
            for part in partitions:
                wanted = reached.get(part.claim.partition)
                if wanted is not None and (part.claim.source_next or 0) < wanted:
                    await part.fold_to(wanted, batch_records=batch_records)
    except TimeoutError as error:
        raise NotReached(f"the shadow did not catch up within {limit_s:g} s") from error
    behind = [p.claim.partition for p in partitions if (p.claim.source_next or 0) < (reached.get(p.claim.partition) or 0)]
    if behind:
        raise NotReached(f"partitions {behind} of the shadow lie behind what was folded live")
