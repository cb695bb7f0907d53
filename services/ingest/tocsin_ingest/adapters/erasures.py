"""Tenants that are to be erased, in PostgreSQL."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import asyncpg

from tocsin_contracts.position import Position
from tocsin_contracts.tenant import TenantErased
from tocsin_contracts.times import from_datetime
from tocsin_ingest.adapters.lazy_pool import LazyPool
from tocsin_runtime.clock import Clock
from tocsin_runtime.errors import Fatal
from tocsin_runtime.postgres import Limits, PostgresUnavailable, translated
from tocsin_runtime.queries import load

_QUERIES = load("tocsin_ingest", "sql/erasures.sql")
_NEXT = _QUERIES["next"]
_ERASED = _QUERIES["erased"]
_LIMITS = Limits(statement_timeout_s=5.0, lock_timeout_s=1.0, idle_in_transaction_s=20.0, connect_timeout_s=1.0)


class PostgresErasures:
    """`Erasures` as tocsin_ingest, over one connection that is opened when it is needed."""

    def __init__(self, dsn: str, *, clock: Clock) -> None:
        self._pool = LazyPool(dsn, application="tocsin_ingest erasures", connections_max=1, limits=_LIMITS, clock=clock)

    async def settle(self, waited_s: float, append: Callable[[int, TenantErased], Awaitable[Position]]) -> int:
        """Erase every tenant that waits; see `ports.Erasures`.

        Its row is locked meanwhile, so no second gateway does the same. A gateway that dies between append and commit leaves
        a record without its position: the next one writes another, which changes nothing more.
        """
        pool = await self._pool.get()
        done = 0
        try:
            async with translated():
                while True:
                    async with pool.acquire(timeout=_LIMITS.connect_timeout_s) as connection, connection.transaction():
                        row = await connection.fetchrow(_NEXT, waited_s)
                        if row is None:
                            return done
                        record = TenantErased(tenant=row["id"], asked_at=from_datetime(row["erase_asked_at"]))
                        position = await append(row["partition"], record)
                        await connection.execute(_ERASED, row["id"], str(position))
                        done += 1
        except (asyncpg.PostgresError, Fatal) as error:
            raise PostgresUnavailable(f"tenants to be erased cannot be read: {error}") from error

    async def close(self) -> None:
        """Disconnect. Never raises."""
        await self._pool.close()
