"""The twin's producer: what a broker does to a batch, with the faults that were asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tocsin_runtime.log import MIB, Entry, entry_size
from tocsin_runtime.producer import ProducerError

if TYPE_CHECKING:
    from tocsin_runtime.memory_log import MemoryLog


class InMemoryProducer:
    """A `Producer` of the twin."""

    def __init__(self, log: MemoryLog, topic: str) -> None:
        self._log = log
        self._topic = topic
        self._broken = False
        self._sending: set[asyncio.Task[int]] = set()

    def lane(self, partition: int) -> int:
        """Name the only broker there is."""
        del partition
        return 0

    async def send(self, partition: int, entries: Sequence[Entry]) -> asyncio.Future[int]:
        """Hand over one batch; see `Producer.send`."""
        if self._broken:
            raise ProducerError("the producer is out of sequence")
        try:
            self._log.partition(self._topic, partition)
        except LookupError:
            raise ProducerError(f"there is no partition {partition} of {self._topic}") from None
        task = asyncio.get_running_loop().create_task(self._store(partition, list(entries)))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)
        return task

    async def close(self, *, timeout_s: float) -> None:
        """Let batches under way end within the bound, then drop them; see `Producer.close`."""
        self._broken = True
        if self._sending:
            await asyncio.wait(self._sending, timeout=timeout_s)
        for task in self._sending:
            task.cancel()

    async def _store(self, partition: int, entries: list[Entry]) -> int:
        # As over Kafka, a batch that was handed over is stored even when nobody waits for it any more.
        await self._log.thawed.wait()
        stored = self._log.take_failure()
        limit = int(self._log.topics[self._topic].config.get("max.message.bytes", 64 * MIB))
        if sum(map(entry_size, entries)) > limit:
            self._broken = True  # one rejection desynchronises an idempotent producer for good
            raise ProducerError("the batch is larger than the topic takes")
        if stored is False:
            self._broken = True
            raise ProducerError("the broker refused the batch")
        base = self._log.store(self._topic, partition, entries)
        if stored:
            self._broken = True
            raise ProducerError("the acknowledgement was lost")
        return base
