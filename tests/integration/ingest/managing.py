"""Gateways on a real `control` and the in-memory log: what administrators do over HTTP, and what senders then meet."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import orjson

from tests.support.migrated import MigratedDatabase
from tests.unit.ingest.gateway import Answer, InMemoryIncidents, InMemoryOutcomes
from tocsin_contracts.topics import LOG
from tocsin_control.bootstrap import Role
from tocsin_control.directory import Directory, IntegrationEntry
from tocsin_control.keys import create_key
from tocsin_control.master_key import MasterKey, generate_master_key
from tocsin_control.principal import Scope
from tocsin_control.tenants import create_tenant
from tocsin_ingest.adapters.control import PostgresControl
from tocsin_ingest.adapters.management import PostgresManagement
from tocsin_ingest.adapters.request_log import LineLog
from tocsin_ingest.metrics import IngestMetrics
from tocsin_ingest.service import Ingest
from tocsin_ingest.settings import IngestSettings
from tocsin_runtime.clock import SystemClock
from tocsin_runtime.memory_log import MemoryLog
from tocsin_runtime.metrics import Metrics
from tocsin_runtime.postgres import Connection, close, connect

FIRING = orjson.dumps(
    {
        "version": "4",
        "groupKey": "{}",
        "status": "firing",
        "alerts": [{"status": "firing", "labels": {"alertname": "Down", "service": "api"}, "startsAt": "2026-01-31T12:00:00Z"}],
    }
)


@dataclass(frozen=True, slots=True)
class Gateway:
    """One gateway process, as its callers meet it."""

    ingest: Ingest
    control: PostgresControl
    session: aiohttp.ClientSession
    lines: io.BytesIO
    answers: list[bytes] = field(default_factory=list)
    """Every answer's bytes, for a look at what was ever said."""

    async def call(
        self, method: str, path: str, body: object = None, *, key: str = "", headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Ask as the holder of a key."""
        sent = {"Authorization": f"Bearer {key}"} | dict(headers or {})
        data: bytes | None = None
        if body is not None:
            data = body if isinstance(body, bytes) else orjson.dumps(body)
            sent.setdefault("Content-Type", "application/json")
        async with self.session.request(method, self.ingest.listener.url + path, data=data, headers=sent) as response:
            content = await response.read()
            self.answers.append(content + repr(dict(response.headers)).encode())
            return Answer(response.status, response.headers, content)

    async def deliver(self, path: str, secret: str) -> int:
        """Send a webhook as Alertmanager does."""
        return (await self.call("POST", path, FIRING, key=secret)).status

    async def until(self, holds: Callable[[Directory], bool]) -> None:
        """Wait on the gateway's own signal until its directory is as wanted."""
        while (directory := self.control.current()) is None or not holds(directory):
            await self.control.changed()

    async def until_integration(self, integration: str, holds: Callable[[IntegrationEntry], bool] = lambda _entry: True) -> None:
        """Wait until the gateway knows an integration as wanted."""
        await self.until(lambda directory: (entry := directory.integration(integration)) is not None and holds(entry))

    def logged(self) -> bytes:
        """Give every log line so far."""
        self.ingest._request_log.flush()
        return self.lines.getvalue()


@dataclass(slots=True)
class World:
    """An installation: one database, two tenants, their keys, as many gateways as a test starts."""

    database: MigratedDatabase
    owner: Connection
    master_key: MasterKey = field(default_factory=generate_master_key)
    tenants: dict[str, str] = field(default_factory=dict)

    async def tenant(self, name: str) -> str:
        """Make a tenant; gives its id."""
        self.tenants[name] = (await create_tenant(self.owner, name=name, partitions=1)).id
        return self.tenants[name]

    async def key(self, tenant: str, *scopes: Scope) -> str:
        """Make a key; gives its text."""
        made = await create_key(self.owner, tenant=self.tenants[tenant], actor_name="Ada", actor_kind="person", scopes=scopes)
        return made.text.get_secret_value()

    @asynccontextmanager
    async def gateway(self, **settings: Any) -> AsyncIterator[Gateway]:
        """Run a gateway."""
        clock, lines, registry = SystemClock(), io.BytesIO(), Metrics(process=False)
        metrics = IngestMetrics(registry)
        poll_s = settings.pop("poll_s", 0.01)
        dsn = settings.pop("dsn", self.database.dsn_of(Role.INGEST))
        control = PostgresControl(dsn, self.master_key, clock=clock, snapshot=None, dropped=metrics.usage_dropped, poll_s=poll_s)
        ingest = Ingest(
            IngestSettings.model_validate({"port": 0, "gateway": "test", "linger_s": 0.05, **settings}),
            log=MemoryLog(clock, {LOG: 1}),
            control=control,
            outcomes=InMemoryOutcomes(),
            incidents=InMemoryIncidents(),
            request_log=LineLog(lines, metrics=metrics, lines_max=1000, flush_s=5.0),
            clock=clock,
            registry=registry,
            metrics=metrics,
            store=PostgresManagement(dsn, self.master_key, clock=clock, connections_max=2),
        )
        await ingest.start()
        try:
            async with aiohttp.ClientSession(auto_decompress=False) as session:
                yield Gateway(ingest, control, session, lines)
        finally:
            await ingest.stop()


@asynccontextmanager
async def inhabited(database: MigratedDatabase) -> AsyncIterator[World]:
    """Make two tenants."""
    owner = await connect(database.dsn_of(Role.OWNER), application="test")
    try:
        world = World(database=database, owner=owner)
        for name in ("acme", "rival"):
            await world.tenant(name)
        yield world
    finally:
        await close(owner)
