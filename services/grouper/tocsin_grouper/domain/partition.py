"""The state of one partition: its clock, what its integrations are owed, its timers, and the loaded records."""

from collections.abc import MutableMapping
from dataclasses import dataclass, field

from tocsin_grouper.domain.facts import (
    AlertRecorded,
    ClockAdvanced,
    DeliveryRecorded,
    Fact,
    GatewayTicked,
    IncidentChanged,
    RefusalCounted,
    RulesAdopted,
    TenantGone,
    TimerCleared,
    TimerSet,
)
from tocsin_grouper.domain.keys import Key
from tocsin_grouper.domain.lately import Lately
from tocsin_grouper.domain.rules import Judgements, Rules
from tocsin_grouper.domain.state import PartitionClock, RecordedDelivery, Value
from tocsin_grouper.domain.timers import Timers
from tocsin_grouper.domain.view import Draft

_ROWS_ONLY = frozenset({AlertRecorded, DeliveryRecorded, IncidentChanged})
"""Nearly all facts: what they move lies in the draft already."""


@dataclass(slots=True, kw_only=True)
class PartitionState:
    """What the fold of one partition stands on. The handler owns it; a step reads it, `absorb` moves it."""

    loaded: MutableMapping[Key, Value | None] = field(default_factory=dict)
    """Records by key; None: loaded and absent. A key that is not there is not loaded."""
    clock: PartitionClock | None = None
    refusals: dict[tuple[str, str], int] = field(default_factory=dict)
    timers: Timers = field(default_factory=Timers)
    erased: dict[str, int] = field(default_factory=dict)
    """Tenants whose erasure was folded, with its offset."""
    leaving: frozenset[str] = frozenset()
    """Tenants whose erasure may lie further on in the log: `control` knows of it, so nothing of them is folded before."""

    rules: dict[str, Rules] = field(default_factory=dict)
    """Of tenants that have any, the version in force."""
    gateways: dict[str, int] = field(default_factory=dict)
    """Absence time at the last tick of each gateway that has not said goodbye."""
    judgements: Judgements = field(default_factory=dict)
    """What the rules made of deliveries; a memory that decides nothing."""
    lately: Lately = field(default_factory=Lately)
    """What changed since rows were written for sure."""

    def is_gone(self, tenant: str) -> bool:
        """Tell whether nothing of the tenant counts any more."""
        return tenant in self.erased or tenant in self.leaving

    def absorb(self, facts: list[Fact], draft: Draft) -> None:
        """Make a step's facts the state."""
        draft.merge_into(self.loaded)
        self.lately.note(draft.writes)
        for fact in facts:
            if type(fact) in _ROWS_ONLY:
                continue
            match fact:
                case ClockAdvanced(clock=clock):
                    self.clock = clock
                case TimerSet(key=key, timer=timer):
                    self.timers.put(key, timer)
                case TimerCleared(key=key):
                    self.timers.drop(key)
                case RefusalCounted(tenant=tenant, integration=integration, owed=owed):
                    self.refusals[(tenant, integration)] = owed
                case RulesAdopted(tenant=tenant, rules=rules):
                    self.rules[tenant] = rules
                case GatewayTicked(gateway=gateway, observed=None):
                    self.gateways.pop(gateway, None)
                case GatewayTicked(gateway=gateway, observed=int(observed)):
                    self.gateways[gateway] = observed
                case TenantGone(tenant=tenant, offset=offset):
                    self._forget(tenant, offset)
                case _:
                    pass

    def _forget(self, tenant: str, offset: int) -> None:
        self.erased[tenant] = offset
        self.timers.forget(tenant)
        self.rules.pop(tenant, None)
        self.refusals = {key: owed for key, owed in self.refusals.items() if key[0] != tenant}
        for key in [key for key, value in self.loaded.items() if _is_of(tenant, key, value)]:
            del self.loaded[key]


def _is_of(tenant: str, key: Key, value: Value | None) -> bool:
    """Tell whose a loaded record is; a delivery is named by its position, and says itself."""
    return value.tenant == tenant if isinstance(value, RecordedDelivery) else key[0] == tenant
