"""SCRAM-SHA-256 verifiers: a role's password reaches PostgreSQL, and its statement log, only as its verifier."""

from __future__ import annotations

import base64
import hmac
import secrets
from hashlib import pbkdf2_hmac, sha256

ITERATIONS = 4096
_SALT_BYTES = 16


def verifier(password: str) -> str:
    """Write a password as PostgreSQL stores it (RFC 5803).

    Args:
        password: printable ASCII, so that SASLprep has nothing to change.

    Raises:
        ValueError: empty or other characters; the password is not repeated.
    """
    if not password or not password.isascii() or not password.isprintable():
        raise ValueError("a role's password is printable ASCII")
    salt = secrets.token_bytes(_SALT_BYTES)
    salted = pbkdf2_hmac("sha256", password.encode(), salt, ITERATIONS)
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    stored_key = sha256(client_key).digest()
    server_key = hmac.digest(salted, b"Server Key", "sha256")
    return f"SCRAM-SHA-256${ITERATIONS}:{_text(salt)}${_text(stored_key)}:{_text(server_key)}"


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
