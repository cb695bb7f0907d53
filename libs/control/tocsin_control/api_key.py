"""The text of an API key: `tocsin_<id, 10>_<secret, 43>_<checksum, 6>`, all base62.

Random 256 bits need no slow hash: only the SHA-256 of the secret part is stored, and that of the proof: what the gateway shows
PostgreSQL to act as the key's holder (ADR 10). It is made from the secret, so that the secret itself never goes there. The
checksum (CRC32, as GitHub's tokens have one) lets secret scanners and us tell a key from noise without asking the
database. Nothing here does I/O.
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass, field
from hashlib import sha256

from pydantic import SecretStr

from tocsin_control.base62 import CHECKSUM_LENGTH, SECRET_LENGTH, checksum, random_text

PREFIX = "tocsin"
ID_LENGTH = 10
_TEXT = re.compile(
    rf"({PREFIX}_([0-9A-Za-z]{{{ID_LENGTH}}})_([0-9A-Za-z]{{{SECRET_LENGTH}}}))_([0-9A-Za-z]{{{CHECKSUM_LENGTH}}})"
)
_NOBODY = bytes(32)
_PROOF = b"tocsin.proof."


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedKey:
    """A text that has a key's form: the id to look up, and the hash to compare. The secret itself is gone."""

    id: str
    sha256: bytes = field(repr=False)
    proof: bytes = field(repr=False)
    """Proves to PostgreSQL that its bearer holds the key; neither the secret nor either stored hash leads to it or back."""

    @property
    def proof_sha256(self) -> bytes:
        """Give what is stored of the proof."""
        return sha256(self.proof).digest()


def generate_key() -> SecretStr:
    """Make a key; show it once and keep `parse_key(...).sha256`."""
    body = f"{PREFIX}_{random_text(ID_LENGTH)}_{random_text(SECRET_LENGTH)}"
    return SecretStr(f"{body}_{checksum(body)}")


def parse_key(text: str) -> ParsedKey:
    """Read a key.

    Raises:
        ValueError: not the text of a key, or its checksum is wrong; the text is not repeated.
    """
    match = _TEXT.fullmatch(text)
    if match is None or not text.isascii():
        raise ValueError("not an API key")
    body, key_id, secret, check = match.groups()
    if checksum(body) != check:
        raise ValueError("an API key with a wrong checksum: was it cut, or typed?")
    return ParsedKey(id=key_id, sha256=sha256(secret.encode()).digest(), proof=sha256(_PROOF + secret.encode()).digest())


def matches(key: ParsedKey, stored_sha256: bytes | None) -> bool:
    """Compare in constant time; an unknown key (None) is compared too, and never matches."""
    same = hmac.compare_digest(key.sha256, _NOBODY if stored_sha256 is None else stored_sha256)
    return same and stored_sha256 is not None
