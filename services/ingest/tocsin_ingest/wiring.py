"""What answers each kind of request, built from settings, and what these share: quotas, callers, the receiver of bodies."""

from __future__ import annotations

from tocsin_control.auth import Authenticator, DirectoryKeys
from tocsin_ingest.adapters.log_parts import LazyReader
from tocsin_ingest.adapters.request_log import LineLog
from tocsin_ingest.adapters.sns import AmazonSns
from tocsin_ingest.bodies import Bodies
from tocsin_ingest.caller import Callers
from tocsin_ingest.commands.dispatch import Commands
from tocsin_ingest.commands.ports import Incidents
from tocsin_ingest.commands.resolving import Resolver
from tocsin_ingest.commands.waiting import CommandLog, Waits
from tocsin_ingest.domain.content import ContentLimits
from tocsin_ingest.domain.redrive import FailureBound
from tocsin_ingest.domain.refusals import Refusals
from tocsin_ingest.eraser import Eraser
from tocsin_ingest.failed.bulk import BulkRedriver
from tocsin_ingest.failed.dispatch import FailedDeliveries
from tocsin_ingest.failed.ports import FailedStore
from tocsin_ingest.failed.resending import Resender
from tocsin_ingest.handler import Bounds, Deliveries
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
from tocsin_runtime.address import Addresses, networks
from tocsin_runtime.buckets import Buckets, Quota
from tocsin_runtime.clock import Clock
from tocsin_runtime.health import Health
from tocsin_runtime.limits import Failures, Limits
from tocsin_runtime.log import Appender
from tocsin_runtime.metrics import Metrics


class Wiring:
    """Builds the answering parts from settings; one place for what they share."""

    def __init__(
        self,
        settings: IngestSettings,
        *,
        control: Control,
        clock: Clock,
        metrics: IngestMetrics,
        appender: Appender,
        reader: LazyReader,
        refusals: Refusals,
    ) -> None:
        self._settings = settings
        self._appender = appender
        self._reader = reader
        self._refusals = refusals
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

    def routes(
        self,
        deliveries: Deliveries,
        commands: Commands,
        *,
        failed: FailedStore | None,
        store: Store | None,
        health: Health,
        registry: Metrics,
        request_log: LineLog,
    ) -> Routes:
        """Build the answerer of every request; without a store its kind of request is answered 503."""
        settings = self._settings
        recorded = self.recorded()
        return Routes(
            deliveries=deliveries,
            commands=commands,
            bodies=self.bodies(recorded),
            failed=None if failed is None else self.failed(failed, recorded),
            management=None if store is None else self.management(store),
            health=health,
            registry=registry,
            metrics=self._metrics,
            request_log=request_log,
            addresses=Addresses(networks(settings.proxies)),
            clock=self._clock,
            limits=HeaderLimits(headers_max=settings.headers_max, url_max_bytes=settings.url_max_bytes),
        )

    def deliveries(self, sns: AmazonSns) -> Deliveries:
        """Build the answerer of webhooks."""
        settings = self._settings
        content = ContentLimits(decoded_bytes=settings.body_max_bytes, ratio=settings.ratio_max)
        return Deliveries(
            directory=self._control.current,
            appender=self._appender,
            receiver=self._receiver,
            limits=self._limits,
            failures=self._failures,
            refusals=self._refusals,
            usage=self._control,
            metrics=self._metrics,
            clock=self._clock,
            bounds=Bounds(in_flight_max=settings.in_flight_max, content=content),
            sns=SnsMessages(certificates=sns, confirmations=sns),
        )

    def commands(self, outcomes: Outcomes, incidents: Incidents) -> Commands:
        """Build the answerer of commands."""
        settings = self._settings
        return Commands(
            callers=self._callers,
            log=CommandLog(directory=self._control.current, appender=self._appender, metrics=self._metrics),
            waits=Waits(outcomes, waiting_max=settings.commands_waiting_max),
            resolver=Resolver(incidents, slow_max=settings.rule_checks_max),
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

    def eraser(self, erasures: Erasures) -> Eraser:
        """Build what erases tenants."""
        settings = self._settings
        return Eraser(erasures=erasures, appender=self._appender, every_s=settings.erase_poll_s, waited_s=settings.erase_wait_s)

    def recorded(self) -> RecordedDeliveries:
        """Build the reader of deliveries; bodies and redrives share its bounds."""
        settings = self._settings
        return RecordedDeliveries(
            directory=self._control.current,
            reader=self._reader,
            at_once_max=settings.body_reads_max,
            deadline_s=settings.body_read_deadline_s,
        )

    def bodies(self, recorded: RecordedDeliveries) -> Bodies:
        """Build the answerer of bodies."""
        quota = Quota(per_minute=self._settings.bodies_per_min, burst=self._settings.bodies_burst)
        return Bodies(callers=self._callers, deliveries=recorded, limits=self._limits, quota=quota)

    def failed(self, store: FailedStore, recorded: RecordedDeliveries) -> FailedDeliveries:
        """Build the answerer of failed deliveries."""
        settings = self._settings
        resender = Resender(directory=self._control.current, deliveries=recorded, appender=self._appender)
        return FailedDeliveries(
            callers=self._callers,
            directory=self._control.current,
            deliveries=recorded,
            resender=resender,
            bulk=BulkRedriver(
                store=store,
                resender=resender,
                reader=self._reader,
                clock=self._clock,
                bound=FailureBound(share=settings.redrive_failed_share, least=settings.redrive_failed_least),
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
