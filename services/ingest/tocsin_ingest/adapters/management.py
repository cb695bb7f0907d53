"""`control` as the holders of keys change it: a small pool that is opened when it is first needed, and again after an outage."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from tocsin_control.acting import acting
from tocsin_control.master_key import MasterKey
from tocsin_ingest.management.ports import Administrator
from tocsin_runtime.clock import Clock
from tocsin_runtime.errors import Fatal
from tocsin_runtime.postgres import Connection, Limits, Pool, PostgresUnavailable, close, create_pool, translated

_RETRY_S = 1.0
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
        self._dsn = dsn
        self._master_key = master_key
        self._clock = clock
        self._connections_max = connections_max
        self._pool: Pool | None = None
        self._opening = asyncio.Lock()
        self._not_before = 0.0

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
                pool = self._pool or await self._open()
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
        if self._pool is not None:
            await close(self._pool, timeout_s=2.0)
            self._pool = None

    async def _open(self) -> Pool:
        """Open the pool; at most one attempt a second, so that an outage costs each caller nothing."""
        async with self._opening:
            if self._pool is None:
                if self._clock.monotonic() < self._not_before:
                    raise PostgresUnavailable
                self._not_before = self._clock.monotonic() + _RETRY_S
                self._pool = await create_pool(
                    self._dsn,
                    application="tocsin_ingest management",
                    size_min=0,
                    size_max=self._connections_max,
                    limits=_LIMITS,
                )
            return self._pool
