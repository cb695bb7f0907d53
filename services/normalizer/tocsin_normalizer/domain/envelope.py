"""Read a delivery's envelope without pydantic: the hot path of the normalizer.

Exactly what `DeliveryEnvelope.encode` writes is read field by field; anything else, however slightly different, is left
to the contract's own reader. So the two agree by construction, and a test says so.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

from tocsin_contracts.alert import SHORT_MAX
from tocsin_contracts.bounds import cut, storable
from tocsin_contracts.delivery import delivery_envelope
from tocsin_contracts.envelope import header
from tocsin_contracts.position import Position
from tocsin_contracts.times import bounded
from tocsin_contracts.topics import HEADER_ENVELOPE
from tocsin_normalizer.domain.record import RawHeaders

_VERSION_MAX = 2**31 - 1
_EMPTY: Mapping[str, str] = {}
_NONE: list[str] = []
_REQUIRED = ("tenant", "integration", "source", "request_id")


class Unreadable(ValueError):  # noqa: N818 - it names what the envelope is
    """The envelope is missing, not JSON, or holds what ingest cannot have written. Its text never repeats the input."""


class Envelope(NamedTuple):
    """What the map needs of an envelope; every value is storable and inside its bound."""

    tenant: str
    integration: str
    source: str
    integration_version: int
    request_id: str
    received_at: int
    content_type: str = ""
    headers: Mapping[str, str] = _EMPTY
    query: Mapping[str, str] = _EMPTY
    redrive_of: Position | None = None
    sender_id: str | None = None


def read_envelope(headers: RawHeaders) -> Envelope:
    """Read the envelope of a delivery record.

    Raises:
        Unreadable: there is none, or it cannot be one of ours.
    """
    value = header(headers, HEADER_ENVELOPE)
    if value is None:
        raise Unreadable("no envelope")
    fields = _plain(value)
    return _checked(_contract(headers) if fields is None else fields)


def text(value: str) -> str:
    """Give a short text storable and inside its bound; costs next to nothing where it is both."""
    if value.isascii() and len(value) <= SHORT_MAX and "\x00" not in value:
        return value
    return cut(storable(value), SHORT_MAX)


def _plain(value: bytes) -> Envelope | None:
    """Read an envelope as our gateway writes it; None where any type differs."""
    try:
        document = orjson.loads(value)
    except ValueError:
        return None
    if type(document) is not dict:
        return None
    get = document.get
    if not all(type(get(name)) is str for name in _REQUIRED):
        return None
    content_type = get("content_type", "")
    headers, query = get("headers", _EMPTY), get("query", _EMPTY)
    redrive_of, sender_id = get("redrive_of"), get("sender_id")
    exact = (
        type(get("v", 1)) is int
        and type(get("integration_version")) is int
        and type(get("received_at")) is int
        and type(content_type) is str
        and type(get("encoding", "")) is str
        and _is_text(headers)
        and _is_text(query)
        and _is_list(get("redacted", _NONE))
        and (redrive_of is None or type(redrive_of) is str)
        and (sender_id is None or type(sender_id) is str)
    )
    if not exact:
        return None
    return Envelope(
        tenant=document["tenant"],
        integration=document["integration"],
        source=document["source"],
        integration_version=document["integration_version"],
        request_id=document["request_id"],
        received_at=document["received_at"],
        content_type=content_type,
        headers=headers,
        query=query,
        redrive_of=None if redrive_of is None else _position(redrive_of),
        sender_id=sender_id,
    )


def _is_text(value: Any) -> bool:
    return type(value) is dict and all(type(item) is str for item in value.values())


def _is_list(value: Any) -> bool:
    return type(value) is list and all(type(item) is str for item in value)


def _contract(headers: RawHeaders) -> Envelope:
    """Read with the contract's own reader: slow, and right about everything odd."""
    try:
        model = delivery_envelope(headers)
    except ValueError as error:
        raise Unreadable("the envelope does not read as one") from error
    return Envelope(
        tenant=model.tenant,
        integration=model.integration,
        source=model.source,
        integration_version=model.integration_version,
        request_id=model.request_id,
        received_at=model.received_at,
        content_type=model.content_type,
        headers=model.headers,
        query=model.query,
        redrive_of=None if model.redrive_of is None else _position(model.redrive_of),
        sender_id=model.sender_id,
    )


def _position(value: str) -> Position:
    try:
        return Position.parse(value)
    except ValueError as error:
        raise Unreadable("redrive_of is not a position") from error


def _checked(envelope: Envelope) -> Envelope:
    """Refuse ids that no table could hold as they are, and clamp the rest."""
    for name in (envelope.tenant, envelope.integration, envelope.source):
        if not name or text(name) != name:
            raise Unreadable("an id of the envelope is empty, too long or not storable")
    if not 0 <= envelope.integration_version <= _VERSION_MAX:
        raise Unreadable("integration_version is out of range")
    request_id = text(envelope.request_id)
    received_at = bounded(envelope.received_at)
    sender_id = None if envelope.sender_id is None else text(envelope.sender_id)
    if (request_id, received_at, sender_id) == (envelope.request_id, envelope.received_at, envelope.sender_id):
        return envelope
    return envelope._replace(request_id=request_id, received_at=received_at, sender_id=sender_id)
