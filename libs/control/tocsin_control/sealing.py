"""Sealing: AES-256-GCM under a key derived from the master key, bound to the place where the value lies.

A sealed value is `1 | key id (4 bytes) | nonce (12) | ciphertext and tag`. Moved to another place (row, slot, file), or
changed by a bit, it does not open.
"""

from __future__ import annotations

import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tocsin_control.errors import SecretUnreadable
from tocsin_control.master_key import KEY_BYTES, MasterKey

_FORMAT = b"\x01"
_KEY_ID_BYTES = 4
_NONCE_BYTES = 12
_HEAD_BYTES = len(_FORMAT) + _KEY_ID_BYTES + _NONCE_BYTES


def seal(master_key: MasterKey, plaintext: bytes, *place: str) -> bytes:
    """Seal `plaintext` for one place; two seals of one text differ (random 96-bit nonce).

    Args:
        master_key: its current key seals.
        plaintext: what is kept secret.
        place: parts that name where the value lies, the purpose first; opening needs the same.
    """
    nonce = secrets.token_bytes(_NONCE_BYTES)
    name = master_key.current  # asked once: a key file may change at any moment
    cipher = _cipher(master_key.keys[name], place[0])
    return _FORMAT + bytes.fromhex(name) + nonce + cipher.encrypt(nonce, plaintext, _bind(place))


def unseal(master_key: MasterKey, sealed: bytes, *place: str) -> bytes:
    """Open what `seal` sealed for the same place.

    Raises:
        SecretUnreadable: a key that we do not have, another place, or changed bytes; says which key, never more.
    """
    if len(sealed) < _HEAD_BYTES or sealed[:1] != _FORMAT:
        raise SecretUnreadable("not a sealed value")
    name = sealed_under(sealed)
    key = master_key.keys.get(name)
    if key is None:
        raise SecretUnreadable(f"sealed under master key {name}, which the master key file does not hold")
    nonce = sealed[_HEAD_BYTES - _NONCE_BYTES : _HEAD_BYTES]
    try:
        return _cipher(key, place[0]).decrypt(nonce, sealed[_HEAD_BYTES:], _bind(place))
    except InvalidTag:
        raise SecretUnreadable("the sealed value was changed, or lies in another place than it was sealed for") from None


def sealed_under(sealed: bytes) -> str:
    """Name the master key that a value was sealed under."""
    return sealed[1 : 1 + _KEY_ID_BYTES].hex()


def _cipher(key: bytes, purpose: str) -> AESGCM:
    """Derive a key for one purpose, so that secrets and snapshots never share one."""
    info = b"tocsin.seal." + purpose.encode()
    return AESGCM(HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=info).derive(key))


def _bind(place: tuple[str, ...]) -> bytes:
    """Write the parts with their lengths, so that no two places give the same bytes."""
    parts = [part.encode() for part in place]
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)
