"""The audit trail: who changed what in `control`, appended in the transaction of the change."""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from tocsin_runtime.postgres import Connection
from tocsin_runtime.queries import load

_RECORD = load("tocsin_control", "sql/audit.sql")["record"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """Who asks for a change through the API: a name for people, and what finds the request in our logs."""

    name: str
    key: str
    """Id of the API key."""
    request: str
    """Id of the request."""


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
        name, about = actor.name, {**about, "key": actor.key, "request": actor.request}
    await connection.execute(_RECORD, name, action, tenant, subject, orjson.dumps(about).decode())
