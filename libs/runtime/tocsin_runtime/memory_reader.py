"""The twin's reader without a group."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from tocsin_runtime.errors import Invalid
from tocsin_runtime.log import MIB, Bounds, ReadFailed, Record, entry_size

if TYPE_CHECKING:
    from tocsin_runtime.memory_log import MemoryLog, Partition


class InMemoryReader:
    """A `LogReader` of the twin."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log

    async def start(self) -> None:
        """Connect to nothing."""

    async def read(
        self, topic: str, partition: int, offset: int, *, max_records: int = 500, max_bytes: int = MIB
    ) -> list[Record]:
        """Give records from `offset` on; see `LogReader.read`."""
        held = await self._partition(topic, partition)
        if not held.earliest <= offset <= held.next:
            raise out_of_range(topic, partition, offset)
        found: list[Record] = []
        for record in held.records[offset - held.earliest :][:max_records]:
            max_bytes -= entry_size(record)
            if found and max_bytes < 0:
                break
            found.append(record)
        return found

    async def bounds(self, topic: str, partition: int) -> Bounds:
        """Give the offsets that the partition holds; see `LogReader`."""
        held = await self._partition(topic, partition)
        return Bounds(held.earliest, held.next)

    async def last(self, topic: str, partition: int) -> Record | None:
        """Give the last record; see `LogReader`."""
        held = await self._partition(topic, partition)
        return held.records[-1] if held.records else None

    async def scan(self, topic: str, partition: int, start: int, stop: int) -> AsyncIterator[list[Record]]:
        """Give every record of a range; see `LogReader`."""
        at = start
        while at < stop:
            records = await self.read(topic, partition, at, max_records=min(500, stop - at))
            if not records:
                raise gap(topic, partition, at)
            yield records
            at = records[-1].offset + 1

    async def close(self) -> None:
        """Disconnect from nothing."""

    async def _partition(self, topic: str, partition: int) -> Partition:
        await self._log.thawed.wait()
        try:
            return self._log.partition(topic, partition)
        except LookupError:
            raise ReadFailed(f"there is no partition {partition} of {topic}") from None


def out_of_range(topic: str, partition: int, offset: int) -> Invalid:
    """Say that `offset` is not in the partition."""
    return Invalid("offset-out-of-range", f"{topic} partition {partition} does not hold offset {offset}")


def gap(topic: str, partition: int, offset: int) -> Invalid:
    """Say that a record is missing in the middle."""
    return Invalid("gap", f"{topic} partition {partition} has no record at offset {offset}")
