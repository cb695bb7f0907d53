"""What the fold remembers: frozen records, one for each thing that has a key.

Only what decisions need: texts, labels and raw JSON lie in the rows alone (see `changes`), so that a hundred thousand
alerts fit in memory. All times are µs; `observed` times are absence time (see `clock`), less what was owed.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from tocsin_contracts.incident import AnyIncidentFact
from tocsin_contracts.record import record
from tocsin_contracts.severity import Severity
from tocsin_contracts.status import AlertStatus, EventStatus, IncidentStatus
from tocsin_grouper.domain.policy import DEFAULT_POLICY, Policy

HEARTBEATS: Final = "heartbeat:"
"""How the group keys of heartbeats begin; no rule gives such a key."""


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
    ruled_window_s: int | None = None
    """The window that its rule gives in place of the integration's."""
    held: str | None = None
    """The group in which it waits for a threshold: it fires, and has no incident yet."""

    def into(self, incident: str, offset: int) -> "Alert":
        """Give the alert as a member of an incident."""
        return replace(self, incident=incident, held=None, changed_offset=offset)


@record
class Incident:
    """The thing that people respond to, with the counts that decisions need: no rule scans its alerts."""

    tenant: str
    id: str
    group_key: str
    integration: str
    rule: str
    rule_version: int
    status: IncidentStatus
    severity: Severity
    worst: Severity
    """The highest that its alerts and escalations had: it rises only above this, so that a person may lower it (E9)."""
    created_at: int
    updated_at: int
    first_seen_at: int
    last_alert_at: int
    acknowledged_at: int | None = None
    resolved_at: int | None = None
    closed_at: int | None = None
    snoozed_until: int | None = None
    assignee: str | None = None
    team: str | None = None
    category: str | None = None
    runbook_url: str | None = None
    merged_into: str | None = None
    """The incident that took its alerts."""
    merged_by: str | None = None
    """The command that moved them there: two merges of one incident in one moment are two (undo)."""
    alert_count: int = 0
    firing_count: int = 0
    event_count: int = 0
    version: int = 0
    revision: int = 0
    flapping: bool = False
    silent: bool = False
    """Whether its last alert ended by silence: then it collects no more, and nobody said that it is over."""
    turned_observed: int | None = None
    """Absence time, as its integration counts it, when it last began or ceased to have active alerts."""
    over_observed: int | None = None
    policy: Policy = DEFAULT_POLICY
    recent: tuple[tuple[int, int], ...] = ()
    """Events by the minute, for spikes: (minute since the epoch, events), oldest first; empty unless its policy counts."""
    changed_offset: int = 0

    @property
    def is_of_absence(self) -> bool:
        """Tell whether a heartbeat that stayed away opened it: then no alert that it took in ends it, only a sign of life."""
        return self.group_key.startswith(HEARTBEATS)

    @property
    def waits_for_people(self) -> bool:
        """Tell whether the end of its alerts is not its own end."""
        return self.policy.never_by_itself or self.is_of_absence

    @property
    def collects(self) -> bool:
        """Tell whether a new alert of its group joins it (E8): it is not over, and inside its window.

        The window of a source that never resolves ends its alerts' episodes; so an incident outside its window has no
        active alert and was left in silence. One whose alerts were resolved, and which waits to be, collects.
        """
        return not self.status.is_over and (self.firing_count > 0 or not self.silent)


@record
class Waiting:
    """An alert that fires and waits for others, with what it brings into the incident that opens."""

    alert: str
    since: int
    """The clock when its sender last told of it."""
    severity: Severity | None = None
    """The worst that escalation rules demanded while it waited."""
    reason: str | None = None
    events: tuple[tuple[int, int], ...] = ()
    """What was told of it meanwhile, by the minute; empty unless rules count spikes."""


@record
class Group:
    """Points from a group to its newest incident; keeps what waits for a threshold, and when the group opened."""

    incident: str | None
    held: tuple[Waiting, ...] = ()
    """Alerts that fire and wait for others: as many as the threshold, at most."""
    openings: tuple[int, ...] = ()
    """The clock when the group's incidents opened, lately: as many as flapping takes, at most."""


@record
class Members:
    """The alerts that belong to an incident, as the rows say; the view lays what is in memory over them."""

    alerts: tuple[str, ...]


@record
class Merged:
    """The incidents that were merged into an incident, as the rows say; the view lays what is in memory over them."""

    incidents: tuple[str, ...]


@record
class Unresolved:
    """A tenant's incidents that are not over, as the rows say; the view lays what is in memory over them."""

    incidents: tuple[str, ...]


@record
class Texts:
    """What an alert says, as its row has it; rules renamed it already. The one state that nobody keeps in memory."""

    source: str
    identity: str
    problem: str
    project: str
    title: str
    service: str | None
    environment: str | None
    team: str | None
    category: str | None
    host: str | None
    link: str | None
    description: str | None
    labels: Mapping[str, str]


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


Value = (
    Alert | Incident | Group | SenderDelivery | DecidedCommand | RecordedDelivery | AnyIncidentFact | Members | Merged
    | Unresolved | Texts
)  # fmt: skip


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
