"""The map: one log record in, one image record out, always, whatever stands in it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from tocsin_contracts.bounds import cut, storable
from tocsin_contracts.delivery import DeliveryEnvelope
from tocsin_contracts.envelope import Kind, SourceStamp, header
from tocsin_contracts.ids import alert_id
from tocsin_contracts.image import Image, encode_image
from tocsin_contracts.integration import IntegrationSettings
from tocsin_contracts.outcome import Mapped, Reason
from tocsin_contracts.position import Position
from tocsin_contracts.topics import HEADER_KIND, HEADER_SOURCE, IMAGE_MAX_BYTES
from tocsin_normalizer.domain.envelope import Unreadable, read_envelope, text
from tocsin_normalizer.domain.record import Imaged, LogRecord
from tocsin_sources import document, registry
from tocsin_sources.own import without_own
from tocsin_sources.source import Answer, Delivery, Failed, Ignored, Normalized, Source

SettingsKey = tuple[str, int]
"""Integration and version: what names an immutable row of settings."""
KnownSettings = Mapping[SettingsKey, IntegrationSettings]

UNKNOWN_SOURCE = "unknown"
"""Stands for every source that this release does not know: names from records never become labels."""
UNREADABLE_ENVELOPE = "unreadable-envelope"
UNKNOWN_INTEGRATION_VERSION = "unknown-integration-version"
TENANT_ERASED = "tenant-erased"
SOURCE_NOT_KNOWN = "unknown-source"
_DELIVERY = Kind.DELIVERY.value.encode()
_DETAIL_MAX = 500
_alert_id = lru_cache(maxsize=65_536)(alert_id)
"""Most notifications are of an alert that was seen before, and its hash costs more than the envelope."""


class Opened(NamedTuple):
    """A record whose headers were read, once."""

    record: LogRecord
    is_delivery: bool
    envelope: DeliveryEnvelope | None = None
    fault: str | None = None
    """Why a delivery has no envelope."""

    @property
    def tenant(self) -> str | None:
        """Name the tenant; None for what is no delivery or cannot be read as one."""
        return None if self.envelope is None else self.envelope.tenant

    @property
    def settings_key(self) -> SettingsKey | None:
        """Name the settings that the record needs; None for what is no delivery or cannot be read as one."""
        return None if self.envelope is None else (self.envelope.integration, self.envelope.integration_version)


def open_record(record: LogRecord) -> Opened:
    """Read a record's headers; never raises."""
    if header(record.headers, HEADER_KIND) != _DELIVERY:
        return Opened(record, is_delivery=False)
    try:
        return Opened(record, is_delivery=True, envelope=read_envelope(record.headers))
    except Unreadable as error:
        return Opened(record, is_delivery=True, fault=str(error))


@dataclass(frozen=True, slots=True, kw_only=True)
class Normalizer:
    """The pure map from records of `tocsin.log` to records of `tocsin.alerts`; the same input gives the same bytes."""

    release: str
    """Stamped on every image."""
    alerts_max: int = 5_000
    """More alerts in one delivery are `failed: too-many-alerts`."""
    image_max_bytes: int = IMAGE_MAX_BYTES
    """A larger image is `failed: image-too-large`, without its alerts."""
    source_of: Callable[[str], Source | None] = registry.get

    def normalize(self, record: LogRecord, settings: KnownSettings, *, condemned: bool = False) -> Imaged:
        """Turn one record into the one that goes to the same partition of `tocsin.alerts`; see `image`."""
        return self.image(open_record(record), settings, condemned=condemned)

    def image(self, opened: Opened, settings: KnownSettings, *, condemned: bool = False, erased: bool = False) -> Imaged:
        """Turn an opened record into the one that goes to the same partition of `tocsin.alerts`.

        Never raises but `MemoryError`: what cannot be understood is an image that says so (P7). Anything but a delivery is
        copied unread, byte for byte.

        Args:
            opened: a record of `tocsin.log`.
            settings: every version that the deliveries at hand name and that exists; see `Opened.settings_key`.
            condemned: the process died over this record twice: it is failed without a look at its body.
            erased: its tenant was erased: nothing of the body, nor of who sent it, goes into the image.
        """
        record = opened.record
        stamp = SourceStamp(Position(record.partition, record.offset), record.appended_at_ms, self.release).encode()
        if not opened.is_delivery:
            headers = [pair for pair in record.headers if pair[0] != HEADER_SOURCE]
            headers.append((HEADER_SOURCE, stamp))
            return Imaged(key=record.key, value=record.value, headers=headers, mapped=None)
        value, image = self._encoded(_of_erased(opened) if erased else self._image(opened, settings, condemned=condemned))
        return Imaged(
            key=record.key,
            value=value,
            headers=[(HEADER_KIND, _DELIVERY), (HEADER_SOURCE, stamp)],
            mapped=image.mapped,
            source=self.known(image.source),
            reason=image.reason or "",
            alerts=len(image.alerts),
        )

    def known(self, source: str) -> str:
        """Give the source's name if this release knows it, else `unknown`."""
        return UNKNOWN_SOURCE if self.source_of(source) is None else source

    def _image(self, opened: Opened, settings: KnownSettings, *, condemned: bool) -> Image:
        envelope = opened.envelope
        if envelope is None:
            return _unreadable(opened)
        version = settings.get((envelope.integration, envelope.integration_version))
        if condemned:
            answer: Answer = Failed(reason=Reason.KILLED_NORMALIZER, detail="the normalizer died twice over this delivery")
        elif version is None:
            answer = Failed(reason=UNKNOWN_INTEGRATION_VERSION, detail=f"no version {envelope.integration_version} is recorded")
        else:
            answer = self._answer(opened.record.value, envelope, version)
        return _image(opened.record, envelope, version or IntegrationSettings(), answer)

    def _answer(self, body: bytes, envelope: DeliveryEnvelope, settings: IntegrationSettings) -> Answer:
        """Ask the source; everything that it may do wrong becomes an answer."""
        source = self.source_of(envelope.source)
        if source is None:
            return Failed(reason=SOURCE_NOT_KNOWN, detail="this release does not know the source")
        try:
            parsed = source.document_of(body, envelope.content_type, envelope.headers)
            answer = source.map(
                Delivery(
                    document=parsed,
                    headers=envelope.headers,
                    query=envelope.query,
                    content_type=envelope.content_type,
                    settings=settings,
                )
            )
        except document.NotJson as error:
            return Failed(reason=error.code, detail=error.detail)
        except MemoryError:
            raise  # the process is not well; the record may be: dying is right, and the crash guard counts it
        except Exception as error:  # noqa: BLE001 - P7: no body may stop a partition, whatever a source's file does with it
            return _our_fault(error)
        if isinstance(answer, Normalized):
            return self._bounded(answer)
        return answer

    def _bounded(self, answer: Normalized) -> Answer:
        if len(answer.alerts) > self.alerts_max:
            return Failed(
                reason=Reason.TOO_MANY_ALERTS, detail=f"{len(answer.alerts)} alerts, at most {self.alerts_max} are read"
            )
        if not answer.alerts:
            return Ignored(reason=Reason.NO_ALERTS, detail="no alerts in it")
        return without_own(answer)

    def _encoded(self, image: Image) -> tuple[bytes, Image]:
        """Write the image; one that cannot be written, or is too large, is written as the failure that it is."""
        try:
            value = encode_image(image)
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 - P7, as above: what a source made may be no JSON
            image = _without_alerts(image, _our_fault(error))
            return encode_image(image), image
        if len(value) > self.image_max_bytes:
            detail = f"an image of {len(value)} bytes, at most {self.image_max_bytes} are written"
            image = _without_alerts(image, Failed(reason=Reason.IMAGE_TOO_LARGE, detail=detail))
            value = encode_image(image)
        return value, image


def _image(record: LogRecord, envelope: DeliveryEnvelope, settings: IntegrationSettings, answer: Answer) -> Image:
    mapped, reason, detail = _verdict(answer)
    alerts = answer.alerts if isinstance(answer, Normalized) else ()
    named = answer.sender_id if isinstance(answer, Normalized) else None
    tenant, integration = envelope.tenant, envelope.integration
    return Image(
        tenant=tenant,
        integration=integration,
        source=envelope.source,
        mapped=mapped,
        reason=reason,
        detail=detail,
        sender_id=envelope.sender_id if named is None else text(named),
        request_id=envelope.request_id,
        received_at=envelope.received_at,
        size=len(record.value),
        redrive_of=envelope.redrives(),
        integration_version=envelope.integration_version,
        settings=settings,
        alerts=alerts,
        alert_ids=[_alert_id(tenant, integration, event.identity) for event in alerts],
    )


def _verdict(answer: Answer) -> tuple[Mapped, str | None, str | None]:
    match answer:
        case Normalized():
            return Mapped.NORMALIZED, None, None
        case Ignored():
            return Mapped.IGNORED, text(answer.reason), cut(storable(answer.detail), _DETAIL_MAX)
        case Failed():
            return Mapped.FAILED, text(answer.reason), cut(storable(answer.detail), _DETAIL_MAX)


def _of_erased(opened: Opened) -> Image:
    """Make the image of a delivery of a tenant that was erased: the fold skips it, and nothing else is ever read of it."""
    return Image(
        tenant=opened.tenant or "",
        integration="",
        source="",
        mapped=Mapped.IGNORED,
        reason=TENANT_ERASED,
        detail="the tenant was erased",
    )


def _unreadable(opened: Opened) -> Image:
    """Make the image of a delivery whose envelope says nothing: the record's key still names its tenant."""
    record = opened.record
    tenant = text((record.key or b"").decode("utf-8", "replace"))
    return Image(
        tenant=tenant,
        integration="",
        source="",
        mapped=Mapped.FAILED,
        reason=UNREADABLE_ENVELOPE,
        detail=opened.fault,
        size=len(record.value),
    )


def _without_alerts(image: Image, failed: Failed) -> Image:
    return Image(
        tenant=image.tenant,
        integration=image.integration,
        source=image.source,
        mapped=Mapped.FAILED,
        reason=failed.reason,
        detail=failed.detail,
        sender_id=image.sender_id,
        request_id=image.request_id,
        received_at=image.received_at,
        size=image.size,
        redrive_of=image.redrive_of,
        integration_version=image.integration_version,
        settings=image.settings,
    )


def _our_fault(error: Exception) -> Failed:
    """Name the exception's type and nothing else: its text may hold the body's."""
    return Failed(reason=Reason.NORMALIZER_ERROR, detail=type(error).__name__)
