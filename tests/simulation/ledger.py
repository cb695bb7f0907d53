"""What was ordered and what its callers were told: on disk before it leaves, as deliveries are."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.simulation.journal import Journal
from tests.simulation.orders import Order


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One answer; a status of 0 is none."""

    status: int
    body: Mapping[str, Any]

    @property
    def is_final(self) -> bool:
        """Tell whether nothing more is to be expected: the fold decided, or the gateway refused for good."""
        return self.status == 200 or (400 <= self.status < 500 and self.status not in {408, 429})

    @property
    def is_decision(self) -> bool:
        """Tell whether it is the fold's: the gateway's own refusals name no command."""
        return self.is_final and "command_id" in self.body


@dataclass(slots=True, kw_only=True)
class Ordered:
    """One command and the answers to every attempt."""

    order: Order
    tenant: str
    said: list[Said] = field(default_factory=list)

    @property
    def is_answered(self) -> bool:
        return any(each.is_final for each in self.said)

    @property
    def was_taken(self) -> bool:
        """Tell whether somebody was promised that the log has it."""
        return any(each.status == 202 or each.is_decision for each in self.said)


class Ledger:
    """Orders by tenant and key; its lines stand in the journal."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._ordered: dict[tuple[str, str], Ordered] = {}
        self.statuses: Counter[int] = Counter()
        """Answers by status; 0 for none."""

    def __iter__(self) -> Iterator[Ordered]:
        return iter(self._ordered.values())

    def __len__(self) -> int:
        return len(self._ordered)

    def find(self, tenant: str, key: str) -> Ordered | None:
        """Find what was ordered."""
        return self._ordered.get((tenant, key))

    async def open(self, order: Order, tenant: str) -> Ordered:
        """Note an order before it leaves; returns once that is on disk."""
        ordered = self._ordered[tenant, order.key] = Ordered(order=order, tenant=tenant)
        asks = [order.method, order.path, order.body, order.if_match]
        await self._journal.keep({"order": order.key, "tenant": tenant, "asks": asks})
        return ordered

    def close(self, ordered: Ordered, said: Said) -> None:
        """Note an answer."""
        ordered.said.append(said)
        self.statuses[said.status] += 1
        self._journal.note({"order": ordered.order.key, "status": said.status, "said": said.body})
