"""Take one batch of each lane through its stages: settings, announce, map, judge, write, advance."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import structlog

from tocsin_contracts.integration import IntegrationSettings
from tocsin_normalizer.domain.normalize import Opened, SettingsKey
from tocsin_normalizer.domain.record import Imaged
from tocsin_normalizer.handler.batch import BatchMapper, entries, judged, open_batch, refusal
from tocsin_normalizer.handler.crash_guard import CrashGuard
from tocsin_normalizer.handler.lane import BatchLimits, Lane
from tocsin_normalizer.handler.lanes import Lanes
from tocsin_normalizer.metrics import NormalizerMetrics
from tocsin_runtime.clock import Clock
from tocsin_runtime.errors import Fatal, Recoverable
from tocsin_runtime.log import AppendTooLarge, BatchWriter, GroupReader, Record, WriteFailed

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What a lane takes through the stages: its records, opened, and the settings they name."""

    lane: Lane
    records: Sequence[Record]
    opened: Sequence[Opened]
    settings: Mapping[SettingsKey, IntegrationSettings]


class Pipeline:
    """Maps and writes; one batch in flight a partition, all partitions side by side."""

    def __init__(
        self,
        *,
        lanes: Lanes,
        group: GroupReader,
        mapper: BatchMapper,
        crashes: CrashGuard,
        writer: BatchWriter,
        metrics: NormalizerMetrics,
        clock: Clock,
        limits: BatchLimits,
    ) -> None:
        self._lanes = lanes
        self._group = group
        self._mapper = mapper
        self._crashes = crashes
        self._writer = writer
        self._metrics = metrics
        self._clock = clock
        self._limits = limits
        self._fit = False

    async def ready(self) -> None:
        """Have a writer that works; a new one after any failure. Raises `WriteFailed`."""
        if not self._fit:
            await self._writer.reopen()
            self._fit = True

    async def run(self, lanes: Sequence[Lane]) -> None:
        """Take the next batch of each lane through; a lane that fails goes back to its tail.

        Raises:
            Fatal: a release that fails everything, or a log with a hole.
        """
        mapped = [done for done in [await self._map(lane) for lane in lanes] if done is not None]
        await asyncio.gather(*(self._write(batch, images) for batch, images in mapped if self._lanes.holds(batch.lane)))

    async def _prepare(self, lane: Lane) -> Batch | None:
        """Open a batch and find its settings; without them the lane waits, and takes in no more meanwhile."""
        records = lane.batch(self._limits)
        opened = open_batch(records)
        try:
            with self._metrics.stage.labels("settings").time():
                settings = await self._mapper.settings(opened)
        except Recoverable as error:
            self._group.pause(lane.partition)
            self._lanes.delay(lane, "settings", f"settings of an integration cannot be read: {error}")
            return None
        if lane.reason is not None:
            self._group.resume(lane.partition)
            lane.reason = None
        return Batch(lane=lane, records=records, opened=opened, settings=settings)

    async def _map(self, lane: Lane) -> tuple[Batch, list[Imaged]] | None:
        """Take a lane's batch up to its images; None where the lane has to wait.

        Between an announcement and its taking back nothing of another lane is mapped: only its own records can be to
        blame for a death.
        """
        batch = await self._prepare(lane)
        if batch is None:
            return None
        try:
            images = await self._images(batch)
        except Recoverable as error:
            self._lanes.restart(lane, "announce", str(error))
            return None
        self._judge(lane, images)
        await asyncio.sleep(0)  # heartbeats and probes between two partitions' batches
        return batch, images

    async def _images(self, batch: Batch) -> list[Imaged]:
        """Map a batch; announce it before and take that back after, where the lane says so."""
        lane, announcement = batch.lane, batch.lane.announcement
        announced = {} if announcement is None else {lane.partition: announcement}
        if lane.condemn:
            _log.error("record.condemned", partition=lane.partition, offset=lane.next, deaths=lane.deaths)
        await self._crashes.announce(announced)
        with self._metrics.stage.labels("map").time():
            images = self._mapper.map(batch.opened, batch.settings, condemn=lane.condemn)
        await self._crashes.take_back(announced)
        return images

    def _judge(self, lane: Lane, images: Sequence[Imaged]) -> None:
        """Ask the release guard before anything of the batch is written."""
        guard = None if lane.start is None else lane.start.guard
        regression = None if guard is None else guard.judge(judged(images))
        if regression is not None:
            raise refusal(lane.partition, self._mapper.release, regression)

    async def _write(self, batch: Batch, images: Sequence[Imaged]) -> None:
        lane = batch.lane
        try:
            with self._metrics.stage.labels("write").time():
                await self._writer.write(lane.partition, entries(images))
        except AppendTooLarge as error:
            raise Fatal(f"partition {lane.partition} offset {lane.next}: {error}; raise the topic's max.message.bytes") from error
        except WriteFailed as error:
            self._fit = False
            self._lanes.restart(lane, "write", str(error))
            return
        lane.wrote(batch.records)
        self._metrics.written(images)
        self._metrics.delay.observe(max(0.0, self._clock.now() / 1e6 - batch.records[0].appended_at_ms / 1e3))
