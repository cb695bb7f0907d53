"""What the naive model remembers: alerts and incidents, plain and mutable."""

from dataclasses import dataclass, field
from typing import Any

from tests.support.naive_rules import Ruling
from tests.support.naive_time import Moment
from tocsin_contracts.alert import AlertEvent
from tocsin_contracts.severity import Severity
from tocsin_contracts.status import AlertStatus, EventStatus, IncidentStatus

Key = tuple[object, ...]


@dataclass(eq=False, repr=False)
class NaiveAlert:
    """One problem at one place."""

    tenant: str
    integration: str
    identity: str
    seen_at: int
    """When it was heard of first."""
    status: AlertStatus = AlertStatus.CLOSED
    severity: Severity = Severity.MEDIUM
    incident: "NaiveIncident | None" = None
    waits_in: Key | None = None
    """The group in which it waits for a threshold."""
    waits_since: int = 0
    waits_in_time: bool = True
    """Whether it counts: others were told of before it had waited too long."""
    waited: list[int] = field(default_factory=list)
    """The minute of each firing told of while it waits, where rules count them."""
    demanded: Severity | None = None
    """The worst that rules demanded while it waits."""
    start: int | None = None
    """Of its newest episode, where the sender says."""
    said: tuple[str, EventStatus] | None = None
    """Its last event that was no duplicate; None once its episode ended without a word."""
    said_at: int = 0
    content: str = ""
    """What it said last that was no duplicate, whatever became of it since."""
    event: AlertEvent | None = None
    """The firing that said something new last."""
    team: str | None = None
    """Whose it is, as it said last, and rules made it."""
    began: int | None = None
    """When its newest episode began to fire."""
    said_nothing: bool = True
    """Whether nothing was ever heard of it."""
    resolved_at: int = 0
    unheard: bool = False
    """Whether a resolve of its newest episode found nothing running, so that this never fired here: then that resolve sticks."""
    heard: Moment = field(default_factory=Moment)
    window_s: int | None = None
    """How long it may be silent, where its source never resolves."""
    silent: bool = False
    """Whether silence ended its episode, and its source did not say yet that it is over."""

    def __repr__(self) -> str:
        return f"<{self.tenant} {self.identity} {self.status}>"

    @property
    def active(self) -> bool:
        return self.status.is_active


@dataclass(eq=False, repr=False)
class NaiveIncident:
    """What people see, and what its rule said."""

    tenant: str
    integration: str
    opener: str | None
    """The identity of the alert that opened it, the heartbeat that stayed away, or None for a split."""
    key: Key
    ruling: Ruling
    event: AlertEvent | None
    severity: Severity
    worst: Severity
    opened_at: int = 0
    name: str = ""
    """Its id, once whoever plays knows it: of two that one record opened, the one with the lower id counts as older."""
    status: IncidentStatus = IncidentStatus.OPEN
    events: int = 0
    assignee: str | None = None
    team: str | None = None
    category: str | None = "other"
    first_team: str | None = None
    """As it opened; what differs from it a person gave."""
    first_category: str | None = "other"
    runbook_url: str | None = None
    snoozed_until: int | None = None
    merged_into: "NaiveIncident | None" = None
    flapping: bool = False
    revision: int = 0
    turned: Moment | None = None
    """When it last began or ceased to have active alerts; None: a person opened it, nothing waits."""
    over: Moment = field(default_factory=Moment)
    silent: bool = False
    waits: bool = False
    """Whether its last active alert ended by somebody's word, and its rule lets it wait for quiet, or for people."""
    joined: int = 0
    """How often an alert became a member, though it may have gone on to a later incident; not what people moved away."""
    counting: bool = False
    minutes: list[int] = field(default_factory=list)
    """The minute of each event, while its rules count them."""
    actions: dict[int, Any] = field(default_factory=dict)
    """What can be undone, by the version at which people see it."""
    resolved_at: int = 0

    def __repr__(self) -> str:
        return f"<{self.tenant} {self.opener} {self.status} {self.key[1:]}>"

    @property
    def never(self) -> bool:
        """Whether the end of its alerts is not its own end: only people, or a sign of life, resolve it."""
        return self.ruling.never or self.key[1] == "heartbeat"

    @property
    def is_over(self) -> bool:
        return self.status.is_over
