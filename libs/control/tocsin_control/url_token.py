"""The text of a token in a URL: `tocsin_url_<secret, 43>_<checksum, 6>`, base62, so that no URL has to escape it.

For senders that can set nothing but a URL. Random 256 bits need no slow hash: only the SHA-256 of the secret part is stored.
Nothing here does I/O.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Sequence
from hashlib import sha256

from pydantic import SecretStr

from tocsin_control.base62 import CHECKSUM_LENGTH, SECRET_LENGTH, checksum, random_text

PREFIX = "tocsin_url"
TOKENS_MAX = 2
"""Active tokens of an integration: the old and the new one of a rotation. So many are compared, however many there are."""
_TEXT = re.compile(rf"({PREFIX}_([0-9A-Za-z]{{{SECRET_LENGTH}}}))_([0-9A-Za-z]{{{CHECKSUM_LENGTH}}})", re.ASCII)
_NOBODYS = secrets.token_bytes(32)
"""Compared where there is no token, so that a URL without one takes the time of a wrong one."""


def generate_token() -> SecretStr:
    """Make a token; show it once and keep `hash_token(...)`."""
    body = f"{PREFIX}_{random_text(SECRET_LENGTH)}"
    return SecretStr(f"{body}_{checksum(body)}")


def hash_token(text: str) -> bytes | None:
    """Give what is stored of a token; None for what is no token's text, or was cut or mistyped."""
    match = _TEXT.fullmatch(text)
    if match is None or checksum(match[1]) != match[3]:
        return None
    return sha256(match[2].encode()).digest()


def find_token(text: str, stored: Sequence[bytes]) -> int | None:
    """Find which of the stored hashes is that of a token, comparing with `TOKENS_MAX` of them in constant time; None for none."""
    claimed = hash_token(text)
    known = tuple(stored[:TOKENS_MAX])
    padded = known + (_NOBODYS,) * (TOKENS_MAX - len(known))
    equal = [hmac.compare_digest(claimed or bytes(32), candidate) for candidate in padded]
    place = equal.index(True) if True in equal else None
    return None if claimed is None or place is None or place >= len(known) else place
