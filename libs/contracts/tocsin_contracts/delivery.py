"""The envelope of a delivery: everything about one accepted HTTP request but its body, in one JSON header."""

from collections.abc import Mapping, Sequence

import orjson
from pydantic import BaseModel, ConfigDict, Field

from tocsin_contracts.envelope import Headers, header
from tocsin_contracts.position import Position
from tocsin_contracts.topics import HEADER_ENVELOPE

ENVELOPE_VERSION = 1


class DeliveryEnvelope(BaseModel):
    """What ingest knew of a request when it accepted it. The record's value is the body, decoded once.

    Writers are strict; readers ignore fields of a newer writer.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    v: int = ENVELOPE_VERSION
    tenant: str
    integration: str
    source: str
    """Name of the source in `tocsin_sources`, as the integration said when the request came."""
    integration_version: int
    """Row of `control.integration_versions` that was in force: the normalizer copies its settings."""
    request_id: str
    received_at: int
    """The gateway's clock, µs: for people; order and windows use the broker's append time."""
    content_type: str = ""
    encoding: str = ""
    """The original Content-Encoding; the stored body is decoded."""
    headers: dict[str, str] = Field(default_factory=dict)
    """Headers that the source's file allows, lower-case names: `sentry-hook-resource`, `x-github-delivery` …"""
    query: dict[str, str] = Field(default_factory=dict)
    """Query parameters that the source's file allows."""
    redacted: list[str] = Field(default_factory=list)
    """JSON pointers of credentials that were replaced in the body before append."""
    redrive_of: str | None = None
    """Position of the failed delivery that this one sends again, as `partition:offset`."""
    sender_id: str | None = None
    """On a redrive: the sender's delivery id of the original, kept."""

    def encode(self) -> bytes:
        """Write the envelope as a header value."""
        return orjson.dumps(self.model_dump(exclude_defaults=True) | {"v": self.v})

    def redrives(self) -> Position | None:
        """Give the position of the delivery that this one redrives."""
        return None if self.redrive_of is None else Position.parse(self.redrive_of)


def encode_accepted(
    *,
    tenant: str,
    integration: str,
    source: str,
    integration_version: int,
    request_id: str,
    received_at: int,
    content_type: str,
    encoding: str,
    headers: Mapping[str, str],
    query: Mapping[str, str],
    redacted: Sequence[str] = (),
) -> bytes:
    """Write the envelope of a delivery as ingest accepts it, without a model: this is the gateway's hottest line.

    Gives the bytes of `DeliveryEnvelope(...).encode()` for the same values; a test holds both together. Text must be
    valid UTF-8 (no lone surrogates).
    """
    document: dict[str, object] = {
        "tenant": tenant,
        "integration": integration,
        "source": source,
        "integration_version": integration_version,
        "request_id": request_id,
        "received_at": received_at,
    }
    if content_type:
        document["content_type"] = content_type
    if encoding:
        document["encoding"] = encoding
    if headers:
        document["headers"] = headers
    if query:
        document["query"] = query
    if redacted:
        document["redacted"] = redacted
    document["v"] = ENVELOPE_VERSION
    return orjson.dumps(document)


def delivery_envelope(headers: Headers) -> DeliveryEnvelope:
    """Read the envelope of a delivery record.

    Raises:
        ValueError: the header is missing or unreadable (pydantic's ValidationError is one).
    """
    value = header(headers, HEADER_ENVELOPE)
    if value is None:
        raise ValueError(f"a delivery without {HEADER_ENVELOPE}")
    return DeliveryEnvelope.model_validate_json(value)
