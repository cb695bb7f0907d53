"""Appends under way while a broker is killed or frozen, and what the log holds afterwards."""

import asyncio
from collections.abc import Callable

from tocsin_runtime.errors import Recoverable
from tocsin_runtime.kafka_log import KafkaLog
from tocsin_runtime.log import Appender, Entry

PARTITIONS = 3
WORKERS = 32


class Traffic:
    """Workers that append one entry after the other and remember what they were told."""

    def __init__(self, appender: Appender) -> None:
        self._appender = appender
        self.acked: dict[bytes, tuple[int, int]] = {}
        self.refused: set[bytes] = set()
        self._changed = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._running = True

    def start(self) -> None:
        self._tasks = [asyncio.ensure_future(self._work(worker)) for worker in range(WORKERS)]

    async def stop(self) -> None:
        self._running = False
        await asyncio.gather(*self._tasks)

    async def until_acked(self, count: int) -> None:
        """Wait for `count` more acknowledgements."""
        wanted = len(self.acked) + count
        await self._until(lambda: len(self.acked) >= wanted)

    async def until_refused(self, count: int) -> None:
        wanted = len(self.refused) + count
        await self._until(lambda: len(self.refused) >= wanted)

    async def _until(self, done: Callable[[], bool]) -> None:
        while not done():
            self._changed.clear()
            await self._changed.wait()

    async def _work(self, worker: int) -> None:
        number = 0
        while self._running:
            number += 1
            name = f"{worker}-{number}".encode()
            partition = worker % PARTITIONS
            try:
                offset = await self._appender.append(partition, Entry(None, name, []))
                self.acked[name] = (partition, offset)
            except Recoverable:
                self.refused.add(name)
            self._changed.set()

    def assert_kept(self, log: dict[bytes, list[tuple[int, int]]]) -> None:
        """Hold every acknowledgement against the log: there once, where the answer said, and nothing invented."""
        assert {name: log.get(name) for name in self.acked} == {name: [at] for name, at in self.acked.items()}
        assert all(len(places) == 1 for places in log.values())
        assert log.keys() <= self.acked.keys() | self.refused


async def stored(bootstrap: str, topic: str) -> dict[bytes, list[tuple[int, int]]]:
    """Read everything that the log holds, by value."""
    reader = KafkaLog(bootstrap).reader()
    await reader.start()
    found: dict[bytes, list[tuple[int, int]]] = {}
    for partition in range(PARTITIONS):
        bounds = await reader.bounds(topic, partition)
        async for records in reader.scan(topic, partition, 0, bounds.next):
            for record in records:
                found.setdefault(record.value, []).append((record.partition, record.offset))
    await reader.close()
    return found
