"""The gateway's snapshot: the directory in one encrypted file, for a start with PostgreSQL down.

Written to a new file and renamed, so that a crash leaves the old one or the new one. Its age counts from PostgreSQL's
last word, which lies inside the seal: touching the file makes it no younger.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson

from tocsin_contracts.times import DAY, SECOND
from tocsin_control.directory import Directory, IntegrationEntry, KeyEntry, SecretEntry, TenantEntry, directory_of
from tocsin_control.errors import SecretUnreadable, SnapshotBroken, SnapshotMissing, SnapshotTooOld
from tocsin_control.master_key import MasterKey
from tocsin_control.principal import known_scopes
from tocsin_control.sealing import seal, unseal
from tocsin_control.signature_style import SignatureStyle
from tocsin_control.tenants import DEFAULT_WORKER_RATE_PER_MIN
from tocsin_runtime.clock import Clock

FORMAT = 1
AGE_MAX_S = 7 * DAY // SECOND
BYTES_MAX = 512 * 1024 * 1024
_PURPOSE = "snapshot"


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A directory, and when PostgreSQL last said that it is so (µs)."""

    directory: Directory
    confirmed_at: int


def write_snapshot(path: Path, master_key: MasterKey, snapshot: Snapshot) -> None:
    """Put the snapshot in place of the one before; readable by its owner only (0600).

    Blocks on the disk: call it in a thread.

    Raises:
        OSError: the file cannot be written; the one before stays.
    """
    sealed = seal(master_key, orjson.dumps(_encode(snapshot)), _PURPOSE)
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(sealed)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError:
        with contextlib.suppress(FileNotFoundError):
            fresh.unlink()
        raise
    _sync_folder(path.parent)


def read_snapshot(path: Path, master_key: MasterKey, clock: Clock, *, age_max_s: float = AGE_MAX_S) -> Snapshot:
    """Read the snapshot.

    Raises:
        SnapshotMissing: there is none.
        SnapshotTooOld: PostgreSQL confirmed it more than `age_max_s` ago.
        SnapshotBroken: cut, changed, of another master key or of another release's format.
    """
    try:
        with path.open("rb") as file:
            sealed = file.read(BYTES_MAX)
    except FileNotFoundError:
        raise SnapshotMissing(f"there is no snapshot {path}") from None
    except OSError as error:
        raise SnapshotBroken(f"cannot read the snapshot {path}: {error.strerror}") from error
    try:
        snapshot = _decode(orjson.loads(unseal(master_key, sealed, _PURPOSE)))
    except (SecretUnreadable, ValueError, KeyError, TypeError) as error:
        raise SnapshotBroken(f"the snapshot {path} cannot be used: {error}") from error
    age = age_s(snapshot, clock.now())
    if age > age_max_s:
        raise SnapshotTooOld(f"the snapshot {path} is {age / 86_400:.1f} days old, at most {age_max_s / 86_400:.0f} are trusted")
    return snapshot


def age_s(snapshot: Snapshot, now: int) -> float:
    """Say how many seconds ago PostgreSQL confirmed it; 0 where a clock stepped back."""
    return max(0, now - snapshot.confirmed_at) / SECOND


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _encode(snapshot: Snapshot) -> dict[str, object]:
    directory = snapshot.directory
    return {
        "format": FORMAT,
        "confirmed_at": snapshot.confirmed_at,
        "revision": directory.revision,
        "worker_rate_per_min": directory.worker_rate_per_min,
        "tenants": [
            {
                "id": entry.id,
                "name": entry.name,
                "partition": entry.partition,
                "rate_limit_per_min": entry.rate_limit_per_min,
                "burst": entry.burst,
                "enabled": entry.enabled,
            }
            for entry in directory.tenants.values()
        ],
        "integrations": [_encode_integration(entry) for entry in directory.integrations.values()],
        "keys": [
            {
                "id": entry.id,
                "tenant": entry.tenant,
                "sha256": entry.sha256.hex(),
                "scopes": sorted(entry.scopes),
                "actor_kind": entry.actor_kind,
                "actor_name": entry.actor_name,
                "expires_at": entry.expires_at,
            }
            for entry in directory.keys.values()
        ],
    }


def _encode_integration(entry: IntegrationEntry) -> dict[str, object]:
    style = entry.signature_style
    return {
        "id": entry.id,
        "tenant": entry.tenant,
        "source": entry.source,
        "name": entry.name,
        "version": entry.version,
        "enabled": entry.enabled,
        "rate_limit_per_min": entry.rate_limit_per_min,
        "burst": entry.burst,
        "signature_required": entry.signature_required,
        "signature_style": None if style is None else asdict(style),
        "secrets": _encode_secrets(entry.secrets),
        "secrets_unreadable": entry.secrets_unreadable,
        "sns_topics": entry.sns_topics,
        "url_tokens": _encode_secrets(entry.url_tokens),
    }


def _encode_secrets(entries: Iterable[SecretEntry]) -> list[dict[str, object]]:
    return [
        {"slot": entry.slot, "version": entry.version, "value": entry.value.hex(), "not_after": entry.not_after}
        for entry in entries
    ]


def _decode_secrets(content: Iterable[Mapping[str, Any]]) -> tuple[SecretEntry, ...]:
    return tuple(SecretEntry(**{**entry, "value": bytes.fromhex(entry["value"])}) for entry in content)


def _decode(content: Mapping[str, Any]) -> Snapshot:
    if content["format"] != FORMAT:
        raise ValueError(f"format {content['format']}, this release reads {FORMAT}")
    directory = directory_of(
        content["revision"],
        (TenantEntry(**entry) for entry in content["tenants"]),
        (_decode_integration(entry) for entry in content["integrations"]),
        (_decode_key(entry) for entry in content["keys"]),
        worker_rate_per_min=content.get("worker_rate_per_min", DEFAULT_WORKER_RATE_PER_MIN),
    )
    return Snapshot(directory=directory, confirmed_at=content["confirmed_at"])


def _decode_key(content: Mapping[str, Any]) -> KeyEntry:
    changed = {"sha256": bytes.fromhex(content["sha256"]), "scopes": known_scopes(content["scopes"])}
    return KeyEntry(**{**content, **changed})


def _decode_style(content: list[str] | dict[str, Any]) -> SignatureStyle:
    """Read a style; the release before wrote header and format alone."""
    return SignatureStyle(**content) if isinstance(content, dict) else SignatureStyle(header=content[0], format=content[1])


def _decode_integration(content: Mapping[str, Any]) -> IntegrationEntry:
    style = content["signature_style"]
    changed = {
        "signature_style": None if style is None else _decode_style(style),
        "secrets": _decode_secrets(content["secrets"]),
        "sns_topics": tuple(content.get("sns_topics", ())),
        "url_tokens": _decode_secrets(content.get("url_tokens", ())),
    }
    return IntegrationEntry(**{**content, **changed})
