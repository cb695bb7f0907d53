"""Ids: who is meant, derived from what is recorded, so that a rebuild gives the same ones.

Ids that name recorded things are hashes of their origin (BLAKE2b, 128 bits, Crockford base32: 26 characters).
A delivery id carries its position, so that any service can find the record without an index.
"""

from hashlib import blake2b
from typing import NewType

from tocsin_contracts import crockford
from tocsin_contracts.position import Position

TenantId = NewType("TenantId", str)
IntegrationId = NewType("IntegrationId", str)
AlertId = NewType("AlertId", str)
IncidentId = NewType("IncidentId", str)
DeliveryId = NewType("DeliveryId", str)
CommandId = NewType("CommandId", str)

_PARTITION_BYTES = 2
_OFFSET_BYTES = 6
_CHECK_BYTES = 5
_DELIVERY_BYTES = _PARTITION_BYTES + _OFFSET_BYTES + _CHECK_BYTES
SHORT_CODE_LENGTH = 7


def alert_id(tenant: str, integration: str, identity: str) -> AlertId:
    """Name one problem at one place: the same for its firing, its repeats and its resolve (SOURCES 0.1).

    The integration is part of it: two Alertmanagers may send one fingerprint for two systems.
    """
    return AlertId(_digest("alert", tenant, integration, identity))


def incident_id(tenant: str, opening: Position, group_key: str, ordinal: int = 0) -> IncidentId:
    """Name the incident that the record at `opening` opened for a group.

    Args:
        tenant: the owner.
        opening: position of the opening record in `tocsin.log`.
        group_key: the group it collects.
        ordinal: 0, but for the second and later incident that one record opens for one group (a body that fires,
            resolves and fires the same alert again).
    """
    parts = [tenant, str(opening), group_key]
    if ordinal:
        parts.append(str(ordinal))
    return IncidentId(_digest("incident", *parts))


def timer_incident_id(tenant: str, timer_key: str, due_at: int) -> IncidentId:
    """Name the incident that a timer opened; `due_at` is the timer's due time in µs."""
    return IncidentId(_digest("timer", tenant, timer_key, str(due_at)))


def delivery_id(tenant: str, position: Position) -> DeliveryId:
    """Name the delivery at a position: base32 of partition, offset and a 40-bit hash of these with the tenant."""
    place = position.partition.to_bytes(_PARTITION_BYTES, "big") + position.offset.to_bytes(_OFFSET_BYTES, "big")
    return DeliveryId(crockford.encode(place + _check(tenant, place)))


def parse_delivery_id(tenant: str, text: str) -> Position:
    """Find the position that a delivery id names for this tenant.

    Raises:
        ValueError: not a delivery id, or not one of this tenant's: callers answer 404.
    """
    data = crockford.decode(text)
    if len(data) != _DELIVERY_BYTES:
        raise ValueError("not a delivery id")
    place, check = data[:-_CHECK_BYTES], data[-_CHECK_BYTES:]
    if _check(tenant, place) != check:
        raise ValueError("not a delivery id of this tenant")
    return Position(int.from_bytes(place[:_PARTITION_BYTES], "big"), int.from_bytes(place[_PARTITION_BYTES:], "big"))


def short_code(incident: str) -> str:
    """Shorten an incident id to the code that is said aloud (E11): `INC-` and the id's first seven characters."""
    return f"INC-{incident[:SHORT_CODE_LENGTH]}"


def _check(tenant: str, place: bytes) -> bytes:
    return blake2b(tenant.encode() + b"\x00" + place, digest_size=_CHECK_BYTES, person=b"tocsin.delivery").digest()


def _digest(kind: str, *parts: str) -> str:
    """Hash length-prefixed parts, so that no two lists of parts collide by concatenation."""
    hasher = blake2b(digest_size=16, person=b"tocsin." + kind.encode())
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        hasher.update(len(data).to_bytes(4, "big"))
        hasher.update(data)
    return crockford.encode(hasher.digest())
