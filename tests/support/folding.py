"""Fold in memory: a partition whose every record is loaded, and short ways to say what a sender said."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tocsin_contracts import ids
from tocsin_contracts.alert import AlertEvent
from tocsin_contracts.command import Actor, Command
from tocsin_contracts.image import Image
from tocsin_contracts.incident import AnyIncidentFact
from tocsin_contracts.integration import IntegrationSettings
from tocsin_contracts.outcome import Mapped
from tocsin_contracts.position import Position
from tocsin_contracts.status import EventStatus, IncidentStatus
from tocsin_contracts.tenant import TenantErased
from tocsin_contracts.tick import Refused, Tick
from tocsin_contracts.times import SECOND
from tocsin_grouper.domain.changes import Changes
from tocsin_grouper.domain.facts import AlertRecorded, CommandDecided, DeliveryRecorded, Fact, IncidentChanged
from tocsin_grouper.domain.fold import TIMER_HANDLERS, Decision, LogRecord, TimerHandler, decide
from tocsin_grouper.domain.keys import AlertKey, IncidentKey, Key, TextsKey
from tocsin_grouper.domain.partition import PartitionState
from tocsin_grouper.domain.state import Alert, Incident, Value
from tocsin_grouper.domain.view import Missing

START = 1_767_225_600 * SECOND
"""2026-01-01T00:00:00Z: when the first record of a test comes, unless it says otherwise."""


class Everything(dict[Key, Value | None]):
    """State in which all is loaded: what is not there is known to be absent; what alerts say is asked of what was decided."""

    def __init__(self) -> None:
        super().__init__()
        self.told = Changes()

    def __missing__(self, key: Key) -> Value | None:
        return self.told.texts_of(key, None) if isinstance(key, TextsKey) else None

    def __contains__(self, key: object) -> bool:
        return True


@dataclass
class Folding:
    """One partition's fold, fed record by record; time stands still unless `wait` moves it."""

    tenant: str = "acme"
    integration: str = "prod"
    source: str = "alertmanager"
    settings: IntegrationSettings = field(default_factory=IntegrationSettings)
    partition: int = 0
    now: int = START
    handlers: Mapping[str, TimerHandler] = field(default_factory=lambda: TIMER_HANDLERS)
    state: PartitionState = field(default_factory=lambda: PartitionState(loaded=Everything()))
    records: list[LogRecord] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)

    def wait(self, seconds: float) -> "Folding":
        """Let time pass in which no record comes."""
        self.now += round(seconds * SECOND)
        return self

    def tick(self, *, refused: Sequence[str] = (), covers_s: float = 15, all_refused: bool = False) -> list[Fact]:
        """Fold a tick that lists refused integrations."""
        names = [Refused(tenant=self.tenant, integration=name) for name in refused]
        return self.fold(Tick(gateway="g1", covers_ms=round(covers_s * 1000), refused=names, all_refused=all_refused))

    def tick_for(self, seconds: float, **tick: Any) -> list[Fact]:
        """Let time pass with a tick every 15 s, as a running gateway writes them."""
        facts: list[Fact] = []
        for _ in range(round(seconds / 15)):
            facts += self.wait(15).tick(**tick)
        return facts

    def deliver(self, *alerts: AlertEvent, **image: Any) -> list[Fact]:
        """Fold a delivery of these alerts."""
        return self.fold(self.image(*alerts, **image))

    def image(self, *alerts: AlertEvent, **values: Any) -> Image:
        """Make the image of a delivery."""
        tenant = values.get("tenant", self.tenant)
        integration = values.get("integration", self.integration)
        made = Image(
            tenant=tenant,
            integration=integration,
            source=self.source,
            mapped=Mapped.NORMALIZED,
            settings=self.settings,
            request_id="r1",
            alerts=alerts,
            alert_ids=[ids.alert_id(tenant, integration, alert.identity) for alert in alerts],
        )
        return replace(made, **values)

    def command(self, incident: str, status: IncidentStatus, **values: Any) -> list[Fact]:
        """Fold a status command."""
        body = values.pop("body", {"kind": "set-status", "incident": incident, "status": status})
        return self.ask(body, **values)

    def ask(self, body: Mapping[str, Any], **values: Any) -> list[Fact]:
        """Fold a command of any kind."""
        made = {
            "id": f"c{len(self.records)}",
            "request_hash": "h1",
            "tenant": self.tenant,
            "actor": Actor(kind="person", id="u1", name="Ada"),
            "issued_at": self.now,
            "body": body,
        }
        return self.fold(Command.model_validate(made | values))

    def rules(self, *rules: Mapping[str, Any], **document: Any) -> list[Fact]:
        """Put a rule set in force: `rules` as in YAML, and other parts of the document by name."""
        return self.ask({"kind": "set-rules", "document": {"version": 1, "rules": list(rules), **document}})

    def erase(self, tenant: str) -> list[Fact]:
        """Fold the record that erases a tenant."""
        return self.fold(TenantErased(tenant=tenant, asked_at=self.now))

    def fold(self, payload: Image | Command | Tick | TenantErased) -> list[Fact]:
        """Fold one record, at the next offset and the present time."""
        position = Position(self.partition, len(self.records))
        return self.fold_record(LogRecord(position=position, appended_at=self.now, release="1", payload=payload))

    def fold_record(self, record: LogRecord) -> list[Fact]:
        """Fold one record as it is."""
        decision = decide(self.state, record, self.handlers)
        self.state.absorb(decision.facts, decision.draft)
        if isinstance(self.state.loaded, Everything):
            self.state.loaded.told.add(decision)
        self.records.append(record)
        self.decisions.append(decision)
        return decision.facts

    def alert(self, identity: str = "a") -> Alert:
        """Give an alert as it is now."""
        key = AlertKey(self.tenant, ids.alert_id(self.tenant, self.integration, identity))
        found = self.state.loaded[key]
        assert isinstance(found, Alert)
        return found

    def incidents(self, tenant: str | None = None) -> list[Incident]:
        """List the tenant's incidents in the order in which they were opened."""
        values = dict(self.state.loaded).items()
        owner = tenant or self.tenant
        return [
            value for key, value in values if isinstance(value, Incident) and isinstance(key, IncidentKey) and key.tenant == owner
        ]

    def incident(self) -> Incident:
        """Give the only incident."""
        (only,) = self.incidents()
        return only


def alert(identity: str = "a", status: EventStatus = EventStatus.FIRING, **values: Any) -> AlertEvent:
    """Make an alert event; its content follows from all that it says."""
    made: dict[str, Any] = {
        "identity": identity,
        "problem": "HighErrorRate",
        "status": status,
        "title": f"Alert {identity}",
        "content": "",
    }
    event = AlertEvent(**(made | values))
    return replace(event, content=event.content or repr(event))


def firing(identity: str = "a", **values: Any) -> AlertEvent:
    """Make a firing alert event."""
    return alert(identity, EventStatus.FIRING, **values)


def resolved(identity: str = "a", **values: Any) -> AlertEvent:
    """Make a resolved alert event."""
    return alert(identity, EventStatus.RESOLVED, **values)


def episode(start: int, end: int | None = None) -> dict[str, Any]:
    """Say when an episode started and ended by a trustworthy sender, in seconds from `START`."""
    begins = START + start * SECOND
    happened = begins if end is None else START + end * SECOND
    return {"episode_at": begins, "occurred_at": happened, "trusted": True}


def incident_facts(facts: Sequence[Fact]) -> list[AnyIncidentFact]:
    """Keep the facts of incidents."""
    return [fact.fact for fact in facts if isinstance(fact, IncidentChanged)]


def kinds(facts: Sequence[Fact]) -> list[str]:
    """Name the kinds of the facts of incidents."""
    return [fact.kind for fact in incident_facts(facts)]


def outcome(facts: Sequence[Fact]) -> tuple[str, str | None]:
    """Give the outcome of the one delivery among the facts, with its reason."""
    (recorded,) = [fact for fact in facts if isinstance(fact, DeliveryRecorded)]
    return recorded.outcome.value, recorded.reason


def effects(facts: Sequence[Fact]) -> list[str]:
    """Name what each alert event did, in the order of the decisions."""
    return [fact.effect.value for fact in facts if isinstance(fact, AlertRecorded)]


def decided(facts: Sequence[Fact]) -> CommandDecided:
    """Give the decision of the one command among the facts."""
    (one,) = [fact for fact in facts if isinstance(fact, CommandDecided)]
    return one


def fold_with_loading(state: PartitionState, record: LogRecord, stored: Mapping[Key, Value]) -> Decision:
    """Fold a record on a cold cache: load what is missing from `stored`, again and again, as the handler does."""
    while True:
        try:
            return decide(state, record)
        except Missing as missing:
            state.loaded.update({key: stored.get(key) for key in missing.keys})
