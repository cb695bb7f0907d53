"""Alerts as people write them for a test, or as `tocsin integrations try --json` prints them."""

from collections.abc import Mapping, Sequence
from typing import Annotated

import orjson
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from tocsin_contracts.alert import AlertEvent
from tocsin_contracts.bounds import bounded_event
from tocsin_contracts.severity import DEFAULT_SEVERITY, Severity
from tocsin_contracts.status import EventStatus
from tocsin_control.documents import UnfitDocument, read_document
from tocsin_control.errors import Refused
from tocsin_rules.fields import Subject

ALERTS_MAX = 10_000


class WrittenAlert(BaseModel):
    """A normalized alert; what is not said has a default. What rules cannot see is taken and left alone."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str = "generic"
    integration: str = ""
    title: str
    identity: str | None = None
    """The title where it is not said."""
    problem: str | None = None
    """The identity where it is not said."""
    status: EventStatus = EventStatus.FIRING
    severity: Severity | None = DEFAULT_SEVERITY
    project: str = ""
    description: str | None = None
    service: str | None = None
    environment: str | None = None
    team: str | None = None
    host: str | None = None
    labels: dict[str, str] = Field(default_factory=dict)
    heartbeat: bool = False
    content: JsonValue = None
    link: JsonValue = None
    metadata: JsonValue = None
    occurred_at: JsonValue = None
    episode_at: JsonValue = None
    trusted: JsonValue = None
    never_resolves: JsonValue = None
    sanitized: JsonValue = None
    raw: JsonValue = None

    def subject(self) -> Subject:
        """Give the alert as rules see it, cut to the bounds that every alert has."""
        identity = self.identity or self.title
        event = AlertEvent(
            identity=identity,
            problem=self.problem or identity,
            status=self.status,
            title=self.title,
            content="",
            project=self.project,
            severity=self.severity,
            description=self.description,
            service=self.service,
            environment=self.environment,
            team=self.team,
            host=self.host,
            labels=self.labels,
            heartbeat=self.heartbeat,
        )
        return Subject(source=self.source, integration=self.integration, event=bounded_event(event))


class _Alerts(BaseModel):
    """What a file with alerts holds, once a bare list was put under `alerts`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    alerts: Annotated[list[WrittenAlert], Field(min_length=1, max_length=ALERTS_MAX)]


def read_alerts(text: str, name: str, source: str | None) -> Sequence[Subject]:
    """Read alerts from JSON: one, a list, or an object with `alerts` such as `integrations try --json` prints.

    Args:
        text: what the file holds.
        name: of the file, for messages.
        source: of alerts that name none.

    Raises:
        Refused: not what it should be; says where.
    """
    try:
        written = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Refused(f"{name} is not JSON: {error}") from None
    if isinstance(written, Mapping):
        written = written.get("alerts", [written])
    if source is not None and isinstance(written, list):
        written = [{"source": source, **each} if isinstance(each, dict) else each for each in written]
    try:
        found = read_document(_Alerts, {"alerts": written})
    except UnfitDocument as unfit:
        raise Refused("; ".join(f"{name}: {fault.pointer}: {fault.detail}" for fault in unfit.faults)) from None
    return [alert.subject() for alert in found.alerts]
