"""Tokens in the URLs of integrations that opt in: kept hashed, two at a time, so that one can be rotated (security S17)."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from pydantic import SecretStr

from tocsin_contracts.times import from_datetime
from tocsin_control import audit
from tocsin_control.errors import NoRoom, NotFound, Refused
from tocsin_control.secrets import DEFAULT_OVERLAP_S, SecretState
from tocsin_control.url_token import TOKENS_MAX, generate_token, hash_token
from tocsin_runtime.postgres import Connection
from tocsin_runtime.queries import load

NOT_TAKEN = "its URL takes no token: change the integration's url_token first"
_SLOTS = range(1, TOKENS_MAX + 1)
_QUERIES = load("tocsin_control", "sql/url_tokens.sql")
_LOCK = _QUERIES["lock"]
_SLOTS_TAKEN = _QUERIES["slots"]
_LIST = _QUERIES["list"]
_PUT = _QUERIES["put"]
_RETIRE_OTHERS = _QUERIES["retire_others"]
_DELETE = _QUERIES["delete"]


async def list_url_tokens(connection: Connection, integrations: Collection[str]) -> Mapping[str, tuple[SecretState, ...]]:
    """Give what may be shown of the active tokens of integrations by their ids, the newest first."""
    found: dict[str, tuple[SecretState, ...]] = dict.fromkeys(integrations, ())
    for row in await connection.fetch(_LIST, list(integrations)):
        state = SecretState(
            slot=row["slot"],
            version=row["version"],
            created_at=from_datetime(row["created_at"]),
            not_after=None if row["not_after"] is None else from_datetime(row["not_after"]),
            last_used_at=None if row["last_used_at"] is None else from_datetime(row["last_used_at"]),
        )
        found[row["integration_id"]] = (*found[row["integration_id"]], state)
    return found


async def add_url_token(
    connection: Connection, *, tenant: str, integration: str, overlap_s: int = DEFAULT_OVERLAP_S, actor: audit.Who = "cli"
) -> SecretStr:
    """Give an integration a new token for its URL; the one before stays good for the overlap.

    Args:
        connection: as tocsin_owner, or acting as the holder of a key.
        tenant: the integration's owner.
        integration: its id.
        overlap_s: seconds that the old token is still accepted; 0 ends every other at once.
        actor: who asks, for the audit.

    Raises:
        NotFound: no such integration.
        Refused: it did not opt in.
        NoRoom: two tokens are active; one must end first, or both, by an overlap of 0.
    """
    token = generate_token()
    async with connection.transaction():
        taken = await connection.fetchval(_LOCK, integration, tenant)
        if taken is None:
            raise NotFound(f"there is no integration {integration!r}")
        if not taken:
            raise Refused(NOT_TAKEN)
        rows = await connection.fetch(_SLOTS_TAKEN, integration)
        active = {row["slot"]: row["version"] for row in rows if not row["expired"]}
        if len(active) == TOKENS_MAX and overlap_s > 0:
            raise NoRoom("two tokens are active already: wait until the older one ends, or replace both with no overlap")
        slot = min(_SLOTS, key=lambda slot: active.get(slot, 0))
        version = 1 + max((row["version"] for row in rows), default=0)
        await connection.execute(_PUT, tenant, integration, slot, version, hash_token(token.get_secret_value()))
        await connection.execute(_RETIRE_OTHERS, integration, slot, overlap_s)
        detail: dict[str, object] = {"slot": slot, "version": version, "overlap_s": overlap_s}
        await audit.record(connection, actor=actor, action="url-token.added", tenant=tenant, subject=integration, detail=detail)
    return token


async def first_url_token(connection: Connection, *, tenant: str, integration: str, actor: audit.Who = "cli") -> SecretStr | None:
    """Give an integration that opted in its first token; None where it has one already, or takes none."""
    async with connection.transaction():
        if not await connection.fetchval(_LOCK, integration, tenant) or await connection.fetch(_SLOTS_TAKEN, integration):
            return None
        return await add_url_token(connection, tenant=tenant, integration=integration, actor=actor)


async def end_url_tokens(connection: Connection, integration: str) -> None:
    """End every token of an integration: it takes none any more, and those that were never come back."""
    await connection.execute(_DELETE, integration)
