"""Composition root: the only place where the normalizer's parts are put together."""

import asyncio
import random

from tocsin_contracts.topics import ALERTS, LOG, NORMALIZER_GROUP
from tocsin_control.erasing import ErasedTenants
from tocsin_control.settings_store import IntegrationVersions
from tocsin_normalizer.adapters.control_versions import ControlVersions
from tocsin_normalizer.adapters.dead_man import DeadManSwitch
from tocsin_normalizer.domain.normalize import Normalizer
from tocsin_normalizer.domain.release import GuardLimits
from tocsin_normalizer.handler.batch import BatchMapper
from tocsin_normalizer.handler.crash_guard import CrashGuard
from tocsin_normalizer.handler.lane import BatchLimits
from tocsin_normalizer.handler.lanes import Lanes
from tocsin_normalizer.handler.pipeline import Pipeline
from tocsin_normalizer.handler.recovery import GuardReach, Recovery
from tocsin_normalizer.handler.worker import Worker, WorkerLimits
from tocsin_normalizer.metrics import NormalizerMetrics
from tocsin_normalizer.ports import DeadMan, Jitter, Versions
from tocsin_normalizer.settings import NormalizerSettings
from tocsin_runtime import collector
from tocsin_runtime.clock import Clock, SystemClock
from tocsin_runtime.errors import Recoverable
from tocsin_runtime.health import Health
from tocsin_runtime.http import HttpServer, application
from tocsin_runtime.kafka_log import KafkaLog
from tocsin_runtime.lifecycle import Tasks
from tocsin_runtime.log import BatchWriter, Log, LogReader, WriteLimits
from tocsin_runtime.metrics import Metrics
from tocsin_runtime.postgres import Pool, close, create_pool
from tocsin_runtime.retry import RetryPolicy
from tocsin_runtime.watchdog import Standing, Watchdog

_LOOK_S = 5.0
_FINISH_S = 18.0
"""For the batch under way at a stop; closing everything else fits into the rest of 25 s."""


class NormalizerService:
    """One worker with its probes, metrics and watchdog."""

    def __init__(self, *, settings: NormalizerSettings, log: Log, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._log = log
        self.metrics = Metrics()
        self.health = Health()
        self.http = HttpServer(
            application(health=self.health, metrics=self.metrics), host=settings.host, port=settings.port, metrics=self.metrics
        )
        self._tasks = Tasks()
        self._pool: Pool | None = None
        self._reader: LogReader = log.reader()
        self._writer = log.writer(ALERTS, WriteLimits(batch_s=settings.write_s))
        self._worker: Worker | None = None
        self._work: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Listen, and begin to work; dependencies may be away, `/-/ready` says so."""
        self._pool = await create_pool(
            self._settings.postgres.get_secret_value(), application="tocsin normalizer", size_min=0, size_max=4
        )
        versions = ControlVersions(
            IntegrationVersions(self._pool, size_max=self._settings.settings_cache), ErasedTenants(self._pool, clock=self._clock)
        )
        self._worker = compose(
            self._settings,
            log=self._log,
            reader=self._reader,
            writer=self._writer,
            versions=versions,
            dead_man=DeadManSwitch(self._settings.map_s_max),
            metrics=NormalizerMetrics(self.metrics),
            clock=self._clock,
            jitter=random.random,
        )
        self.health.add("partitions", self._worker.trouble)
        await self.http.start()
        self._work = self._tasks.spawn("worker", self._worker.run())
        self._tasks.spawn("watchdog", self._watch(self._worker))

    async def wait(self) -> None:
        """Work until the worker ends; raises what ended it."""
        await self._tasks.wait()

    async def stop(self) -> None:
        """Finish the batch under way, leave the group, close."""
        self.health.stop()
        if self._worker is not None and self._work is not None:
            self._worker.stop()
            await asyncio.wait({self._work}, timeout=_FINISH_S)
        await self._tasks.cancel()
        await self._writer.close(timeout_s=1.0)
        await self._reader.close()
        await self.http.stop()
        if self._pool is not None:
            await close(self._pool, timeout_s=1.0)

    async def _watch(self, worker: Worker) -> None:
        """Leave when a partition has lag and does not move, though nothing is known to be wrong."""
        watchdog = Watchdog(clock=self._clock, patience_s=self._settings.watchdog_s)
        while True:
            try:
                standings = {
                    partition: Standing(next=following, end=(await self._reader.bounds(LOG, partition)).next)
                    for partition, following in worker.standings().items()
                }
            except Recoverable:
                watchdog.excuse()
            else:
                watchdog.look(standings)
            await asyncio.sleep(_LOOK_S)


def build(settings: NormalizerSettings) -> NormalizerService:
    """Put the service together; opens nothing."""
    collector.spare()
    clock = SystemClock()
    return NormalizerService(
        settings=settings, log=KafkaLog(settings.kafka, clock=clock, session_s=settings.session_s), clock=clock
    )


def compose(
    settings: NormalizerSettings,
    *,
    log: Log,
    reader: LogReader,
    writer: BatchWriter,
    versions: Versions,
    dead_man: DeadMan,
    metrics: NormalizerMetrics,
    clock: Clock,
    jitter: Jitter,
    normalizer: Normalizer | None = None,
) -> Worker:
    """Put a worker together on any log; `normalizer` replaces the map, for tests that break it."""
    batch = BatchLimits(records=settings.batch_records_max, bytes=settings.batch_bytes_max)
    group = log.group_reader(LOG, NORMALIZER_GROUP)
    crashes = CrashGuard(group)
    mapper = BatchMapper(normalizer=normalizer or _normalizer(settings), versions=versions, dead_man=dead_man)
    retry = RetryPolicy(
        attempts_max=2**62, elapsed_max_s=float("inf"), first_wait_s=settings.retry_s, wait_max_s=settings.retry_s_max
    )
    lanes = Lanes(
        group=group, metrics=metrics, clock=clock, jitter=jitter, retry=retry, claim_wait_s_max=settings.claim_wait_s_max
    )
    return Worker(
        group=group,
        log=reader,
        lanes=lanes,
        recovery=Recovery(log=reader, crashes=crashes, mapper=mapper, batch=batch, guard=_guard(settings)),
        pipeline=Pipeline(
            lanes=lanes,
            group=group,
            mapper=mapper,
            crashes=crashes,
            writer=writer,
            metrics=metrics,
            clock=clock,
            limits=batch,
        ),
        metrics=metrics,
        clock=clock,
        limits=WorkerLimits(batch=batch, poll_s=settings.poll_s, commit_s=settings.commit_s),
    )


def _normalizer(settings: NormalizerSettings) -> Normalizer:
    return Normalizer(release=settings.release, alerts_max=settings.alerts_max, image_max_bytes=settings.image_bytes_max)


def _guard(settings: NormalizerSettings) -> GuardReach | None:
    if settings.release_guard == "off":
        return None
    limits = GuardLimits(
        history=settings.guard_history,
        history_min=settings.guard_history_min,
        sample=settings.guard_sample,
        healthy=settings.guard_healthy,
        trip=settings.guard_trip,
    )
    return GuardReach(
        limits=limits,
        scan_records=settings.guard_scan_records,
        ahead_records=settings.guard_ahead_records,
        ahead_bytes=settings.guard_ahead_bytes,
    )
