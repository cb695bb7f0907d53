"""Datadog: webhooks whose body is the user's own template (SOURCES 5).

Members are found by name whatever their case and separators, one level of nesting included: `ALERT_ID`, `alertId` and
`alert.id` are one. Variables that Datadog did not fill in (`$ALERT_ID`) count as absent.

Identity: the alert cycle key; else the monitor and the scope that triggered; else the aggregation key; else the title without
Datadog's prefixes and the scope, which is all that the default body has. Problem: the monitor, whatever the scope; else the
aggregation key; else the title. A Datadog incident is its own identity and problem. Delivery id: `$ID`, where it looks like
an event's id, for hand-made templates put other things there. Episode: none, the cycle key has it in the identity.

Status: `$ALERT_TRANSITION`; else `$ALERT_TYPE` success; else the title's prefix. Warn and no data are MEDIUM at most. Where
tags and scope name different hosts the scope counts: it is what triggered. Nothing is ignored on purpose.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote_plus

from tocsin_contracts.alert import AlertEvent
from tocsin_contracts.severity import Severity
from tocsin_contracts.status import EventStatus
from tocsin_sources import document, fields
from tocsin_sources.environments import folded_environment
from tocsin_sources.evidence import content_hash, raw_json
from tocsin_sources.form import fields_of, is_form
from tocsin_sources.schemes.header import SecretHeader
from tocsin_sources.severity_words import WORDS, at_most, severity_of, with_raw_word
from tocsin_sources.shape import Unfit, as_object
from tocsin_sources.signature import Basic, Bearer
from tocsin_sources.source import Answer, Delivery, Normalized, Source
from tocsin_sources.text import description_of, title_of
from tocsin_sources.timestamps import time_of

_FIRING, _RESOLVED = EventStatus.FIRING, EventStatus.RESOLVED
_CYCLE = ("alertcyclekey", "cyclekey")
_MONITOR = ("alertid", "monitorid")
_SCOPE = ("alertscope", "scope", "scopes")
_AGGREGATION = ("aggregkey", "aggregationkey", "alertaggregkey")
_TITLE = ("alerttitle", "eventtitle", "title", "alertname", "monitorname", "incidenttitle")
_TEXT = ("textonlymsg", "body", "eventmsg", "alertmessage", "message", "msg", "text", "description", "incidentmsg")
_TRANSITION = ("alerttransition", "transition")
_STATE = ("incidentstatus", "alertstatus", "status", "state", "eventtype")
_PRIORITY = ("alertpriority", "severity", "priority")
_TAGS = ("tags", "eventtags", "alerttags")
_LINK = ("link", "url", "alerturl", "monitorurl", "eventurl", "incidenturl")
_TIME = ("date", "lastupdated", "timestamp")
_EVENT, _INCIDENT = ("eventid", "id"), ("incidentpublicid", "incidentid", "incidentuuid")
_DIRECT = {"service": ("service",), "env": ("env", "environment"), "team": ("team",), "host": ("hostname", "host")}

_WARN, _NO_DATA = frozenset({"warn", "re-warn"}), frozenset({"no data", "re-no data"})
_OVER = frozenset({"recovered", "resolved", "resolve", "recovery", "ok", "closed", "completed"})
_EVENT_PRIORITIES = frozenset({"normal", "low"})
"""What `$PRIORITY` says of any event; only `$ALERT_PRIORITY` tells how bad an alert is."""
_LEVELS = (Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM, Severity.LOW, Severity.INFO)
_PRIORITIES = {**WORDS, **{f"{kind}{n}": level for kind in ("", "sev", "sev-") for n, level in enumerate(_LEVELS, start=1)}}
_TYPES = {"error": Severity.HIGH, "warning": Severity.MEDIUM, "info": Severity.INFO}

_PREFIX = re.compile(
    r"\s*\[(?:(?P<priority>P[1-5])|test|"
    r"(?P<transition>(?:re-)?(?:triggered|warn|no data)|renotify|recovered|resolved)(?: on \{(?P<scope>[^{}]*)\})?)\]",
    re.IGNORECASE,
)
_PREFIXES_MAX, _TAGS_MAX = 4, 1_000
_SEV = re.compile(r"(SEV-?[1-5])\b", re.IGNORECASE)
_MONITOR_IN_URL, _GROUP_IN_URL = re.compile(r"/monitors/(\d+)", re.ASCII), re.compile(r"[?&]group=([^&#]+)")
_EVENT_ID = re.compile(r"\d{16,20}", re.ASCII)
"""Event ids have 19 digits; monitors, which some templates put there, up to 10."""
_MENTION_LINE = re.compile(r"^(?:[ \t]*+@[\w.@-]++)++[ \t]*+$\n?", re.MULTILINE)
_WHOLE = "payload"
_SEPARATORS, _NAME_MAX = re.compile(r"[^0-9a-z]+"), 40
_MARKDOWN, _GAP = "%%%", re.compile(r"\n{3,}")


@dataclass(frozen=True, slots=True)
class _Values:
    """What the template filled in, by normal name: lower case, letters and digits alone."""

    members: Mapping[str, object]

    @classmethod
    def of(cls, body: Mapping[str, object]) -> "_Values":
        """Read a body; names at the top go before nested ones, and of equal names the first in order of spelling counts."""
        members: dict[str, object] = {}
        for name in sorted(body):
            if not isinstance(body[name], dict):
                members.setdefault(_normal(name), body[name])
        for name in sorted(body):
            nested = body[name]
            if isinstance(nested, dict):
                for inner in sorted(nested):
                    members.setdefault(_normal(name + inner), nested[inner])
        return cls(members)

    def first(self, names: tuple[str, ...]) -> str | None:
        """Give the first of the named values that says something."""
        return next((text for name in names if (text := fields.said(self.members.get(name))) is not None), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Title:
    """A title as Datadog composes it, taken apart."""

    text: str | None
    priority: str | None
    transition: str | None
    scope: str | None


def read(delivery: Delivery) -> Answer:
    """Map what somebody's template made of a monitor's notification, an event or an incident."""
    body = as_object(delivery.document, "")
    values = _Values.of(body)
    title = _title(values)
    transition = _lower(values.first(_TRANSITION)) or title.transition
    status = _status(values, transition)
    tags, tag_labels = _tags(values.members, _TAGS)
    scope_text = _scope(values, title)
    scope, _ = _tags({"scope": scope_text}, ("scope",))
    found = {**tags, **scope}
    identity, problem = _keys(values, title, scope_text)
    word = _priority(values, title)
    raw, replaced = raw_json(body)
    event_id = values.first(_EVENT)
    alert = AlertEvent(
        identity=identity,
        problem=problem,
        status=status,
        title=title.text or f"Datadog {identity}",
        content=content_hash(status, body),
        severity=_severity(values, status, transition, word),
        description=_description(values, title.text),
        service=_field(values, found, fields.SERVICE, "service"),
        environment=folded_environment(_field(values, found, fields.ENVIRONMENT, "env"), delivery.settings.environment_aliases),
        team=_field(values, found, fields.TEAM, "team"),
        host=_field(values, found, fields.HOST, "host"),
        link=next((link for name in _LINK if (link := fields.web_link(values.members.get(name))) is not None), None),
        labels=with_raw_word(tag_labels, word, _PRIORITIES),
        metadata=_metadata(values, transition, scope_text),
        occurred_at=next((at for name in _TIME if (at := time_of(values.members.get(name))) is not None), None),
        sanitized=replaced,
        raw=raw,
    )
    known = event_id is not None and _EVENT_ID.fullmatch(event_id) is not None
    return Normalized(alerts=(alert,), sender_id=event_id if known else None)


def _normal(name: str) -> str:
    """Write a name without case and separators; what is too long to be one of ours is none."""
    return _SEPARATORS.sub("", name.lower()) if len(name) <= _NAME_MAX else ""


def _lower(text: str | None) -> str | None:
    return None if text is None else text.lower()


def _title(values: _Values) -> _Title:
    """Take the prefixes off: `[P2] [Triggered on {host:web-1}] High CPU` is `High CPU`; another title may have the prefixes."""
    apart = [_apart(text) for name in _TITLE if (text := title_of(fields.said(values.members.get(name)))) is not None]
    return _Title(
        text=next((each.text for each in apart if each.text), None),
        priority=next((each.priority for each in apart if each.priority), None),
        transition=next((each.transition for each in apart if each.transition), None),
        scope=next((each.scope for each in apart if each.scope), None),
    )


def _apart(text: str) -> _Title:
    said: dict[str, str] = {}
    for _ in range(_PREFIXES_MAX):
        match = _PREFIX.match(text)
        if match is None:
            break
        said |= {name: part for name, part in match.groupdict().items() if part}
        text = text[match.end() :]
    return _Title(
        text=text.strip() or None,
        priority=said.get("priority"),
        transition=_lower(said.get("transition")),
        scope=said.get("scope"),
    )


def _status(values: _Values, transition: str | None) -> EventStatus:
    """Read the transition; a template without it is read by its other words, and what says nothing fires."""
    named = _lower(values.first(_TRANSITION))
    if named is not None:
        return _RESOLVED if named in _OVER else _FIRING
    if _lower(values.first(("alerttype",))) == "success":
        return _RESOLVED
    if transition is not None:
        return _RESOLVED if transition in _OVER else _FIRING
    words = {_lower(fields.said(values.members.get(name))) for name in _STATE}
    return _RESOLVED if words & _OVER else _FIRING


def _scope(values: _Values, title: _Title) -> str:
    """Give what triggered, its parts in order; "" where it is the whole monitor. The title and the link have it too."""
    said = next((fields.said(values.members[name]) for name in _SCOPE if name in values.members), None)
    if said is None:
        group = _GROUP_IN_URL.search(values.first(_LINK) or "")
        said = title.scope or (unquote_plus(group[1]) if group is not None else "")
    return ",".join(sorted({part.strip() for part in said.split(",")} - {"", "*"}))


def _keys(values: _Values, title: _Title, scope: str) -> tuple[str, str]:
    """Decide identity and problem; see the module's docstring."""
    cycle, monitor = values.first(_CYCLE), values.first(_MONITOR)
    aggregation, incident = values.first(_AGGREGATION), values.first(_INCIDENT)
    in_url = _MONITOR_IN_URL.search(values.first(_LINK) or "")
    if monitor is None and in_url is not None:
        monitor = in_url[1]
    if incident is not None and cycle is None and monitor is None:
        return f"incident:{incident}", f"incident:{incident}"
    within = f":{scope}" if scope else ""
    known = [
        (f"monitor:{monitor}{within}", f"monitor:{monitor}") if monitor else None,
        (f"aggregation:{aggregation}", f"aggregation:{aggregation}") if aggregation else None,
        (f"title:{title.text}{within}", f"title:{title.text}") if title.text else None,
        (f"cycle:{cycle}", f"cycle:{cycle}") if cycle else None,
    ]
    identity, problem = next((pair for pair in known if pair is not None), (None, None))
    if identity is None or problem is None:
        raise Unfit("/title", "a title, an alert id, an aggregation key or an alert cycle key that is filled in")
    return (f"cycle:{cycle}" if cycle else identity), problem


def _priority(values: _Values, title: _Title) -> str | None:
    """Give the word for how bad it is."""
    for name in _PRIORITY:
        word = fields.said(values.members.get(name))
        if word is not None and not (name == "priority" and word.lower() in _EVENT_PRIORITIES):
            return word
    sev = _SEV.match(title.text or "") if values.first(_INCIDENT) is not None else None
    return values.first(("incidentseverity",)) or title.priority or (None if sev is None else sev[1])


def _severity(values: _Values, status: EventStatus, transition: str | None, word: str | None) -> Severity | None:
    """Read the priority, else the alert type; a warning and missing data are not worse than MEDIUM."""
    severity = severity_of(word, status, _PRIORITIES)
    if status is _RESOLVED:
        return severity
    if severity is None:
        severity = _TYPES.get(_lower(values.first(("alerttype",))) or "")
    if transition in _NO_DATA or transition in _WARN:
        return at_most(Severity.MEDIUM, severity)
    return severity


def _tags(members: Mapping[str, object], names: tuple[str, ...]) -> tuple[dict[str, str], dict[str, str]]:
    """Read tags, a comma list or a list: the first value of each key, and labels with all of them; bare tags are `tags`."""
    value = next((members[name] for name in names if members.get(name)), None)
    parts = value.split(",", _TAGS_MAX) if isinstance(value, str) else value if isinstance(value, list) else []
    first: dict[str, str] = {}
    every: dict[str, list[str]] = {}
    for part in parts[:_TAGS_MAX]:
        tag = fields.said(part)
        if tag is None:
            continue
        key, colon, text = (piece.strip() for piece in tag.partition(":"))
        if colon and key and text:
            first.setdefault(key, text)
            every.setdefault(key, []).append(text)
        elif not colon:
            every.setdefault("tags", []).append(tag)
    return first, {key: ",".join(dict.fromkeys(texts)) for key, texts in every.items()}


def _field(values: _Values, tags: Mapping[str, str], names: tuple[str, ...], direct: str) -> str | None:
    """Take a common field from the tags, else from a member of that name."""
    return fields.first_present(tags, names) or values.first(_DIRECT[direct])


def _description(values: _Values, title: str | None) -> str | None:
    """Give the message without Datadog's markers and without lines that only say whom to tell."""
    text = values.first(_TEXT)
    if text is None:
        return None
    description = description_of(_GAP.sub("\n\n", _MENTION_LINE.sub("", text.replace(_MARKDOWN, ""))))
    return None if description == title else description


def _metadata(values: _Values, transition: str | None, scope: str) -> dict[str, object]:
    said = {
        name: values.first(names)
        for name, names in {
            "event_id": _EVENT,
            "event_type": ("eventtype",),
            "monitor_id": _MONITOR,
            "cycle_key": _CYCLE,
            "aggregation_key": _AGGREGATION,
            "query": ("alertquery",),
            "metric": ("alertmetric",),
            "alert_status": ("alertstatus",),
            "alert_type": ("alerttype",),
            "incident": _INCIDENT,
            "incident_status": ("incidentstatus",),
            "org": ("orgname",),
        }.items()
    }
    snapshot = fields.web_link(values.members.get("snapshot"))
    return fields.known({**said, "transition": transition, "scope": scope, "snapshot_url": snapshot})


def parse(body: bytes, content_type: str) -> object:
    """Read JSON, or the form that Datadog makes of it ("Encode as form"): a field for each member, or all of it in one.

    Raises:
        NotJson: it is neither, or breaks a limit.
    """
    if not is_form(content_type):
        return document.parse_templated(body)
    form = fields_of(body)
    whole = form.get(_WHOLE)
    return document.parse_templated(whole.encode("utf-8", "surrogatepass")) if whole is not None and len(form) == 1 else form


SOURCE = Source(
    name="datadog",
    title="Datadog",
    read=read,
    schemes=(SecretHeader(), Bearer(), Basic()),
    trusted_time=True,
    fixed_format=False,
    parse=parse,
)
