"""The master key's file as it changes: followed by gateways, changed by `tocsin master-key`.

docs/howto/rotate-the-master-key.md tells in which order.
"""

from __future__ import annotations

import base64
import contextlib
import os
import secrets
from collections.abc import Collection, Mapping
from pathlib import Path

import structlog

from tocsin_control.errors import MasterKeyUnfit
from tocsin_control.master_key import (
    KEY_BYTES,
    KEYS_MAX,
    FixedMasterKey,
    key_id,
    key_of_line,
    load_master_key,
    parse_master_key,
    read_key_file,
)

_log = structlog.get_logger()
_Mark = tuple[int, int, int]


class MasterKeyFile:
    """The keys of a file, as they are now: a changed file is read again at the next look.

    A file that cannot be read any more changes nothing: the keys from before stay good, and one line says so.
    """

    def __init__(self, path: Path) -> None:
        """Read the file.

        Raises:
            MasterKeyUnfit: it is missing or no key file.
        """
        self._path = path
        self._mark = _mark(path)
        self._held = load_master_key(path)

    @property
    def current(self) -> str:
        """Name the key that seals."""
        return self._look().current

    @property
    def keys(self) -> Mapping[str, bytes]:
        """Give every key that opens."""
        return self._look().keys

    def _look(self) -> FixedMasterKey:
        mark = _mark(self._path)
        if mark != self._mark:
            self._mark = mark
            try:
                self._held = load_master_key(self._path)
            except MasterKeyUnfit as error:
                _log.error("master_key.unreadable", reason=str(error))
            else:
                _log.info("master_key.changed", current=self._held.current, keys=sorted(self._held.keys))
        return self._held


def add_key(path: Path) -> str:
    """Write a new key behind those of the file, where it opens and does not seal; give its id.

    Raises:
        MasterKeyUnfit: the file cannot be read or written, or holds `KEYS_MAX` keys.
    """
    content = read_key_file(path)
    if len(parse_master_key(path, content).keys) >= KEYS_MAX:
        raise MasterKeyUnfit(
            f"{path} holds {KEYS_MAX} keys already: 'tocsin master-key retire' drops those under which nothing lies"
        )
    fresh = secrets.token_bytes(KEY_BYTES)
    _write(path, [*content.splitlines(), base64.b64encode(fresh)])
    return key_id(fresh)


def use_key(path: Path, name: str) -> None:
    """Put a key on top of the file: from now on it seals; the others go on opening.

    Raises:
        MasterKeyUnfit: the file cannot be read or written, or does not hold the key.
    """
    lines = _lines(path)
    moved = [text for text, held in lines if held == name]
    if not moved:
        raise MasterKeyUnfit(f"{path} holds no key {name}; 'tocsin master-key show' lists those there are")
    comments = next(number for number, (_, held) in enumerate(lines) if held is not None)
    texts = [text for text, held in lines if held != name]
    _write(path, [*texts[:comments], moved[0], *texts[comments:]])


def drop_keys(path: Path, names: Collection[str]) -> None:
    """Take keys out of the file for good: what lies under them never opens again.

    Raises:
        MasterKeyUnfit: the file cannot be read or written, or the current key is among them.
    """
    if load_master_key(path).current in names:
        raise MasterKeyUnfit("the key that seals cannot be dropped")
    _write(path, [text for text, held in _lines(path) if held is None or held not in names])


def _lines(path: Path) -> list[tuple[bytes, str | None]]:
    """Give the lines of a file of keys, each with the id of its key."""
    content = read_key_file(path)
    parse_master_key(path, content)
    keys = [(line, key_of_line(line)) for line in content.splitlines()]
    return [(line, None if key is None else key_id(key)) for line, key in keys]


def _write(path: Path, lines: list[bytes]) -> None:
    """Put other content in place of the file's, whole or not at all; readable by its owner only."""
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(b"\n".join(lines) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):  # what is left of it says less than why it failed
            fresh.unlink()
        raise MasterKeyUnfit(f"cannot write the master key file {path}: {error.strerror}") from error


def _mark(path: Path) -> _Mark | None:
    """Tell one content from another without reading it; None where there is no file."""
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_ino, found.st_mtime_ns, found.st_size)
