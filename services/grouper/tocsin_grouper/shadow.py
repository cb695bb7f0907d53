"""A shadow: the projection folded anew, beside the live one, from the recorded images.

It reads `tocsin.alerts` from its earliest record and never runs the normalizer; it is the same fold and the same writer as
the live path, in another schema. A batch is written while the next one is folded.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tocsin_contracts.topics import ALERTS, GROUPER_CONSUMER
from tocsin_grouper.adapters import schema
from tocsin_grouper.adapters.codec import Connection
from tocsin_grouper.adapters.postgres import Projection
from tocsin_grouper.decoding import stamp_of
from tocsin_grouper.domain.changes import Changes
from tocsin_grouper.handler import PartitionHandler
from tocsin_grouper.ownership import Connect
from tocsin_runtime import fence, postgres
from tocsin_runtime.fence import Claim
from tocsin_runtime.log import Bounds, LogReader, Record

_FORGET = "DELETE FROM control.progress WHERE generation = $1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Where a partition's shadow begins."""

    partition: int
    bounds: Bounds
    first_source: int
    """Offset in `tocsin.log` of the first image that is still there; 0: nothing is missing."""


class ShadowPartition:
    """One partition of a shadow: folds on, never further than it is told."""

    def __init__(
        self, *, writer: Connection, loader: Connection, schema_name: str, claim: Claim, reader: LogReader, heeds_erased: bool
    ) -> None:
        self._connections = (writer, loader)
        self._writes = Projection(writer, schema_name)
        self._loads = Projection(loader, schema_name, heeds_erased=heeds_erased)
        self._reader = reader
        self._handler: PartitionHandler | None = None
        self._first = claim.source_next or 0
        self.claim = claim

    @property
    def records(self) -> int:
        """Count the records of the log that its rows stand for."""
        return (self.claim.source_next or 0) - self._first

    async def fold_to(self, source_stop: int, *, batch_records: int, folded: Callable[[], None] = lambda: None) -> None:
        """Fold until the next source offset is `source_stop`, or the topic ends before it; tell after each batch.

        Interrupted, as the swap does when its second is over, it leaves `claim` as the rows say, and goes on from there.

        Raises:
            Fatal: a gap, or an image that this release cannot read.
            Recoverable: Kafka or PostgreSQL went away; start a new shadow.
        """
        handler = await self._ready()
        end = (await self._reader.bounds(ALERTS, self.claim.partition)).next
        writing: asyncio.Task[None] | None = None
        batch: list[Record] = []
        reached = self.claim
        try:
            async for records in self._reader.scan(ALERTS, self.claim.partition, self.claim.next, end):
                batch.extend(record for record in records if stamp_of(record).position.offset < source_stop)
                if len(batch) >= batch_records:
                    reached, writing = await self._fold(handler, reached, batch, writing)
                    batch = []
                    folded()
                if stamp_of(records[-1]).position.offset >= source_stop - 1:
                    break
            if batch:
                reached, writing = await self._fold(handler, reached, batch, writing)
            if writing is not None:
                await asyncio.shield(writing)
        except BaseException:
            self._handler = None  # its memory is ahead of the rows
            if writing is not None:
                await asyncio.gather(writing, return_exceptions=True)  # the first error is the one to tell
            raise

    async def close(self) -> None:
        """Close the connections."""
        for connection in self._connections:
            await postgres.close(connection)

    async def _ready(self) -> PartitionHandler:
        if self._handler is None:
            state = await self._loads.load_partition(self.claim.partition)
            self._handler = PartitionHandler(self._loads, self.claim, state)
        return self._handler

    async def _fold(
        self, handler: PartitionHandler, reached: Claim, batch: Sequence[Record], writing: asyncio.Task[None] | None
    ) -> tuple[Claim, asyncio.Task[None]]:
        """Fold a batch while the one before is written, then begin to write it.

        What the batch before changed is in the handler's memory, so what is loaded meanwhile cannot be stale.
        """
        fresh, source_next = handler.accept(batch, reached.source_next)
        changes = await handler.fold(fresh)
        if writing is not None:
            await asyncio.shield(writing)  # a write that began is not interrupted: nobody would know whether it was committed
            handler.trim()
        after = fence_moved(reached, batch[-1].offset + 1, source_next)
        return after, asyncio.create_task(self._write(reached, changes, after))

    async def _write(self, before: Claim, changes: Changes, after: Claim) -> None:
        async with postgres.translated():
            self.claim = await self._writes.write(before, changes, next=after.next, source_next=after.source_next or 0)


def fence_moved(claim: Claim, next_offset: int, source_next: int) -> Claim:
    """Give the claim as it will stand once its batch is written."""
    return Claim(
        generation=claim.generation,
        consumer=claim.consumer,
        partition=claim.partition,
        topic_id=claim.topic_id,
        next=next_offset,
        source_next=source_next,
        epoch=claim.epoch,
    )


async def find_start(reader: LogReader, partition: int) -> Start:
    """Find where a partition's images begin."""
    bounds = await reader.bounds(ALERTS, partition)
    first = await reader.read(ALERTS, partition, bounds.earliest, max_records=1) if bounds.next > bounds.earliest else []
    source = stamp_of(first[0]).position.offset if first else 0
    return Start(partition=partition, bounds=bounds, first_source=source)


async def open_partition(
    connect: Connect, reader: LogReader, start: Start, *, schema_name: str, topic_id: str, heeds_erased: bool = True
) -> ShadowPartition:
    """Claim a partition of a shadow, at the earliest image; `heeds_erased` as in `Projection`."""
    writer = await connect()
    loader = await connect()
    claim = await fence.claim(
        writer, generation=schema_name, consumer=GROUPER_CONSUMER, partition=start.partition, topic_id=topic_id
    )
    claim = await fence.advance(
        writer, claim, expected_next=claim.next, next=start.bounds.earliest, source_next=start.first_source
    )
    return ShadowPartition(
        writer=writer, loader=loader, schema_name=schema_name, claim=claim, reader=reader, heeds_erased=heeds_erased
    )


async def make_schema(connection: Connection, schema_name: str) -> None:
    """Make the shadow's schema anew; what an interrupted run left is dropped."""
    await discard(connection, schema_name)
    await schema.create(connection, schema_name)


async def discard(connection: Connection, schema_name: str) -> None:
    """Drop a shadow and forget its progress."""
    await schema.drop(connection, schema_name)
    await connection.execute(_FORGET, schema_name)
