"""A whole ingest on a real socket, over the in-memory twin of the log and a directory that the test wrote."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import aiohttp
import orjson
from pydantic import SecretStr

from tocsin_contracts.delivery import DeliveryEnvelope, delivery_envelope
from tocsin_contracts.envelope import Kind, kind_of
from tocsin_contracts.ids import IntegrationId, TenantId, parse_delivery_id
from tocsin_contracts.reference import CHOICES_MAX, IncidentRange
from tocsin_contracts.tick import Tick, decode_tick
from tocsin_contracts.topics import LOG
from tocsin_control.api_key import generate_key, parse_key
from tocsin_control.audit import Author
from tocsin_control.directory import Directory, IntegrationEntry, KeyEntry, SecretEntry, TenantEntry, directory_of
from tocsin_control.principal import Scope
from tocsin_control.usage import TurnedAway
from tocsin_ingest.adapters.request_log import LineLog
from tocsin_ingest.adapters.sns import Opener
from tocsin_ingest.commands.ports import Choice
from tocsin_ingest.domain.ask import Wanted
from tocsin_ingest.failed.ports import FailedStore
from tocsin_ingest.metrics import IngestMetrics
from tocsin_ingest.ports import Outcome, Outcomes
from tocsin_ingest.service import Ingest
from tocsin_ingest.settings import IngestSettings
from tocsin_runtime.clock import Clock, SystemClock
from tocsin_runtime.group_commit import GroupCommit
from tocsin_runtime.log import DEFAULT_APPEND_LIMITS, AppendLimits, Entry, Record
from tocsin_runtime.memory_log import MemoryLog, Signal
from tocsin_runtime.metrics import Metrics
from tocsin_runtime.postgres import PostgresUnavailable

PARTITIONS = 3
ACME = TenantId("0000000000000000000000ACME")
RIVAL = TenantId("000000000000000000000R1VAL")
ACME_PARTITION, RIVAL_PARTITION = 1, 2
PAGER = IntegrationId("0000000000000000000000PAGE")
ERRORS = IntegrationId("00000000000000000000ERR0RS")
DISABLED = IntegrationId("000000000000000000000D15AB")
RIVALS = IntegrationId("00000000000000000000R1VALS")
SECRET = "canary-secret-of-the-pager"
OLD_SECRET = "canary-secret-before-rotation"
SIGNING = "canary-signing-secret"
RIVAL_SECRET = "canary-secret-of-a-rival"
ALERTMANAGER = f"/api/v1/webhooks/alertmanager/{PAGER}"
SENTRY = f"/api/v1/webhooks/sentry/{ERRORS}"
BEARER = {"Authorization": f"Bearer {SECRET}"}
BODY = orjson.dumps({"version": "4", "status": "firing", "alerts": [{"status": "firing", "labels": {"alertname": "Down"}}]})


class FixedControl:
    """`Control` that knows what the test said; the twin of `PostgresControl` for what ingest asks of it."""

    def __init__(self, directory: Directory | None) -> None:
        self.directory = directory
        self.secrets_used: list[tuple[str, int]] = []
        self.url_tokens_used: list[tuple[str, int]] = []
        self.keys_used: list[str] = []
        self.rejections: list[tuple[str, str, str]] = []
        self.samples: list[tuple[TurnedAway, str, str]] = []
        self.deeds: list[tuple[str, str, str, Mapping[str, object]]] = []
        self._changed = asyncio.Event()

    async def start(self) -> None:
        return

    async def run(self) -> None:
        await asyncio.Event().wait()

    def current(self) -> Directory | None:
        return self.directory

    async def changed(self) -> None:
        await self._changed.wait()
        self._changed.clear()

    def put(self, directory: Directory | None) -> None:
        """Let another directory come into force."""
        self.directory = directory
        self._changed.set()

    def secret_used(self, integration: str, slot: int) -> None:
        self.secrets_used.append((integration, slot))

    def url_token_used(self, integration: str, slot: int) -> None:
        self.url_tokens_used.append((integration, slot))

    def key_used(self, key_id: str) -> None:
        self.keys_used.append(key_id)

    def rejected(self, reason: str, *, tenant: str = "", integration: str = "") -> None:
        self.rejections.append((reason, tenant, integration))

    def sampled(self, away: TurnedAway, *, tenant: str = "", integration: str = "") -> None:
        self.samples.append((away, tenant, integration))

    def note(self, author: Author, action: str, *, tenant: str, subject: str, detail: Mapping[str, object]) -> None:
        self.deeds.append((author.name, action, subject, detail))

    async def close(self) -> None:
        return


class InMemoryOutcomes:
    """`Outcomes` in memory; passes the contract suite of `tests/integration/ingest/test_outcomes.py`."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str], Outcome] = {}
        self._written = asyncio.Event()
        self.away = False
        self.waited = 0

    def record(self, tenant: str, command: str, outcome: Outcome) -> None:
        """Do as the grouper does: the first outcome of a command stays."""
        self._rows.setdefault((tenant, command), outcome)
        self._written.set()

    async def find(self, tenant: str, command: str) -> Outcome | None:
        if self.away:
            raise PostgresUnavailable
        return self._rows.get((tenant, command))

    async def wait(self, tenant: str, command: str, timeout_s: float) -> Outcome | None:
        self.waited += 1
        try:
            async with asyncio.timeout(timeout_s):
                while (outcome := await self.find(tenant, command)) is None:
                    self._written.clear()
                    await self._written.wait()
                return outcome
        except TimeoutError:
            return None

    async def close(self) -> None:
        return


class InMemoryIncidents:
    """`Incidents` in memory; filters by status alone."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], Choice] = {}
        self.asked: list[Wanted] = []
        self.away = False

    def record(self, tenant: str, incident: str, title: str = "Down", status: str = "OPEN") -> None:
        """Do as the grouper does."""
        self.rows[tenant, incident] = Choice(id=incident, title=title, status=status)

    async def choices(self, tenant: str, wanted: Sequence[IncidentRange]) -> list[list[Choice]]:
        self._answer()
        mine = [choice for (owner, _), choice in sorted(self.rows.items()) if owner == tenant]
        return [[choice for choice in mine if each.first <= choice.id <= each.last][:CHOICES_MAX] for each in wanted]

    async def matching(self, tenant: str, wanted: Wanted, limit: int) -> list[str]:
        """Give the newest first: of equal age, the higher id; by status alone."""
        self._answer()
        self.asked.append(wanted)
        return self._matching(tenant, wanted)[:limit]

    async def count(self, tenant: str, wanted: Wanted) -> int:
        self._answer()
        return len(self._matching(tenant, wanted))

    def _matching(self, tenant: str, wanted: Wanted) -> list[str]:
        return [
            choice.id
            for (owner, _), choice in sorted(self.rows.items(), reverse=True)
            if owner == tenant and (not wanted.statuses or choice.status in wanted.statuses)
        ]

    async def close(self) -> None:
        return

    def _answer(self) -> None:
        if self.away:
            raise PostgresUnavailable


class WatchedLog(MemoryLog):
    """The twin, which also tells how many deliveries and commands were handed to it: tests wait for that, not for time."""

    def __init__(self, clock: Clock, topics: Mapping[str, int]) -> None:
        super().__init__(clock, topics)
        self.handed = 0
        self._handing = Signal()

    def appender(self, topic: str, limits: AppendLimits = DEFAULT_APPEND_LIMITS) -> GroupCommit:
        appender = super().appender(topic, limits)
        append = appender.append

        async def watched(partition: int, entry: Entry) -> int:
            if entry.key is not None:
                self.handed += 1
                self._handing.fire()
            return await append(partition, entry)

        appender.append = watched  # type: ignore[method-assign] # the same promise, seen
        return appender

    async def until_handed(self, count: int) -> None:
        """Wait until so many entries were handed over since the start."""
        while self.handed < count:
            await self._handing.wait()


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, read whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        value: dict[str, Any] = orjson.loads(self.body)
        return value

    @property
    def problem(self) -> str:
        """The last word of the problem's type."""
        assert self.headers["Content-Type"] == "application/problem+json"
        assert self.json["status"] == self.status
        return str(self.json["type"]).replace("#", "/").rsplit("/", 1)[-1]


@dataclass(slots=True)
class Gateway:
    """A running ingest, and what a test may do to the world around it."""

    ingest: Ingest
    log: WatchedLog
    control: FixedControl
    outcomes: InMemoryOutcomes
    incidents: InMemoryIncidents
    lines: io.BytesIO
    session: aiohttp.ClientSession
    keys: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return self.ingest.listener.url

    async def send(self, method: str, path: str, **options: Any) -> Answer:
        async with self.session.request(method, self.url + path, **options) as response:
            return Answer(response.status, response.headers, await response.read())

    async def post(self, path: str = ALERTMANAGER, body: Any = BODY, headers: Mapping[str, str] = BEARER) -> Answer:
        data = io.BytesIO(body) if isinstance(body, bytes) and len(body) > 1 << 20 else body  # aiohttp warns of large bytes
        return await self.send("POST", path, data=data, headers=headers)

    def records(self, partition: int, kind: Kind) -> list[Record]:
        return [each for each in self.log.topics[LOG].partitions[partition].records if kind_of(each.headers) == kind]

    def deliveries(self, partition: int = ACME_PARTITION) -> list[Record]:
        return self.records(partition, Kind.DELIVERY)

    def envelope(self, number: int = -1, partition: int = ACME_PARTITION) -> DeliveryEnvelope:
        return delivery_envelope(self.deliveries(partition)[number].headers)

    def ticks(self, partition: int = ACME_PARTITION) -> list[Tick]:
        return [decode_tick(record.value) for record in self.records(partition, Kind.TICK)]

    async def next_tick(self, partition: int = ACME_PARTITION) -> Tick:
        """Let one round of ticks be written, and give what it told a partition."""
        await self.ingest.ticker.tick()
        return self.ticks(partition)[-1]

    def stored(self, answer: Answer, tenant: str = ACME) -> Record:
        """Find the record that a 202 names."""
        position = parse_delivery_id(tenant, answer.json["delivery_id"])
        return self.log.topics[LOG].partitions[position.partition].records[position.offset]

    def log_lines(self) -> list[dict[str, Any]]:
        self.ingest._request_log.flush()
        return [orjson.loads(line) for line in self.lines.getvalue().splitlines()]


def secret(value: str, slot: int = 1, not_after: int | None = None) -> SecretEntry:
    return SecretEntry(slot=slot, version=slot, value=value.encode(), not_after=not_after)


def integration(name: str, tenant: TenantId, source: str, *secrets: SecretEntry, **changes: Any) -> IntegrationEntry:
    entry = IntegrationEntry(
        id=IntegrationId(name),
        tenant=tenant,
        source=source,
        name=f"{source}-{name}",
        version=7,
        enabled=True,
        rate_limit_per_min=1000,
        burst=2000,
        signature_required=True,
        secrets=secrets,
    )
    return replace(entry, **changes)


def tenant(name: TenantId, partition: int, rate: int = 6000, burst: int = 12000) -> TenantEntry:
    return TenantEntry(id=name, name=name, partition=partition, rate_limit_per_min=rate, burst=burst)


def key(tenant: TenantId, *scopes: Scope, expires_at: int | None = None) -> tuple[SecretStr, KeyEntry]:
    text = generate_key()
    parsed = parse_key(text.get_secret_value())
    entry = KeyEntry(
        id=parsed.id,
        tenant=tenant,
        sha256=parsed.sha256,
        scopes=frozenset(scopes),
        actor_kind="person",
        actor_name="Ada",
        expires_at=expires_at,
    )
    return text, entry


INTEGRATIONS = (
    integration(PAGER, ACME, "alertmanager", secret(SECRET, 2), secret(OLD_SECRET, 1)),
    integration(ERRORS, ACME, "sentry", secret(SIGNING)),
    integration(DISABLED, ACME, "sentry", secret(SIGNING), enabled=False),
    integration(RIVALS, RIVAL, "alertmanager", secret(RIVAL_SECRET)),
)
SCOPES = {
    "writer": (ACME, (Scope.INCIDENTS_WRITE, Scope.DELIVERIES_READ)),
    "colleague": (ACME, (Scope.INCIDENTS_WRITE,)),
    "ruler": (ACME, (Scope.RULES_WRITE,)),
    "reader": (ACME, (Scope.INCIDENTS_READ,)),
    "redriver": (ACME, (Scope.DELIVERIES_REDRIVE, Scope.DELIVERIES_READ)),
    "rival": (RIVAL, (Scope.INCIDENTS_WRITE, Scope.DELIVERIES_READ)),
}


def directory(
    integrations: tuple[IntegrationEntry, ...] = INTEGRATIONS,
    keys: tuple[KeyEntry, ...] = (),
    tenants: tuple[TenantEntry, ...] = (tenant(ACME, ACME_PARTITION), tenant(RIVAL, RIVAL_PARTITION)),
) -> Directory:
    return directory_of(1, tenants, integrations, keys)


@asynccontextmanager
async def running(
    known: Directory | None = None,
    *,
    unknown: bool = False,
    clock: Clock | None = None,
    outcomes: Outcomes | None = None,
    failed: Callable[[MemoryLog], FailedStore] | None = None,
    sns_opener: Opener | None = None,
    **settings: Any,
) -> AsyncIterator[Gateway]:
    """Run ingest; `unknown` leaves it without a directory. Ticks are written when the test says so."""
    clock = clock or SystemClock()
    log = WatchedLog(clock, {LOG: PARTITIONS})
    keys = {name: key(owner, *scopes) for name, (owner, scopes) in SCOPES.items()}
    if known is None:
        known = directory(keys=tuple(entry for _, entry in keys.values()))
    control = FixedControl(None if unknown else known)
    twin, incidents = InMemoryOutcomes(), InMemoryIncidents()
    registry = Metrics(process=False)
    metrics = IngestMetrics(registry)
    lines = io.BytesIO()
    ingest = Ingest(
        IngestSettings.model_validate({"port": 0, "gateway": "test", "linger_s": 0.05, **settings}),
        log=log,
        control=control,
        outcomes=outcomes or twin,
        incidents=incidents,
        failed=None if failed is None else failed(log),
        request_log=LineLog(lines, metrics=metrics, lines_max=1000, flush_s=5.0),
        clock=clock,
        registry=registry,
        metrics=metrics,
        sns_opener=sns_opener,
    )
    await ingest.start()
    try:
        async with aiohttp.ClientSession(auto_decompress=False) as session:
            shown = {name: f"Bearer {text.get_secret_value()}" for name, (text, _) in keys.items()}
            yield Gateway(ingest, log, control, twin, incidents, lines, session, shown)
    finally:
        log.thaw()
        await ingest.stop()
