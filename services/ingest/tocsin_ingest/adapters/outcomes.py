"""Outcomes of commands in PostgreSQL: one row read by its key, asked again until it is there."""

from __future__ import annotations

import asyncio

import asyncpg

from tocsin_ingest.adapters.lazy_pool import LazyPool
from tocsin_ingest.ports import Outcome
from tocsin_runtime.clock import Clock
from tocsin_runtime.errors import Fatal
from tocsin_runtime.postgres import Limits, PostgresUnavailable, run_again_if_stale, translated
from tocsin_runtime.queries import load

_QUERIES = load("tocsin_ingest", "sql/outcomes.sql")
_SET_TENANT = _QUERIES["set_tenant"]
_FIND = _QUERIES["find"]
_FIRST_WAIT_S = 0.005
_WAIT_MAX_S = 0.1
_LIMITS = Limits(statement_timeout_s=2.0, lock_timeout_s=1.0, idle_in_transaction_s=5.0, connect_timeout_s=1.0)


class PostgresOutcomes:
    """`Outcomes` as tocsin_ingest, which sees the rows of one tenant at a time."""

    def __init__(self, dsn: str, *, clock: Clock, connections_max: int) -> None:
        self._clock = clock
        self._pool = LazyPool(
            dsn, application="tocsin_ingest outcomes", connections_max=connections_max, limits=_LIMITS, clock=clock, jsonb=True
        )

    async def find(self, tenant: str, command: str) -> Outcome | None:
        """Give the outcome of a command; see `ports.Outcomes`."""
        pool = await self._pool.get()

        async def ask() -> Outcome | None:
            async with pool.acquire(timeout=_LIMITS.connect_timeout_s) as connection, connection.transaction(readonly=True):
                await connection.execute(_SET_TENANT, tenant)
                row = await connection.fetchrow(_FIND, tenant, command)
            if row is None:
                return None
            return Outcome(request_hash=row["request_hash"], status=row["status"], detail=row["detail"])

        try:
            async with translated():
                return await run_again_if_stale(ask)
        except (asyncpg.PostgresError, Fatal) as error:
            # No projection yet, or no right to read it: the command is in the log all the same, so this is no 500.
            raise PostgresUnavailable(f"outcomes of commands cannot be read: {error}") from error

    async def wait(self, tenant: str, command: str, timeout_s: float) -> Outcome | None:
        """Wait for the outcome of a command; see `ports.Outcomes`."""
        until = self._clock.monotonic() + timeout_s
        pause = _FIRST_WAIT_S
        while True:
            outcome = await self.find(tenant, command)
            left = until - self._clock.monotonic()
            if outcome is not None or left <= 0:
                return outcome
            await asyncio.sleep(min(pause, left))
            pause = min(pause * 1.5, _WAIT_MAX_S)

    async def close(self) -> None:
        """Close the connections. Never raises."""
        await self._pool.close()
