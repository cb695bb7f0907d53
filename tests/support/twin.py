"""The way of a delivery in memory, at times that tests choose: ingest's appender and ticks, the real map, the real handler.

twin = Twin("alertmanager", settings)
await twin.deliver(body); twin.clock.advance(60); await twin.tick()      # what the gateway writes
twin.normalize(); await twin.fold()                                      # what the workers do, as late as you like
"""

from collections.abc import Mapping, Sequence
from typing import Any

from tests.support.folding import START
from tocsin_contracts.command import Actor, Command, SetRules, encode_command
from tocsin_contracts.delivery import encode_accepted
from tocsin_contracts.envelope import Kind, log_headers
from tocsin_contracts.integration import IntegrationSettings
from tocsin_contracts.topics import ALERTS, GROUPER_CONSUMER, LIVE, LOG
from tocsin_grouper.domain.changes import Changes
from tocsin_grouper.domain.facts import DeliveryRecorded
from tocsin_grouper.domain.keys import IncidentKey, Key, UnresolvedKey
from tocsin_grouper.domain.partition import PartitionState
from tocsin_grouper.domain.state import Incident, Unresolved, Value
from tocsin_grouper.handler import PartitionHandler
from tocsin_ingest.domain.refusals import Refusals
from tocsin_ingest.metrics import IngestMetrics
from tocsin_ingest.ticks import Ticker
from tocsin_normalizer.domain.normalize import Normalizer
from tocsin_runtime.clock import ManualClock
from tocsin_runtime.errors import Recoverable
from tocsin_runtime.fence import Claim
from tocsin_runtime.log import Entry
from tocsin_runtime.memory_log import MemoryLog
from tocsin_runtime.metrics import Metrics

TENANT, VERSION = "acme", 1
TICK_S = 15


class InMemoryStore:
    """A store in which nothing was before; the handler under it never forgets, so of rows it is asked for lists alone."""

    def __init__(self) -> None:
        self.deliveries: list[DeliveryRecorded] = []
        self.incidents: dict[IncidentKey, Incident] = {}

    async def load_partition(self, partition: int) -> PartitionState:
        return PartitionState()

    async def load(self, keys: Sequence[Key]) -> dict[Key, Value | None]:
        return {key: self._unresolved(key) if isinstance(key, UnresolvedKey) else None for key in keys}

    def _unresolved(self, key: UnresolvedKey) -> Unresolved:
        found = [each.id for each in self.incidents.values() if each.tenant == key.tenant and not each.status.is_over]
        return Unresolved(incidents=tuple(found))

    async def write(self, claim: Claim, changes: Changes, *, next: int, source_next: int) -> Claim:  # noqa: A002 # the port's name
        self.deliveries += [recorded for _, recorded in changes.deliveries]
        self.incidents.update(changes.incidents)
        return Claim(
            generation=claim.generation,
            consumer=claim.consumer,
            partition=claim.partition,
            topic_id=claim.topic_id,
            next=next,
            source_next=source_next,
            epoch=claim.epoch,
        )


class Gateway:
    """One gateway process: it appends deliveries and ticks, and forgets whom it refused when it dies."""

    def __init__(self, log: MemoryLog, clock: ManualClock, name: str = "g1") -> None:
        self._log = log
        self._clock = clock
        self._name = name
        self._runs = 0
        self.restart()

    def restart(self) -> None:
        """Die and start again."""
        self._runs += 1
        self.refusals = Refusals(
            gateway=self._name,
            process=f"{self._name}-{self._runs}",
            now_ms=round(self._clock.monotonic() * 1000),
            interval_ms=TICK_S * 1000,
        )
        self._appender = self._log.appender(LOG)
        self._ticker = Ticker(
            appender=self._appender,
            partitions=self._count,
            refusals=self.refusals,
            metrics=IngestMetrics(Metrics(process=False)),
            clock=self._clock,
            interval_s=TICK_S,
        )

    async def append(self, entry: Entry) -> bool:
        """Append a delivery; tells whether the log took it."""
        try:
            await self._appender.append(0, entry)
        except Recoverable:
            return False
        return True

    async def tick(self) -> None:
        """Write a tick, or keep what it would have said for the next one."""
        await self._ticker.tick()

    async def leave(self) -> None:
        """Stop as told to: the last tick says goodbye."""
        await self._ticker.leave()

    async def _count(self) -> int:
        return 1


class Twin:
    """One tenant with integrations of one source, in one partition."""

    def __init__(self, source: str = "alertmanager", settings: IntegrationSettings | None = None) -> None:
        self.clock = ManualClock(START)
        self.log = MemoryLog(self.clock, {LOG: 1, ALERTS: 1})
        self.gateway = Gateway(self.log, self.clock)
        self._source = source
        self._settings = settings or IntegrationSettings()
        self._normalizer = Normalizer(release="1")
        self._normalized = 0
        self._store = InMemoryStore()
        claim = Claim(
            generation=LIVE, consumer=GROUPER_CONSUMER, partition=0, topic_id="memory-2", next=0, source_next=None, epoch=1
        )
        self._handler = PartitionHandler(self._store, claim, PartitionState(), cached_max=1_000_000)

    async def deliver(
        self,
        body: bytes,
        headers: Mapping[str, str] | None = None,
        *,
        integration: str = "prod",
        gateway: Gateway | None = None,
    ) -> bool:
        """Let the gateway accept a delivery; tells whether it answered 202. One that it could not append is refused: 503."""
        gateway = gateway or self.gateway
        envelope = encode_accepted(
            tenant=TENANT,
            integration=integration,
            source=self._source,
            integration_version=VERSION,
            request_id="r1",
            received_at=self.clock.now(),
            content_type="application/json",
            encoding="",
            headers=headers or {},
            query={},
        )
        taken = await gateway.append(Entry(TENANT.encode(), body, log_headers(Kind.DELIVERY, envelope)))
        if not taken:
            self.refuse(integration, gateway=gateway)
        return taken

    async def rules(self, **document: Any) -> None:
        """Let a person put a rule set in force: members of the document by name."""
        command = Command(
            id=f"rules-{len(self.log.partition(LOG, 0).records)}",
            request_hash="h",
            tenant=TENANT,
            actor=Actor(kind="person", id="ada", name="Ada"),
            issued_at=self.clock.now(),
            body=SetRules(document={"version": 1, **document}),
        )
        assert await self.gateway.append(Entry(TENANT.encode(), encode_command(command), log_headers(Kind.RULE_SET)))

    def refuse(self, integration: str = "prod", *, gateway: Gateway | None = None) -> None:
        """Let the gateway answer 429 or 503 to an integration."""
        (gateway or self.gateway).refusals.note(0, TENANT, integration)

    async def tick(self, *gateways: Gateway) -> None:
        """Let gateways write a tick."""
        for gateway in gateways or (self.gateway,):
            await gateway.tick()

    async def tick_for(self, seconds: float, *gateways: Gateway) -> None:
        """Let time pass with a tick every 15 s."""
        for _ in range(round(seconds / TICK_S)):
            self.clock.advance(TICK_S)
            await self.tick(*gateways)

    def normalize(self) -> None:
        """Let the normalizer catch up."""
        records = self.log.partition(LOG, 0).records[self._normalized :]
        settings = {(name, VERSION): self._settings for name in ("prod", "other")}
        for record in records:
            imaged = self._normalizer.normalize(record, settings)
            self.log.store(ALERTS, 0, [Entry(imaged.key, imaged.value, imaged.headers)])
        self._normalized += len(records)

    async def fold(self, batch: int = 500) -> None:
        """Let the grouper catch up, `batch` records at a time."""
        records = self.log.partition(ALERTS, 0).records
        while self._handler.claim.next < len(records):
            first = self._handler.claim.next
            await self._handler.handle(records[first : first + batch])

    async def catch_up(self, batch: int = 500) -> None:
        """Let both catch up."""
        self.normalize()
        await self.fold(batch)

    async def outcome(self) -> str:
        """Give the outcome of the last delivery."""
        await self.catch_up()
        return self._store.deliveries[-1].outcome.value

    @property
    def incidents(self) -> list[Incident]:
        """List incidents as far as the grouper came."""
        found = [value for value in self._handler.state.loaded.values() if isinstance(value, Incident)]
        return sorted(found, key=lambda incident: incident.created_at)

    @property
    def firing(self) -> list[int]:
        """List how many alerts of each incident are active, oldest incident first."""
        return [incident.firing_count for incident in self.incidents]
