"""Erase a tenant (DESIGN 3, "Erase"): its rows of `control` at once, its records by a record of the log."""

from __future__ import annotations

import asyncpg

from tocsin_control import audit
from tocsin_control.errors import NotFound
from tocsin_control.tenants import Tenant, find_tenant
from tocsin_runtime.clock import Clock
from tocsin_runtime.errors import TocsinError
from tocsin_runtime.postgres import Connection, Pool, PostgresUnavailable, classified
from tocsin_runtime.queries import load

_QUERIES = load("tocsin_control", "sql/erasing.sql")
_LOCK = _QUERIES["lock"]
_ASK = _QUERIES["ask"]
_DELETIONS = tuple(
    _QUERIES[name]
    for name in (
        *("delete_keys", "delete_secrets", "delete_url_tokens", "delete_versions", "delete_integrations"),
        *("delete_rejections", "delete_samples", "delete_discards"),
    )
)
_ERASED = _QUERIES["erased"]


async def erase_tenant(connection: Connection, tenant: str, *, actor: audit.Who = "cli") -> Tenant:
    """Delete all rows of a tenant in `control` and ask for its record; in one transaction, and safe to run again.

    Gateways refuse the tenant as soon as they hear of it, and one of them writes its TenantErased record a little later. What
    is left is the tenant's own row, without its name, so that its id is never used again, and what the audit holds. A restored
    backup that does not know of it is erased again by the same call: another record changes nothing more.

    Args:
        connection: as tocsin_owner.
        tenant: its id; a name is not enough for what cannot be undone.
        actor: who asks, for the audit.

    Raises:
        NotFound: no such tenant.
    """
    async with connection.transaction():
        row = await connection.fetchrow(_LOCK, tenant)
        if row is None:
            raise NotFound(f"there is no tenant {tenant!r}; 'tocsin tenants list' shows all")
        for statement in _DELETIONS:
            await connection.execute(statement, tenant)
        if row["erase_asked_at"] is None:
            await connection.execute(_ASK, tenant)
            await audit.record(connection, actor=actor, action="tenant.erase-asked", tenant=tenant, subject=tenant)
        return await find_tenant(connection, tenant)


class ErasedTenants:
    """Which tenants were erased, as their records' readers must know before they read; looked up again every few seconds."""

    def __init__(self, pool: Pool, *, clock: Clock, fresh_s: float = 5.0) -> None:
        """Read through a pool as tocsin_normalizer, which may be opened with PostgreSQL away (`size_min=0`)."""
        self._pool = pool
        self._clock = clock
        self._fresh_s = fresh_s
        self._known: frozenset[str] | None = None
        self._read_at = float("-inf")

    async def get(self) -> frozenset[str]:
        """Give their ids; with PostgreSQL away those known from before.

        Raises:
            Recoverable: nothing is known yet, and PostgreSQL is away.
        """
        now = self._clock.monotonic()
        if self._known is None or now - self._read_at >= self._fresh_s:
            try:
                async with self._pool.acquire() as connection:
                    self._known = frozenset(row["id"] for row in await connection.fetch(_ERASED))
            except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:  # TimeoutError is an OSError
                if self._known is None:
                    ours = classified(error)
                    raise (ours if isinstance(ours, TocsinError) else PostgresUnavailable(str(error))) from error
            self._read_at = now
        return self._known
