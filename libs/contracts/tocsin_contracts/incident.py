"""Facts of incidents: what the fold decided, past tense, immutable. Rows of `proj.facts`, bodies of the live stream.

The facts of one incident, folded in order of `version`, give the incident: nothing else changes it. Every fact says why.
A changed fact for the same input is a new FOLD_VERSION.
"""

from collections.abc import Mapping
from dataclasses import field, fields
from operator import attrgetter
from typing import Any, ClassVar, get_args

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
    """An alert fired that no collecting incident of its group could take; a heartbeat stayed away; or alerts were split off."""

    kind: ClassVar[str] = "incident-opened"
    group_key: str
    alert: str | None = None
    """The alert that opened it; None where an absence did."""
    source: str
    integration: str
    project: str
    problem: str
    title: str
    severity: Severity
    first_seen_at: int
    rule: str
    rule_version: int
    """Of the tenant's rule set; 0 is the default one, before any."""
    reason: str
    previous: str | None = None
    """The incident of the same group before this one."""
    description: str | None = None
    service: str | None = None
    environment: str | None = None
    team: str | None = None
    category: str | None = None
    host: str | None = None
    link: str | None = None
    identity: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    said: Mapping[str, str] = field(default_factory=dict)
    """What the sender said where rules renamed it: service, environment, severity, team. Another rule set starts from these."""
    why: Mapping[str, object] = field(default_factory=dict)
    """What decided (issue "why"): the key's values, window, threshold and what was counted, the competing incident."""
    policy: Mapping[str, object] = field(default_factory=dict)
    """How it behaves: the ruling's settings that differ from the default (`domain/policy.py` of the grouper)."""
    split_from: str | None = None


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
    silent: bool = False
    """Whether silence ended those of `ended`, and not a newer episode."""
    confirmed: tuple[str, ...] = ()
    """Members that their source resolved after silence had ended their episode."""
    earlier: tuple[tuple[int, int], ...] = ()
    """What was told of those of `joined` that waited for a threshold, by the minute (minute since the epoch, events): it counts
    for spikes. Only where rules count them."""
    why: str | None = None


@record
class SeverityRaised(IncidentFact):
    """The incident became worse; it is never lowered silently (E9)."""

    kind: ClassVar[str] = "severity-raised"
    before: Severity
    after: Severity
    reason: str
    alert: str | None = None
    worst: Severity | None = None
    """What its alerts or rules want, where a person's severity stands above that: then `after` is what it was."""


@record
class IncidentResolved(IncidentFact):
    """No alert of the incident is active any more."""

    kind: ClassVar[str] = "incident-resolved"
    before: IncidentStatus
    reason: str


@record
class IncidentRegrouped(IncidentFact):
    """Another rule set came into force: the open incident goes on under its key, if no other has it."""

    kind: ClassVar[str] = "incident-regrouped"
    group_key: str
    before: str
    """The key so far."""
    rule: str
    rule_version: int
    reason: str
    why: Mapping[str, object] = field(default_factory=dict)
    policy: Mapping[str, object] = field(default_factory=dict)


@record
class FlappingBegan(IncidentFact):
    """The group opened so often that its incident is kept open, and quiet."""

    kind: ClassVar[str] = "flapping-began"
    openings: int
    within_s: int


@record
class FlappingEnded(IncidentFact):
    """The incident was quiet long enough."""

    kind: ClassVar[str] = "flapping-ended"
    reason: str


@record
class IncidentReopened(IncidentFact):
    """It is open again: by a person, or by a rule when its problem came back."""

    kind: ClassVar[str] = "incident-reopened"
    before: IncidentStatus
    after: IncidentStatus
    reason: str
    alert: str | None = None
    actor_kind: str | None = None
    """None: the fold decided, by a rule."""
    actor_id: str | None = None
    actor_name: str | None = None
    command: str | None = None
    comment: str | None = None


@record
class IncidentAction(IncidentFact):
    """What a person or machine did: who, by which command, and why."""

    actor_kind: str
    actor_id: str
    actor_name: str
    command: str
    comment: str | None = None


@record
class StatusChanged(IncidentAction):
    """Moved to another status (C4)."""

    kind: ClassVar[str] = "status-changed"
    before: IncidentStatus
    after: IncidentStatus


@record
class FieldChanged(IncidentAction):
    """Given another assignee, team, category or runbook."""

    kind: ClassVar[str] = "field-changed"
    name: str
    """`assignee`, `team`, `category` or `runbook_url`."""
    before: str | None = None
    after: str | None = None


@record
class SeverityOverridden(IncidentAction):
    """Given another severity, higher or lower, by a person."""

    kind: ClassVar[str] = "severity-overridden"
    before: Severity
    after: Severity


@record
class Snoozed(IncidentAction):
    """Kept quiet until a time."""

    kind: ClassVar[str] = "snoozed"
    until: int | None = None
    """µs; None: not any more."""
    before: int | None = None
    undoes: int | None = None
    """The version of the action that this one takes back."""


@record
class Commented(IncidentAction):
    """Written about; the text is `text`."""

    kind: ClassVar[str] = "commented"
    text: str


@record
class LinkChanged(IncidentAction):
    """Linked to another incident, or not any more."""

    kind: ClassVar[str] = "link-changed"
    other: str
    linked: bool = False


@record
class AlertsLeft(IncidentAction):
    """Alerts went to another incident: by a merge, a split, or the undoing of one."""

    kind: ClassVar[str] = "alerts-left"
    to: str
    reason: str
    """`merge`, `split`, `undo-merge`, `undo-split`."""
    alerts: tuple[str, ...] = ()
    active: int
    """How many of them fire."""
    events: int
    undoes: int | None = None
    group: str | None = None
    """A group whose next alerts follow them."""
    closes: IncidentStatus | None = None
    """The status before, where the incident has given all: it is CLOSED, `merged_into` the other."""
    silent: bool = False
    """Whether it gave its last active alerts, and nobody said that it is over: silence ended some of what is left, if any is."""


@record
class AlertsCame(IncidentAction):
    """Alerts came from another incident."""

    kind: ClassVar[str] = "alerts-came"
    origin: str
    reason: str
    alerts: tuple[str, ...] = ()
    active: int
    events: int
    first_seen_at: int
    last_alert_at: int
    closed: IncidentStatus | None = None
    """The status that the other incident had when it gave all and was closed: what undoing gives back."""
    restores: IncidentStatus | None = None
    """The status that the undoing of a merge gives back."""
    snoozed_until: int | None = None
    """µs: until when the other incident was snoozed as it was merged, which ended it; with `restores`: until when this one is."""
    silent: bool = False
    """Whether none of its alerts is active, and silence ended some of those that it has only now."""


AnyIncidentFact = (
    IncidentOpened | AlertsRecorded | SeverityRaised | IncidentResolved | IncidentRegrouped | FlappingBegan | FlappingEnded
    | IncidentReopened | StatusChanged | FieldChanged | SeverityOverridden | Snoozed | Commented | LinkChanged | AlertsLeft
    | AlertsCame
)  # fmt: skip

_KINDS: dict[str, type[AnyIncidentFact]] = {fact.kind: fact for fact in get_args(AnyIncidentFact)}
_ROW = frozenset({"incident", "version", "at"})
_BODY = {fact: tuple(f.name for f in fields(fact) if f.name not in _ROW) for fact in _KINDS.values()}
_VALUES = {fact: attrgetter("incident", "version", *names) for fact, names in _BODY.items()}
"""Reads a body at once, behind two fields that are not of it: an `attrgetter` of one name gives no tuple."""
_NEVER_EMPTY = (int, str)
"""Zero and "" are something said; None and empty lists and maps are left out."""
_ADAPTERS: dict[str, TypeAdapter[AnyIncidentFact]] = {kind: TypeAdapter(fact) for kind, fact in _KINDS.items()}


def encode_fact(fact: AnyIncidentFact, *, without: frozenset[str] = frozenset()) -> str:
    """Write a fact's body as JSON: all but incident, version, time and kind, which are columns; empty fields are left out.

    Args:
        fact: to write.
        without: names of fields that have columns of their own as well.
    """
    kind = type(fact)
    values = zip(_BODY[kind], _VALUES[kind](fact)[2:], strict=True)
    body = {name: value for name, value in values if value or type(value) in _NEVER_EMPTY}
    for name in without:
        body.pop(name, None)
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
