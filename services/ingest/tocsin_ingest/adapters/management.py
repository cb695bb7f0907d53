"""`control` as the holders of keys change it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from tocsin_control.acting import acting
from tocsin_control.master_key import MasterKey
from tocsin_ingest.adapters.lazy_pool import LazyPool
from tocsin_ingest.management.ports import Administrator
from tocsin_runtime.clock import Clock
from tocsin_runtime.errors import Fatal
from tocsin_runtime.postgres import Connection, Limits, PostgresUnavailable, translated

_OF_ANOTHER_RELEASE = (
    asyncpg.UndefinedTableError,
    asyncpg.UndefinedColumnError,
    asyncpg.UndefinedFunctionError,
    asyncpg.InvalidCachedStatementError,
    asyncpg.OutdatedSchemaCacheError,
)
_LIMITS = Limits(statement_timeout_s=5.0, lock_timeout_s=2.0, idle_in_transaction_s=10.0, connect_timeout_s=2.0)


class PostgresManagement:
    """`management.ports.Store` over PostgreSQL."""

    def __init__(self, dsn: str, master_key: MasterKey, *, clock: Clock, connections_max: int) -> None:
        self._master_key = master_key
        self._pool = LazyPool(
            dsn, application="tocsin_ingest management", connections_max=connections_max, limits=_LIMITS, clock=clock
        )

    @property
    def master_key(self) -> MasterKey:
        """Give what seals new secrets."""
        return self._master_key

    @asynccontextmanager
    async def acting(self, administrator: Administrator) -> AsyncIterator[Connection]:
        """Give a connection that acts as the holder of a key; see `ports.Store`."""
        tenant, scope = administrator.tenant, administrator.scope
        try:
            async with translated():
                pool = await self._pool.get()
                async with (
                    pool.acquire(timeout=_LIMITS.connect_timeout_s) as connection,
                    acting(connection, administrator.key, tenant=tenant, scope=scope),
                ):
                    yield connection
        except Fatal as error:
            if isinstance(error.__cause__, asyncpg.InsufficientPrivilegeError):
                raise error.__cause__ from error
            raise PostgresUnavailable(f"control cannot be changed: {error}") from error
        except _OF_ANOTHER_RELEASE as error:
            raise PostgresUnavailable(f"control is of another release: {error}; 'tocsin migrate' mends it") from error

    async def close(self) -> None:
        """Close the connections. Never raises."""
        await self._pool.close()
