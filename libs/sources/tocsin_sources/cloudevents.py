"""CloudEvents 1.0: one event, a batch of them, or one whose attributes are headers (SOURCES 17).

Identity: `<source>#` and the alert that the data names in our own format, else the subject, else the type without its last
word where that word is a status: `com.example.disk.full.fired` and `.resolved` are one alert. Problem: the identity.
Delivery id: source and id, the same on a retry; of a batch, the hash of all of them. Episode: what the data says.

Status: the data's, else the last word of the type, else firing, and then nothing ever resolves it. Time: trusted, since the
specification binds all producers of one source to one way of telling it. Extension attributes are labels.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import blake2b
from urllib.parse import unquote

from tocsin_contracts.alert import AlertEvent
from tocsin_contracts.integration import IntegrationSettings
from tocsin_contracts.outcome import Reason
from tocsin_sources import document, fields, form, native
from tocsin_sources.document import NotJson
from tocsin_sources.evidence import content_hash, raw_json
from tocsin_sources.fields import said
from tocsin_sources.mapping import Reading
from tocsin_sources.schemes.header import SecretHeader
from tocsin_sources.schemes.standard_webhooks import ID, StandardWebhooks
from tocsin_sources.severity_words import severity_of
from tocsin_sources.shape import Unfit, as_object, object_or_empty
from tocsin_sources.signature import Basic, Bearer
from tocsin_sources.source import Answer, Delivery, Ignored, Normalized, Source
from tocsin_sources.statuses import status_of
from tocsin_sources.timestamps import time_of

_REQUIRED = ("id", "source", "type")
_CONTEXT = frozenset({"specversion", *_REQUIRED, "subject", "time", "datacontenttype", "dataschema", "data", "data_base64"})
_HEADER = "ce-"
HEADERS = frozenset(
    _HEADER + name
    for name in (
        *("specversion", "id", "source", "type", "subject", "time", "dataschema"),
        *("severitytext", "severitynumber", "traceparent", "partitionkey", "sequence", "correlationid"),
    )
)
"""Attributes that are kept of an event in binary mode: those of the specification, and its documented extensions."""
_TRACE = frozenset({"traceparent", "tracestate"})
_TYPE = "application/cloudevents"
_JSON = frozenset({"application/json", "text/json"})


TOKEN_PARAMETER = "access_token"  # noqa: S105 # the name of a parameter (HTTP 1.1 Web Hooks 1.0.2, section 3.2)


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudEvent:
    """One event, whatever way it came."""

    id: str
    source: str
    type: str
    subject: str | None
    time: object
    data: object
    extensions: Mapping[str, str]
    whole: Mapping[str, object]
    """The event in its JSON form."""


def parse(body: bytes, content_type: str) -> object:
    """Read a body: JSON, whatever it is called; else a form is an object of its fields, and plain text is text."""
    try:
        return document.parse(body)
    except NotJson:
        if form.is_form(content_type):
            return dict(form.fields_of(body))
        if _media_of(content_type) == "text/plain" and body.strip():
            return _plain_text(body)
        raise


def parse_opaque(body: bytes, content_type: str, headers: Mapping[str, str]) -> object:
    """Read the data of an event in binary mode that is no JSON: text is text; other bytes, and none, are None.

    What the event says stands in its headers; the bytes stay whole in the log.

    Raises:
        NotJson: it is no event in binary mode, or was said to be JSON.
    """
    if not is_binary(headers, content_type) or (body and _is_json(content_type)):
        raise NotJson(document.NotJsonCode.NOT_JSON, "neither JSON nor an event in binary mode whose data is something else")
    try:
        return body.decode("utf-8") or None
    except UnicodeDecodeError:
        return None


def is_binary(headers: Mapping[str, str], content_type: str) -> bool:
    """Tell whether a delivery is one event whose attributes are headers; the content type of an event in JSON says otherwise."""
    structured = content_type.strip().lower().startswith(_TYPE)
    return not structured and (_HEADER + "specversion" in headers or _HEADER + "id" in headers)


def _is_json(content_type: str) -> bool:
    media = _media_of(content_type)
    return media in _JSON or media.endswith("+json")


def _media_of(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def _plain_text(body: bytes) -> object:
    if len(body) > document.DEFAULT_LIMITS.size_bytes:
        raise NotJson(document.NotJsonCode.TOO_LARGE, f"more than {document.DEFAULT_LIMITS.size_bytes} bytes")
    return body.decode("utf-8", "replace")


def is_cloudevent(delivery: Delivery) -> bool:
    """Tell whether a delivery holds CloudEvents."""
    if delivery.content_type.strip().lower().startswith(_TYPE) or is_binary(delivery.headers, delivery.content_type):
        return True
    body = delivery.document
    first = body[0] if isinstance(body, list) and body else body
    return isinstance(first, dict) and "specversion" in first and all(name in first for name in _REQUIRED)


def read(delivery: Delivery) -> Answer:
    """Map one CloudEvent or a batch."""
    events, batch = _events(delivery)
    if not events:
        return Ignored(reason=Reason.NO_ALERTS, detail="an empty batch")
    sender_id = _sender_id(events)
    if delivery.settings.mapping is not None:
        wholes = [event.whole for event in events]
        answer = Reading(delivery.settings.mapping, delivery.settings).answer(wholes if batch else wholes[0])
        return replace(answer, sender_id=answer.sender_id or sender_id) if isinstance(answer, Normalized) else answer
    alerts = tuple(_alert(event, f"/{number}" if batch else "", delivery.settings) for number, event in enumerate(events))
    return Normalized(alerts=alerts, sender_id=sender_id)


def _events(delivery: Delivery) -> tuple[list[CloudEvent], bool]:
    """Give the events and whether they are a batch."""
    headers, body = delivery.headers, delivery.document
    if is_binary(headers, delivery.content_type):
        attributes: dict[str, object] = {
            name.removeprefix(_HEADER): unquote(value) for name, value in headers.items() if name.startswith(_HEADER)
        }
        if delivery.content_type:
            attributes["datacontenttype"] = delivery.content_type
        return [_event({**attributes, "data": body}, "")], False
    if isinstance(body, list):
        return [_event(event, f"/{number}") for number, event in enumerate(body)], True
    return [_event(body, "")], False


def _event(value: object, pointer: str) -> CloudEvent:
    members = as_object(value, pointer)
    named = {name: said(members.get(name)) for name in _REQUIRED}
    for name, text in named.items():
        if text is None:
            raise Unfit(f"{pointer}/{name}", "a string", members.get(name))
    extensions = {name: text for name, member in members.items() if name not in _CONTEXT and (text := said(member)) is not None}
    data = _decoded(members["data_base64"]) if "data_base64" in members and members.get("data") is None else members.get("data")
    return CloudEvent(
        id=named["id"] or "",
        source=named["source"] or "",
        type=named["type"] or "",
        subject=said(members.get("subject")),
        time=members.get("time"),
        data=data,
        extensions=extensions,
        whole=members if data is members.get("data") else {**members, "data": data},
    )


def _decoded(value: object) -> object:
    """Read data that came as base64: JSON where it is JSON, else nothing that we read."""
    try:
        return document.parse(base64.b64decode(value, validate=True)) if isinstance(value, str) else None
    except (NotJson, binascii.Error, ValueError):
        return None


def _alert(event: CloudEvent, pointer: str, settings: IntegrationSettings) -> AlertEvent:
    stem, _, last = event.type.rpartition(".")
    hinted = status_of(last)
    data, own = object_or_empty(event.data), _identity_of(event.data)
    key = own or event.subject or (stem if hinted is not None and stem else event.type)
    text = said(event.data) if isinstance(event.data, str) and _is_sentence(event.whole) else None
    alert = native.event_of(
        data,
        f"{pointer}/data",
        settings,
        status=hinted,
        identity=f"{event.source}#{key}",
        title=text or (f"{event.type}: {event.subject}" if event.subject else event.type),
    )
    shown = {"ce_type": event.type, "ce_source": event.source, **({"ce_subject": event.subject} if event.subject else {})}
    extensions = {name: value for name, value in event.extensions.items() if name not in _TRACE}
    raw, replaced = raw_json(event.whole)
    return replace(
        alert,
        content=content_hash(alert.status, event.whole),
        severity=alert.severity or severity_of(event.extensions.get("severitytext"), alert.status),
        labels={**extensions, **alert.labels, **shown},
        metadata=fields.known({**alert.metadata, **{name: event.extensions.get(name) for name in _TRACE}}),
        occurred_at=time_of(event.time) or alert.occurred_at,
        trusted=True,
        sanitized=replaced,
        raw=raw,
    )


def _is_sentence(whole: Mapping[str, object]) -> bool:
    """Tell whether text of an event is for people: XML and the like is none."""
    said_type = said(whole.get("datacontenttype")) or ""
    return not said_type or _media_of(said_type) == "text/plain" or _is_json(said_type)


def _identity_of(data: object) -> str | None:
    """Give the identity that the data has of its own; a title is none, for the subject says it better."""
    members = object_or_empty(data)
    return next((text for name in native.NAMES["identity"] if (text := said(members.get(name))) is not None), None)


def _sender_id(events: list[CloudEvent]) -> str:
    if len(events) == 1:
        return f"{events[0].source} {events[0].id}"
    digest = blake2b(digest_size=16, person=b"tocsin.batch")
    for event in events:
        for part in (event.source, event.id):
            said_bytes = part.encode("utf-8", "surrogatepass")
            digest.update(len(said_bytes).to_bytes(4, "big") + said_bytes)
    return f"batch {digest.hexdigest()}"


SOURCE = Source(
    name="cloudevents",
    title="CloudEvents",
    read=read,
    schemes=(Bearer(), Basic(), SecretHeader(), StandardWebhooks()),
    trusted_time=False,
    headers=HEADERS | {ID},
    parse=parse,
    parse_opaque=parse_opaque,
    token_parameter=TOKEN_PARAMETER,
    takes_mapping=True,
)
"""Trust is given event by event, for a mapping may give times of its own."""
