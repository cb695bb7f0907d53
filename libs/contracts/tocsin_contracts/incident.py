"""Facts of incidents: what the fold decided, past tense, immutable. Rows of `proj.facts`, bodies of the live stream.

The facts of one incident, folded in order of `version`, give the incident: nothing else changes it. Every fact says why.
A changed fact for the same input is a new FOLD_VERSION.
"""

from collections.abc import Mapping
from dataclasses import field, fields
from typing import Any, ClassVar

import orjson
from pydantic import TypeAdapter

from tocsin_contracts.record import record
from tocsin_contracts.severity import Severity
from tocsin_contracts.status import IncidentStatus


@record
class IncidentFact:
    """What every fact carries: which incident, its gapless version (P3), and when by the fold's clock (µs)."""

    kind: ClassVar[str] = ""
    incident: str
    version: int
    at: int


@record
class IncidentOpened(IncidentFact):
    """An alert fired that no collecting incident of its group could take."""

    kind: ClassVar[str] = "incident-opened"
    group_key: str
    alert: str
    source: str
    integration: str
    project: str
    problem: str
    title: str
    severity: Severity
    first_seen_at: int
    rule: str
    rule_version: int
    reason: str
    previous: str | None = None
    description: str | None = None
    service: str | None = None
    environment: str | None = None
    team: str | None = None
    link: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)


@record
class AlertsRecorded(IncidentFact):
    """What one record's alert events did to the incident, in one fact: a delivery of 200 alerts is one fact."""

    kind: ClassVar[str] = "alerts-recorded"
    events: int
    last_alert_at: int
    joined: tuple[str, ...] = ()
    """Alerts that were not members before; they fire."""
    fired: tuple[str, ...] = ()
    """Members that fire again: a new episode."""
    repeated: tuple[str, ...] = ()
    """Members that still fire."""
    acknowledged: tuple[str, ...] = ()
    """Members that somebody acknowledged at their source."""
    resolved: tuple[str, ...] = ()
    """Members that their source resolved."""
    ended: tuple[str, ...] = ()
    """Members whose episode ended without a resolve; `why` says how."""
    confirmed: tuple[str, ...] = ()
    """Members that their source resolved after silence had ended their episode."""
    why: str | None = None


@record
class SeverityRaised(IncidentFact):
    """The incident became worse; it is never lowered silently (E9)."""

    kind: ClassVar[str] = "severity-raised"
    before: Severity
    after: Severity
    reason: str
    alert: str | None = None


@record
class IncidentResolved(IncidentFact):
    """No alert of the incident is active any more."""

    kind: ClassVar[str] = "incident-resolved"
    before: IncidentStatus
    reason: str


@record
class StatusChanged(IncidentFact):
    """A person or machine moved the incident to another status (C4)."""

    kind: ClassVar[str] = "status-changed"
    before: IncidentStatus
    after: IncidentStatus
    actor_kind: str
    actor_id: str
    actor_name: str
    command: str
    comment: str | None = None


AnyIncidentFact = IncidentOpened | AlertsRecorded | SeverityRaised | IncidentResolved | StatusChanged

_KINDS: dict[str, type[AnyIncidentFact]] = {
    fact.kind: fact for fact in (IncidentOpened, AlertsRecorded, SeverityRaised, IncidentResolved, StatusChanged)
}
_ROW = frozenset({"incident", "version", "at"})
_BODY = {fact: tuple(f.name for f in fields(fact) if f.name not in _ROW) for fact in _KINDS.values()}
_NEVER_EMPTY = (int, str)
"""Zero and "" are something said; None and empty lists and maps are left out."""
_ADAPTERS: dict[str, TypeAdapter[AnyIncidentFact]] = {kind: TypeAdapter(fact) for kind, fact in _KINDS.items()}


def encode_fact(fact: AnyIncidentFact) -> str:
    """Write a fact's body as JSON: all but incident, version, time and kind, which are columns; empty fields are left out."""
    body = {name: value for name in _BODY[type(fact)] if (value := getattr(fact, name)) or type(value) in _NEVER_EMPTY}
    return orjson.dumps(body).decode()


def decode_fact(kind: str, incident: str, version: int, at: int, body: str | bytes) -> AnyIncidentFact:
    """Read a fact from its row.

    Raises:
        ValueError: a kind that this release does not know, or a body of another form.
    """
    adapter = _ADAPTERS.get(kind)
    if adapter is None:
        raise ValueError(f"fact kind {kind!r} is not known to this release")
    document: dict[str, Any] = orjson.loads(body)
    return adapter.validate_python(document | {"incident": incident, "version": version, "at": at})
