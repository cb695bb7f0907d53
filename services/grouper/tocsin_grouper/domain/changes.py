"""What a batch of decisions changes, net: rows to append in order, and the last state of each thing that changed.

Texts are merged here the way the writer merges them with the row: the newer where it says something. Both merges
associate, so batches of 1, 7 or 500 leave the same rows (P5).
"""

from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, TypeVar

from tocsin_contracts.alert import AlertEvent
from tocsin_contracts.incident import AnyIncidentFact, IncidentOpened, IncidentRegrouped
from tocsin_contracts.position import Position
from tocsin_grouper.domain.facts import (
    AlertMoved,
    AlertRecorded,
    ClockAdvanced,
    CommandDecided,
    DeliveryRecorded,
    DeliveryRedriven,
    Fact,
    GatewayTicked,
    IncidentChanged,
    RefusalCounted,
    RulesAdopted,
    TenantGone,
    TimerCleared,
    TimerSet,
)
from tocsin_grouper.domain.fold import Decision
from tocsin_grouper.domain.keys import AlertKey, GroupKey, IncidentKey, TextsKey, TimerKey
from tocsin_grouper.domain.state import Alert, Group, Incident, PartitionClock, Texts, Timer

_SAID = ("title", "service", "environment", "team", "host", "link", "description", "labels")


class Stamp(NamedTuple):
    """Where and when a decision stands, for every row that it appends."""

    position: Position
    clock: int
    release: str


@dataclass(slots=True)
class Words:
    """What an alert's row says besides its state: of each field the newest that was said."""

    source: str
    event: AlertEvent
    """The first that the batch says. A new row names source, identity, problem and project by it, and keeps them."""
    later: list[AlertEvent] = field(default_factory=list)

    def get(self, name: str) -> Any:
        """Give the newest value of a field that says something, else None: what an event leaves out stays as it was."""
        for event in reversed(self.later):
            value = getattr(event, name)
            if value:
                return value
        return getattr(self.event, name) or None


@dataclass(slots=True)
class Changes:
    """The net effect of a batch on one partition."""

    facts: list[tuple[Stamp, int, str, AnyIncidentFact]] = field(default_factory=list)
    """Stamp, place among the facts of the tenant's incidents at the record, tenant, fact."""
    events: list[tuple[Stamp, AlertRecorded]] = field(default_factory=list)
    deliveries: list[tuple[Stamp, DeliveryRecorded]] = field(default_factory=list)
    redriven: list[DeliveryRedriven] = field(default_factory=list)
    commands: list[tuple[Stamp, CommandDecided]] = field(default_factory=list)
    opened: dict[IncidentKey, tuple[Stamp, IncidentOpened]] = field(default_factory=dict)
    incidents: dict[IncidentKey, Incident] = field(default_factory=dict)
    groups: dict[GroupKey, Group] = field(default_factory=dict)
    alerts: dict[AlertKey, Alert] = field(default_factory=dict)
    words: dict[AlertKey, Words] = field(default_factory=dict)
    raws: dict[AlertKey, str | None] = field(default_factory=dict)
    new_alerts: set[AlertKey] = field(default_factory=set)
    timers: dict[TimerKey, Timer | None] = field(default_factory=dict)
    refusals: dict[tuple[str, str], int] = field(default_factory=dict)
    rule_sets: list[tuple[Stamp, RulesAdopted]] = field(default_factory=list)
    gateways: dict[str, int | None] = field(default_factory=dict)
    """Absence time at the last tick of each gateway; None: it said goodbye."""
    categories: dict[AlertKey, str] = field(default_factory=dict)
    reasons: dict[IncidentKey, str] = field(default_factory=dict)
    """Why incidents go on under another key."""
    erased: dict[str, int] = field(default_factory=dict)
    """Tenants to be erased before anything else is written, with the offset of the record that says so."""
    clock: PartitionClock | None = None
    records: int = 0

    def add(self, decision: Decision) -> None:
        """Add one decision; decisions come in log order."""
        stamp = Stamp(decision.record.position, decision.clock.clock, decision.record.release)
        self.clock = decision.clock
        self.records += 1
        seqs: dict[str, int] = {}
        for fact in decision.facts:
            if type(fact) is AlertRecorded:
                self._add_event(stamp, fact)
            elif type(fact) is IncidentChanged:
                seq = seqs.get(fact.tenant, 0)
                self._add_incident_fact(stamp, seq, fact)
                seqs[fact.tenant] = seq + 1
            elif type(fact) is TimerSet:
                self.timers[fact.key] = fact.timer
            elif type(fact) is ClockAdvanced:
                continue
            else:
                self._add_row(stamp, fact)
        for key, value in decision.draft.writes.items():
            if type(key) is IncidentKey and type(value) is Incident:
                self.incidents[key] = value
            elif type(key) is GroupKey and type(value) is Group:
                self.groups[key] = value

    def _add_incident_fact(self, stamp: Stamp, seq: int, change: IncidentChanged) -> None:
        self.facts.append((stamp, seq, change.tenant, change.fact))
        if isinstance(change.fact, IncidentOpened):
            self.opened[IncidentKey(change.tenant, change.fact.incident)] = (stamp, change.fact)
        elif isinstance(change.fact, IncidentRegrouped):
            self.reasons[IncidentKey(change.tenant, change.fact.incident)] = change.fact.reason

    def _add_row(self, stamp: Stamp, fact: Fact) -> None:
        match fact:
            case AlertMoved(alert=alert):
                self.alerts[AlertKey(alert.tenant, alert.id)] = alert
            case DeliveryRecorded():
                self.deliveries.append((stamp, fact))
            case DeliveryRedriven():
                self.redriven.append(fact)
            case CommandDecided():
                self.commands.append((stamp, fact))
            case TimerCleared(key=key):
                self.timers[key] = None
            case RefusalCounted(tenant=tenant, integration=integration, owed=owed):
                self.refusals[tenant, integration] = owed
            case RulesAdopted():
                self.rule_sets.append((stamp, fact))
            case GatewayTicked(gateway=gateway, observed=observed):
                self.gateways[gateway] = observed
            case TenantGone(tenant=tenant, offset=offset):
                self._forget(tenant, offset)
            case _:
                pass

    def _add_event(self, stamp: Stamp, fact: AlertRecorded) -> None:
        key = fact.key
        self.events.append((stamp, fact))
        self.alerts[key] = fact.alert
        if fact.first:
            self.new_alerts.add(key)
        if fact.category is not None:
            self.categories[key] = fact.category
        if fact.renewed:
            self.raws[key] = fact.event.raw
        if fact.described:
            self._describe(key, fact)

    def _describe(self, key: AlertKey, fact: AlertRecorded) -> None:
        words = self.words.get(key)
        if words is None:
            self.words[key] = Words(fact.source, fact.event)
        else:
            words.later.append(fact.event)

    def texts_of(self, key: TextsKey, before: Texts | None) -> Texts | None:
        """Give what an alert's row will say once this is written; `before` is what it says, None: it is not there yet."""
        alert = AlertKey(key.tenant, key.alert)
        words = self.words.get(alert)
        if words is None:
            return before
        first, category = words.event, self.categories.get(alert)
        if before is None:
            before = Texts(
                source=words.source, identity=first.identity, problem=first.problem, project=first.project, title="",
                service=None, environment=None, team=None, category=None, host=None, link=None, description=None, labels={},
            )  # fmt: skip
        newer = {name: said for name in _SAID if (said := words.get(name))}
        return replace(before, **newer, category=category or before.category)

    def _forget(self, tenant: str, offset: int) -> None:
        """Take back what the batch would have written of a tenant before its erasure."""
        self.erased[tenant] = offset
        self.facts = [each for each in self.facts if each[2] != tenant]
        self.events = [each for each in self.events if each[1].alert.tenant != tenant]
        self.deliveries = [each for each in self.deliveries if each[1].image.tenant != tenant]
        self.commands = [each for each in self.commands if each[1].command.tenant != tenant]
        self.opened = _without(tenant, self.opened)
        self.incidents = _without(tenant, self.incidents)
        self.groups = _without(tenant, self.groups)
        self.alerts = _without(tenant, self.alerts)
        self.words = _without(tenant, self.words)
        self.raws = _without(tenant, self.raws)
        self.new_alerts = {key for key in self.new_alerts if key[0] != tenant}
        self.timers = _without(tenant, self.timers)
        self.refusals = _without(tenant, self.refusals)
        self.rule_sets = [each for each in self.rule_sets if each[1].tenant != tenant]
        self.categories = _without(tenant, self.categories)
        self.reasons = _without(tenant, self.reasons)


K = TypeVar("K", bound=tuple[str, ...])
V = TypeVar("V")


def _without(tenant: str, entries: dict[K, V]) -> dict[K, V]:
    """Leave a tenant's entries out; each key of these begins with its tenant."""
    return {key: value for key, value in entries.items() if key[0] != tenant}
