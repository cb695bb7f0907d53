"""Uptime Kuma: what its webhook notification sends, as JSON, as a form with the field `data`, or by a template of the user's.

Identity and problem: the monitor's id. Certificates and domain names that will expire have no monitor in their body, so their
text is the identity, without the count of days; they never resolve. Delivery id and episode hint: none, so equal content in a
row is a repeat (`resendInterval`). The time has no zone; it is known to be UTC, shown, and never orders events.

Ignored: monitors that are pending (tried again, not down yet) or in maintenance, and test notifications.
"""

import re
from collections.abc import Mapping

from tocsin_contracts.alert import AlertEvent
from tocsin_contracts.status import EventStatus
from tocsin_contracts.topics import BODY_MAX_BYTES
from tocsin_sources import document, fields, form
from tocsin_sources.environments import folded_environment
from tocsin_sources.evidence import content_hash, raw_json
from tocsin_sources.schemes.header import SecretHeader
from tocsin_sources.severity_words import severity_of, with_raw_word
from tocsin_sources.shape import Unfit, as_object, id_of, list_or_empty, object_or_empty
from tocsin_sources.signature import Basic, Bearer
from tocsin_sources.source import Answer, Delivery, Ignored, Normalized, Source
from tocsin_sources.text import description_of, title_of
from tocsin_sources.timestamps import time_of

_STATUSES = {"0": EventStatus.FIRING, "1": EventStatus.RESOLVED}
_IGNORED = {
    "2": Ignored(reason="pending", detail="the monitor is tried again before it counts as down"),
    "3": Ignored(reason="maintenance", detail="the monitor is in maintenance"),
}
_TEST = Ignored(reason="test-notification", detail="a notification about no monitor: that of the test button")
_EXPIRY = re.compile(r"\bwill expire in -?\d+ days?\b", re.IGNORECASE)
_FIELD, _TAGS_MAX = "data", 200
_BOUNDARY = re.compile(r'boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))', re.IGNORECASE)
_NAMED = re.compile(rb'form-data;[^\r\n]{0,100}\bname="?data"?', re.IGNORECASE)
_PARTS_MAX, _HEAD_MAX = 20, 1_000


def parse(body: bytes, content_type: str) -> object:
    """Read a body as JSON; of a form it is the field `data`."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "multipart/form-data" and len(body) <= BODY_MAX_BYTES:
        return document.parse_templated(_part(body, content_type))
    if form.is_form(content_type):
        return document.parse_templated(form.fields_of(body).get(_FIELD, "").encode("utf-8", "replace"))
    return document.parse_templated(body)


def read(delivery: Delivery) -> Answer:
    """Map one notification."""
    body = as_object(delivery.document, "")
    heartbeat, monitor = object_or_empty(body.get("heartbeat")), object_or_empty(body.get("monitor"))
    aliases = delivery.settings.environment_aliases
    if not heartbeat:
        text = fields.said(body.get("msg"))
        if text is None:
            raise Unfit("/msg", "a message, or a heartbeat", body.get("msg"))
        return Normalized(alerts=(_expiry(text, body),)) if _EXPIRY.search(text) else _TEST
    code = id_of(heartbeat.get("status"))
    ignored = _IGNORED.get(code or "")
    if ignored is not None:
        return ignored
    status = _STATUSES.get(code or "")
    if status is None:
        raise Unfit("/heartbeat/status", "0 for down to 3 for maintenance", heartbeat.get("status"))
    return Normalized(alerts=(_event(body, heartbeat, monitor, status, aliases),))


def _event(
    body: Mapping[str, object],
    heartbeat: Mapping[str, object],
    monitor: Mapping[str, object],
    status: EventStatus,
    aliases: Mapping[str, str],
) -> AlertEvent:
    identity = id_of(monitor.get("id")) or id_of(heartbeat.get("monitorID")) or id_of(heartbeat.get("monitor_id"))
    if identity is None:
        raise Unfit("/monitor/id", "the monitor's id", monitor.get("id"))
    name = title_of(fields.said(monitor.get("name")))
    labels = _tags(monitor.get("tags"))
    word = labels.get("severity")
    raw, replaced = raw_json(body)
    link = fields.web_link(monitor.get("url"))
    return AlertEvent(
        identity=identity,
        problem=identity,
        status=status,
        title=f"{name or f'Monitor {identity}'} is {'down' if status is EventStatus.FIRING else 'up'}",
        content=content_hash(status, body),
        severity=severity_of(word, status),
        description=description_of(fields.said(heartbeat.get("msg"))),
        service=fields.first_present(labels, fields.SERVICE),
        environment=folded_environment(fields.first_present(labels, fields.ENVIRONMENT), aliases),
        team=fields.first_present(labels, fields.TEAM),
        host=fields.said(monitor.get("hostname")) or fields.first_present(labels, fields.HOST),
        link=None if link is None or link.endswith("://") else link,  # what monitors without an address have
        labels=with_raw_word({**labels, **({"monitor": name} if name else {})}, word),
        metadata=fields.known(
            {
                "type": fields.said(monitor.get("type")),
                "path": fields.said(monitor.get("pathName")),
                "port": id_of(monitor.get("port")),
                "ping": id_of(heartbeat.get("ping")),
                "retries": id_of(heartbeat.get("retries")),
                "message": fields.said(body.get("msg")),
            }
        ),
        occurred_at=time_of(heartbeat.get("time"), naive_is_utc=True),
        sanitized=replaced,
        raw=raw,
    )


def _expiry(text: str, body: Mapping[str, object]) -> AlertEvent:
    """Make an alert of a certificate or a domain name that will expire."""
    raw, replaced = raw_json(body)
    identity = _EXPIRY.sub("will expire", text)
    return AlertEvent(
        identity=identity,
        problem=identity,
        status=EventStatus.FIRING,
        title=title_of(text) or identity,
        content=content_hash(EventStatus.FIRING, body),
        never_resolves=True,
        sanitized=replaced,
        raw=raw,
    )


def _tags(value: object) -> dict[str, str]:
    """Read tags, names with a value that may be empty."""
    labels = {}
    for each in list_or_empty(value)[:_TAGS_MAX]:
        tag = object_or_empty(each)
        name = fields.said(tag.get("name"))
        if name is not None:
            labels[name] = fields.said(tag.get("value")) or "true"
    return labels


def _part(body: bytes, content_type: str) -> bytes:
    """Give the part named `data` of a multipart body, as far as it is one of the first; nothing where there is none."""
    boundary = _BOUNDARY.search(content_type)
    if boundary is None:
        return b""
    parts = body.split(b"--" + (boundary[1] or boundary[2]).encode("latin-1", "replace"), _PARTS_MAX)
    for part in parts[1:_PARTS_MAX]:
        head, _, content = part.partition(b"\r\n\r\n")
        if _NAMED.search(head[:_HEAD_MAX]):
            return content
    return b""


SOURCE = Source(
    name="uptimekuma",
    title="Uptime Kuma",
    read=read,
    schemes=(SecretHeader(), Bearer(), Basic()),
    trusted_time=False,
    fixed_format=False,
    parse=parse,
)
