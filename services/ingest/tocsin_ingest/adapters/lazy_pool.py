"""A small pool of connections that is opened when it is first needed, and again after an outage."""

from __future__ import annotations

import asyncio

from tocsin_runtime.clock import Clock
from tocsin_runtime.postgres import Limits, Pool, PostgresUnavailable, close, create_pool

_RETRY_S = 1.0


class LazyPool:
    """Opens its pool at most once a second, so that an outage costs each caller nothing."""

    def __init__(
        self, dsn: str, *, application: str, connections_max: int, limits: Limits, clock: Clock, jsonb: bool = False
    ) -> None:
        """Describe the pool; `jsonb`: its values are read parsed, not as text."""
        self._dsn = dsn
        self._application = application
        self._connections_max = connections_max
        self._limits = limits
        self._clock = clock
        self._jsonb = jsonb
        self._pool: Pool | None = None
        self._opening = asyncio.Lock()
        self._not_before = 0.0

    async def get(self) -> Pool:
        """Give the pool.

        Raises:
            PostgresUnavailable: it cannot be opened now.
        """
        if self._pool is not None:
            return self._pool
        async with self._opening:
            if self._pool is None:
                if self._clock.monotonic() < self._not_before:
                    raise PostgresUnavailable
                self._not_before = self._clock.monotonic() + _RETRY_S
                self._pool = await create_pool(
                    self._dsn,
                    application=self._application,
                    size_min=0,
                    size_max=self._connections_max,
                    limits=self._limits,
                    jsonb=self._jsonb,
                )
            return self._pool

    async def close(self) -> None:
        """Close the connections. Never raises."""
        if self._pool is not None:
            await close(self._pool, timeout_s=2.0)
            self._pool = None
