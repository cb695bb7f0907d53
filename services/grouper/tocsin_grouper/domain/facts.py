"""Everything that the fold can decide: facts of incidents (a contract), and facts that have rows of their own.

If state changes, a fact says so: `evolve` turns facts into state, the writer turns them into rows.
"""

from collections.abc import Mapping
from enum import StrEnum

from tocsin_contracts.alert import AlertEvent
from tocsin_contracts.command import Command
from tocsin_contracts.image import Image
from tocsin_contracts.incident import AnyIncidentFact
from tocsin_contracts.outcome import Outcome
from tocsin_contracts.record import record
from tocsin_grouper.domain.keys import AlertKey, TimerKey
from tocsin_grouper.domain.rules import Rules
from tocsin_grouper.domain.state import Alert, PartitionClock, Timer


class Effect(StrEnum):
    """What one alert event did."""

    OPENED = "opened"
    JOINED = "joined"
    FIRED = "fired"
    REOPENED = "reopened"
    HELD = "held"
    REPEATED = "repeated"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"
    LATE = "late"
    RECORDED = "recorded"
    HEARTBEAT = "heartbeat"


@record
class AlertRecorded:
    """An alert event was applied: one row of `alert_events`, and the alert as it is now."""

    seq: int
    key: AlertKey
    event: AlertEvent
    effect: Effect
    occurred_at: int
    alert: Alert
    source: str
    first: bool
    """Whether the alert was never heard of before: its row is new."""
    described: bool
    """Whether the event's texts are news: those of a firing are; a resolve does not rename its alert."""
    renewed: bool
    """Whether the alert's own JSON differs from what its row holds."""
    category: str | None = None
    """What the rules say that the alert is about; None where they were not asked."""
    why: Mapping[str, object] | None = None
    """What decided where an episode begins: the row keeps it for people who ask."""


@record
class AlertMoved:
    """An alert changed without an event of its own: a duplicate moved its leases, or a timer ended its episode."""

    alert: Alert


@record
class DeliveryRecorded:
    """A delivery's outcome (P2): one row of `deliveries`."""

    image: Image
    outcome: Outcome
    reason: str | None
    detail: str | None
    duplicate_of: int | None
    incidents: tuple[str, ...]


@record
class DeliveryRedriven:
    """A failed delivery was sent again and processed: its row becomes `redriven`."""

    partition: int
    offset: int
    to: int


@record
class CommandDecided:
    """What was decided about a command: one row of `commands`. `status` is the HTTP status of the answer."""

    command: Command
    applied: bool
    status: int
    detail: Mapping[str, object]


@record
class TimerSet:
    """A timer was armed, or armed anew."""

    key: TimerKey
    timer: Timer


@record
class TimerCleared:
    """A timer fired or is not needed any more."""

    key: TimerKey


@record
class RefusalCounted:
    """A gateway refused an integration: `owed` is the new sum, µs."""

    tenant: str
    integration: str
    owed: int


@record
class RulesAdopted:
    """A tenant's rules have another version: one row of `rule_sets`."""

    tenant: str
    rules: Rules
    document: Mapping[str, object]
    comment: str | None
    command: Command


@record
class GatewayTicked:
    """A gateway told what it refused: up to here (absence time, µs) nothing of it is unknown. None: it said goodbye."""

    gateway: str
    observed: int | None


@record
class TenantGone:
    """A tenant was erased: every row of it goes, whichever table it stands in."""

    tenant: str
    offset: int


@record
class ClockAdvanced:
    """A record of the partition told what time it is."""

    clock: PartitionClock


@record
class IncidentChanged:
    """A fact of an incident, with its tenant: a tick may concern many."""

    tenant: str
    fact: AnyIncidentFact


Fact = (
    IncidentChanged
    | AlertRecorded
    | AlertMoved
    | DeliveryRecorded
    | DeliveryRedriven
    | CommandDecided
    | TimerSet
    | TimerCleared
    | RefusalCounted
    | RulesAdopted
    | GatewayTicked
    | TenantGone
    | ClockAdvanced
)
