"""The fence: rows and progress commit together, and only the owner of a partition may move it.

    claim = await fence.claim(connection, generation="live", consumer="grouper", partition=3, topic_id=topic_id)
    async with connection.transaction():
        claim = await fence.advance(connection, claim, expected_next=claim.next, next=500, source_next=498)
        ...  # the rows of this batch

The table `control.progress` belongs to `tocsin_control`'s migrations; only these statements write it in services.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from tocsin_runtime.errors import Fatal, Recoverable
from tocsin_runtime.postgres import Connection
from tocsin_runtime.queries import load

_QUERIES = load("tocsin_runtime", "sql/fence.sql")
_CLAIM = _QUERIES["claim"]
_RECORDED_TOPIC = _QUERIES["recorded_topic"]
_ADVANCE = _QUERIES["advance"]


class Fenced(Recoverable):
    """Another owner has this partition: drop what is in memory, claim again if it is still assigned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The right to move one partition, until somebody claims it anew.

    `next` is the next offset of the consumed topic; `source_next` the next offset of `tocsin.log`, None while
    nothing was handled yet.
    """

    generation: str
    consumer: str
    partition: int
    topic_id: str
    next: int
    source_next: int | None
    epoch: int


async def claim(connection: Connection, *, generation: str, consumer: str, partition: int, topic_id: str) -> Claim:
    """Take the partition from whoever had it: `epoch + 1`, at once and in its own transaction.

    The row is made at `next=0` where there is none. Wait a random while longer than a batch before calling, so
    that the former owner can commit what it has (DESIGN 3).

    Raises:
        Fatal: progress was recorded for another topic, so the topic was deleted and made anew.
    """
    row = await connection.fetchrow(_CLAIM, generation, consumer, partition, topic_id)
    if row is None:
        recorded = await connection.fetchval(_RECORDED_TOPIC, generation, consumer, partition)
        raise Fatal(
            f"{consumer} has progress in partition {partition} of topic {recorded}, but the topic is now {topic_id}: "
            "it was deleted and made anew. Restore it, or run 'tocsin rebuild' to start from what it holds"
        )
    return Claim(
        generation=generation,
        consumer=consumer,
        partition=partition,
        topic_id=topic_id,
        next=row["next"],
        source_next=row["source_next"],
        epoch=row["epoch"],
    )


async def advance(
    connection: Connection,
    claim: Claim,
    *,
    expected_next: int,
    next: int,  # noqa: A002 - the column's name, and the design's
    source_next: int | None,
) -> Claim:
    """Move progress from `expected_next` to `next`: the first statement of the batch's transaction.

    Gives the claim as it stands once the caller's transaction commits.

    Raises:
        Fenced: the row is at another `next` or epoch; roll back and write nothing.
    """
    epoch = await connection.fetchval(
        _ADVANCE, claim.generation, claim.consumer, claim.partition, claim.epoch, expected_next, next, source_next
    )
    if epoch is None:
        raise Fenced(
            f"{claim.consumer} lost partition {claim.partition}: it is no longer at offset {expected_next} "
            f"under epoch {claim.epoch}"
        )
    return replace(claim, next=next, source_next=source_next)
