"""Outcomes of commands in PostgreSQL: one row read by its key, asked again until it is there."""

from __future__ import annotations

import asyncio

import asyncpg

from tocsin_ingest.ports import Outcome
from tocsin_runtime.clock import Clock
from tocsin_runtime.errors import Fatal
from tocsin_runtime.postgres import Limits, Pool, PostgresUnavailable, close, create_pool, run_again_if_stale, translated
from tocsin_runtime.queries import load

_QUERIES = load("tocsin_ingest", "sql/outcomes.sql")
_SET_TENANT = _QUERIES["set_tenant"]
_FIND = _QUERIES["find"]
_FIRST_WAIT_S = 0.005
_WAIT_MAX_S = 0.1
_RETRY_S = 1.0
_LIMITS = Limits(statement_timeout_s=2.0, lock_timeout_s=1.0, idle_in_transaction_s=5.0, connect_timeout_s=1.0)


class PostgresOutcomes:
    """`Outcomes` over a small pool that is opened when it is first needed, and again after an outage."""

    def __init__(self, dsn: str, *, clock: Clock, connections_max: int) -> None:
        self._dsn = dsn
        self._clock = clock
        self._connections_max = connections_max
        self._pool: Pool | None = None
        self._opening = asyncio.Lock()
        self._not_before = 0.0

    async def find(self, tenant: str, command: str) -> Outcome | None:
        """Give the outcome of a command; see `ports.Outcomes`."""
        pool = self._pool or await self._open()

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
                self._pool = await self._make_pool()
            return self._pool

    async def _make_pool(self) -> Pool:
        return await create_pool(
            self._dsn,
            application="tocsin_ingest outcomes",
            size_max=self._connections_max,
            size_min=0,
            limits=_LIMITS,
            jsonb=True,
        )
