"""What the fold remembers: frozen records, one for each thing that has a key.

Only what decisions need: texts, labels and raw JSON lie in the rows alone (see `changes`), so that a hundred thousand
alerts fit in memory. All times are µs; `observed` times are absence time (see `clock`), less what was owed.
"""

from typing import NamedTuple

from tocsin_contracts.record import record
from tocsin_contracts.severity import Severity
from tocsin_contracts.status import AlertStatus, EventStatus, IncidentStatus


class AlertKey(NamedTuple):
    """Names an alert. Every key ends in its space: tuples of equal text would else be one key."""

    tenant: str
    alert: str
    space: str = "alert"


class IncidentKey(NamedTuple):
    """Names an incident."""

    tenant: str
    incident: str
    space: str = "incident"


class GroupKey(NamedTuple):
    """Names a group: whose next alert joins which incident."""

    tenant: str
    group: str
    space: str = "group"


class SenderKey(NamedTuple):
    """Names a sender's delivery id."""

    tenant: str
    integration: str
    sender_id: str
    space: str = "sender"


class CommandKey(NamedTuple):
    """Names a command: a tenant's Idempotency-Key."""

    tenant: str
    command: str
    space: str = "command"


class DeliveryKey(NamedTuple):
    """Names a delivery by its position, for redrives."""

    partition: int
    offset: int
    space: str = "delivery"


Key = AlertKey | IncidentKey | GroupKey | SenderKey | CommandKey | DeliveryKey


@record
class Alert:
    """One problem at one place, with its current or last episode."""

    tenant: str
    id: str
    integration: str
    incident: str | None
    """Of the current or last episode; membership is sticky."""
    status: AlertStatus
    severity: Severity
    heartbeat: bool
    never_resolves: bool
    episode_at: int | None
    """The sender's hint of the newest episode."""
    occurred_at: int
    """Ordering time of the newest event that counted."""
    opened_at: int | None
    resolved_at: int | None
    created_at: int
    updated_at: int
    last_seen_at: int
    event_count: int
    content: str
    content_status: EventStatus
    content_at: int
    last_observed: int
    """Absence time of the last event, less what was owed to the integration then."""
    group_window_s: int
    silence_s: int
    changed_offset: int


@record
class Incident:
    """The thing that people respond to, with the counts that decisions need: no rule scans its alerts."""

    tenant: str
    id: str
    group_key: str
    status: IncidentStatus
    severity: Severity
    created_at: int
    updated_at: int
    first_seen_at: int
    last_alert_at: int
    acknowledged_at: int | None = None
    resolved_at: int | None = None
    closed_at: int | None = None
    alert_count: int = 0
    firing_count: int = 0
    event_count: int = 0
    version: int = 0
    revision: int = 0
    over_observed: int | None = None
    changed_offset: int = 0

    @property
    def collects(self) -> bool:
        """Tell whether a new alert of its group joins it (E8): not over, and some alert's episode still runs.

        The window of a source that never resolves ends its alerts' episodes; so an incident outside its window has no
        active alert, and collects no more.
        """
        return not self.status.is_over and self.firing_count > 0


@record
class Group:
    """Points from a group to its newest incident."""

    incident: str


@record
class SenderDelivery:
    """The processed delivery that carried a sender's id last."""

    offset: int
    logged_at: int


@record
class DecidedCommand:
    """A command that was decided: the first decision stands."""

    request_hash: str


@record
class RecordedDelivery:
    """A recorded delivery, as a redrive needs to see it."""

    tenant: str
    outcome: str
    logged_at: int


Value = Alert | Incident | Group | SenderDelivery | DecidedCommand | RecordedDelivery


class TimerKey(NamedTuple):
    """Names a timer of a tenant; timers of equal due time fire in key order."""

    tenant: str
    key: str


@record
class Timer:
    """Something that waits for an absence. `due` is in absence time, before what the integration is owed is added."""

    kind: str
    integration: str
    subject: str
    due: int


@record
class PartitionClock:
    """What time it is in a partition (DESIGN 3, "Time")."""

    clock: int
    """Max of all append times seen: what the fold calls now."""
    last_raw: int
    """Append time of the last record, as the broker gave it."""
    observed: int
    """Absence time: grows only while records come."""
    last_offset: int
    """Offset in `tocsin.log` of the last record folded."""
