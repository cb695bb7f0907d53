"""Reading any part of any topic, by single fetch requests: for bodies, tails and rebuilds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from aiokafka.errors import CorruptRecordException, KafkaError, OffsetOutOfRangeError
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.offset import OffsetRequest
from aiokafka.record.memory_records import MemoryRecords

from tocsin_runtime.kafka_client import KafkaClient
from tocsin_runtime.kafka_producer import said
from tocsin_runtime.log import MIB, Bounds, ReadFailed, Record
from tocsin_runtime.memory_reader import gap, out_of_range

_LATEST, _EARLIEST = -1, -2
_WHOLE_BATCH = 1 << 30
SCAN_BYTES = MIB


class KafkaReader:
    """A `LogReader` on Kafka."""

    def __init__(self, bootstrap: str) -> None:
        self._client = KafkaClient(bootstrap)

    async def start(self) -> None:
        """Connect; raises `ReadFailed` where that fails."""
        await self._client.start()

    async def read(
        self, topic: str, partition: int, offset: int, *, max_records: int = 500, max_bytes: int = MIB
    ) -> list[Record]:
        """Give records from `offset` on; see `LogReader.read`."""
        wanted = [(topic, [(partition, offset, max_bytes)])]
        request = FetchRequest(0, 1, max_bytes, 0, wanted)
        try:
            answer = await self._client.to_leader(topic, partition, request)
        except OffsetOutOfRangeError:
            raise out_of_range(topic, partition, offset) from None
        except KafkaError as error:
            raise ReadFailed(f"{topic} partition {partition}: {said(error)}") from error
        try:
            return decode(partition, answer[-1] or b"", offset, max_records)
        except CorruptRecordException as error:
            raise ReadFailed(f"{topic} partition {partition}: {said(error)}") from error

    async def bounds(self, topic: str, partition: int) -> Bounds:
        """Give the offsets that the partition holds; see `LogReader`."""
        # Earliest first: retention may move it meanwhile, and `earliest <= next` must hold all the same.
        earliest = await self._offset(topic, partition, _EARLIEST)
        return Bounds(earliest, await self._offset(topic, partition, _LATEST))

    async def last(self, topic: str, partition: int) -> Record | None:
        """Give the last record; see `LogReader`."""
        bounds = await self.bounds(topic, partition)
        if bounds.next == bounds.earliest:
            return None
        # Whole batches come anyway, and what was written meanwhile would have made this not the last.
        records = await self.read(topic, partition, bounds.next - 1, max_records=_WHOLE_BATCH)
        return records[-1] if records else None

    async def scan(self, topic: str, partition: int, start: int, stop: int) -> AsyncIterator[list[Record]]:
        """Give every record of a range; see `LogReader`."""
        if start >= stop:
            return
        ahead = self._ahead(topic, partition, start, stop)
        try:
            at = start
            while at < stop:
                records = await ahead
                if not records or records[0].offset != at:
                    raise gap(topic, partition, at)
                at = records[-1].offset + 1
                if at < stop:
                    ahead = self._ahead(topic, partition, at, stop)
                yield records
        finally:
            ahead.cancel()
            await asyncio.wait({ahead})

    async def close(self) -> None:
        """Disconnect. Never raises."""
        await self._client.close()

    def _ahead(self, topic: str, partition: int, start: int, stop: int) -> asyncio.Task[list[Record]]:
        """Read the next part of a scan while the caller works on this one."""
        work = self.read(topic, partition, start, max_records=stop - start, max_bytes=SCAN_BYTES)
        return asyncio.get_running_loop().create_task(work, name=f"scan {topic} {partition}")

    async def _offset(self, topic: str, partition: int, which: int) -> int:
        request = OffsetRequest(-1, 0, [(topic, [(partition, which)])])
        try:
            answer = await self._client.to_leader(topic, partition, request)
        except KafkaError as error:
            raise ReadFailed(f"{topic} partition {partition}: {said(error)}") from error
        return int(answer[3])


def decode(partition: int, data: bytes, start: int, max_records: int) -> list[Record]:
    """Take up to `max_records` records from offset `start` on out of a fetched record set.

    Kafka answers with whole batches, so records before `start` are passed over; a last batch that was cut off is
    left out. Raises `CorruptRecordException` where a checksum is wrong.
    """
    found: list[Record] = []
    held: Any = MemoryRecords(data)
    while held.has_next() and len(found) < max_records:
        batch = held.next_batch()
        if not batch.validate_crc():
            raise CorruptRecordException(f"a batch from offset {batch.base_offset} on has a wrong checksum")
        if batch.is_control_batch or batch.next_offset <= start:
            continue
        for record in batch:
            if record.offset < start:
                continue
            if len(found) == max_records:
                break
            found.append(Record(partition, record.offset, record.timestamp, record.key, record.value or b"", record.headers))
    return found
