"""What answers about deliveries look like: what became of a request, on which way, and what was turned away."""

from datetime import date, datetime
from typing import Literal

from pydantic import Field

from tocsin_contracts.outcome import Outcome
from tocsin_contracts.severity import Severity
from tocsin_contracts.status import IncidentStatus
from tocsin_query.domain.shapes import AlertEvent, AsOf, Page, Shape


class PendingDelivery(Shape):
    """A delivery that lies in the log and is not folded yet: ask again."""

    id: str
    outcome: Literal["pending"]
    position: str
    body_url: str
    as_of: AsOf


class DeliveryRow(Shape):
    """One HTTP request of a sender, and what became of it, as lists show it."""

    id: str
    outcome: Outcome
    reason: str | None = Field(description="Why, as a code.")
    detail: str | None = Field(description="Why, in a sentence.")
    source: str
    integration_id: str
    integration_version: int
    sender_id: str | None
    duplicate_of: str | None = Field(description="The delivery that it repeats.")
    redrive_of: str | None = Field(description="The failed delivery that it sends again.")
    redriven_to: str | None = Field(description="The redrive that was processed in its place.")
    position: str
    received_at: datetime
    logged_at: datetime
    size: int = Field(description="Bytes of the body.")
    alert_count: int
    incident_ids: list[str]
    request_id: str
    release: str
    discarded: bool = Field(description="Whether somebody looked at it and let it be.")
    body_url: str = Field(description="Where the recorded bytes are.")


class DeliveryPage(Page[DeliveryRow]):
    """One page of deliveries."""


class Check(Shape):
    """One step on the way of a delivery, and what it said."""

    check: Literal["gateway", "read", "duplicate", "redrive", "fold"]
    passed: bool | None = Field(description="Null: it was not reached.")
    detail: str


class DeliveryIncident(Shape):
    """An incident that a delivery opened, joined or changed."""

    id: str
    short_code: str
    title: str
    status: IncidentStatus
    severity: Severity


class Attempt(Shape):
    """A redrive of a delivery."""

    id: str
    outcome: Outcome
    reason: str | None
    detail: str | None
    logged_at: datetime
    position: str


class Discard(Shape):
    """Who looked at a failed delivery and let it be, and why."""

    at: datetime
    why: str
    actor_kind: str
    actor_id: str
    actor_name: str


class Delivery(DeliveryRow):
    """One HTTP request of a sender: its body, what was checked, its alert events, their incidents; or why there are none."""

    checks: list[Check] = Field(description="In their order; the first that did not pass decided.")
    events: list[AlertEvent] = Field(description="Its alert events in order; the first 100 of `alert_count`.")
    incidents: list[DeliveryIncident] = Field(description="Those of `incident_ids`; the first 50.")
    attempts: list[Attempt] = Field(description="Its redrives, newest first; the last 50.")
    discard: Discard | None
    as_of: AsOf


class DeliveryGroup(Shape):
    """Deliveries that share what was counted by; what was not is null."""

    outcome: Outcome | None
    reason: str | None
    source: str | None
    integration_id: str | None
    count: int
    first_logged_at: datetime
    last_logged_at: datetime
    last_id: str = Field(description="The newest of them.")


class DeliveryStats(Shape):
    """How many deliveries share what."""

    by: list[str]
    groups: list[DeliveryGroup] = Field(description="The largest first, at most 200.")
    total: int = Field(description="Deliveries that were counted; the newest, where `total_is_exact` is false.")
    total_is_exact: bool
    as_of: AsOf


class RejectedDay(Shape):
    """Requests to one integration that were turned away on a day, by reason."""

    day: date
    integration_id: str
    reason: str
    count: int


class RejectedSample(Shape):
    """One request that was turned away; of each integration at most one a second is kept."""

    at: datetime
    integration_id: str
    reason: str
    status: int
    request_id: str
    address: str
    size: int = Field(description="Bytes of the body that were received.")


class Rejected(Shape):
    """Requests that named an integration of the tenant's and were turned away. Nothing of them is in the log."""

    days: list[RejectedDay] = Field(description="Newest day first; at most 200.")
    samples: list[RejectedSample] = Field(description="Newest first; at most 200.")
    as_of: AsOf
