"""How one integration signs, where it differs from its source's habit (D1): header, algorithm, format, what is signed."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import Final, cast

import asyncpg

from tocsin_sources.schemes.header import SecretHeader
from tocsin_sources.schemes.signature_header import Algorithm, Digits, SignatureHeader, Signs
from tocsin_sources.schemes.signed_time import TOLERANCE_S
from tocsin_sources.signature import Scheme

SECRET_FORMAT: Final = "secret"  # noqa: S105 # the name of a format
FORMAT: Final = r"^(?:secret|(?:[A-Za-z0-9_-]{1,16}=)?(?:hex|base64)(?:-list)?)$"
"""What stands in the header: `hex`, `sha256=hex`, `v0=hex`, `base64`; `-list` where it may be several; the `secret` itself."""
TOLERANCE_MAX_S: Final = 3_600
_FORMAT = re.compile(r"((?:[A-Za-z0-9_-]{1,16}=)?)(hex|base64)(-list)?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureStyle:
    """A header that proves a request; `documents.StyleDocument` has checked the values of people."""

    header: str
    format: str = "hex"
    algorithm: Algorithm = "hmac-sha256"
    signs: Signs = "body"
    """What the signature covers; `time` is the text of the time header."""
    time_header: str | None = None
    tolerance_s: int = TOLERANCE_S

    @classmethod
    def of(cls, row: asyncpg.Record) -> SignatureStyle | None:
        """Read the columns of a version; None where it follows its source."""
        if row["signature_header"] is None:
            return None
        return cls(**{each.name: row[f"signature_{each.name}"] for each in fields(cls)})

    def scheme(self) -> Scheme:
        """Give the verifier."""
        if self.format == SECRET_FORMAT:
            return SecretHeader(self.header.lower())
        match = _FORMAT.fullmatch(self.format)
        assert match is not None, self.format  # noqa: S101 # held by the document and by PostgreSQL
        return SignatureHeader(
            header=self.header.lower(),
            prefix=match[1],
            digits=cast("Digits", match[2]),
            several=match[3] is not None,
            algorithm=self.algorithm,
            signs=self.signs,
            time_header=(self.time_header or "").lower(),
            tolerance_s=self.tolerance_s,
        )
