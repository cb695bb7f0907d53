"""Random texts in base62 with a checksum: what API keys and tokens in URLs are made of. Nothing here does I/O.

The checksum (CRC32, as GitHub's tokens have one) lets secret scanners and us tell a credential from noise without asking the
database. It protects nothing.
"""

from __future__ import annotations

import secrets
import zlib

CHECKSUM_LENGTH = 6
SECRET_LENGTH = 43
"""Characters that hold 256 random bits."""
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def random_text(length: int) -> str:
    """Draw so many characters."""
    return "".join(secrets.choice(_DIGITS) for _ in range(length))


def checksum(body: str) -> str:
    """Compute the checksum of what stands before it."""
    number = zlib.crc32(body.encode())
    digits = []
    for _ in range(CHECKSUM_LENGTH):
        number, digit = divmod(number, 62)
        digits.append(_DIGITS[digit])
    return "".join(reversed(digits))
