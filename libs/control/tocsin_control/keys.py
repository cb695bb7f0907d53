"""API keys: made, listed, revoked. Their text is `api_key`'s business."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Literal

import asyncpg
from pydantic import SecretStr

from tocsin_contracts.ids import TenantId
from tocsin_contracts.times import from_datetime, to_datetime, to_rfc3339
from tocsin_control import audit
from tocsin_control.api_key import generate_key, parse_key
from tocsin_control.errors import NoRoom, NotFound, Refused
from tocsin_control.principal import Scope, known_scopes
from tocsin_runtime.postgres import Connection
from tocsin_runtime.queries import load

LIST_MAX = 10_000
ACTIVE_MAX = 1_000
"""Keys of one tenant that work: every gateway holds them all in memory."""
READ_SCOPES = frozenset({Scope.INCIDENTS_READ, Scope.ALERTS_READ, Scope.DELIVERIES_READ})
"""What a key may do if nothing else is said."""

_QUERIES = load("tocsin_control", "sql/keys.sql")
_INSERT = _QUERIES["insert"]
_LIST = _QUERIES["list"]
_FIND = _QUERIES["find"]
_COUNT = _QUERIES["count"]
_REVOKE = _QUERIES["revoke"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """What is known of a key; neither its secret nor its hash."""

    id: str
    tenant: TenantId
    scopes: frozenset[Scope]
    actor_kind: Literal["person", "machine"]
    actor_name: str
    expires_at: int | None
    revoked_at: int | None
    created_at: int
    last_used_at: int | None
    """As the gateway saw it, to the minute; reads by the query service leave no trace here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatedKey:
    """A new key and its text, which is shown this once."""

    key: ApiKey
    text: SecretStr = field(repr=False)


async def create_key(
    connection: Connection,
    *,
    tenant: str,
    actor_name: str,
    actor_kind: Literal["person", "machine"] = "machine",
    scopes: Collection[Scope] = READ_SCOPES,
    expires_at: int | None = None,
    actor: audit.Who = "cli",
) -> CreatedKey:
    """Make an API key of a tenant.

    Args:
        connection: as tocsin_owner.
        tenant: id of its owner.
        actor_name: the person or program that holds it; shown beside what it does.
        actor_kind: which of the two.
        scopes: what it may do; not empty.
        expires_at: µs; None for never.
        actor: who asks, for the audit.

    Raises:
        NoRoom: the tenant has `ACTIVE_MAX` keys.
        NotFound: no such tenant.
        Refused: no scopes, or a name out of bounds.
    """
    text = generate_key()
    parsed = parse_key(text.get_secret_value())
    names = sorted(scope.value for scope in scopes)
    expires = None if expires_at is None else to_datetime(expires_at)
    try:
        async with connection.transaction():
            if await connection.fetchval(_COUNT, tenant) >= ACTIVE_MAX:
                raise NoRoom(f"the tenant has {ACTIVE_MAX} API keys: revoke those that nobody uses")
            row = await connection.fetchrow(
                _INSERT, parsed.id, tenant, parsed.sha256, parsed.proof_sha256, names, actor_kind, actor_name, expires
            )
            shown_expiry = None if expires_at is None else to_rfc3339(expires_at)
            after = {"scopes": names, "actor_kind": actor_kind, "actor_name": actor_name, "expires_at": shown_expiry}
            detail: dict[str, object] = {"after": after}
            await audit.record(connection, actor=actor, action="key.created", tenant=tenant, subject=parsed.id, detail=detail)
    except asyncpg.ForeignKeyViolationError as error:
        raise NotFound(f"there is no tenant {tenant!r}") from error
    except (asyncpg.CheckViolationError, asyncpg.DataError) as error:
        raise Refused("a key needs 1 to 20 scopes and a holder's name of 1 to 200 characters") from error
    return CreatedKey(key=_key(_existing(row, parsed.id)), text=text)


async def revoke_key(connection: Connection, key_id: str, *, tenant: str | None = None, actor: audit.Who = "cli") -> ApiKey:
    """End a key for good; every gateway knows within 5 s of PostgreSQL's answer.

    Args:
        connection: as tocsin_owner, or acting as the holder of a key.
        key_id: which.
        tenant: whose it must be; None for anybody's.
        actor: who asks, for the audit.

    Raises:
        NotFound: no such key.
    """
    async with connection.transaction():
        key = await find_key(connection, key_id, tenant=tenant)
        # The audit first: a key that ends itself could not write it afterwards.
        await audit.record(connection, actor=actor, action="key.revoked", tenant=key.tenant, subject=key.id)
        return _key(_existing(await connection.fetchrow(_REVOKE, key_id, tenant), key_id))


async def find_key(connection: Connection, key_id: str, *, tenant: str | None = None) -> ApiKey:
    """Find a key, revoked or not, of one tenant or of anybody.

    Raises:
        NotFound: no such key.
    """
    return _key(_existing(await connection.fetchrow(_FIND, key_id, tenant), key_id))


async def list_keys(connection: Connection, *, tenant: str | None = None, limit: int = LIST_MAX) -> tuple[ApiKey, ...]:
    """List keys in order of creation, of one tenant or of all, revoked ones too; at most `limit`."""
    return tuple(_key(row) for row in await connection.fetch(_LIST, tenant, limit))


def _existing(row: asyncpg.Record | None, key_id: str) -> asyncpg.Record:
    if row is None:
        raise NotFound(f"there is no API key {key_id!r}; 'tocsin keys list' shows all")
    return row


def _key(row: asyncpg.Record) -> ApiKey:
    return ApiKey(
        id=row["id"],
        tenant=TenantId(row["tenant_id"]),
        scopes=known_scopes(row["scopes"]),
        actor_kind=row["actor_kind"],
        actor_name=row["actor_name"],
        expires_at=None if row["expires_at"] is None else from_datetime(row["expires_at"]),
        revoked_at=None if row["revoked_at"] is None else from_datetime(row["revoked_at"]),
        created_at=from_datetime(row["created_at"]),
        last_used_at=None if row["last_used_at"] is None else from_datetime(row["last_used_at"]),
    )
