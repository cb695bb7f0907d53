"""Webhook secrets: kept encrypted, because an HMAC needs the secret itself; two at a time, so that one can be rotated."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from pydantic import SecretStr

from tocsin_contracts.times import from_datetime
from tocsin_control import audit
from tocsin_control.errors import NoRoom, NotFound, Refused
from tocsin_control.master_key import MasterKey
from tocsin_control.sealing import seal, sealed_under, unseal
from tocsin_runtime.postgres import Connection
from tocsin_runtime.queries import load

PREFIX = "whsec_"
SECRET_BYTES = 32
SECRET_MIN, SECRET_MAX = 16, 1_000
"""Characters of a secret that a sender chose: ASVS 11.5.1 wants 128 bits, which 16 characters can hold."""
SLOTS = (1, 2)
WEBHOOK = "webhook"
DEFAULT_OVERLAP_S = 86_400
REWRAP_BATCH = 500

_QUERIES = load("tocsin_control", "sql/secrets.sql")
_SLOTS = _QUERIES["slots"]
_LIST = _QUERIES["list"]
_PUT = _QUERIES["put"]
_RETIRE_OTHERS = _QUERIES["retire_others"]
_SEALED_UNDER_OTHERS = _QUERIES["sealed_under_other_keys"]
_RESEAL = _QUERIES["reseal"]
_COUNT_BY_KEY = _QUERIES["count_by_key"]
_LOCK_INTEGRATION = load("tocsin_control", "sql/integrations.sql")["lock"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretState:
    """What may be shown of an active secret."""

    slot: int
    version: int
    created_at: int
    not_after: int | None
    """When it ends, µs; None for one that does not."""
    last_used_at: int | None
    """When it last proved a request, to the minute: an old secret that nobody uses any more can go."""


def generate_secret() -> SecretStr:
    """Make a secret of 256 random bits, in the form of Standard Webhooks."""
    return SecretStr(PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode())


def chosen_secret(text: str) -> SecretStr:
    """Take a secret that the sender chose, such as Sentry's client secret.

    Raises:
        Refused: too short to be safe, too long, or not printable ASCII; the text is not repeated.
    """
    if not SECRET_MIN <= len(text) <= SECRET_MAX or not text.isascii() or not text.isprintable() or text != text.strip():
        raise Refused(f"a secret has {SECRET_MIN} to {SECRET_MAX} printable ASCII characters and no space at its ends")
    return SecretStr(text)


def seal_secret(master_key: MasterKey, secret: SecretStr, *, tenant: str, integration: str, slot: int, version: int) -> bytes:
    """Seal a webhook secret for its row: elsewhere it does not open."""
    return seal(master_key, secret.get_secret_value().encode(), *_place(tenant, integration, slot, version))


def open_secret(master_key: MasterKey, ciphertext: bytes, *, tenant: str, integration: str, slot: int, version: int) -> bytes:
    """Open a webhook secret from its row; the bytes are the HMAC key or the bearer token.

    Raises:
        SecretUnreadable: another master key, or the ciphertext is not this row's.
    """
    return unseal(master_key, ciphertext, *_place(tenant, integration, slot, version))


async def list_secrets(connection: Connection, integrations: Collection[str]) -> Mapping[str, tuple[SecretState, ...]]:
    """Give the active secrets of integrations by their ids, the newest first."""
    found: dict[str, tuple[SecretState, ...]] = dict.fromkeys(integrations, ())
    for row in await connection.fetch(_LIST, list(integrations), WEBHOOK):
        state = SecretState(
            slot=row["slot"],
            version=row["version"],
            created_at=from_datetime(row["created_at"]),
            not_after=None if row["not_after"] is None else from_datetime(row["not_after"]),
            last_used_at=None if row["last_used_at"] is None else from_datetime(row["last_used_at"]),
        )
        found[row["integration_id"]] = (*found[row["integration_id"]], state)
    return found


async def add_secret(
    connection: Connection,
    master_key: MasterKey,
    *,
    tenant: str,
    integration: str,
    secret: SecretStr | None = None,
    overlap_s: int = DEFAULT_OVERLAP_S,
    actor: audit.Who = "cli",
) -> SecretStr:
    """Give an integration a new secret; the one before stays good for the overlap.

    Args:
        connection: as tocsin_owner.
        master_key: seals it.
        tenant: the integration's owner.
        integration: its id.
        secret: chosen by the sender; else one is made.
        overlap_s: seconds that the old secret is still accepted; 0 ends every other at once.
        actor: who asks, for the audit.

    Raises:
        NotFound: no such integration.
        NoRoom: two secrets are active; one must end first, or both, by an overlap of 0.
    """
    secret = secret or generate_secret()
    async with connection.transaction():
        if await connection.fetchval(_LOCK_INTEGRATION, integration, tenant) is None:
            raise NotFound(f"there is no integration {integration!r}")
        rows = await connection.fetch(_SLOTS, integration, WEBHOOK)
        active = {row["slot"]: row["version"] for row in rows if not row["expired"]}
        if len(active) == len(SLOTS) and overlap_s > 0:
            raise NoRoom("two secrets are active already: wait until the older one ends, or replace both with no overlap")
        slot = min(SLOTS, key=lambda slot: active.get(slot, 0))
        version = 1 + max((row["version"] for row in rows), default=0)
        ciphertext = seal_secret(master_key, secret, tenant=tenant, integration=integration, slot=slot, version=version)
        await connection.execute(_PUT, tenant, integration, WEBHOOK, slot, version, sealed_under(ciphertext), ciphertext)
        await connection.execute(_RETIRE_OTHERS, integration, WEBHOOK, slot, overlap_s)
        detail: dict[str, object] = {"slot": slot, "version": version, "overlap_s": overlap_s}
        await audit.record(connection, actor=actor, action="secret.added", tenant=tenant, subject=integration, detail=detail)
    return secret


async def rewrap(
    connection: Connection,
    master_key: MasterKey,
    *,
    actor: audit.Who = "cli",
    batch: int = REWRAP_BATCH,
    told: Callable[[int], None] = lambda _so_far: None,
) -> int:
    """Seal every secret under the master key's current key; give how many were changed.

    Resumable: each batch is a transaction, and what is done is not done again. Gateways go on meanwhile if their file holds both
    keys. Afterwards older keys may leave the file.

    Args:
        connection: as tocsin_owner.
        master_key: opens what is there, and seals it.
        actor: who asks, for the audit.
        batch: secrets of one transaction.
        told: hears after each batch how many were changed so far.

    Raises:
        SecretUnreadable: a secret is sealed under a key that the file no longer holds; nothing of its batch changed.
    """
    changed, current = 0, master_key.current
    while True:
        async with connection.transaction():
            rows = await connection.fetch(_SEALED_UNDER_OTHERS, current, batch)
            for row in rows:
                place = _place(row["tenant_id"], row["integration_id"], row["slot"], row["version"])
                sealed = seal(master_key, unseal(master_key, row["ciphertext"], *place), *place)
                named = sealed_under(sealed)
                await connection.execute(_RESEAL, row["integration_id"], row["purpose"], row["slot"], named, sealed)
            if rows:
                detail: dict[str, object] = {"secrets": len(rows)}
                await audit.record(
                    connection, actor=actor, action="secrets.rewrapped", tenant=None, subject=current, detail=detail
                )
        changed += len(rows)
        if rows:
            told(changed)
        if len(rows) < batch:
            return changed


async def count_by_master_key(connection: Connection) -> dict[str, int]:
    """Count the secrets that lie under each master key, by key id."""
    return {row["key_id"]: row["count"] for row in await connection.fetch(_COUNT_BY_KEY)}


def _place(tenant: str, integration: str, slot: int, version: int) -> tuple[str, ...]:
    return ("secret", WEBHOOK, tenant, integration, str(slot), str(version))
