"""Headers of records: what kind a record is, and where an image comes from.

Every record of both topics carries `tocsin-kind`. A delivery of `tocsin.log` also carries its envelope as one JSON header
(`delivery.DeliveryEnvelope`). Every record of `tocsin.alerts` carries a `SourceStamp`.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from tocsin_contracts.position import Position
from tocsin_contracts.topics import HEADER_ENVELOPE, HEADER_KIND, HEADER_SOURCE

Headers = Iterable[tuple[str, bytes]]


class Kind(StrEnum):
    """What a record is. A kind that the grouper does not know is fatal: upgrade consumers first (DESIGN 3)."""

    DELIVERY = "delivery"
    COMMAND = "command"
    TICK = "tick"
    RULE_SET = "rule-set"
    TENANT_ERASED = "tenant-erased"


class SourceStamp(NamedTuple):
    """Where in `tocsin.log` an image comes from, and who wrote it: `partition:offset:append-ms:release`."""

    position: Position
    appended_at_ms: int
    """The broker's append time of the log record, raw; the fold clamps it."""
    release: str
    """The normalizer's release."""

    def encode(self) -> bytes:
        """Write the stamp as a header value."""
        return f"{self.position.partition}:{self.position.offset}:{self.appended_at_ms}:{self.release}".encode()

    @classmethod
    def decode(cls, value: bytes) -> "SourceStamp":
        """Read a header value.

        Raises:
            ValueError: not a stamp.
        """
        partition, offset, appended, release = value.decode().split(":", 3)
        return cls(Position(int(partition), int(offset)), int(appended), release)


def header(headers: Headers, name: str) -> bytes | None:
    """Find the value of a header; None where it is missing."""
    for key, value in headers:
        if key == name:
            return value
    return None


def kind_of(headers: Headers) -> str:
    """Read a record's kind as text (it may be newer than this release); empty where the header is missing."""
    value = header(headers, HEADER_KIND)
    return "" if value is None else value.decode("utf-8", "replace")


def source_of(headers: Headers) -> SourceStamp:
    """Read where an image comes from.

    Raises:
        ValueError: the header is missing or unreadable: the record was not written by a normalizer.
    """
    value = header(headers, HEADER_SOURCE)
    if value is None:
        raise ValueError(f"a record of the alerts topic without {HEADER_SOURCE}")
    return SourceStamp.decode(value)


def log_headers(kind: Kind, envelope: bytes | None = None) -> list[tuple[str, bytes]]:
    """Build the headers of a record of `tocsin.log` (a list: aiokafka takes nothing else)."""
    headers = [(HEADER_KIND, kind.value.encode())]
    if envelope is not None:
        headers.append((HEADER_ENVELOPE, envelope))
    return headers


def image_headers(kind: str, stamp: SourceStamp) -> list[tuple[str, bytes]]:
    """Build the headers of a record of `tocsin.alerts`; `kind` is copied from the log record, known or not."""
    return [(HEADER_KIND, kind.encode()), (HEADER_SOURCE, stamp.encode())]
