"""The image of a delivery: its outcome and all its alerts in one value, the only thing that the fold reads.

Text that the alerts of a delivery share is stored once (`texts`); an alert refers to it by index, and says in which of its
fields it does (`shared`: bits, in the order of `_SHARED`; an image without it is of an older writer, and any field may).
Readers build events without validating again what our own normalizer wrote: this is the hottest decode of the system.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any

import orjson

from tocsin_contracts.alert import AlertEvent
from tocsin_contracts.ids import AlertId
from tocsin_contracts.integration import GATEWAY_AND_MAP, IntegrationSettings
from tocsin_contracts.outcome import Mapped
from tocsin_contracts.position import Position
from tocsin_contracts.record import record
from tocsin_contracts.severity import Severity
from tocsin_contracts.status import EventStatus

IMAGE_VERSION = 1
_NOT_THE_FOLDS = set(GATEWAY_AND_MAP)
_SHARED = ("title", "description", "link", "service", "environment", "team", "project", "problem", "raw")
_SHARED_FROM = 24
"""Texts shorter than this are not worth an index."""
_LABELS = 1 << len(_SHARED)
_ANY = 2 * _LABELS - 1
_SEVERITIES = {severity.value: severity for severity in Severity}
_STATUSES = {status.value: status for status in EventStatus}
_MAPPED = {mapped.value: mapped for mapped in Mapped}
_NAMES = tuple(tuple(name for place, name in enumerate(_SHARED) if bits >> place & 1) for bits in range(_LABELS))
"""Names of fields by their bits."""


@record
class Image:
    """What the normalizer made of one delivery, with every setting that the fold needs."""

    tenant: str
    integration: str
    source: str
    mapped: Mapped
    reason: str | None = None
    """Why it was ignored or failed: a code."""
    detail: str | None = None
    """One line for people: the JSON pointer of what was missing, never a secret."""
    sender_id: str | None = None
    """The sender's delivery id, where the source has one (P4)."""
    request_id: str = ""
    received_at: int = 0
    size: int = 0
    """Bytes of the body."""
    redrive_of: Position | None = None
    integration_version: int = 0
    settings: IntegrationSettings = field(default_factory=IntegrationSettings)
    alerts: Sequence[AlertEvent] = ()
    alert_ids: Sequence[AlertId] = ()
    """The id of each alert, in the same order: computed once, by the normalizer."""


def encode_image(image: Image) -> bytes:
    """Write an image; the caller checks its size against `topics.IMAGE_MAX_BYTES`."""
    texts = _shared_texts(image.alerts)
    index = {text: number for number, text in enumerate(texts)}
    document: dict[str, Any] = {
        "v": IMAGE_VERSION,
        "tenant": image.tenant,
        "integration": image.integration,
        "source": image.source,
        "mapped": image.mapped,
        "reason": image.reason,
        "detail": image.detail,
        "sender_id": image.sender_id,
        "request_id": image.request_id,
        "received_at": image.received_at,
        "size": image.size,
        "redrive_of": None if image.redrive_of is None else str(image.redrive_of),
        "integration_version": image.integration_version,
        "settings": image.settings.model_dump(exclude_defaults=True, exclude=_NOT_THE_FOLDS),
        "texts": texts,
        "alerts": [_alert(event, alert, index) for event, alert in zip(image.alerts, image.alert_ids, strict=True)],
    }
    return orjson.dumps({key: value for key, value in document.items() if value is not None})


def decode_image(value: bytes) -> Image:
    """Read an image.

    Raises:
        ValueError: not an image of a version that this release knows (orjson's JSONDecodeError is one).
    """
    document = orjson.loads(value)
    if document.get("v") != IMAGE_VERSION:
        raise ValueError(f"image version {document.get('v')!r} is not known to this release: upgrade consumers first")
    texts = document["texts"]
    settings = document["settings"]
    redrive_of = document.get("redrive_of")
    return Image(
        tenant=document["tenant"],
        integration=document["integration"],
        source=document["source"],
        mapped=_MAPPED[document["mapped"]],
        reason=document.get("reason"),
        detail=document.get("detail"),
        sender_id=document.get("sender_id"),
        request_id=document["request_id"],
        received_at=document["received_at"],
        size=document["size"],
        redrive_of=None if redrive_of is None else Position.parse(redrive_of),
        integration_version=document["integration_version"],
        settings=IntegrationSettings.model_validate(settings) if settings else _DEFAULT_SETTINGS,
        alerts=[_event(alert, texts) for alert in document["alerts"]],
        alert_ids=[alert["id"] for alert in document["alerts"]],
    )


_DEFAULT_SETTINGS = IntegrationSettings()
_NONE: Mapping[str, Any] = {}


def _shared_texts(alerts: Sequence[AlertEvent]) -> list[str]:
    """List texts that stand in more than one field of the delivery's alerts, in the order of their first use."""
    if len(alerts) < 2:
        return []
    counts: Counter[str] = Counter()
    for event in alerts:
        for name in _SHARED:
            text = getattr(event, name)
            if text is not None and len(text) >= _SHARED_FROM:
                counts[text] += 1
        counts.update(value for value in event.labels.values() if len(value) >= _SHARED_FROM)
    return [text for text, count in counts.items() if count > 1]


def _alert(event: AlertEvent, alert: AlertId, index: dict[str, int]) -> dict[str, Any]:
    document: dict[str, Any] = {
        "id": alert,
        "identity": event.identity,
        "status": event.status,
        "content": event.content,
        "severity": event.severity,
        "host": event.host,
        "occurred_at": event.occurred_at,
        "episode_at": event.episode_at,
        "metadata": event.metadata or None,
        "labels": {name: index.get(text, text) for name, text in event.labels.items()} or None,
        "flags": _flags(event) or None,
    }
    shared = 0
    for place, name in enumerate(_SHARED):
        text = getattr(event, name)
        document[name] = text if text is None else index.get(text, text)
        shared |= (text in index) << place
    if index:
        document["shared"] = shared | _LABELS * any(text in index for text in event.labels.values())
    return {key: value for key, value in document.items() if value is not None}


def _flags(event: AlertEvent) -> int:
    return event.trusted | event.never_resolves << 1 | event.heartbeat << 2 | event.sanitized << 3


def _event(alert: dict[str, Any], texts: list[str]) -> AlertEvent:
    get = alert.get
    labels = get("labels", _NONE)
    if texts and (shared := get("shared", _ANY)):
        for name in _NAMES[shared & ~_LABELS]:
            if type(value := get(name)) is int:
                alert[name] = texts[value]
        if shared & _LABELS:
            labels = {name: texts[value] if type(value) is int else value for name, value in labels.items()}
    flags = get("flags", 0)
    severity = get("severity")
    return AlertEvent(
        identity=alert["identity"],
        problem=alert["problem"],
        status=_STATUSES[alert["status"]],
        title=alert["title"],
        content=alert["content"],
        project=alert["project"],
        severity=None if severity is None else _SEVERITIES[severity],
        description=get("description"),
        service=get("service"),
        environment=get("environment"),
        team=get("team"),
        host=get("host"),
        link=get("link"),
        labels=labels,
        metadata=get("metadata", _NONE),
        occurred_at=get("occurred_at"),
        episode_at=get("episode_at"),
        trusted=flags & 1 != 0,
        never_resolves=flags & 2 != 0,
        heartbeat=flags & 4 != 0,
        sanitized=flags & 8 != 0,
        raw=get("raw"),
    )
