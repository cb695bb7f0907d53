"""Parts of the log that connect when they are first needed: ingest starts with Kafka down."""

from __future__ import annotations

import asyncio

from tocsin_runtime.log import Bounds, LogAdmin, LogReader, Record


class LazyReader:
    """Reads bodies; connects at the first read, and tries again at each read while that fails."""

    def __init__(self, reader: LogReader) -> None:
        self._reader = reader
        self._started = False
        self._starting = asyncio.Lock()

    async def read(
        self, topic: str, partition: int, offset: int, *, max_records: int = 500, max_bytes: int = 1 << 20
    ) -> list[Record]:
        """Give records from `offset` on; see `LogReader.read`."""
        await self._start()
        return await self._reader.read(topic, partition, offset, max_records=max_records, max_bytes=max_bytes)

    async def bounds(self, topic: str, partition: int) -> Bounds:
        """Give the offsets that the partition holds; see `LogReader.bounds`."""
        await self._start()
        return await self._reader.bounds(topic, partition)

    async def close(self) -> None:
        """Disconnect. Never raises."""
        await self._reader.close()

    async def _start(self) -> None:
        async with self._starting:
            if not self._started:
                await self._reader.start()
                self._started = True


class PartitionCount:
    """Counts the partitions of a topic; connects at the first count."""

    def __init__(self, admin: LogAdmin, topic: str) -> None:
        self._admin = admin
        self._topic = topic
        self._started = False
        self._starting = asyncio.Lock()

    async def count(self) -> int:
        """Give the number of partitions, now; it only grows.

        Raises:
            Recoverable: the broker does not answer.
            Invalid: there is no such topic.
        """
        async with self._starting:
            if not self._started:
                await self._admin.start()
                self._started = True
        return (await self._admin.describe(self._topic)).partitions

    async def close(self) -> None:
        """Disconnect. Never raises."""
        await self._admin.close()
