"""The master key: one file that opens every webhook secret and the gateway's snapshot.

The file holds one base64 key of 32 bytes a line. The first seals; all of them open, so a new key is put on top and the
old one removed once `rewrap` has gone over the secrets (`master_key_file` does both). `#` starts a comment.
"""

from __future__ import annotations

import base64
import binascii
import os
import secrets
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Protocol

from tocsin_control.errors import MasterKeyUnfit

KEY_BYTES = 32
KEYS_MAX = 10
_FILE_BYTES_MAX = 4096
_HEADER = "# Tocsin's master key. Whoever has it can read every webhook secret: back it up apart from the database.\n"


class MasterKey(Protocol):
    """Keys by key id: those of a moment (`FixedMasterKey`), or those of a file that may change (`MasterKeyFile`)."""

    @property
    def current(self) -> str:
        """Name the key that seals."""

    @property
    def keys(self) -> Mapping[str, bytes]:
        """Give every key that opens, the current one among them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedMasterKey:
    """Keys that stay as they are; the bytes never show in `repr`."""

    current: str
    """Key id of the key that seals."""
    keys: Mapping[str, bytes] = field(repr=False)
    """Every key that opens, the current one among them."""


def generate_master_key() -> FixedMasterKey:
    """Make a key that lies in no file; for tests and for `create_master_key`."""
    return _master_key((secrets.token_bytes(KEY_BYTES),))


def create_master_key(path: Path) -> FixedMasterKey:
    """Make a key and keep it in a new file that only its owner reads (0600).

    Raises:
        MasterKeyUnfit: the file exists already, or cannot be written. A key is never overwritten: secrets hang on it.
    """
    master_key = generate_master_key()
    text = _HEADER + base64.b64encode(master_key.keys[master_key.current]).decode() + "\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        raise MasterKeyUnfit(f"{path} exists already; a master key is never overwritten") from None
    except OSError as error:
        raise MasterKeyUnfit(f"cannot write the master key file {path}: {error.strerror}") from error
    return master_key


def load_master_key(path: Path) -> FixedMasterKey:
    """Read the key file.

    Raises:
        MasterKeyUnfit: missing, readable by others than its owner, or not keys; names the file, never its content.
    """
    return parse_master_key(path, read_key_file(path))


def read_key_file(path: Path) -> bytes:
    """Read a key file's bytes.

    Raises:
        MasterKeyUnfit: missing, or readable by others than its owner.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a pipe must not make us wait for its writer
        with os.fdopen(descriptor, "rb") as file:
            _refuse_open_door(path, os.fstat(file.fileno()))
            return file.read(_FILE_BYTES_MAX + 1)
    except FileNotFoundError:
        raise MasterKeyUnfit(f"there is no master key file {path}; TOCSIN_MASTER_KEY_FILE names it") from None
    except OSError as error:
        raise MasterKeyUnfit(f"cannot read the master key file {path}: {error.strerror}") from error


def load_or_create_master_key(path: Path) -> FixedMasterKey:
    """Read the key file, made now if there is none: what `tocsin up` does at its first start."""
    return load_master_key(path) if path.exists() else create_master_key(path)


def key_id(key: bytes) -> str:
    """Name a key without telling it: eight hex digits of its hash."""
    return blake2b(key, digest_size=4, person=b"tocsin.keyid").hexdigest()


def _refuse_open_door(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise MasterKeyUnfit(f"the master key file {path} is not a regular file")
    if found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise MasterKeyUnfit(f"others can read the master key file {path}: run 'chmod 600 {path}'")


def key_of_line(line: bytes) -> bytes | None:
    """Give the key that a line of the file holds; None for a comment or an empty line.

    Raises:
        binascii.Error: it is no base64.
    """
    written = line.split(b"#", 1)[0].strip()
    return base64.b64decode(written, validate=True) if written else None


def parse_master_key(path: Path, content: bytes) -> FixedMasterKey:
    """Read the content of a key file; `path` is for the error.

    Raises:
        MasterKeyUnfit: it holds no keys, too many, or something else.
    """
    try:
        keys = tuple(key for line in content.splitlines() if (key := key_of_line(line)) is not None)
    except binascii.Error:
        keys = ()
    if not keys or len(keys) > KEYS_MAX or any(len(key) != KEY_BYTES for key in keys) or len(content) > _FILE_BYTES_MAX:
        raise MasterKeyUnfit(f"the master key file {path} must hold 1 to {KEYS_MAX} base64 keys of {KEY_BYTES} bytes, one a line")
    return _master_key(keys)


def _master_key(keys: tuple[bytes, ...]) -> FixedMasterKey:
    return FixedMasterKey(current=key_id(keys[0]), keys={key_id(key): key for key in keys})
