"""The projection in PostgreSQL: one snapshot, one tenant, one transaction a read."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import asyncpg

from tocsin_contracts.ids import TenantId
from tocsin_contracts.topics import GROUPER_CONSUMER, LIVE
from tocsin_query.domain.freshness import Freshness
from tocsin_query.domain.statement import Statement
from tocsin_query.lookup import QUERIES
from tocsin_query.ports import Snapshot, TooSlow
from tocsin_runtime.errors import Recoverable
from tocsin_runtime.postgres import Connection, Limits, Pool, create_pool, run_again_if_stale, translated

T = TypeVar("T")
_ENTER = QUERIES["enter"]
_PROBE = QUERIES["probe"]
_ABSENT = (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError, asyncpg.UndefinedColumnError)


class NoProjection(Recoverable):
    """The projection is not there: it was never built, or is being swapped."""


async def open_pool(dsn: str, *, size_max: int, statement_timeout_s: float, connect_timeout_s: float) -> Pool:
    """Open the pool without connecting yet, so that the service starts with PostgreSQL down.

    Plans are made for the values at hand: the partial index of unresolved incidents and rare values are found only so
    (measured: a count of 1.7 ms became 26 ms under a generic plan).
    """
    limits = Limits(
        statement_timeout_s=statement_timeout_s,
        lock_timeout_s=statement_timeout_s + 1,  # a swap's lock counts as a slow statement
        idle_in_transaction_s=10.0,
        connect_timeout_s=connect_timeout_s,
    )
    settings = {"plan_cache_mode": "force_custom_plan", "default_transaction_read_only": "on"}
    return await create_pool(dsn, application="tocsin_query", size_min=0, size_max=size_max, limits=limits, settings=settings)


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresSnapshot:
    """A transaction that has entered as one tenant."""

    connection: Connection
    freshness: Freshness

    async def rows(self, statement: Statement) -> Sequence[Mapping[str, object]]:
        """Run one statement."""
        return [dict(row) for row in await self.connection.fetch(statement.sql, *statement.args)]


class PostgresProjection:
    """Reads `proj` as tocsin_query."""

    def __init__(self, pool: Pool, *, acquire_timeout_s: float) -> None:
        self._pool = pool
        self._acquire_timeout_s = acquire_timeout_s

    async def read(self, tenant: TenantId, work: Callable[[Snapshot], Awaitable[T]]) -> T:
        """Run `work` in one snapshot; see `ports.Projection`."""

        async def attempt() -> T:
            async with (
                self._pool.acquire(timeout=self._acquire_timeout_s) as connection,
                # Repeatable read: rows, total and position of one answer are of one moment.
                connection.transaction(isolation="repeatable_read", readonly=True),
            ):
                return await work(await _enter(connection, tenant))

        return await _explained(lambda: run_again_if_stale(attempt))

    async def positions(self) -> dict[int, int]:
        """Tell when the last folded record of each partition was appended, µs.

        Raises:
            Recoverable: PostgreSQL or the projection is away.
        """

        async def attempt() -> dict[int, int]:
            async with self._pool.acquire(timeout=self._acquire_timeout_s) as connection:
                return {row["partition"]: row["last_raw"] for row in await connection.fetch(_PROBE)}

        return await _explained(attempt)


async def _enter(connection: Connection, tenant: TenantId) -> PostgresSnapshot:
    row: Any = await connection.fetchrow(_ENTER, tenant, LIVE, GROUPER_CONSUMER)
    clock: datetime | None = row["clock"]
    freshness = Freshness(partition=row["partition"], source_next=row["source_next"], clock=clock, last_raw=row["last_raw"])
    return PostgresSnapshot(connection=connection, freshness=freshness)


async def _explained(work: Callable[[], Awaitable[T]]) -> T:
    """Name what went wrong in our own words: too slow, not there, or away."""
    try:
        async with translated():
            try:
                return await work()
            except asyncpg.QueryCanceledError as error:
                raise TooSlow from error
    except _ABSENT as error:
        raise NoProjection("the projection is not there yet: has the grouper run?") from error
