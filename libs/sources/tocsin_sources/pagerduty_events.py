"""PagerDuty's Events API, v2 and v1: what tools tell PagerDuty, sent to us instead (SOURCES 6a).

Identity and problem: `event:<dedup key>`. The integration's key, which stands in the body, is no part of it: it is replaced
before the body is kept, and changes when it is renewed. A trigger without a dedup key can never be resolved; PagerDuty makes
each a new alert, we make those that say the same one alert. Delivery id: none. Times are the tools' own clocks, order nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import orjson

from tocsin_contracts.alert import AlertEvent
from tocsin_contracts.status import EventStatus
from tocsin_sources import fields
from tocsin_sources.environments import folded_environment
from tocsin_sources.evidence import content_hash, raw_json
from tocsin_sources.severity_words import severity_of, with_raw_word
from tocsin_sources.shape import Unfit, id_of, list_or_empty, object_or_empty, text_of
from tocsin_sources.source import Normalized
from tocsin_sources.text import description_of, title_of
from tocsin_sources.timestamps import time_of

KEYS = ("routing_key", "service_key")
"""Members that hold the integration's key, in v2 and v1."""
_ACTIONS = {"trigger": EventStatus.FIRING, "acknowledge": EventStatus.ACKNOWLEDGED, "resolve": EventStatus.RESOLVED}
_TEXTS = ("description", "details", "message", "body", "firing")
"""Custom details in which tools put what they have to say at length; the last is Alertmanager's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Report:
    """What both versions tell."""

    status: EventStatus
    key: str | None
    summary: str | None
    details: object
    source: str | None = None
    severity: str | None = None
    named: Mapping[str, str] = field(default_factory=dict)
    """Component, group and class, where the tool names them."""
    occurred_at: int | None = None


def read_v2(body: dict[str, object], aliases: Mapping[str, str]) -> Normalized:
    """Map an event of v2; acknowledge and resolve carry nothing but their key.

    Raises:
        Unfit: no known action; a trigger without a summary; anything else without a dedup key.
    """
    status, payload = _action(body.get("event_action"), "/event_action"), object_or_empty(body.get("payload"))
    named = {name: text for name in ("component", "group", "class") if (text := fields.said(payload.get(name))) is not None}
    report = _Report(
        status=status,
        key=_key(body.get("dedup_key"), "/dedup_key", status),
        summary=_summary(payload.get("summary"), "/payload/summary", status),
        details=payload.get("custom_details"),
        source=fields.said(payload.get("source")),
        severity=fields.said(payload.get("severity")),
        named=named,
        occurred_at=time_of(payload.get("timestamp")),
    )
    return _answer(report, body, aliases)


def read_v1(body: dict[str, object], aliases: Mapping[str, str]) -> Normalized:
    """Map an event of v1, which has a description and no severity.

    Raises:
        Unfit: as `read_v2`.
    """
    status = _action(body.get("event_type"), "/event_type")
    report = _Report(
        status=status,
        key=_key(body.get("incident_key"), "/incident_key", status),
        summary=_summary(body.get("description"), "/description", status),
        details=body.get("details"),
    )
    return _answer(report, body, aliases)


def _action(value: object, pointer: str) -> EventStatus:
    status = _ACTIONS.get(value.strip().lower()) if isinstance(value, str) else None
    if status is None:
        raise Unfit(pointer, "trigger, acknowledge or resolve", value)
    return status


def _key(value: object, pointer: str, status: EventStatus) -> str | None:
    key = id_of(value)
    if key is None and status is not EventStatus.FIRING:
        raise Unfit(pointer, "the key of the event that this one follows", value)
    return key


def _summary(value: object, pointer: str, status: EventStatus) -> str | None:
    summary = fields.said(value)
    if summary is None and status is EventStatus.FIRING:
        raise Unfit(pointer, "what is wrong", value)
    return summary


def _answer(report: _Report, body: dict[str, object], aliases: Mapping[str, str]) -> Normalized:
    """Write the report as an alert event; the credential is left out of what is kept and hashed."""
    identity = f"event:{report.key}" if report.key is not None else _unkeyed(report)
    said = {name: value for name, value in body.items() if name not in KEYS}
    details, named = _plain_details(report.details), report.named
    raw, replaced = raw_json(said)
    service = named.get("component") or named.get("group") or fields.first_present(details, fields.SERVICE) or report.source
    alert = AlertEvent(
        identity=identity,
        problem=identity,
        status=report.status,
        title=title_of(report.summary) or f"PagerDuty {identity}",
        content=content_hash(report.status, said),
        severity=severity_of(report.severity, report.status),
        description=_description(report.details),
        service=service,
        environment=folded_environment(fields.first_present(details, fields.ENVIRONMENT), aliases),
        team=fields.first_present(details, fields.TEAM),
        host=report.source or fields.first_present(details, fields.HOST),
        link=_link(body),
        labels=with_raw_word({**details, **named}, report.severity),
        metadata=fields.known(
            {
                "dedup_key": report.key,
                "client": fields.said(body.get("client")),
                "client_url": fields.web_link(body.get("client_url")),
                "runbook_url": fields.web_link(fields.first_present(details, fields.RUNBOOK)),
            }
        ),
        occurred_at=report.occurred_at,
        never_resolves=report.key is None,
        sanitized=replaced,
        raw=raw,
    )
    return Normalized(alerts=(alert,))


def _unkeyed(report: _Report) -> str:
    said = [report.source, *(report.named.get(name) for name in ("component", "group", "class")), report.summary]
    return f"unkeyed:{orjson.dumps(said).decode()}"


def _plain_details(details: object) -> dict[str, str]:
    """Give the custom details that read as labels: one line, no structure."""
    plain = {}
    for name, value in object_or_empty(details).items():
        text = None if isinstance(value, (dict, list)) else text_of(value)
        if text and "\n" not in text:
            plain[name] = text
    return plain


def _description(details: object) -> str | None:
    if isinstance(details, str):
        return description_of(fields.said(details))
    given = object_or_empty(details)
    texts = (fields.said(given.get(name)) for name in _TEXTS if isinstance(given.get(name), str))
    return description_of(next((text for text in texts if text is not None), None))


def _link(body: Mapping[str, object]) -> str | None:
    """Give the tool's own page of the event, else the first of the links it sends along."""
    links = [*list_or_empty(body.get("links")), *list_or_empty(body.get("contexts"))]
    given = (fields.web_link(object_or_empty(each).get("href")) for each in links)
    return fields.web_link(body.get("client_url")) or next((link for link in given if link is not None), None)
