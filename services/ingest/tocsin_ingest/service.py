"""Put ingest together: the only module that constructs adapters."""

from __future__ import annotations

import secrets
import socket
import sys
from typing import Protocol

import structlog

from tocsin_contracts.topics import LOG, LOG_MAX_MESSAGE_BYTES
from tocsin_control.master_key_file import MasterKeyFile
from tocsin_ingest.adapters.control import PostgresControl
from tocsin_ingest.adapters.erasures import PostgresErasures
from tocsin_ingest.adapters.failed import PostgresFailed
from tocsin_ingest.adapters.incidents import PostgresIncidents
from tocsin_ingest.adapters.log_parts import LazyReader, PartitionCount
from tocsin_ingest.adapters.management import PostgresManagement
from tocsin_ingest.adapters.outcomes import PostgresOutcomes
from tocsin_ingest.adapters.request_log import LineLog
from tocsin_ingest.adapters.server import Listener
from tocsin_ingest.adapters.sns import AmazonSns, HttpsOpener, Opener
from tocsin_ingest.commands.ports import Incidents
from tocsin_ingest.domain.overcommit import overcommitted
from tocsin_ingest.domain.refusals import Refusals
from tocsin_ingest.failed.ports import FailedStore
from tocsin_ingest.handler import Deliveries
from tocsin_ingest.management.ports import Store
from tocsin_ingest.metrics import IngestMetrics
from tocsin_ingest.ports import Control, Erasures, Outcomes
from tocsin_ingest.settings import IngestSettings
from tocsin_ingest.ticks import Ticker
from tocsin_ingest.wiring import Wiring
from tocsin_runtime import collector
from tocsin_runtime.clock import Clock, SystemClock
from tocsin_runtime.errors import Fatal
from tocsin_runtime.health import Health
from tocsin_runtime.kafka_log import KafkaLog
from tocsin_runtime.lifecycle import Tasks
from tocsin_runtime.log import AppendLimits, Log
from tocsin_runtime.metrics import Metrics

_log = structlog.get_logger()
_CLOSE_S = 4.5


class Connected(Protocol):
    """What is disconnected at the end."""

    async def close(self) -> None:
        """Disconnect. Never raises."""


class Ingest:
    """The gateway as a service: `start`, `wait`, `stop`."""

    def __init__(
        self,
        settings: IngestSettings,
        *,
        log: Log,
        control: Control,
        outcomes: Outcomes,
        incidents: Incidents,
        request_log: LineLog,
        clock: Clock,
        registry: Metrics,
        metrics: IngestMetrics,
        store: Store | None = None,
        failed: FailedStore | None = None,
        erasures: Erasures | None = None,
        sns_opener: Opener | None = None,
    ) -> None:
        self._settings, self._metrics, self._request_log = settings, metrics, request_log
        self._control, self._erasures, self._store = control, erasures, store
        self._health, self._tasks = Health(), Tasks()
        self.appender = log.appender(LOG, _append_limits(settings))
        self._reader = LazyReader(log.reader())
        self._partitions = PartitionCount(log.admin(), LOG)
        self.refusals = _refusals(settings, clock)
        self.ticker = Ticker(
            appender=self.appender,
            partitions=self._partitions.count,
            refusals=self.refusals,
            metrics=metrics,
            clock=clock,
            interval_s=settings.tick_interval_s,
        )
        self._wiring = Wiring(
            settings,
            control=control,
            clock=clock,
            metrics=metrics,
            appender=self.appender,
            reader=self._reader,
            refusals=self.refusals,
        )
        sns = AmazonSns(sns_opener or HttpsOpener(), clock=clock, timeout_s=settings.sns_timeout_s)
        deliveries = self._wiring.deliveries(sns)
        self._commands = self._wiring.commands(outcomes, incidents)
        routes = self._wiring.routes(
            deliveries,
            self._commands,
            failed=failed,
            store=store,
            health=self._health,
            registry=registry,
            request_log=request_log,
        )
        self.listener = Listener(routes, settings, metrics, self.refusals.note_all)
        self._connected: tuple[Connected | None, ...] = (control, outcomes, incidents, sns, store, failed, erasures)
        self._show(deliveries)

    async def start(self) -> None:
        """Read what is known of integrations, listen, begin to tick; PostgreSQL and Kafka may both be down."""
        await self._control.start()
        await self.listener.start()
        self._tasks.spawn("control", self._control.run())
        self._tasks.spawn("ticks", self.ticker.run())
        self._tasks.spawn("overcommit", self._watch_overcommit())
        if self._erasures is not None:
            self._tasks.spawn("eraser", self._wiring.eraser(self._erasures).run())
        _log.info("ingest.listening", url=self.listener.url)

    async def wait(self) -> None:
        """Work until stopped; raise the error of a task that died."""
        await self._tasks.wait()

    async def stop(self) -> None:
        """Accept nothing more, answer what is under way, say goodbye in a last tick, flush, leave."""
        self._health.stop()
        self._commands.release()
        await self.listener.stop()
        await self._tasks.cancel()
        await self.ticker.leave()
        await self.appender.close(timeout_s=_CLOSE_S)
        await self._reader.close()
        await self._partitions.close()
        for each in self._connected:
            if each is not None:
                await each.close()
        self._request_log.flush()

    def _show(self, deliveries: Deliveries) -> None:
        """Let metrics and readiness look at what runs."""
        self._metrics.in_flight.set_function(lambda: deliveries.in_flight)
        self._metrics.queued_bytes.set_function(lambda: self.appender.queued_bytes)
        self._metrics.last_ack_seconds.set_function(lambda: self.appender.last_ack_age_s)
        self._health.add("log", self._log_fault)
        self._health.add("directory", self._directory_fault)

    def _log_fault(self) -> str | None:
        """Ticks are acknowledged every interval, so silence longer than one and an append's deadline is an outage."""
        age = self.appender.last_ack_age_s
        if age > self._settings.tick_interval_s + self._settings.append_deadline_s:
            return f"the log has acknowledged nothing for {age:.0f} s"
        return self.ticker.fault()

    def _directory_fault(self) -> str | None:
        if self._control.current() is None:
            return "integrations are not known: PostgreSQL does not answer and there is no snapshot"
        return None

    async def _watch_overcommit(self) -> None:
        """Report partitions whose tenants are allowed more than a worker folds (P9), at each change."""
        while True:
            self._report_overcommit()
            await self._control.changed()

    def _report_overcommit(self) -> None:
        directory = self._control.current()
        if directory is None:
            return
        limits = ((tenant.partition, tenant.rate_limit_per_min) for tenant in directory.tenants.values())
        most = directory.worker_rate_per_min
        over = overcommitted(limits, most)
        self._metrics.overcommitted.set(len(over))
        for partition, total in over.items():
            _log.warning("partition.overcommitted", partition=partition, limits_per_min=total, worker_per_min=most)


def _append_limits(settings: IngestSettings) -> AppendLimits:
    return AppendLimits(
        deadline_s=settings.append_deadline_s,
        queued_bytes_max=settings.queued_max_bytes,
        message_bytes_max=LOG_MAX_MESSAGE_BYTES,
    )


def _refusals(settings: IngestSettings, clock: Clock) -> Refusals:
    """Begin to remember refusals, under a name that no other run of a gateway has."""
    return Refusals(
        gateway=settings.gateway or socket.gethostname(),
        process=secrets.token_hex(8),
        now_ms=round(clock.monotonic() * 1000),
        interval_ms=round(settings.tick_interval_s * 1000),
    )


def build(settings: IngestSettings) -> Ingest:
    """Put the real parts together; connects to nothing yet.

    Raises:
        Fatal: no master key, or not one.
    """
    if settings.master_key_file is None:
        raise Fatal("TOCSIN_MASTER_KEY_FILE is not set: ingest cannot read the secrets of integrations without it")
    clock = SystemClock()
    registry = Metrics()
    metrics = IngestMetrics(registry)
    dsn, master_key = settings.postgres.get_secret_value(), MasterKeyFile(settings.master_key_file)
    collector.spare()  # every request under way is a few hundred living objects: a tenth of the CPU went into looking at them
    return Ingest(
        settings,
        log=KafkaLog(settings.kafka, clock=clock),
        control=PostgresControl(
            dsn,
            master_key,
            clock=clock,
            snapshot=settings.snapshot,
            dropped=metrics.usage_dropped,
            poll_s=settings.control_poll_s,
        ),
        outcomes=PostgresOutcomes(dsn, clock=clock, connections_max=settings.postgres_connections_max),
        incidents=PostgresIncidents(dsn, clock=clock, connections_max=settings.incident_connections_max),
        request_log=LineLog(sys.stderr.buffer, metrics=metrics, lines_max=settings.log_buffer_max, flush_s=settings.log_flush_s),
        clock=clock,
        registry=registry,
        metrics=metrics,
        erasures=PostgresErasures(dsn, clock=clock),
        failed=PostgresFailed(dsn, clock=clock, connections_max=settings.redrive_connections_max),
        store=PostgresManagement(dsn, master_key, clock=clock, connections_max=settings.management_connections_max),
    )
