"""Sentry: the integration platform and the legacy WebHooks plugin (SOURCES 3).

Identity: `issue:<id>` for everything about an issue (its own notifications, the events of alert rules, errors, the plugin,
service hooks), `metric:<id>` for one incident of a metric alert: two numberings that must not meet. The problem of an issue
is the issue. The problem of a metric alert is its rule: the rule is the monitor that somebody set up, its incidents come and
go. Delivery id: the event's id, where there is an event; never Request-ID, which is new on every attempt.

Sentry gives no start of an episode for an issue, so issues have no episode hint: a regression of an issue whose resolve
was lost goes on in its incident. What a person or Sentry did to an issue (resolved, archived …) has the time of the hook,
for the issue only says when its last event was; that is older than the firing it ends when counters lag.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from tocsin_contracts.alert import AlertEvent
from tocsin_contracts.severity import Severity
from tocsin_contracts.status import EventStatus
from tocsin_sources import fields
from tocsin_sources.environments import folded_environment
from tocsin_sources.evidence import content_hash, raw_json
from tocsin_sources.severity_words import WORDS, severity_of, with_raw_word
from tocsin_sources.shape import Unfit, as_object, id_of, object_or_empty, text_of, texts_of
from tocsin_sources.signature import HmacSha256Hex
from tocsin_sources.source import Answer, Delivery, Ignored, Normalized, Source
from tocsin_sources.text import description_of, title_of
from tocsin_sources.timestamps import time_of

_RESOURCE, _TIMESTAMP = "sentry-hook-resource", "sentry-hook-timestamp"
_NO_ALERT = frozenset({"installation", "comment", "seer", "preprod_artifact"})
_KEY_OF_RESOURCE = {"issue": "issue", "event_alert": "event", "error": "error", "metric_alert": "metric_alert"}
_FIRING, _ACKNOWLEDGED, _RESOLVED = EventStatus.FIRING, EventStatus.ACKNOWLEDGED, EventStatus.RESOLVED
_ISSUE_ACTIONS = {
    "created": _FIRING,
    "unresolved": _FIRING,
    "resolved": _RESOLVED,
    "ignored": _ACKNOWLEDGED,
    "archived": _ACKNOWLEDGED,
}
_ISSUE_STATUSES = {"unresolved": _FIRING, "resolved": _RESOLVED, "ignored": _ACKNOWLEDGED}
_METRIC_ACTIONS = {
    "critical": (_FIRING, Severity.CRITICAL),
    "warning": (_FIRING, Severity.MEDIUM),
    "open": (_FIRING, Severity.HIGH),
    "resolved": (_RESOLVED, None),
}
_LEVELS = {**WORDS, "info": Severity.LOW}
"""E6 decides Sentry's levels; it puts info above debug, the common words put both at the bottom."""
_HOST = (*fields.HOST, "server_name")
_ISSUE_IN_URL = re.compile(r"/issues/(\d+)(?:/|$)", re.ASCII)
_PROJECT_IN_URL = re.compile(r"/projects/[^/]+/([^/]+)/events/", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Report:
    """One alert as Sentry's several shapes agree to tell it."""

    identity: str
    status: EventStatus
    said: object
    """The JSON that is kept and hashed."""
    title: str | None
    fallback_title: str
    severity: Severity | None
    level: str | None = None
    problem: str | None = None
    project: str | None = None
    description: str | None = None
    environment: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    link: object = None
    occurred_at: int | None = None
    episode_at: int | None = None
    never_resolves: bool = False
    metadata: Mapping[str, object] = field(default_factory=dict)


def read(delivery: Delivery) -> Answer:
    """Map a webhook of Sentry; the header names the resource, else the key inside `data` does."""
    body = as_object(delivery.document, "")
    if "data" not in body and "event" in body:
        hooked = object_or_empty(body.get("group"))
        return _answer(_plugin({**_of_group(hooked, body), **body} if hooked else body), delivery, body["event"])
    data = as_object(body.get("data"), "/data")
    resource = _resource(delivery.headers, data)
    if resource in _NO_ALERT:
        return Ignored(reason="not-an-alert", detail=f"{resource} notifications are about no alert")
    action = body.get("action")
    subject = as_object(data.get(_KEY_OF_RESOURCE[resource]), f"/data/{_KEY_OF_RESOURCE[resource]}")
    match resource:
        case "issue":
            return _answer(_issue(subject, data, action, delivery.headers), delivery)
        case "metric_alert":
            return _answer(_metric_alert(subject, data, action, delivery.headers), delivery)
        case _:
            return _answer(_event(subject, data, resource), delivery, subject)


def _resource(headers: Mapping[str, str], data: Mapping[str, object]) -> str:
    """Name the resource; a header that we do not know (Sentry adds some) leaves it to the keys."""
    named = headers.get(_RESOURCE, "").strip().lower()
    if named in _NO_ALERT or named in _KEY_OF_RESOURCE:
        return named
    for resource, key in (("metric_alert", "metric_alert"), ("event_alert", "event"), ("error", "error"), ("issue", "issue")):
        if key in data:
            return resource
    for resource in ("installation", "comment"):
        if resource in data:
            return resource
    raise Unfit("/data", "an issue, event, error or metric_alert in the object", data)


def _issue(issue: Mapping[str, object], data: Mapping[str, object], action: object, headers: Mapping[str, str]) -> _Report:
    """Map what happened to an issue."""
    identity = _issue_identity(id_of(issue.get("id")), "/data/issue/id")
    status = _issue_status(action, issue.get("status"))
    project = object_or_empty(issue.get("project"))
    details = object_or_empty(issue.get("metadata"))
    title, level = _text(issue.get("title")) or _error_title(details), _text(issue.get("level"))
    assignee = object_or_empty(data.get("assignee") or issue.get("assignedTo"))
    return _Report(
        identity=identity,
        status=status,
        said=data,
        title=title,
        fallback_title=f"Sentry {identity}",
        severity=None if status is _RESOLVED else severity_of(level or _text(issue.get("priority")), status, _LEVELS),
        level=level,
        project=_text(project.get("slug")) or _text(project.get("name")),
        description=_beyond(title, details.get("value"), issue.get("culprit")),
        tags=_plain_tags({"level": level, "platform": _text(issue.get("platform"))}),
        link=issue.get("web_url") or issue.get("permalink"),
        occurred_at=time_of(issue.get("firstSeen")) if action == "created" else time_of(headers.get(_TIMESTAMP)),
        metadata=_known(
            {
                "resource": "issue",
                "action": _text(action),
                "short_id": issue.get("shortId"),
                "culprit": issue.get("culprit"),
                "issue_status": issue.get("status"),
                "substatus": issue.get("substatus"),
                "issue_category": issue.get("issueCategory"),
                "issue_type": issue.get("issueType"),
                "priority": issue.get("priority"),
                "resolution_type": data.get("resolution_type"),
                "assignee": assignee.get("name"),
                "count": issue.get("count"),
                "user_count": issue.get("userCount"),
            }
        ),
    )


def _issue_status(action: object, issue_status: object) -> EventStatus:
    """Read the action; an assignment, and an action newer than this release, leaves it to the issue's own status."""
    if not isinstance(action, str):
        raise Unfit("/action", "a string", action)
    status = _ISSUE_ACTIONS.get(action)
    if status is not None:
        return status
    status = _ISSUE_STATUSES.get(issue_status) if isinstance(issue_status, str) else None
    if action == "assigned":
        return _RESOLVED if status is _RESOLVED else _ACKNOWLEDGED
    if status is None:
        raise Unfit("/action", "created, resolved, assigned, ignored, archived or unresolved", action)
    return status


def _event(event: Mapping[str, object], data: Mapping[str, object], resource: str) -> _Report:
    """Map an event that an issue alert rule reports, or every error of a project."""
    identity = _issue_identity(_issue_of(event), f"/data/{_KEY_OF_RESOURCE[resource]}/issue_id")
    tags = _tags(event.get("tags"))
    level = _text(event.get("level")) or tags.get("level")
    details = object_or_empty(event.get("metadata"))
    title = _text(event.get("title")) or _text(event.get("message")) or _error_title(details)
    return _Report(
        identity=identity,
        status=_FIRING,
        said=data,
        title=title,
        fallback_title=f"Sentry {identity}",
        severity=severity_of(level, _FIRING, _LEVELS),
        level=level,
        project=_project_in(event.get("url")),
        description=_beyond(title, event.get("message"), details.get("value"), event.get("culprit")),
        environment=_text(event.get("environment")),
        tags=tags,
        link=event.get("web_url"),
        occurred_at=time_of(event.get("datetime")) or time_of(event.get("timestamp")),
        metadata=_known(
            {
                "resource": resource,
                "event_id": event.get("event_id"),
                "culprit": event.get("culprit"),
                "platform": event.get("platform"),
                "release": event.get("release"),
                "triggered_rule": data.get("triggered_rule"),
            }
        ),
    )


def _metric_alert(alert: Mapping[str, object], data: Mapping[str, object], action: object, headers: Mapping[str, str]) -> _Report:
    """Map an incident of a metric alert rule."""
    number = id_of(alert.get("id")) or id_of(alert.get("identifier"))
    if number is None:
        raise Unfit("/data/metric_alert/id", "an identifier", alert.get("id"))
    if not isinstance(action, str) or action not in _METRIC_ACTIONS:
        raise Unfit("/action", "critical, warning, open or resolved", action)
    status, severity = _METRIC_ACTIONS[action]
    rule = object_or_empty(alert.get("alert_rule"))
    rule_id, projects = id_of(rule.get("id")), alert.get("projects") or rule.get("projects")
    started_at = time_of(alert.get("date_started"))
    ended_at = time_of(alert.get("date_closed")) or time_of(headers.get(_TIMESTAMP))
    return _Report(
        identity=f"metric:{number}",
        problem=None if rule_id is None else f"metric-rule:{rule_id}",
        status=status,
        said=data,
        title=_text(data.get("description_title")) or _text(alert.get("title")) or _text(rule.get("name")),
        fallback_title=f"Sentry metric alert {number}",
        severity=severity,
        project=_text(projects[0]) if isinstance(projects, list) and projects else None,
        description=(_text(data.get("description_text")) or "").replace("\\n", "\n"),
        environment=_text(rule.get("environment")),
        link=data.get("web_url"),
        occurred_at=ended_at if status is _RESOLVED else started_at,
        episode_at=started_at,
        metadata=_known(
            {
                "resource": "metric_alert",
                "action": action,
                "rule": rule.get("name"),
                "rule_id": rule_id,
                "aggregate": rule.get("aggregate"),
                "query": rule.get("query"),
                "identifier": id_of(alert.get("identifier")),
            }
        ),
    )


def _of_group(group: Mapping[str, object], body: Mapping[str, object]) -> dict[str, object]:
    """Write what a service hook says of its issue as the plugin would; its project is an object."""
    project = object_or_empty(body.get("project"))
    return {
        "id": group.get("id"),
        "message": group.get("title"),
        "level": group.get("level"),
        "culprit": group.get("culprit"),
        "url": group.get("permalink") or group.get("url"),
        "project_slug": project.get("slug") or project.get("name"),
    }


def _plugin(body: Mapping[str, object]) -> _Report:
    """Map a notification of the legacy WebHooks plugin, which only ever fires."""
    event = as_object(body.get("event"), "/event")
    identity = _issue_identity(id_of(body.get("id")), "/id")
    tags = _tags(event.get("tags"))
    level = _text(body.get("level")) or _text(event.get("level")) or tags.get("level")
    details = object_or_empty(event.get("metadata"))
    formatted = _text(object_or_empty(event.get("logentry")).get("formatted"))
    title = _text(body.get("message")) or _text(event.get("title")) or _error_title(details) or formatted
    rules = body.get("triggering_rules")
    return _Report(
        identity=identity,
        status=_FIRING,
        said=body,
        title=title,
        fallback_title=f"Sentry {identity}",
        severity=severity_of(level, _FIRING, _LEVELS),
        level=level,
        project=_text(body.get("project_slug")) or _text(body.get("project")),
        description=_beyond(title, formatted, body.get("culprit")),
        environment=_text(event.get("environment")),
        tags=tags,
        link=body.get("url"),
        occurred_at=time_of(event.get("timestamp")) or time_of(event.get("received")),
        never_resolves=True,
        metadata=_known(
            {
                "resource": "legacy_plugin",
                "event_id": event.get("event_id"),
                "culprit": body.get("culprit"),
                "logger": body.get("logger"),
                "platform": event.get("platform"),
                "triggering_rules": rules if isinstance(rules, list) and rules else None,
            }
        ),
    )


def _answer(report: _Report, delivery: Delivery, event: object = None) -> Normalized:
    """Write the report as an alert event; `event` is the Sentry event that the delivery carries, whose id is its own."""
    raw, replaced = raw_json(report.said)
    title = title_of(report.title) or report.fallback_title
    environment = fields.present(report.environment) or fields.first_present(report.tags, fields.ENVIRONMENT)
    alert = AlertEvent(
        identity=report.identity,
        problem=report.problem or report.identity,
        status=report.status,
        title=title,
        content=content_hash(report.status, report.said),
        project=report.project or "",
        severity=report.severity,
        description=description_of(report.description),
        service=report.project or fields.first_present(report.tags, fields.SERVICE),
        environment=folded_environment(environment, delivery.settings.environment_aliases),
        team=fields.first_present(report.tags, fields.TEAM),
        host=fields.first_present(report.tags, _HOST),
        link=fields.web_link(report.link),
        labels=with_raw_word(report.tags, report.level, _LEVELS),
        metadata=report.metadata,
        occurred_at=report.occurred_at,
        episode_at=report.episode_at,
        never_resolves=report.never_resolves,
        sanitized=replaced,
        raw=raw,
    )
    said = object_or_empty(event)
    return Normalized(alerts=(alert,), sender_id=id_of(said.get("event_id")) or id_of(said.get("eventID")))


def _issue_identity(number: str | None, pointer: str) -> str:
    if number is None:
        raise Unfit(pointer, "an identifier")
    return f"issue:{number}"


def _issue_of(event: Mapping[str, object]) -> str | None:
    """Give the event's issue id: its own member, else the number in the link to the issue."""
    number, url = id_of(event.get("issue_id")), event.get("issue_url")
    if number is not None or not isinstance(url, str):
        return number
    match = _ISSUE_IN_URL.search(url)
    return None if match is None else match[1]


def _project_in(url: object) -> str | None:
    """Give the project's slug, which events carry only inside their API link."""
    match = _PROJECT_IN_URL.search(url) if isinstance(url, str) else None
    return None if match is None else match[1]


def _error_title(details: Mapping[str, object]) -> str | None:
    """Compose a title as Sentry does: `TypeError: it was None`."""
    kind, value = _text(details.get("type")), _text(details.get("value"))
    return f"{kind}: {value}" if kind and value else kind or value or _text(details.get("title"))


def _beyond(title: str | None, *candidates: object) -> str | None:
    """Give the first text that says more than the title already does."""
    for candidate in candidates:
        text = _text(candidate)
        if text is not None and text not in (title or ""):
            return text
    return None


def _tags(value: object) -> dict[str, str]:
    """Read tags: a list of pairs, or of objects with key and value as the API writes them; relays make an object of it."""
    tags: dict[str, str | None] = dict(texts_of(value))
    for tag in value if isinstance(value, list) else ():
        match tag:
            case [str(name), text]:
                tags[name] = text_of(text)
            case {"key": str(name), "value": text}:
                tags[name] = text_of(text)
            case _:
                pass
    return _plain_tags(tags)


def _plain_tags(tags: Mapping[str, str | None]) -> dict[str, str]:
    return {name: text for name, text in tags.items() if text}


def _text(value: object) -> str | None:
    """Give a member that should be text; blank, "null" and the like are None."""
    return fields.present(text_of(value))


def _known(metadata: Mapping[str, object]) -> dict[str, object]:
    """Leave out what was not said."""
    return {name: value for name, value in metadata.items() if value not in (None, "", [])}


SOURCE = Source(
    name="sentry",
    title="Sentry",
    read=read,
    schemes=(HmacSha256Hex("sentry-hook-signature"), HmacSha256Hex("x-servicehook-signature")),
    trusted_time=True,
    signature_optional=True,
    headers=frozenset({_RESOURCE, _TIMESTAMP, "request-id"}),
)
