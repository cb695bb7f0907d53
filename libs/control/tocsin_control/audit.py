"""The audit trail: who changed what in `control`, appended in the transaction of the change."""

from __future__ import annotations

import orjson

from tocsin_runtime.postgres import Connection
from tocsin_runtime.queries import load

_RECORD = load("tocsin_control", "sql/audit.sql")["record"]


async def record(
    connection: Connection, *, actor: str, action: str, tenant: str | None, subject: str, detail: dict[str, object] | None = None
) -> None:
    """Append one entry.

    Args:
        connection: inside the transaction that makes the change.
        actor: who, e.g. `cli:ada`.
        action: what, e.g. `integration.created`.
        tenant: whose, if anybody's.
        subject: id of what was changed.
        detail: ids and settings only; never a secret.
    """
    await connection.execute(_RECORD, actor, action, tenant, subject, orjson.dumps(detail or {}).decode())
