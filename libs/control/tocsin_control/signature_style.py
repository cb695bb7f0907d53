"""How one integration signs, where it differs from its source's habit (D1): header, algorithm, format."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tocsin_sources.signature import HmacSha256Hex, Scheme

Format = Literal["hex", "sha256=hex"]
FORMATS: tuple[Format, ...] = ("hex", "sha256=hex")


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureStyle:
    """A header that holds an HMAC of the body as received."""

    header: str
    format: Format = "hex"
    algorithm: Literal["hmac-sha256"] = "hmac-sha256"

    @classmethod
    def of(cls, header: str | None, form: str | None) -> SignatureStyle | None:
        """Read the columns of a version; None where it follows its source."""
        known = next((known for known in FORMATS if known == form), None)
        return None if header is None or known is None else cls(header=header, format=known)

    def scheme(self) -> Scheme:
        """Give the verifier."""
        return HmacSha256Hex(self.header.lower(), prefix="sha256=" if self.format == "sha256=hex" else "")
