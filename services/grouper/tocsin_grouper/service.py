"""The grouper put together: the only place that constructs adapters."""

import asyncio
import random

from tocsin_contracts.topics import ALERTS, GROUPER_GROUP
from tocsin_grouper.adapters.codec import Connection
from tocsin_grouper.adapters.connecting import open_connection
from tocsin_grouper.lookout import Lookout
from tocsin_grouper.metrics import GrouperMetrics
from tocsin_grouper.settings import GrouperSettings
from tocsin_grouper.worker import Worker
from tocsin_rules.shelf import SHELF
from tocsin_runtime import collector
from tocsin_runtime.clock import Clock, SystemClock
from tocsin_runtime.errors import Invalid, Recoverable
from tocsin_runtime.health import Health
from tocsin_runtime.http import HttpServer, application
from tocsin_runtime.kafka_log import KafkaLog
from tocsin_runtime.lifecycle import Tasks
from tocsin_runtime.log import GroupReader, Log, TopicInfo
from tocsin_runtime.metrics import Metrics
from tocsin_runtime.retry import FOREVER, retry
from tocsin_runtime.watchdog import Watchdog


class GrouperService:
    """Starts when its dependencies answer (it waits for them), folds until stopped."""

    def __init__(self, settings: GrouperSettings, log: Log, clock: Clock) -> None:
        self._settings = settings
        self._log = log
        self._clock = clock
        self._metrics = Metrics()
        self._measured = GrouperMetrics(self._metrics)
        self._health = Health()
        self._tasks = Tasks()
        self._reader: GroupReader = log.group_reader(ALERTS, GROUPER_GROUP)
        self._worker: Worker | None = None
        self._folding: asyncio.Task[None] | None = None
        self._http = HttpServer(
            application(health=self._health, metrics=self._metrics),
            host=settings.host,
            port=settings.port,
            metrics=self._metrics,
        )
        self._health.add("fold", self._trouble)

    async def start(self) -> None:
        """Listen for health checks, then begin in the background: Kafka and PostgreSQL may come later."""
        await self._http.start()
        self._folding = self._tasks.spawn("fold", self._fold())

    async def wait(self) -> None:
        """Fold until stopped; raise what ends the process."""
        await self._tasks.wait()

    async def stop(self) -> None:
        """Finish the batches at hand, leave the group, close."""
        self._health.stop()
        if self._worker is not None and self._folding is not None:
            self._worker.stop()
            await asyncio.wait({self._folding})
        await self._tasks.cancel()
        await self._reader.close()
        await self._http.stop()

    async def _fold(self) -> None:
        topic = await retry(self._describe, policy=FOREVER, clock=self._clock)
        await retry(self._reader.start, policy=FOREVER, clock=self._clock)
        self._worker = Worker(
            reader=self._reader,
            topic_id=topic.topic_id,
            connect=self._connect,
            metrics=self._measured,
            clock=self._clock,
            batch_records=self._settings.batch_records,
            cached_records=self._settings.cached_records,
            retention_days=self._settings.retention_days,
            claim_backoff_s=self._settings.claim_backoff_s,
            draw=random.random,
        )
        self._tasks.spawn("lookout", self._watch(self._worker))
        await self._worker.run()

    async def _watch(self, worker: Worker) -> None:
        reader = self._log.reader()
        await retry(reader.start, policy=FOREVER, clock=self._clock)
        try:
            await Lookout(
                worker=worker,
                reader=reader,
                watchdog=Watchdog(clock=self._clock, patience_s=self._settings.patience_s),
                metrics=self._measured,
                every_s=self._settings.patience_s / 12,
            ).run()
        finally:
            await reader.close()

    async def _describe(self) -> TopicInfo:
        """Look the topic up; one that is not there yet is waited for."""
        admin = self._log.admin()
        await admin.start()
        try:
            return await admin.describe(ALERTS)
        except Invalid as error:
            raise Recoverable(f"topic {ALERTS} is not there yet: {error}") from error
        finally:
            await admin.close()

    async def _connect(self) -> Connection:
        return await open_connection(
            self._settings.postgres.get_secret_value(),
            synchronous_commit=self._settings.synchronous_commit,
            idle_in_transaction_s=self._settings.transaction_idle_s,
        )

    def _trouble(self) -> str | None:
        if self._worker is None:
            return "waiting for Kafka"
        return self._worker.trouble


def build(settings: GrouperSettings) -> GrouperService:
    """Put the service together on Kafka and the system clock."""
    collector.spare()
    SHELF.bytes_max = settings.rules_memory_mb << 20
    clock = SystemClock()
    return GrouperService(settings, KafkaLog(settings.kafka, clock=clock, session_s=settings.session_s), clock)
