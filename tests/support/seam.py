"""The log seam under test: a log, a topic of the test's own, and everything opened on it, closed at the end."""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from tocsin_runtime.log import (
    MIB,
    Appender,
    AppendLimits,
    BatchWriter,
    Entry,
    GroupReader,
    Log,
    LogAdmin,
    LogReader,
    Record,
    TopicSpec,
    WriteLimits,
)


@dataclass
class Seam:
    """A log, a topic of this test's own, and everything opened on it, closed at the end."""

    log: Log
    admin: LogAdmin
    topic: str
    stack: AsyncExitStack
    opened: list[object] = field(default_factory=list)

    async def make(self, partitions: int = 1, **config: str) -> str:
        settings = {name.replace("_", "."): value for name, value in config.items()}
        await self.admin.ensure_topics([TopicSpec(name=self.topic, partitions=partitions, config=settings)])
        return self.topic

    async def appender(self, limits: AppendLimits | None = None) -> Appender:
        appender = self.log.appender(self.topic, limits or AppendLimits())
        self.stack.push_async_callback(appender.close)
        await appender.start()
        return appender

    async def writer(self, message_bytes_max: int = MIB) -> BatchWriter:
        writer = self.log.writer(self.topic, WriteLimits(message_bytes_max=message_bytes_max))
        self.stack.push_async_callback(writer.close)
        await writer.start()
        return writer

    async def reader(self) -> LogReader:
        reader = self.log.reader()
        self.stack.push_async_callback(reader.close)
        await reader.start()
        return reader

    async def member(self) -> GroupReader:
        member = self.log.group_reader(self.topic, f"group-of-{self.topic}")
        self.stack.push_async_callback(member.close)
        await member.start()
        return member

    async def fill(self, count: int, partition: int = 0) -> None:
        writer = await self.writer()
        await writer.write(partition, [entry(f"value {n}") for n in range(count)])


def entry(value: str | bytes, key: bytes | None = b"key") -> Entry:
    return Entry(key, value.encode() if isinstance(value, str) else value, [])


def offsets(records: Iterable[Record]) -> list[int]:
    return [record.offset for record in records]


async def collect(member: GroupReader, count: int) -> dict[int, list[Record]]:
    """Poll until `count` records came."""
    found: dict[int, list[Record]] = {}
    while sum(map(len, found.values())) < count:
        for partition, records in (await member.poll(500, 5.0)).items():
            found.setdefault(partition, []).extend(records)
    return found


async def settled(members: list[GroupReader], done: Callable[[], bool]) -> None:
    """Wait for assignment changes until `done`."""
    while not done():
        waits = [asyncio.ensure_future(member.wait_assignment_change()) for member in members]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED, timeout=10)
        for wait in waits:
            wait.cancel()


async def turn() -> None:
    """Let every task that is ready run once."""
    turned = asyncio.Event()
    asyncio.get_running_loop().call_soon(turned.set)
    await turned.wait()
