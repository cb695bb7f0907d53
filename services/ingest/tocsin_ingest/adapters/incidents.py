"""Incidents in PostgreSQL, as commands look them up."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import asyncpg

from tocsin_contracts.reference import CHOICES_MAX, IncidentRange
from tocsin_contracts.times import to_datetime
from tocsin_ingest.adapters.lazy_pool import LazyPool
from tocsin_ingest.commands.ports import Choice
from tocsin_ingest.domain.ask import Wanted
from tocsin_runtime.clock import Clock
from tocsin_runtime.errors import Fatal
from tocsin_runtime.postgres import Connection, Limits, PostgresUnavailable, run_again_if_stale, translated
from tocsin_runtime.queries import load

T = TypeVar("T")
_QUERIES = load("tocsin_ingest", "sql/incidents.sql")
_SET_TENANT = _QUERIES["set_tenant"]
_CHOICES = _QUERIES["choices"]
_MATCHING = _QUERIES["matching"]
_COUNT = _QUERIES["count"]
_LIMITS = Limits(statement_timeout_s=2.0, lock_timeout_s=1.0, idle_in_transaction_s=5.0, connect_timeout_s=1.0)


class PostgresIncidents:
    """`Incidents` as tocsin_ingest, which sees a few columns of one tenant's at a time."""

    def __init__(self, dsn: str, *, clock: Clock, connections_max: int) -> None:
        self._pool = LazyPool(
            dsn, application="tocsin_ingest incidents", connections_max=connections_max, limits=_LIMITS, clock=clock
        )

    async def choices(self, tenant: str, wanted: Sequence[IncidentRange]) -> list[list[Choice]]:
        """Give what each reference may mean; see `ports.Incidents`."""
        firsts, lasts = [each.first for each in wanted], [each.last for each in wanted]

        async def work(connection: Connection) -> list[list[Choice]]:
            found: list[list[Choice]] = [[] for _ in wanted]
            for row in await connection.fetch(_CHOICES, tenant, firsts, lasts, CHOICES_MAX):
                found[row["place"] - 1].append(Choice(id=row["id"], title=row["title"], status=row["status"]))
            return found

        return await self._as(tenant, work)

    async def matching(self, tenant: str, wanted: Wanted, limit: int) -> list[str]:
        """Give the ids of incidents that match; see `ports.Incidents`."""

        async def work(connection: Connection) -> list[str]:
            return [row["id"] for row in await connection.fetch(_MATCHING, tenant, *_conditions(wanted), limit)]

        return await self._as(tenant, work)

    async def count(self, tenant: str, wanted: Wanted) -> int:
        """Count the incidents that match; see `ports.Incidents`."""

        async def work(connection: Connection) -> int:
            return int(await connection.fetchval(_COUNT, tenant, *_conditions(wanted)))

        return await self._as(tenant, work)

    async def close(self) -> None:
        """Close the connections. Never raises."""
        await self._pool.close()

    async def _as(self, tenant: str, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Read in a transaction that sees one tenant's rows.

        Raises:
            PostgresUnavailable: PostgreSQL is away, or there is no projection.
        """
        pool = await self._pool.get()

        async def ask() -> T:
            async with pool.acquire(timeout=_LIMITS.connect_timeout_s) as connection, connection.transaction(readonly=True):
                await connection.execute(_SET_TENANT, tenant)
                return await work(connection)

        try:
            async with translated():
                return await run_again_if_stale(ask)
        except (asyncpg.PostgresError, Fatal) as error:
            raise PostgresUnavailable(f"incidents cannot be read: {error}") from error


def _conditions(wanted: Wanted) -> tuple[object, ...]:
    times = (wanted.created_from, wanted.created_to, wanted.updated_from, wanted.updated_to)
    return (
        wanted.statuses,
        wanted.severities,
        wanted.services,
        wanted.environments,
        wanted.teams,
        wanted.sources,
        wanted.assignees,
        wanted.categories,
        wanted.snoozed,
        wanted.flapping,
        *(None if at is None else to_datetime(at) for at in times),
    )
