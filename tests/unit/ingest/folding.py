"""A fold in a few lines, over the in-memory log: enough of it that redrives can be tried without a grouper."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.unit.ingest.gateway import ACME, ACME_PARTITION
from tocsin_contracts.command import Actor
from tocsin_contracts.delivery import DeliveryEnvelope, delivery_envelope
from tocsin_contracts.envelope import Kind, kind_of
from tocsin_contracts.integration import IntegrationSettings
from tocsin_contracts.outcome import Outcome, Reason
from tocsin_contracts.position import Position
from tocsin_contracts.topics import LOG
from tocsin_control.audit import Author
from tocsin_ingest.failed.ports import Fate, Wanted
from tocsin_runtime.errors import Invalid
from tocsin_runtime.memory_log import MemoryLog
from tocsin_runtime.postgres import PostgresUnavailable

Understands = Callable[[bytes, DeliveryEnvelope], bool]


@dataclass(slots=True)
class InMemoryFailed:
    """`FailedStore` whose rows are what a fold of the log gives; `understands` is the code of the day."""

    log: MemoryLog
    understands: Understands = lambda _body, _envelope: False
    stands_still: bool = False
    away: bool = False
    busy: bool = False
    applied: list[int] = field(default_factory=list)
    """Offsets of the originals that were applied, as often as they were."""
    discards: dict[int, str] = field(default_factory=dict)
    begun: list[Mapping[str, object]] = field(default_factory=list)
    """What bulk redrives were about, as the audit has it before the first record is appended."""
    versions: dict[tuple[str, int], IntegrationSettings] = field(default_factory=dict)
    _rows: dict[int, tuple[str, str | None, DeliveryEnvelope]] = field(default_factory=dict)
    _next: int = 0

    def fold(self) -> None:
        """Do what the grouper does with deliveries."""
        held = self.log.topics[LOG].partitions[ACME_PARTITION]
        for record in held.records:
            if record.offset >= self._next and kind_of(record.headers) == Kind.DELIVERY:
                self._fold(record.offset, record.value, delivery_envelope(record.headers))
        self._next = held.next

    def _fold(self, offset: int, body: bytes, envelope: DeliveryEnvelope) -> None:
        root = envelope.redrives()
        original = offset if root is None else root.offset
        if not self.understands(body, envelope):
            self._rows[offset] = (Outcome.FAILED, Reason.UNKNOWN_SHAPE, envelope)
        elif root is not None and self._rows[original][0] != Outcome.FAILED:
            self._rows[offset] = (Outcome.DUPLICATE, Reason.NOT_FAILED, envelope)
        else:
            self.applied.append(original)
            if root is not None:
                self._rows[original] = (Outcome.REDRIVEN, *self._rows[original][1:])
            self._rows[offset] = (Outcome.PROCESSED, None, envelope)

    async def fate(self, tenant: str, position: Position) -> Fate | None:
        return (await self.fates(tenant, position.partition, [position.offset])).get(position.offset)

    async def fates(self, tenant: str, partition: int, offsets: Sequence[int]) -> dict[int, Fate]:
        self._answer()
        found = {offset: self._rows[offset] for offset in offsets if offset in self._rows and tenant == ACME}
        return {offset: Fate(outcome=outcome, reason=reason) for offset, (outcome, reason, _) in found.items()}

    async def failed(self, tenant: str, partition: int, wanted: Wanted, *, limit: int) -> list[int]:
        self._answer()
        return [
            offset
            for offset, (outcome, reason, envelope) in sorted(self._rows.items())
            if outcome == Outcome.FAILED and envelope.redrive_of is None and offset > wanted.after and offset not in self.discards
            if not wanted.reasons or reason in wanted.reasons
            if not wanted.integrations or envelope.integration in wanted.integrations
        ][:limit]

    async def folded(self, partition: int) -> int:
        self._answer()
        return self._next - 1

    async def discard(self, tenant: str, position: Position, *, why: str, actor: Actor, author: Author) -> bool:
        self._answer()
        first = position.offset not in self.discards
        self.discards.setdefault(position.offset, f"{actor.name}: {why}")
        return first

    async def begin(self, tenant: str, *, author: Author, wanted: Mapping[str, object]) -> None:
        self._answer()
        self.begun.append(wanted)

    async def settings(self, integration: str, version: int) -> IntegrationSettings:
        self._answer()
        if (integration, version) not in self.versions:
            raise Invalid("unknown-integration-version", "no such version")
        return self.versions[integration, version]

    @asynccontextmanager
    async def alone(self, tenant: str) -> AsyncIterator[bool]:
        yield not self.busy

    async def close(self) -> None:
        return

    def _answer(self) -> None:
        if self.away:
            raise PostgresUnavailable
        if not self.stands_still:
            self.fold()
