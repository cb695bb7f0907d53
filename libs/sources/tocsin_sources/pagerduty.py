"""PagerDuty: webhooks of version 3 and the older ones, 2 and 1 (SOURCES 6b); `pagerduty_events` has the Events API.

Identity and problem: the incident, `incident:<id>`. Delivery id: the event's id, the same for each attempt. Status: that of the
incident, for most events are not about it. Episode: when the incident was created, or reopened. Times are PagerDuty's and may
order events; those of the Events API are the tools' own and may not, so the source trusts none and each webhook its own.

Ignored: what is no incident (services, pings, changes), and notes, responders and the like, which change no status.
"""

import re
from collections.abc import Mapping, Sequence

from tocsin_contracts.alert import AlertEvent
from tocsin_contracts.outcome import Reason
from tocsin_contracts.severity import Severity
from tocsin_contracts.status import EventStatus
from tocsin_sources import fields
from tocsin_sources.evidence import content_hash, raw_json
from tocsin_sources.pagerduty_events import KEYS, read_v1, read_v2
from tocsin_sources.schemes.body_key import BodyKey
from tocsin_sources.schemes.header import SecretHeader
from tocsin_sources.schemes.signature_header import SignatureHeader
from tocsin_sources.severity_words import RAW_LABEL, WORDS
from tocsin_sources.shape import Unfit, as_list, as_object, id_of, list_or_empty, object_or_empty
from tocsin_sources.signature import Basic, Bearer
from tocsin_sources.source import Answer, Delivery, Ignored, Normalized, Source
from tocsin_sources.text import description_of, title_of
from tocsin_sources.timestamps import time_of

_FIRING, _ACKNOWLEDGED, _RESOLVED = EventStatus.FIRING, EventStatus.ACKNOWLEDGED, EventStatus.RESOLVED
_STATUSES = {"triggered": _FIRING, "acknowledged": _ACKNOWLEDGED, "resolved": _RESOLVED}
_EVENTS = {
    "incident.triggered": _FIRING,
    "incident.trigger": _FIRING,
    "incident.reopened": _FIRING,
    "incident.unacknowledged": _FIRING,
    "incident.unacknowledge": _FIRING,
    "incident.acknowledged": _ACKNOWLEDGED,
    "incident.acknowledge": _ACKNOWLEDGED,
    "incident.resolved": _RESOLVED,
    "incident.resolve": _RESOLVED,
}
"""What an event says by its name, where its incident does not."""
_WEBHOOK_ID = "x-webhook-id"
_SIGNATURES = SignatureHeader(header="x-pagerduty-signature", prefix="v1=", several=True)
_PRIORITY = re.compile(r"(?:p|sev)[-_ ]?([0-5])\b.*", re.IGNORECASE | re.DOTALL)
_LEVELS = (Severity.CRITICAL, Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM, Severity.LOW, Severity.INFO)
_URGENCIES = {"high": Severity.HIGH, "low": Severity.LOW}
_NO_CHANGE = Ignored(reason="no-change", detail="this event changes no status of an incident")


def read(delivery: Delivery) -> Answer:
    """Map a body of PagerDuty; its members tell webhooks of each version and the Events API apart."""
    body = as_object(delivery.document, "")
    aliases = delivery.settings.environment_aliases
    if "event" in body:
        return _webhook(as_object(body["event"], "/event"), delivery.headers)
    if "messages" in body:
        return _messages(as_list(body["messages"], "/messages"))
    if "event_action" in body:
        return read_v2(body, aliases)
    if "event_type" in body or "service_key" in body:
        return read_v1(body, aliases)
    payload = body.get("payload")
    if isinstance(payload, dict) and "summary" in payload and "severity" not in payload:
        return Ignored(reason="not-an-alert", detail="a change event of the Events API is about no alert")
    raise Unfit("/event", "an object (webhook), messages (older webhook) or an event_action (Events API)")


def _webhook(event: Mapping[str, object], headers: Mapping[str, str]) -> Answer:
    """Map a webhook of version 3: one event of one resource."""
    kind = fields.said(event.get("event_type"))
    if kind is None:
        raise Unfit("/event/event_type", "the type of the event", event.get("event_type"))
    if not kind.startswith("incident."):
        test = kind == "pagey.ping"
        return Ignored(
            reason="test-notification" if test else "not-an-alert",
            detail="PagerDuty tests the subscription" if test else "an event of this resource is about no alert",
        )
    data = as_object(event.get("data"), "/event/data")
    if not _is_incident(data, kind):
        return _NO_CHANGE
    alert = _incident(data, kind, time_of(event.get("occurred_at")), "/event/data", event)
    return Normalized(alerts=(alert,), sender_id=id_of(event.get("id")) or id_of(headers.get(_WEBHOOK_ID)))


def _is_incident(data: Mapping[str, object], kind: str) -> bool:
    """Tell the incident from what happened around it: notes, responders, updates carry the incident as a reference."""
    named = fields.said(data.get("type"))
    return named == "incident" or (named in (None, "incident_reference") and ("status" in data or kind in _EVENTS))


def _messages(messages: Sequence[object]) -> Answer:
    """Map a webhook of version 2 or 1: several messages, each of one incident."""
    alerts: list[AlertEvent] = []
    ids: list[str | None] = []
    for number, each in enumerate(messages):
        message = as_object(each, f"/messages/{number}")
        kind = fields.said(message.get("event")) or fields.said(message.get("type"))
        if kind is None:
            raise Unfit(f"/messages/{number}/event", "the type of the event")
        ids.append(id_of(message.get("id")))
        inner = "incident" in message
        pointer = f"/messages/{number}/incident" if inner else f"/messages/{number}/data/incident"
        incident = as_object(message["incident"] if inner else object_or_empty(message.get("data")).get("incident"), pointer)
        if "status" in incident or kind in _EVENTS:
            at = time_of(message.get("created_on"))
            alerts.append(_incident(incident, kind, at, pointer, message))
    if not alerts:
        return _NO_CHANGE if messages else Ignored(reason=Reason.NO_ALERTS, detail="/messages is an empty list")
    known = [one for one in ids if one is not None]
    return Normalized(alerts=tuple(alerts), sender_id="+".join(known) if len(known) == len(ids) else None)


def _incident(
    incident: Mapping[str, object],
    kind: str,
    at: int | None,
    pointer: str,
    said: Mapping[str, object],
) -> AlertEvent:
    """Map an incident of PagerDuty as any of its webhooks shows it."""
    number = id_of(incident.get("id"))
    if number is None:
        raise Unfit(f"{pointer}/id", "an identifier", incident.get("id"))
    word = fields.said(incident.get("status"))
    status = _STATUSES.get((word or "").lower()) or _EVENTS.get(kind)
    if status is None:
        raise Unfit(f"{pointer}/status", "triggered, acknowledged or resolved", incident.get("status"))
    identity = f"incident:{number}"
    priority, urgency = _name(incident.get("priority")), fields.said(incident.get("urgency"))
    trigger = object_or_empty(incident.get("trigger_summary_data"))
    titles = (*(incident.get(name) for name in ("title", "summary", "description")), trigger.get("subject"))
    title = next((text for each in titles if (text := title_of(fields.said(each))) is not None), f"PagerDuty {identity}")
    description = description_of(
        fields.said(object_or_empty(incident.get("body")).get("details")) or fields.said(incident.get("description"))
    )
    starts = [start for name in ("created_at", "created_on", "reopened_at") if (start := time_of(incident.get(name)))]
    labels = {"urgency": urgency, "priority": priority, "incident_type": _name(incident.get("incident_type"))}
    raw, replaced = raw_json(said)
    return AlertEvent(
        identity=identity,
        problem=identity,
        status=status,
        title=title,
        content=content_hash(status, incident),
        severity=_severity(priority, urgency),
        description=None if description == title else description,
        service=_name(incident.get("service")),
        team=next((team for each in list_or_empty(incident.get("teams")) if (team := _name(each)) is not None), None),
        link=fields.web_link(incident.get("html_url")),
        labels=_with_priority({name: text for name, text in labels.items() if text is not None}, priority),
        metadata=fields.known(
            {
                "event_type": kind,
                "incident_key": fields.said(incident.get("incident_key")),
                "number": incident.get("number") or incident.get("incident_number"),
                "escalation_policy": _name(incident.get("escalation_policy")),
                "assignees": [name for each in _assignees(incident) if (name := _name(each)) is not None],
                "agent": _name(said.get("agent")),
                "client": _name(said.get("client")),
                "resolve_reason": incident.get("resolve_reason"),
            }
        ),
        occurred_at=at,
        episode_at=max(starts, default=None),
        trusted=True,
        sanitized=replaced,
        raw=raw,
    )


def _severity(priority: str | None, urgency: str | None) -> Severity | None:
    """Read the priority, whose names an account may choose, else the urgency."""
    match = _PRIORITY.fullmatch(priority or "")
    if match is not None:
        return _LEVELS[int(match[1])]
    return WORDS.get((priority or "").lower()) or _URGENCIES.get((urgency or "").lower())


def _with_priority(labels: dict[str, str], priority: str | None) -> Mapping[str, str]:
    """Keep a priority that names no level of ours."""
    known = priority is None or _PRIORITY.fullmatch(priority) is not None or priority.lower() in WORDS
    return labels if known or priority is None else {**labels, RAW_LABEL: priority}


def _name(value: object) -> str | None:
    """Give what people call a thing: references have a summary, older ones and types a name."""
    if not isinstance(value, dict):
        return fields.said(value) if isinstance(value, str) else None
    return fields.said(value.get("summary")) or fields.said(value.get("name"))


def _assignees(incident: Mapping[str, object]) -> Sequence[object]:
    assigned = [object_or_empty(each).get("assignee") for each in list_or_empty(incident.get("assignments"))]
    return list_or_empty(incident.get("assignees")) or assigned


SOURCE = Source(
    name="pagerduty",
    title="PagerDuty",
    read=read,
    schemes=(_SIGNATURES, SecretHeader(), Bearer(), Basic(), BodyKey(KEYS)),
    trusted_time=False,
    headers=frozenset({_WEBHOOK_ID}),
    redact=tuple(f"/{name}" for name in KEYS),
)
