"""The worker on a real Kafka: what the twin promises, kept by the broker."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.support.servers import OwnKafka
from tests.unit.normalizer.records import Killed, delivery, normalizer, tick
from tests.unit.normalizer.twin import InMemoryVersions, names
from tocsin_contracts.envelope import Kind, kind_of, source_of
from tocsin_contracts.image import decode_image
from tocsin_contracts.topics import ALERTS, LOG, TOPIC_CONFIGS
from tocsin_normalizer.adapters.dead_man import NoDeadMan
from tocsin_normalizer.handler.worker import Worker
from tocsin_normalizer.metrics import NormalizerMetrics
from tocsin_normalizer.service import compose
from tocsin_normalizer.settings import NormalizerSettings
from tocsin_runtime.clock import SystemClock
from tocsin_runtime.errors import Recoverable
from tocsin_runtime.kafka_log import KafkaLog
from tocsin_runtime.log import BatchWriter, Entry, LogReader, Record, TopicSpec, WriteLimits
from tocsin_runtime.metrics import Metrics

PARTITIONS = 2


class OnKafka:
    """Both topics on a broker of the module's own, and workers on them."""

    def __init__(self, bootstrap: str) -> None:
        self.log = KafkaLog(bootstrap)
        self.reader = self.log.reader()
        self.source = self.log.writer(LOG)
        self.tasks: list[asyncio.Task[None]] = []
        self.closing: list[BatchWriter | LogReader] = [self.reader, self.source]

    async def start(self) -> None:
        admin = self.log.admin()
        await admin.start()
        for topic in (LOG, ALERTS):
            await admin.delete_topic(topic)
        await admin.ensure_topics(
            [TopicSpec(name=topic, partitions=PARTITIONS, config=TOPIC_CONFIGS[topic]) for topic in (LOG, ALERTS)]
        )
        await admin.close()
        await self.reader.start()
        await self.source.start()

    async def put(self, *entries: Entry, partition: int = 0) -> None:
        await self.source.write(partition, entries)

    def work(self, **settings: object) -> Worker:
        """Start a worker."""
        defaults: dict[str, object] = {"claim_wait_s_max": 0.1, "poll_s": 0.2, "retry_s": 0.05, "commit_s": 0.0, "release": "r"}
        loaded = NormalizerSettings.model_validate(defaults | settings)
        reader, writer = self.log.reader(), self.log.writer(ALERTS, WriteLimits(batch_s=3.0))
        self.closing += [reader, writer]
        worker = compose(
            loaded,
            log=self.log,
            reader=reader,
            writer=writer,
            versions=InMemoryVersions(),
            dead_man=NoDeadMan(),
            metrics=NormalizerMetrics(Metrics(process=False)),
            clock=SystemClock(),
            jitter=lambda: 0.5,
            normalizer=normalizer(),
        )
        self.tasks.append(asyncio.get_running_loop().create_task(worker.run()))
        return worker

    async def output(self, partition: int = 0) -> list[Record]:
        bounds = await self.reader.bounds(ALERTS, partition)
        return [r async for records in self.reader.scan(ALERTS, partition, 0, bounds.next) for r in records]

    async def sources(self, partition: int = 0) -> list[int]:
        return [source_of(record.headers).position.offset for record in await self.output(partition)]

    async def until(self, last: int, partition: int = 0) -> list[int]:
        """Wait until the output ends with the image of offset `last`; a worker that dies meanwhile raises here."""
        while True:
            for task in self.tasks:
                if task.done():
                    await task
            try:
                record = await self.reader.last(ALERTS, partition)
            except Recoverable:
                continue
            if record is not None and source_of(record.headers).position.offset == last:
                return await self.sources(partition)
            await asyncio.wait(self.tasks, timeout=0.02)

    async def reasons(self, partition: int = 0) -> list[str | None]:
        records = await self.output(partition)
        return names([decode_image(r.value) for r in records if kind_of(r.headers) == Kind.DELIVERY])

    async def close(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        for each in self.closing:
            await each.close()


@pytest.fixture
async def on(own_kafka: OwnKafka) -> AsyncIterator[OnKafka]:
    made = OnKafka(own_kafka.bootstrap)
    await made.start()
    yield made
    await made.close()


def unbroken(sources: list[int]) -> int:
    """Read as the grouper does; give the highest offset."""
    highest = -1
    for offset in sources:
        assert offset <= highest + 1
        highest = max(highest, offset)
    return highest


async def test_each_record_becomes_one_record_in_order_and_a_restart_goes_on_behind_the_tail(on: OnKafka) -> None:
    for partition in range(PARTITIONS):
        await on.put(*[delivery(str(n)) if n % 5 else tick() for n in range(300)], partition=partition)
    first = on.work(batch_records_max=37)
    for partition in range(PARTITIONS):
        assert await on.until(299, partition) == list(range(300))
    first.stop()
    await on.tasks.pop()
    await on.put(delivery("z"))
    on.work()
    assert await on.until(300) == list(range(301))
    record = (await on.output())[-1]
    assert record.key == delivery("z").key
    assert source_of(record.headers).appended_at_ms > 1_700_000_000_000


async def test_a_broker_that_is_killed_and_started_again_costs_neither_record_nor_order(on: OnKafka, own_kafka: OwnKafka) -> None:
    await on.put(*[delivery(str(n)) for n in range(2_000)])
    worker = on.work(batch_records_max=20, retry_s_max=0.2)
    while worker.standings().get(0, 0) < 200:
        await asyncio.wait(on.tasks, timeout=0.001)
    await own_kafka.kill()
    while worker.trouble() is None:
        await asyncio.wait(on.tasks, timeout=0.01)
    await own_kafka.start()
    assert unbroken(await on.until(1_999)) == 1_999


async def test_two_workers_share_the_partitions_and_one_takes_over_from_the_other(on: OnKafka) -> None:
    first = on.work()
    await on.put(delivery("a"))
    await on.until(0)
    second = on.work()
    while not (first.standings() and second.standings() and len(first.standings()) == 1):
        await asyncio.wait(on.tasks, timeout=0.02)
    assert first.standings().keys().isdisjoint(second.standings())
    for partition in range(PARTITIONS):
        await on.put(*[delivery(str(n)) for n in range(50)], partition=partition)
    first.stop()
    await on.tasks.pop(0)
    assert unbroken(await on.until(50, 0)) == 50
    assert unbroken(await on.until(49, 1)) == 49


async def test_a_record_that_kills_twice_is_failed_by_the_count_in_the_groups_metadata(on: OnKafka) -> None:
    await on.put(delivery("a"), delivery(do="die"), delivery("b"))
    deaths = 0
    while True:
        on.work()
        try:
            await on.until(2)
            break
        except Killed:
            on.tasks.clear()
            deaths += 1
    assert await on.sources() == [0, 1, 2]
    assert await on.reasons() == ["a", "killed-normalizer", "b"]
    assert deaths == 3
