"""What answers look like. The OpenAPI document is made from these models, and the rows' columns are their fields.

Answers are not built through them (that would cost more than the read): a test holds every route's answers against its model.
"""

from datetime import datetime
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from tocsin_contracts.severity import Severity
from tocsin_contracts.status import AlertStatus, IncidentStatus

T = TypeVar("T")


class Shape(BaseModel):
    """A JSON object of the API. Clients ignore fields that they do not know; we never answer one that is not here."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class AsOf(Shape):
    """How far the fold has come, and how old that is. All null before the first record of the partition."""

    position: str | None = Field(description="Last folded record of the tenant's partition, `partition:offset`.")
    clock: datetime | None = Field(description="What the fold calls now: the highest append time it has seen.")
    age_seconds: float | None = Field(description="Seconds since the last folded record was appended to the log.")


class Page(Shape, Generic[T]):
    """One page of a list."""

    items: list[T]
    total: int = Field(description="Rows that the filters match; a lower bound where `total_is_exact` is false.")
    total_is_exact: bool
    limit: int
    offset: int
    next_cursor: str | None = Field(description="`cursor` of the next page; null on the last one.")
    as_of: AsOf


class IncidentRow(Shape):
    """An incident as lists show it."""

    id: str
    short_code: str = Field(description="The code to say aloud; answers at `/incidents/{id}` too.")
    status: IncidentStatus
    severity: Severity = Field(description="The highest so far, or what somebody set in its place.")
    worst_severity: Severity = Field(description="The highest that its alerts and escalations had, whatever somebody set.")
    title: str
    source: str
    integration_id: str
    project: str
    service: str | None
    environment: str | None
    team: str | None
    category: str | None
    link: str | None
    assignee: str | None
    runbook_url: str | None
    snoozed_until: datetime | None = Field(
        description="Quiet until then, if that is later than `as_of.clock` and it is unresolved."
    )
    flapping: bool = Field(description="It opened too often: it is kept open, and quiet.")
    merged_into: str | None = Field(description="The incident that took its alerts.")
    split_from: str | None = Field(description="The incident that its first alerts were taken out of.")
    alert_count: int = Field(description="Distinct alerts that joined it.")
    firing_count: int = Field(description="Of them active now.")
    event_count: int
    first_seen_at: datetime
    last_alert_at: datetime
    created_at: datetime
    updated_at: datetime
    acknowledged_at: datetime | None
    resolved_at: datetime | None
    closed_at: datetime | None
    version: int = Field(description="Grows with every fact: the read ETag.")
    revision: int = Field(description='Grows with what people change: send it as `If-Match: "r<revision>"`.')


class WaitingFor(Shape):
    """What an alert waits for that fires and has no incident yet: others of its group."""

    group_key: str
    rule: str | None = Field(description="The rule with the threshold. It and the counts are null once their event was dropped.")
    alerts: int | None = Field(description="How many must fire.")
    within_s: int | None
    counted: int | None = Field(description="How many did when this one was counted.")


class AlertRow(Shape):
    """An alert as lists show it: one problem at its source, one row, updated."""

    id: str
    status: AlertStatus
    severity: Severity
    title: str
    source: str
    integration_id: str
    identity: str
    problem: str
    project: str
    service: str | None
    environment: str | None
    team: str | None
    category: str | None
    host: str | None
    link: str | None
    incident_id: str | None = Field(description="Of its current or last episode.")
    waiting_for: WaitingFor | None = Field(description="Null where it does not wait.")
    heartbeat: bool
    event_count: int
    occurred_at: datetime
    opened_at: datetime | None
    resolved_at: datetime | None
    created_at: datetime
    updated_at: datetime
    last_seen_at: datetime


class IncidentPage(Page[IncidentRow]):
    """One page of incidents."""


class AlertPage(Page[AlertRow]):
    """One page of alerts."""


class Detail(Shape):
    """What an action or a fact changed; what it does not say is null or empty."""

    field: (
        Literal["status", "severity", "assignee", "team", "category", "runbook_url", "snoozed_until", "flapping", "group_key"]
        | None
    )
    before: str | None = Field(description="Times are RFC 3339.")
    after: str | None
    reason: str | None = Field(description="Of a move of alerts: `merge`, `split`, `undo-merge`, `undo-split`; else a sentence.")
    other_id: str | None = Field(description="The other incident: of a link, a merge, a split.")
    other_short_code: str | None
    linked: bool | None = Field(description="Of a link: false where it was taken back.")
    alerts: list[str] = Field(description="Ids of the alerts that moved, or that caused it; the first 100.")
    alerts_total: int
    undoes: int | None = Field(description="The version of the action that this one takes back.")


class Action(Shape):
    """What somebody did to an incident."""

    version: int = Field(description="`undo` takes it.")
    kind: str
    actor_kind: str
    actor_id: str
    actor_name: str
    from_status: str | None
    to_status: str | None
    comment: str | None
    sentence: str = Field(description="The same, for people.")
    detail: Detail
    command_id: str
    at: datetime
    position: str


class Fact(Shape):
    """One recorded fact of an incident."""

    version: int
    kind: str
    at: datetime
    position: str
    body: Any


class LinkedIncident(Shape):
    """Another incident that has to do with one."""

    id: str
    short_code: str
    title: str
    status: IncidentStatus
    severity: Severity


class Incident(IncidentRow):
    """One incident with its alerts, what people did, and its recent history."""

    description: str | None
    labels: dict[str, Any] = Field(description="Of the alert that opened it.")
    group_key: str
    rule: str = Field(description="Which rule groups it; `/incidents/{id}/why` tells more.")
    rule_version: int = Field(description="Of the tenant's rules; 0: before there were any.")
    reason: str
    previous_id: str | None = Field(description="The incident of the same group before this one.")
    opened_position: str
    changed_position: str
    alerts: list[AlertRow] = Field(description="Active ones first, then by last sight; the first 100.")
    alerts_total: int = Field(description="Alerts whose current or last episode is here: `/alerts?incident_id=` lists them all.")
    actions: list[Action] = Field(description="The last 50, newest first.")
    links: list[LinkedIncident] = Field(description="What people linked it to, or to it; the first 50.")
    timeline: list[Fact] = Field(description="The last 50 facts, newest first.")
    as_of: AsOf


class AlertEvent(Shape):
    """One notification of an alert, and what it did."""

    delivery_id: str
    position: str
    seq: int = Field(description="Place in its delivery.")
    alert_id: str
    incident_id: str | None
    status: str
    severity: str | None
    effect: str
    occurred_at: datetime
    logged_at: datetime


class Alert(AlertRow):
    """One alert, with the sender's own JSON."""

    description: str | None
    labels: dict[str, Any]
    metadata: dict[str, Any]
    raw: Any = Field(description="The alert as its sender wrote it; null above 64 kB.")
    never_resolves: bool
    episode_at: datetime | None
    changed_position: str
    events: list[AlertEvent] = Field(description="The last 50, newest first; kept 90 days by default.")
    as_of: AsOf


class IncidentChoice(Shape):
    """An incident that an ambiguous name may mean."""

    id: str
    short_code: str
    title: str
    status: IncidentStatus


class ProblemError(Shape):
    """One fault of a query or a body."""

    parameter: str | None = Field(default=None, description="Of a query.")
    pointer: str | None = Field(default=None, description="JSON pointer into the body.")
    code: str
    detail: str | None = None


class Problem(BaseModel):
    """RFC 9457, `application/problem+json`; some types have members of their own."""

    model_config = ConfigDict(frozen=True, extra="allow")

    type: str
    title: str
    status: int
    detail: str | None = None
    instance: str
    errors: list[ProblemError] | None = None
    choices: list[IncidentChoice] | None = Field(default=None, description="Of an ambiguous id: what it may mean.")
    scope: str | None = Field(default=None, description="Of a key that does not reach: the scope of one that does.")
    violated_policies: list[str] | None = Field(default=None, alias="violated-policies", description="Quotas that are used up.")
