"""What answers about the why of alerts and incidents look like. Everything in them was recorded when it was decided."""

from datetime import datetime

from pydantic import Field

from tocsin_contracts.severity import Severity
from tocsin_contracts.status import AlertStatus, IncidentStatus
from tocsin_query.domain.shapes import Action, AsOf, Detail, Shape, WaitingFor


class Competing(Shape):
    """The incident of the same group that did not take an alert, or that has the key of one that was regrouped."""

    incident_id: str
    short_code: str
    status: IncidentStatus | None = Field(description="As it was then; null where it collects.")
    because: str


class Threshold(Shape):
    """How many alerts a rule wanted before it opened an incident, and how many there were."""

    alerts: int
    within_s: int
    counted: int


class Decision(Shape):
    """What the rules decided about an alert that fired."""

    rule: str = Field(description="The rule that matched; `default` where none did.")
    rule_version: int = Field(description="Of the tenant's rules; 0: before there were any.")
    rules: list[str] = Field(description="Every rule that had a say, in order.")
    reason: str
    key: str = Field(description="The group key.")
    key_rule: str = Field(description="The rule whose `group_by` made the key; `default` for the default key.")
    values: dict[str, str] = Field(description="What the key was made of.")
    window_s: int | None = Field(description="Given by a rule; null: the integration's.")
    threshold: Threshold | None
    competing: Competing | None
    reopened: str | None = Field(description="Why the group's last incident opened again in place of a new one.")


class AlertHappening(Shape):
    """One notification of an alert, what it did, and what decided."""

    delivery_id: str
    position: str
    seq: int = Field(description="Place in its delivery.")
    incident_id: str | None
    status: str = Field(description="What it said.")
    severity: str | None
    effect: str = Field(description="What it did: `opened`, `joined`, `fired`, `reopened`, `held`, `repeated`, `late` …")
    sentence: str = Field(description="The same, for people.")
    decision: Decision | None = Field(description="Null where nothing began.")
    occurred_at: datetime
    logged_at: datetime


class IncidentHappening(Shape):
    """One fact of an incident: what happened, when, why, and who did it."""

    version: int
    kind: str
    at: datetime
    position: str
    sentence: str
    reason: str | None
    detail: Detail
    decision: Decision | None = Field(description="Of the rules: where it began, and where other rules regrouped it.")
    actor_kind: str | None = Field(description="Null: nobody did it, the fold decided.")
    actor_id: str | None
    actor_name: str | None
    comment: str | None
    command_id: str | None


class AlertWhy(Shape):
    """Why an alert is where it is."""

    id: str
    title: str
    status: AlertStatus
    severity: Severity
    incident_id: str | None
    short_code: str | None = Field(description="Of the incident.")
    sentence: str = Field(description="Where it stands, for people.")
    window_s: int | None = Field(
        description="How long its episode lasts after its last event, as was in force then; null where its source resolves."
    )
    waiting_for: WaitingFor | None
    began: AlertHappening | None = Field(
        description="How its last episode began; null where none did, or longer ago than alert events are kept."
    )
    moved: Action | None = Field(
        description="What brought it into its incident, where its episode did not begin there: a merge, a split, an undo."
    )
    ended: IncidentHappening | None = Field(
        description="Where its episode ended without a resolve: the fact of its incident that says so, and why."
    )
    history: list[AlertHappening] = Field(description="Its notifications, newest first.")
    next_cursor: str | None = Field(description="`cursor` of older ones; null where there are none.")
    as_of: AsOf


class IncidentBeginning(IncidentHappening):
    """How an incident began."""

    alert_id: str | None = Field(description="The alert that opened it; null where an absence did.")
    rule: str
    rule_version: int
    group_key: str
    previous_id: str | None = Field(description="The incident of the same group before this one.")
    split_from: str | None
    said: dict[str, str] = Field(description="What the sender said where rules made something else of it.")
    heartbeat_s: int | None = Field(description="Of an absence: how often a sign of life was due.")


class IncidentWhy(Shape):
    """Why an incident is what it is."""

    id: str
    short_code: str
    title: str
    status: IncidentStatus
    severity: Severity
    worst_severity: Severity
    version: int
    began: IncidentBeginning
    history: list[IncidentHappening] = Field(
        description="What happened since, newest first: all but the plain counting of alerts, which `timeline` has."
    )
    next_cursor: str | None = Field(description="`cursor` of older facts; null where there are none.")
    as_of: AsOf
