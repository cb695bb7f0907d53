"""The gateway's appender over a broker that freezes, dies and comes back."""

import asyncio
import os
import secrets
import signal
from collections.abc import AsyncIterator, Callable

import pytest

from tests.support.servers import OwnKafka
from tocsin_runtime.errors import Recoverable
from tocsin_runtime.group_commit import GroupCommit
from tocsin_runtime.kafka_log import KafkaLog
from tocsin_runtime.log import AppendLimits, AppendTimeout, Entry, Record, TopicSpec

WORKERS = 32


class Traffic:
    """Workers that append one entry after the other and remember what they were told."""

    def __init__(self, appender: GroupCommit) -> None:
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
            partition = worker % 3
            try:
                offset = await self._appender.append(partition, Entry(None, name, []))
                self.acked[name] = (partition, offset)
            except Recoverable:
                self.refused.add(name)
            self._changed.set()


@pytest.fixture
async def topic(own_kafka: OwnKafka) -> str:
    name = f"faults-{secrets.token_hex(4)}"
    admin = KafkaLog(own_kafka.bootstrap).admin()
    await admin.start()
    await admin.ensure_topics([TopicSpec(name=name, partitions=3)])
    await admin.close()
    return name


@pytest.fixture
async def traffic(own_kafka: OwnKafka, topic: str) -> AsyncIterator[Traffic]:
    appender = KafkaLog(own_kafka.bootstrap).appender(topic, AppendLimits(deadline_s=1.0))
    await appender.start()
    yield Traffic(appender)
    await appender.close()


async def stored(own_kafka: OwnKafka, topic: str) -> dict[bytes, list[tuple[int, int]]]:
    """Read everything that the log holds, by value."""
    reader = KafkaLog(own_kafka.bootstrap).reader()
    await reader.start()
    found: dict[bytes, list[tuple[int, int]]] = {}
    for partition in range(3):
        bounds = await reader.bounds(topic, partition)
        async for records in reader.scan(topic, partition, 0, bounds.next):
            for record in records:
                found.setdefault(record.value, []).append(_place(record))
    await reader.close()
    return found


def _place(record: Record) -> tuple[int, int]:
    return record.partition, record.offset


async def test_a_broker_that_is_killed_loses_nothing_acknowledged_and_appends_go_on(
    own_kafka: OwnKafka, topic: str, traffic: Traffic
) -> None:
    traffic.start()
    await traffic.until_acked(500)
    await own_kafka.kill()
    await traffic.until_refused(WORKERS)
    await own_kafka.start()
    await traffic.until_acked(500)
    await traffic.stop()
    log = await stored(own_kafka, topic)
    assert {name: log.get(name) for name in traffic.acked} == {name: [at] for name, at in traffic.acked.items()}
    assert all(len(places) == 1 for places in log.values())
    assert log.keys() <= traffic.acked.keys() | traffic.refused


async def test_a_broker_that_freezes_is_answered_for_and_goes_on_when_it_wakes(
    own_kafka: OwnKafka, topic: str, traffic: Traffic
) -> None:
    """Every caller is told in time; what was told *maybe stored* is stored once or not at all."""
    traffic.start()
    await traffic.until_acked(500)
    child = own_kafka.broker.child
    assert child is not None
    os.kill(child.pid, signal.SIGSTOP)
    try:
        await traffic.until_refused(2 * WORKERS)
    finally:
        os.kill(child.pid, signal.SIGCONT)
    await traffic.until_acked(500)
    await traffic.stop()
    log = await stored(own_kafka, topic)
    assert {name: log.get(name) for name in traffic.acked} == {name: [at] for name, at in traffic.acked.items()}
    assert all(len(places) == 1 for places in log.values())


async def test_a_producer_thrown_away_never_writes_again(own_kafka: OwnKafka, topic: str) -> None:
    """A forgotten idempotent producer would go on trying for ever, and store an old batch behind newer ones."""
    limits = AppendLimits(deadline_s=0.5, round_s=0.5)
    appender = KafkaLog(own_kafka.bootstrap).appender(topic, limits)
    await appender.start()
    assert await appender.append(0, Entry(None, b"before", [])) == 0
    await own_kafka.kill()
    with pytest.raises(AppendTimeout):
        await appender.append(0, Entry(None, b"lost", []))
    await appender.close()
    leftover = [task.get_name() for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    await own_kafka.start()
    assert leftover == []
    assert await stored(own_kafka, topic) == {b"before": [(0, 0)]}
