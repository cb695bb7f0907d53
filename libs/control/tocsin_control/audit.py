"""The audit trail: who changed what, appended in the transaction of the change; `audit_buffer` for what has none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from tocsin_contracts.times import from_datetime
from tocsin_control.principal import Principal
from tocsin_runtime.postgres import Connection
from tocsin_runtime.queries import load

_QUERIES = load("tocsin_control", "sql/audit.sql")
_RECORD = _QUERIES["record"]
_LIST = _QUERIES["list"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """Who asks for a change through the API: a name for people, and what finds the request in our logs."""

    name: str
    key: str
    """Id of the API key."""
    request: str
    """Id of the request."""

    @classmethod
    def of(cls, principal: Principal, request: str) -> Author:
        """Name whoever asked by a key."""
        actor = principal.actor
        return cls(name=f"{actor.kind}:{actor.name}"[:200], key=principal.key_id, request=request)

    def described(self, detail: Mapping[str, object]) -> dict[str, object]:
        """Add key and request to what an entry says."""
        return {**detail, "key": self.key, "request": self.request}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry, as it is read."""

    id: int
    """Grows with every entry, of all tenants: to go on behind it."""
    at: int
    actor: str
    action: str
    subject: str
    detail: Mapping[str, object]


Who = Author | str
"""An author, or just a name such as `cli:ada`."""


async def record(
    connection: Connection, *, actor: Who, action: str, tenant: str | None, subject: str, detail: dict[str, object] | None = None
) -> None:
    """Append one entry.

    Args:
        connection: inside the transaction that makes the change.
        actor: who, e.g. `cli:ada`; an author's key and request go into the detail.
        action: what, e.g. `integration.created`.
        tenant: whose, if anybody's.
        subject: id of what was changed.
        detail: ids and settings only; never a secret.
    """
    name, about = actor, detail or {}
    if isinstance(actor, Author):
        name, about = actor.name, actor.described(about)
    await connection.execute(_RECORD, name, action, tenant, subject, orjson.dumps(about).decode())


async def list_entries(
    connection: Connection,
    *,
    tenant: str,
    limit: int,
    before: int | None = None,
    action: str | None = None,
    subject: str | None = None,
) -> tuple[Entry, ...]:
    """List a tenant's entries, newest first.

    Args:
        connection: as tocsin_owner, or acting as the holder of an admin key.
        tenant: whose.
        limit: how many at most.
        before: only those with a lower id.
        action: only this one.
        subject: only about this.
    """
    return tuple(
        Entry(
            id=row["id"],
            at=from_datetime(row["at"]),
            actor=row["actor"],
            action=row["action"],
            subject=row["subject"],
            detail=orjson.loads(row["detail"]),
        )
        for row in await connection.fetch(_LIST, tenant, before, action, subject, limit)
    )
