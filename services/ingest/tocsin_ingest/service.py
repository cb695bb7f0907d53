"""Put ingest together: the only module that constructs adapters."""

from __future__ import annotations

import secrets
import socket
import sys

import structlog

from tocsin_contracts.topics import LOG, LOG_MAX_MESSAGE_BYTES
from tocsin_control.auth import Authenticator, DirectoryKeys
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
from tocsin_ingest.bodies import Bodies
from tocsin_ingest.caller import Callers
from tocsin_ingest.commands.dispatch import Commands
from tocsin_ingest.commands.ports import Incidents
from tocsin_ingest.commands.resolving import Resolver
from tocsin_ingest.commands.waiting import CommandLog, Waits
from tocsin_ingest.domain.address import Addresses, networks
from tocsin_ingest.domain.buckets import Buckets, Quota
from tocsin_ingest.domain.content import ContentLimits
from tocsin_ingest.domain.overcommit import overcommitted
from tocsin_ingest.domain.redrive import Patience
from tocsin_ingest.domain.refusals import Refusals
from tocsin_ingest.eraser import Eraser
from tocsin_ingest.failed.bulk import BulkRedriver
from tocsin_ingest.failed.dispatch import FailedDeliveries
from tocsin_ingest.failed.ports import FailedStore
from tocsin_ingest.failed.resending import Resender
from tocsin_ingest.handler import Bounds, Deliveries
from tocsin_ingest.limits import Failures, Limits
from tocsin_ingest.management.audit import Audit
from tocsin_ingest.management.dispatch import Management
from tocsin_ingest.management.integrations import Integrations
from tocsin_ingest.management.keys import Keys
from tocsin_ingest.management.ports import Store
from tocsin_ingest.metrics import IngestMetrics
from tocsin_ingest.ports import Control, Erasures, Outcomes
from tocsin_ingest.receiving import Receiver
from tocsin_ingest.recorded import RecordedDeliveries
from tocsin_ingest.routes import HeaderLimits, Routes
from tocsin_ingest.settings import IngestSettings
from tocsin_ingest.sns import SnsMessages
from tocsin_ingest.ticks import Ticker
from tocsin_runtime import collector
from tocsin_runtime.clock import Clock, SystemClock
from tocsin_runtime.errors import Fatal
from tocsin_runtime.health import Health
from tocsin_runtime.kafka_log import KafkaLog
from tocsin_runtime.lifecycle import Tasks
from tocsin_runtime.log import Appender, AppendLimits, Log
from tocsin_runtime.metrics import Metrics

_log = structlog.get_logger()
_CLOSE_S = 4.5


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
        self._settings = settings
        self._control = control
        self._store = store
        self._failed = failed
        self._erasures = erasures
        self._outcomes = outcomes
        self._incidents = incidents
        self._request_log = request_log
        self._metrics = metrics
        self._health = Health()
        self._tasks = Tasks()
        limits = AppendLimits(
            deadline_s=settings.append_deadline_s,
            queued_bytes_max=settings.queued_max_bytes,
            message_bytes_max=LOG_MAX_MESSAGE_BYTES,
        )
        self.appender = log.appender(LOG, limits)
        self._reader = LazyReader(log.reader())
        self._partitions = PartitionCount(log.admin(), LOG)
        self.refusals = Refusals(
            gateway=settings.gateway or socket.gethostname(),
            process=secrets.token_hex(8),
            now_ms=round(clock.monotonic() * 1000),
            interval_ms=round(settings.tick_interval_s * 1000),
        )
        self.ticker = Ticker(
            appender=self.appender,
            partitions=self._partitions.count,
            refusals=self.refusals,
            metrics=metrics,
            clock=clock,
            interval_s=settings.tick_interval_s,
        )
        self._wiring = _Wiring(settings, control=control, clock=clock, metrics=metrics)
        self._sns = AmazonSns(sns_opener or HttpsOpener(), clock=clock, timeout_s=settings.sns_timeout_s)
        deliveries = self._wiring.deliveries(self.appender, self.refusals, self._sns)
        self._commands = self._wiring.commands(self.appender, outcomes, incidents)
        recorded = self._wiring.recorded(self._reader)
        self.listener = Listener(
            Routes(
                deliveries=deliveries,
                commands=self._commands,
                bodies=self._wiring.bodies(recorded),
                failed=None if failed is None else self._wiring.failed(failed, recorded, self._reader, self.appender),
                management=None if store is None else self._wiring.management(store),
                health=self._health,
                registry=registry,
                metrics=metrics,
                request_log=request_log,
                addresses=Addresses(networks(settings.proxies)),
                clock=clock,
                limits=HeaderLimits(headers_max=settings.headers_max, url_max_bytes=settings.url_max_bytes),
            ),
            settings,
            metrics,
            self.refusals.note_all,
        )
        metrics.in_flight.set_function(lambda: deliveries.in_flight)
        metrics.queued_bytes.set_function(lambda: self.appender.queued_bytes)
        metrics.last_ack_seconds.set_function(lambda: self.appender.last_ack_age_s)
        self._health.add("log", self._log_fault)
        self._health.add("directory", self._directory_fault)

    async def start(self) -> None:
        """Read what is known of integrations, listen, begin to tick; PostgreSQL and Kafka may both be down."""
        await self._control.start()
        await self.listener.start()
        self._tasks.spawn("control", self._control.run())
        self._tasks.spawn("ticks", self.ticker.run())
        self._tasks.spawn("overcommit", self._watch_overcommit())
        if self._erasures is not None:
            self._tasks.spawn("eraser", self._wiring.eraser(self._erasures, self.appender).run())
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
        await self._control.close()
        await self._outcomes.close()
        await self._incidents.close()
        await self._sns.close()
        for store in (self._store, self._failed, self._erasures):
            if store is not None:
                await store.close()
        self._request_log.flush()

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
        over = overcommitted(limits, self._settings.worker_rate_per_min)
        self._metrics.overcommitted.set(len(over))
        for partition, total in over.items():
            most = self._settings.worker_rate_per_min
            _log.warning("partition.overcommitted", partition=partition, limits_per_min=total, worker_per_min=most)


class _Wiring:
    """Builds the answering parts from settings; one place for what they share."""

    def __init__(self, settings: IngestSettings, *, control: Control, clock: Clock, metrics: IngestMetrics) -> None:
        self._settings = settings
        self._control = control
        self._clock = clock
        self._metrics = metrics
        self._limits = Limits(Buckets(most=settings.buckets_max), clock)
        quota = Quota(per_minute=settings.failures_per_min, burst=settings.failures_burst)
        self._failures = Failures(Buckets(most=settings.addresses_max), clock, quota)
        keys = DirectoryKeys(control.current)
        authenticator = Authenticator(keys, clock=clock, used=control.key_used)
        self._callers = Callers(authenticator, self._failures, metrics)
        self._receiver = Receiver(
            body_max=settings.body_max_bytes,
            deadline_s=settings.body_deadline_s,
            receiving_max=settings.receiving_max_bytes,
        )

    def deliveries(self, appender: Appender, refusals: Refusals, sns: AmazonSns) -> Deliveries:
        """Build the answerer of webhooks."""
        settings = self._settings
        content = ContentLimits(decoded_bytes=settings.body_max_bytes, ratio=settings.ratio_max)
        return Deliveries(
            directory=self._control.current,
            appender=appender,
            receiver=self._receiver,
            limits=self._limits,
            failures=self._failures,
            refusals=refusals,
            usage=self._control,
            metrics=self._metrics,
            clock=self._clock,
            bounds=Bounds(in_flight_max=settings.in_flight_max, content=content),
            sns=SnsMessages(certificates=sns, confirmations=sns),
        )

    def commands(self, appender: Appender, outcomes: Outcomes, incidents: Incidents) -> Commands:
        """Build the answerer of commands."""
        settings = self._settings
        return Commands(
            callers=self._callers,
            log=CommandLog(directory=self._control.current, appender=appender, metrics=self._metrics),
            waits=Waits(outcomes, waiting_max=settings.commands_waiting_max),
            resolver=Resolver(incidents),
            receiver=self._receiver,
            limits=self._limits,
            quota=Quota(per_minute=settings.commands_per_min, burst=settings.commands_burst),
            heavy_quota=Quota(per_minute=settings.heavy_commands_per_min, burst=settings.heavy_commands_burst),
            metrics=self._metrics,
            clock=self._clock,
            wait_s=settings.command_wait_s,
            wait_max_s=settings.command_wait_max_s,
        )

    def management(self, store: Store) -> Management:
        """Build the answerer of management."""
        settings = self._settings
        integrations = Integrations(
            store,
            self._receiver,
            public_url=settings.public_url,
            body_max=settings.body_max_bytes,
            trials_max=settings.trials_max,
        )
        return Management(
            callers=self._callers,
            directory=self._control.current,
            limits=self._limits,
            quota=Quota(per_minute=settings.management_per_min, burst=settings.management_burst),
            integrations=integrations,
            keys=Keys(store, self._receiver, self._clock),
            audit=Audit(store),
        )

    def eraser(self, erasures: Erasures, appender: Appender) -> Eraser:
        """Build what erases tenants."""
        settings = self._settings
        return Eraser(erasures=erasures, appender=appender, every_s=settings.erase_poll_s, waited_s=settings.erase_wait_s)

    def recorded(self, reader: LazyReader) -> RecordedDeliveries:
        """Build the reader of deliveries; bodies and redrives share its bounds."""
        settings = self._settings
        return RecordedDeliveries(
            directory=self._control.current,
            reader=reader,
            at_once_max=settings.body_reads_max,
            deadline_s=settings.body_read_deadline_s,
        )

    def bodies(self, recorded: RecordedDeliveries) -> Bodies:
        """Build the answerer of bodies."""
        quota = Quota(per_minute=self._settings.bodies_per_min, burst=self._settings.bodies_burst)
        return Bodies(callers=self._callers, deliveries=recorded, limits=self._limits, quota=quota)

    def failed(
        self, store: FailedStore, recorded: RecordedDeliveries, reader: LazyReader, appender: Appender
    ) -> FailedDeliveries:
        """Build the answerer of failed deliveries."""
        settings = self._settings
        resender = Resender(directory=self._control.current, deliveries=recorded, appender=appender)
        return FailedDeliveries(
            callers=self._callers,
            directory=self._control.current,
            deliveries=recorded,
            resender=resender,
            bulk=BulkRedriver(
                store=store,
                resender=resender,
                reader=reader,
                clock=self._clock,
                patience=Patience(share=settings.redrive_failed_share, least=settings.redrive_failed_least),
                request_s=settings.redrive_request_s,
            ),
            store=store,
            audit=self._control,
            receiver=self._receiver,
            limits=self._limits,
            quota=Quota(per_minute=settings.redrives_per_min, burst=settings.redrives_burst),
            trials_max=settings.trials_max,
            bulks_max=settings.redrive_connections_max // 2,
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
