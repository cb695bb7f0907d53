"""The image of a delivery: its outcome and all its alerts in one value, the only thing that the fold reads."""

from collections.abc import Sequence
from dataclasses import field
from typing import Any

import orjson

from tocsin_contracts import image_alert
from tocsin_contracts.alert import AlertEvent
from tocsin_contracts.ids import AlertId
from tocsin_contracts.integration import GATEWAY_AND_MAP, IntegrationSettings
from tocsin_contracts.outcome import Mapped
from tocsin_contracts.position import Position
from tocsin_contracts.record import record

IMAGE_VERSION = 2
_NAMED_FIELDS = 1
"""The version whose alerts named their fields: topics may hold it still."""
_NOT_THE_FOLDS = set(GATEWAY_AND_MAP)
_MAPPED = {mapped.value: mapped for mapped in Mapped}


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
    texts = image_alert.shared_texts(image.alerts)
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
        "alerts": [image_alert.write(event, alert, index) for event, alert in zip(image.alerts, image.alert_ids, strict=True)],
    }
    return orjson.dumps({key: value for key, value in document.items() if value is not None})


def decode_image(value: bytes) -> Image:
    """Read an image.

    Raises:
        ValueError: not an image of a version that this release knows (orjson's JSONDecodeError is one).
        LookupError, TypeError: one that no normalizer can have written.
    """
    document = orjson.loads(value)
    version = document.get("v")
    if version not in (_NAMED_FIELDS, IMAGE_VERSION):
        raise ValueError(f"image version {version!r} is not known to this release: upgrade consumers first")
    texts, alerts = document["texts"], document["alerts"]
    if version == _NAMED_FIELDS:
        alerts = [image_alert.from_version_1(alert) for alert in alerts]
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
        alerts=[image_alert.read(alert, texts) for alert in alerts],
        alert_ids=[alert[0] for alert in alerts],
    )


_DEFAULT_SETTINGS = IntegrationSettings()
