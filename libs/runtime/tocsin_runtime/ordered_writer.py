"""The batch writer of a map from topic to topic: strictly in order, and out of use after any failure."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Sequence

from tocsin_runtime.log import (
    DEFAULT_WRITE_LIMITS,
    HEADROOM,
    AppendTooLarge,
    Entry,
    Interleaved,
    WriteFailed,
    WriteLimits,
    entry_size,
)
from tocsin_runtime.producer import Opener, Producer, ProducerError


class OrderedWriter:
    """A `BatchWriter` over any producer."""

    def __init__(self, opener: Opener, *, limits: WriteLimits = DEFAULT_WRITE_LIMITS) -> None:
        self._opener = opener
        self._limits = limits
        self._batch_max = limits.message_bytes_max - HEADROOM
        self._producer: Producer | None = None
        self._locks: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._next: dict[int, int] = {}

    async def start(self) -> None:
        """Connect; raises `WriteFailed` where that fails."""
        await self.reopen()

    async def reopen(self) -> None:
        """Throw the producer away and connect anew; raises `WriteFailed` where that fails."""
        await self.close(timeout_s=0.0)
        self._next.clear()
        try:
            self._producer = await self._opener()
        except ProducerError as error:
            raise WriteFailed(f"cannot reach the log: {error}") from error

    async def write(self, partition: int, entries: Sequence[Entry]) -> int:
        """Store all `entries` side by side; see `BatchWriter.write`."""
        if not entries:
            raise ValueError("nothing to write")
        batches = list(self._split(entries))
        async with self._locks[partition]:
            first = await self._send(partition, batches[0])
            for batch in batches[1:]:
                await self._send(partition, batch)
        return first

    async def close(self, *, timeout_s: float = 5.0) -> None:
        """Disconnect. Never raises."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await producer.close(timeout_s=timeout_s)

    def _split(self, entries: Sequence[Entry]) -> Iterator[list[Entry]]:
        """Cut `entries` into batches that fit; raises `AppendTooLarge` for one that fits none."""
        batch: list[Entry] = []
        room = self._batch_max
        for entry in entries:
            size = entry_size(entry)
            if size > self._batch_max:
                raise AppendTooLarge(size, self._batch_max)
            if size > room:
                yield batch
                batch, room = [], self._batch_max
            batch.append(entry)
            room -= size
        yield batch

    async def _send(self, partition: int, batch: Sequence[Entry]) -> int:
        producer = self._producer
        if producer is None:
            raise WriteFailed("the writer failed before: reopen it")
        try:
            async with asyncio.timeout(self._limits.batch_s):
                base = await (await producer.send(partition, batch))
        except (ProducerError, TimeoutError) as error:
            await self.close(timeout_s=0.0)
            raise WriteFailed(f"partition {partition}: {str(error) or 'no acknowledgement in time'}") from error
        except asyncio.CancelledError:
            await self.close(timeout_s=0.0)
            raise
        expected = self._next.get(partition, base)
        self._next[partition] = base + len(batch)
        if base != expected:
            await self.close(timeout_s=0.0)
            raise Interleaved(f"partition {partition}: expected offset {expected}, got {base}")
        return base
