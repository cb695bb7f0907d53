"""The query service, put together: the only place that builds adapters."""

import asyncio
from importlib.metadata import version

import structlog

from tocsin_control.auth import Authenticator, PostgresKeys
from tocsin_query.adapters.postgres import PostgresProjection, open_pool
from tocsin_query.caller import Callers
from tocsin_query.handler import Reader
from tocsin_query.metrics import QueryMetrics
from tocsin_query.routes import Api
from tocsin_query.settings import QuerySettings
from tocsin_query.turnstile import Turnstile
from tocsin_runtime import postgres
from tocsin_runtime.address import Addresses, networks
from tocsin_runtime.buckets import Buckets, Quota
from tocsin_runtime.clock import Clock, SystemClock
from tocsin_runtime.errors import TocsinError
from tocsin_runtime.health import Health
from tocsin_runtime.http import HttpServer, application
from tocsin_runtime.lifecycle import Tasks
from tocsin_runtime.limits import Failures
from tocsin_runtime.metrics import Metrics
from tocsin_runtime.postgres import Pool

_log = structlog.get_logger()


class QueryService:
    """Answers reads until told to stop. Starts and stays up with PostgreSQL away: reads are 503 then, ready says why."""

    def __init__(self, settings: QuerySettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._health = Health()
        self._metrics = Metrics()
        self._counted = QueryMetrics(self._metrics)
        self._tasks = Tasks()
        self._pool: Pool | None = None
        self._server: HttpServer | None = None
        self._unready: str | None = "PostgreSQL has not answered yet"
        self._health.add("projection", lambda: self._unready)

    @property
    def url(self) -> str:
        """Where it answers, once started."""
        if self._server is None:
            raise RuntimeError("not started")
        return self._server.url

    async def start(self) -> None:
        """Open the pool without waiting for PostgreSQL, and listen."""
        settings = self._settings
        self._pool = await open_pool(
            settings.postgres.get_secret_value(),
            size_max=settings.pool_size,
            statement_timeout_s=settings.statement_timeout_s,
            connect_timeout_s=settings.connect_timeout_s,
        )
        projection = PostgresProjection(self._pool, acquire_timeout_s=settings.connect_timeout_s)
        keys = PostgresKeys(
            self._pool, clock=self._clock, ttl_s=settings.key_memory_s, answer_timeout_s=settings.connect_timeout_s
        )
        api = Api(
            reader=Reader(projection=projection, count_max=settings.count_max),
            callers=self._callers(keys),
            turnstile=Turnstile(at_once=settings.tenant_at_once, waiting=settings.tenant_waiting),
            clock=self._clock,
            metrics=self._counted,
            version=version("tocsin-query"),
        )
        app = application(health=self._health, metrics=self._metrics)
        api.attach(app)
        await self._probe(projection)
        self._server = HttpServer(app, host=settings.host, port=settings.port, metrics=self._metrics)
        await self._server.start()
        self._tasks.spawn("probe", self._probe_for_ever(projection))
        _log.info("query.listening", url=self._server.url)

    async def wait(self) -> None:
        """Serve until the process is told to stop."""
        await self._tasks.wait()

    async def stop(self) -> None:
        """Answer what was asked, then close."""
        self._health.stop()
        if self._server is not None:
            await self._server.stop()
        await self._tasks.cancel()
        if self._pool is not None:
            await postgres.close(self._pool)

    def _callers(self, keys: PostgresKeys) -> Callers:
        """Build what believes keys; buckets of failures are this process's own, as the gateway's are."""
        settings = self._settings
        quota = Quota(per_minute=settings.failures_per_min, burst=settings.failures_burst)
        return Callers(
            keys=Authenticator(keys, clock=self._clock),
            failures=Failures(Buckets(most=settings.addresses_max), self._clock, quota),
            addresses=Addresses(networks(settings.proxies)),
        )

    async def _probe_for_ever(self, projection: PostgresProjection) -> None:
        while True:
            await asyncio.sleep(self._settings.probe_interval_s)
            await self._probe(projection)

    async def _probe(self, projection: PostgresProjection) -> None:
        """Look once: whether reads can be answered, and how old each partition is."""
        try:
            appended = await projection.positions()
        except TocsinError as error:
            self._unready = str(error)
            self._counted.postgres_up.set(0)
            return
        self._unready = None
        self._counted.postgres_up.set(1)
        for partition, last_raw in appended.items():
            self._counted.age.labels(partition).set(max(0, self._clock.now() - last_raw) / 1_000_000)


def build(settings: QuerySettings) -> QueryService:
    """Put the service together from its settings."""
    return QueryService(settings, SystemClock())
