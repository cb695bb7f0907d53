"""Undo one content encoding of an authenticated body, within bounds (security S05).

Exactly one encoding: none (`identity`) or gzip. Nothing is decoded before its signature was checked over the bytes as
received.
"""

import zlib
from dataclasses import dataclass
from enum import StrEnum

_GZIP = 16 + zlib.MAX_WBITS
_RATIO_FREE_BYTES = 64 * 1024
"""The ratio says nothing of small bodies: up to this size any ratio is fine."""


class ContentFault(StrEnum):
    """Why a body cannot be decoded."""

    UNSUPPORTED = "unsupported-encoding"
    TOO_LARGE = "too-large-decoded"
    RATIO = "compression-ratio"
    BROKEN = "broken-gzip"


class UnfitContent(ValueError):  # noqa: N818 # it names what the body is
    """The body cannot be decoded; `fault` says why."""

    def __init__(self, fault: ContentFault) -> None:
        self.fault = fault
        super().__init__(str(fault))


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentLimits:
    """Bounds of decoding."""

    decoded_bytes: int
    ratio: int


def encoding_of(header: str | None) -> str:
    """Read a Content-Encoding header: `` for none, `gzip`.

    Raises:
        UnfitContent: another encoding, or more than one.
    """
    name = (header or "").strip().lower()
    if name in {"", "identity"}:
        return ""
    if name in {"gzip", "x-gzip"}:
        return "gzip"
    raise UnfitContent(ContentFault.UNSUPPORTED)


def gunzip(raw: bytes, limits: ContentLimits) -> bytes:
    """Decode one gzip member; never holds more than the bound and one byte.

    Raises:
        UnfitContent: larger than the bound, a ratio of a bomb, truncated, garbled, a wrong checksum, or bytes behind it.
    """
    bound = min(limits.decoded_bytes, max(_RATIO_FREE_BYTES, len(raw) * limits.ratio))
    decoder = zlib.decompressobj(_GZIP)
    try:
        body = decoder.decompress(raw, bound + 1)
    except zlib.error as error:
        raise UnfitContent(ContentFault.BROKEN) from error
    if len(body) > bound:
        raise UnfitContent(ContentFault.TOO_LARGE if bound == limits.decoded_bytes else ContentFault.RATIO)
    if not decoder.eof or decoder.unused_data:
        raise UnfitContent(ContentFault.BROKEN)
    return body
