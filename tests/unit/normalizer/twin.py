"""A worker on the in-memory twin: started, killed and started again on one log."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from tests.unit.normalizer.records import KNOWN, RELEASE, normalizer
from tocsin_contracts.envelope import Kind, kind_of, source_of
from tocsin_contracts.image import Image, decode_image
from tocsin_contracts.integration import IntegrationSettings
from tocsin_contracts.topics import ALERTS, LOG, NORMALIZER_GROUP, TOPIC_CONFIGS
from tocsin_normalizer.adapters.dead_man import NoDeadMan
from tocsin_normalizer.handler.worker import Worker
from tocsin_normalizer.metrics import NormalizerMetrics
from tocsin_normalizer.service import compose
from tocsin_normalizer.settings import NormalizerSettings
from tocsin_runtime.clock import SystemClock
from tocsin_runtime.errors import Recoverable
from tocsin_runtime.log import Entry, Record, TopicSpec
from tocsin_runtime.memory_group import InMemoryGroupReader
from tocsin_runtime.memory_log import MemoryLog
from tocsin_runtime.metrics import Metrics


class InMemoryVersions:
    """`Versions` of a dictionary; `away` makes the store answer nobody."""

    def __init__(self) -> None:
        self.known: dict[tuple[str, int], IntegrationSettings] = dict(KNOWN)
        self.away = False
        self.gone: frozenset[str] = frozenset()
        self.asked = asyncio.Event()
        self.answering = asyncio.Event()
        self.answering.set()

    async def erased(self) -> frozenset[str]:
        """Give the tenants that were erased; see `Versions`."""
        return self.gone

    async def find(self, integration: str, version: int) -> IntegrationSettings | None:
        """Give a version; see `Versions`."""
        self.asked.set()
        await self.answering.wait()
        if self.away:
            raise Recoverable("PostgreSQL does not answer")
        return self.known.get((integration, version))


class Running:
    """One worker that works."""

    def __init__(self, worker: Worker, reader: InMemoryGroupReader, metrics: Metrics) -> None:
        self.worker = worker
        self.reader = reader
        self.metrics = metrics
        self.task = asyncio.get_running_loop().create_task(worker.run(), name="worker")


class Twin:
    """A log of both topics, and workers on it."""

    def __init__(self, partitions: int = 1) -> None:
        self.log = MemoryLog(SystemClock())
        for topic in (LOG, ALERTS):
            self.log.make_topic(TopicSpec(name=topic, partitions=partitions, config=TOPIC_CONFIGS[topic]))
        self.versions = InMemoryVersions()
        self.jitter = 0.0

    def put(self, *entries: Entry, partition: int = 0) -> None:
        """Append to `tocsin.log`."""
        self.log.store(LOG, partition, entries)

    def put_output(self, *entries: Entry, partition: int = 0) -> None:
        """Append to `tocsin.alerts`, as another writer."""
        self.log.store(ALERTS, partition, entries)

    def output(self, partition: int = 0) -> list[Record]:
        """Give what `tocsin.alerts` holds."""
        return list(self.log.partition(ALERTS, partition).records)

    def sources(self, partition: int = 0) -> list[int]:
        """Give the source offset of each output record."""
        return [source_of(record.headers).position.offset for record in self.output(partition)]

    def images(self, partition: int = 0) -> list[Image]:
        """Give the images of the deliveries."""
        return [decode_image(r.value) for r in self.output(partition) if kind_of(r.headers) == Kind.DELIVERY]

    def committed(self, partition: int = 0) -> tuple[int, str] | None:
        """Give what the group was told last."""
        return self.log.group_reader(LOG, NORMALIZER_GROUP).group.offsets.get(partition)

    @asynccontextmanager
    async def running(self, *, release: str = RELEASE, **settings: object) -> AsyncIterator[Running]:
        """Run a worker for the length of the block; one that died says so at its end."""
        running = self.start(release=release, **settings)
        try:
            yield running
        finally:
            running.worker.stop()
            await running.task

    def start(self, *, release: str = RELEASE, **settings: object) -> Running:
        """Start a worker; whoever calls ends it."""
        defaults: dict[str, object] = {
            "poll_s": 0.05,
            "claim_wait_s_max": 0.0,
            "retry_s": 0.001,
            "retry_s_max": 0.002,
            "commit_s": 0.0,
        }
        loaded = NormalizerSettings.model_validate(defaults | {"release": release} | settings)
        metrics = Metrics(process=False)
        writer = self.log.writer(ALERTS)
        worker = compose(
            loaded,
            log=self.log,
            reader=self.log.reader(),
            writer=writer,
            versions=self.versions,
            dead_man=NoDeadMan(),
            metrics=NormalizerMetrics(metrics),
            clock=self.log.clock,
            jitter=lambda: self.jitter,
            normalizer=normalizer(release),
        )
        return Running(worker, worker._group, metrics)  # type: ignore[arg-type] # on the twin it is the twin's

    async def until(self, count: int, *runnings: Running, partition: int = 0) -> list[int]:
        """Wait until the output holds `count` records; a worker that dies meanwhile raises here."""
        while len(self.output(partition)) < count:
            for running in runnings:
                if running.task.done():
                    await running.task
            await self.log.changed.wait(0.05)
        return self.sources(partition)


async def ended(running: Running) -> BaseException | None:
    """Wait until a worker has ended by itself; give what ended it."""
    await asyncio.wait({running.task})
    return running.task.exception()


def names(images: Sequence[Image]) -> list[str | None]:
    """Give each image's reason, or its first alert."""
    return [image.reason or image.alerts[0].identity for image in images]
