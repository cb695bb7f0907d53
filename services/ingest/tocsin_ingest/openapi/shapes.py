"""What the gateway's answers look like. Answers are not built through these models: a test holds every answer against its own."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from tocsin_contracts.integration import IntegrationSettings
from tocsin_contracts.severity import Severity
from tocsin_contracts.status import EventStatus, IncidentStatus
from tocsin_control.documents import StyleDocument
from tocsin_control.principal import Scope

T = TypeVar("T")


class Shape(BaseModel):
    """A JSON object of the API. Clients ignore members that they do not know; we never answer one that is not here."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Accepted(Shape):
    """A delivery that lies in the log."""

    delivery_id: str = Field(description="`GET /deliveries/{id}` shows what became of it.")
    status: Literal["accepted"]


class WebhookSecret(Shape):
    """What may be shown of a secret that is accepted."""

    version: int
    created_at: datetime
    not_after: datetime | None = Field(description="When it ends; null for the one in force.")
    last_used_at: datetime | None = Field(description="When it last proved a delivery, to the minute: unused, it can be retired.")


class Integration(Shape):
    """A sender: who it is, how it is read, and where it posts to."""

    id: str
    source: str
    name: str
    version: int = Field(description='Grows with every change: `If-Match: "v<version>"`.')
    enabled: bool
    rate_limit_per_min: int
    burst: int
    signature_required: bool
    signature_style: StyleDocument | None
    url_token: bool = Field(description="Whether a token in its URL proves a delivery.")
    settings: IntegrationSettings
    created_at: datetime
    path: str
    url: str = Field(description="What to give the sender.")
    secrets: list[WebhookSecret] = Field(description="Those that are accepted, the newest first; two at most.")
    url_tokens: list[WebhookSecret] = Field(description="Tokens that its URL takes, the newest first; two at most.")


_SHOWN_ONCE = "Where a token was made: the URL with it, which no other answer holds."


class ChangedIntegration(Integration):
    """An integration as it is now; where its URL begins to take a token, with that."""

    url_with_token: str = Field(default="", description=_SHOWN_ONCE)


class IntegrationWithSecret(ChangedIntegration):
    """An integration with its new secret, which no other answer holds."""

    secret: str


class RotatedIntegration(ChangedIntegration):
    """An integration with its new secret, or the new token of its URL, which no other answer holds."""

    secret: str = Field(default="", description="Where a secret was made.")


class IntegrationList(Shape):
    """A page of integrations, in order of name."""

    items: list[Integration]
    total: int
    next: str | None = Field(description="`after` of the next page; null on the last.")


class TriedAlert(Shape):
    """One alert event that a delivery would make. Null is what the sender did not say."""

    identity: str
    problem: str
    status: EventStatus
    title: str
    content: str
    project: str
    severity: Severity | None
    description: str | None
    service: str | None
    environment: str | None
    team: str | None
    host: str | None
    link: str | None
    labels: dict[str, str]
    metadata: dict[str, Any]
    occurred_at: datetime | None
    episode_at: datetime | None
    trusted: bool
    never_resolves: bool
    heartbeat: bool
    sanitized: bool
    raw: str | None


class Taken(Shape):
    """Where the integration's own mapping found one field."""

    alert: int | None = Field(description="Place of the alert in the body, from 0; null for what is read of the whole body.")
    field: str
    path: str | None = Field(description="The path that won; null where the default was taken, or nothing was.")
    value: str | None


class Trial(Shape):
    """What today's code would make of a body; nothing was written."""

    outcome: Literal["normalized", "ignored", "failed"]
    sender_id: str | None = Field(default=None, description="The sender's own id of the delivery.")
    alerts_total: int | None = None
    alerts: list[TriedAlert] | None = Field(default=None, description="The first 100.")
    reason: str | None = None
    pointer: str | None = Field(default=None, description="JSON pointer of what was missing or of another type.")
    detail: str | None = None
    taken: list[Taken] | None = Field(default=None, description="What a mapping took from where, of the first 100 alerts.")


class TriedDelivery(Trial):
    """What today's code and settings would make of a recorded delivery; nothing was written."""

    delivery_id: str
    integration_version: int


class Redriven(Shape):
    """A delivery that lies in the log once more."""

    delivery_id: str = Field(description="Of the new attempt.")
    redrive_of: str = Field(description="The delivery that it sends again.")
    status: Literal["accepted"]


class Discarded(Shape):
    """A failed delivery that somebody lets be."""

    delivery_id: str
    discarded: Literal[True]
    first: bool = Field(description="False: somebody had said so before, and that word stands.")


class NotProcessed(Shape):
    """A redrive that did not help."""

    delivery_id: str
    redrive_id: str
    outcome: str
    reason: str | None


class BulkRedriven(Shape):
    """What one request sent again, and where the next one goes on."""

    sent: int
    processed: int
    failed_again: int
    duplicate: int
    ignored: int
    pending: int = Field(description="Sent, and not folded yet.")
    gone: int = Field(description="Their bytes are no longer in the log.")
    not_processed: list[NotProcessed] = Field(description="The first 20.")
    stopped: Literal["too-many-failed-again", "out-of-time", "log-unavailable"] | None
    more: bool
    after: str | None = Field(description="Send it as `after` to go on.")


class IncidentState(Shape):
    """How an incident stands."""

    incident: str
    status: IncidentStatus
    version: int
    revision: int = Field(description='What people changed: `If-Match: "r<revision>"`.')


class CommandApplied(IncidentState):
    """A command that the fold applied: how the incident stands behind it."""

    command_id: str


class SplitApplied(CommandApplied):
    """A split that the fold applied: how both incidents stand behind it."""

    new: IncidentState = Field(description="The incident that the alerts went to.")


class BulkResult(Shape):
    """What became of the command at one incident."""

    incident: str
    status: int = Field(description="As the answer to this one alone would have been.")
    reason: str | None = None
    version: int | None = None
    revision: int | None = None


class BulkApplied(Shape):
    """What became of a command to many incidents."""

    command_id: str
    applied: int
    rejected: int
    results: list[BulkResult]


class ForeseenIncident(Shape):
    """What a rule set would make of an open incident."""

    incident: str
    before: str = Field(description="The rule that it goes by.")
    rule: str = Field(description="The rule that it would go by.")
    moves: bool = Field(description="Whether its group key would be another one.")


class RulesApplied(Shape):
    """A rule set that is in force."""

    command_id: str
    version: int
    regrouped: int = Field(description="Open incidents that go on under another key or rule; of a dry run: that would.")
    incidents: list[ForeseenIncident] | None = Field(default=None, description="Of a dry run: the oldest 100 of them.")


class CommandAccepted(Shape):
    """A command that lies in the log; its outcome is not known yet."""

    command_id: str
    status: Literal["pending"]


class ApiKey(Shape):
    """What is known of an API key; its text is shown when it is made, and never again."""

    id: str
    holder: str
    kind: Literal["person", "machine"]
    scopes: list[Scope]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None = Field(description="As the gateway saw it, to the minute; reads leave no trace here.")


class NewApiKey(ApiKey):
    """A new API key with its text, which no other answer holds."""

    key: str


class Tenant(Shape):
    """The tenant that a key is of."""

    id: str
    name: str
    enabled: bool
    partition: int
    rate_limit_per_min: int
    burst: int


class Listed(Shape, Generic[T]):
    """All there are."""

    items: list[T]


class ApiKeyList(Listed[ApiKey]):
    """A tenant's API keys in order of creation, revoked ones too."""


class AuditEntry(Shape):
    """One thing that somebody did."""

    id: str
    at: datetime
    actor: str = Field(description="`person:…` or `machine:…` by a key, `cli:…` by the command line.")
    action: str
    subject: str = Field(description="Id of what was changed.")
    detail: dict[str, Any] = Field(description="The key, the request, what stood there before and after; never a secret.")


class AuditPage(Shape):
    """A page of the audit, newest first."""

    items: list[AuditEntry]
    next: str | None = Field(description="`before` of the next page; null on the last.")


class TenantList(Listed[Tenant]):
    """The tenants that a key reaches: its own."""
