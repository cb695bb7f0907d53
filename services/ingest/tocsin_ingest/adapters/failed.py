"""Failed deliveries in PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

import asyncpg

from tocsin_contracts.command import Actor
from tocsin_contracts.ids import delivery_id
from tocsin_contracts.integration import IntegrationSettings
from tocsin_contracts.position import Position
from tocsin_contracts.times import to_datetime
from tocsin_control.audit import Author, record
from tocsin_control.settings_store import IntegrationVersions
from tocsin_ingest.adapters.lazy_pool import LazyPool
from tocsin_ingest.failed.deeds import DISCARDED, REDRIVE_BEGUN
from tocsin_ingest.failed.ports import Fate, Wanted
from tocsin_runtime.clock import Clock
from tocsin_runtime.errors import Fatal
from tocsin_runtime.postgres import Connection, Limits, PostgresUnavailable, run_again_if_stale, translated
from tocsin_runtime.queries import load

T = TypeVar("T")
_QUERIES = load("tocsin_ingest", "sql/failed.sql")
_SET_TENANT = _QUERIES["set_tenant"]
_FATES = _QUERIES["fates"]
_FAILED = _QUERIES["failed"]
_FOLDED = _QUERIES["folded"]
_DISCARD = _QUERIES["discard"]
_HOLD = _QUERIES["hold"]
_RELEASE = _QUERIES["release"]
_LIMITS = Limits(statement_timeout_s=5.0, lock_timeout_s=1.0, idle_in_transaction_s=5.0, connect_timeout_s=1.0)


class PostgresFailed:
    """`FailedStore` as tocsin_ingest, which sees the rows of one tenant at a time."""

    def __init__(self, dsn: str, *, clock: Clock, connections_max: int) -> None:
        self._pool = LazyPool(
            dsn, application="tocsin_ingest deliveries", connections_max=connections_max, limits=_LIMITS, clock=clock
        )

    async def fate(self, tenant: str, position: Position) -> Fate | None:
        """Give what became of a delivery; see `ports.FailedStore`."""
        return (await self.fates(tenant, position.partition, [position.offset])).get(position.offset)

    async def fates(self, tenant: str, partition: int, offsets: Sequence[int]) -> dict[int, Fate]:
        """Give what became of several; see `ports.FailedStore`."""

        async def work(connection: Connection) -> dict[int, Fate]:
            rows = await connection.fetch(_FATES, tenant, partition, offsets)
            return {row["offset"]: Fate(outcome=row["outcome"], reason=row["reason"]) for row in rows}

        return await self._as(tenant, work)

    async def failed(self, tenant: str, partition: int, wanted: Wanted, *, limit: int) -> list[int]:
        """List failed deliveries; see `ports.FailedStore`."""
        since, until = (None if at is None else to_datetime(at) for at in (wanted.logged_from, wanted.logged_to))

        async def work(connection: Connection) -> list[int]:
            rows = await connection.fetch(
                _FAILED, tenant, partition, wanted.after, wanted.reasons, wanted.sources, wanted.integrations, since, until, limit
            )
            return [row["offset"] for row in rows]

        return await self._as(tenant, work)

    async def folded(self, partition: int) -> int:
        """Give the last folded offset; see `ports.FailedStore`."""

        async def work(connection: Connection) -> int:
            found = await connection.fetchval(_FOLDED, partition)
            return -1 if found is None else int(found)

        return await self._as("", work)

    async def discard(self, tenant: str, position: Position, *, why: str, actor: Actor, author: Author) -> bool:
        """Note that somebody lets a delivery be; see `ports.FailedStore`."""

        async def work(connection: Connection) -> bool:
            said = await connection.execute(_DISCARD, tenant, *position, why, actor.kind, actor.id, actor.name)
            first = said.endswith(" 1")
            if first:
                subject = delivery_id(tenant, position)
                await record(connection, actor=author, action=DISCARDED, tenant=tenant, subject=subject, detail={"why": why})
            return first

        return await self._as(tenant, work, readonly=False)

    async def begin(self, tenant: str, *, author: Author, wanted: Mapping[str, object]) -> None:
        """Write into the audit that somebody begins to send many again; see `ports.FailedStore`."""

        async def work(connection: Connection) -> None:
            detail: dict[str, object] = {"wanted": dict(wanted)}
            await record(connection, actor=author, action=REDRIVE_BEGUN, tenant=tenant, subject=tenant, detail=detail)

        await self._as(tenant, work, readonly=False)

    async def settings(self, integration: str, version: int) -> IntegrationSettings:
        """Give a version's settings; see `ports.FailedStore`."""
        return await IntegrationVersions(await self._pool.get(), size_max=1).get(integration, version)

    @asynccontextmanager
    async def alone(self, tenant: str) -> AsyncIterator[bool]:
        """Hold the tenant's bulk redrive; see `ports.FailedStore`. The lock ends with its connection, whatever happens."""
        async with translated():
            pool = await self._pool.get()
            async with pool.acquire(timeout=_LIMITS.connect_timeout_s) as connection:
                held = bool(await connection.fetchval(_HOLD, tenant))
                try:
                    yield held
                finally:
                    if held and not connection.is_closed():
                        await connection.execute(_RELEASE, tenant)

    async def close(self) -> None:
        """Close the connections. Never raises."""
        await self._pool.close()

    async def _as(self, tenant: str, work: Callable[[Connection], Awaitable[T]], *, readonly: bool = True) -> T:
        """Run `work` in a transaction that sees the rows of one tenant."""
        pool = await self._pool.get()

        async def ask() -> T:
            async with (
                pool.acquire(timeout=_LIMITS.connect_timeout_s) as connection,
                connection.transaction(readonly=readonly),
            ):
                await connection.execute(_SET_TENANT, tenant)
                return await work(connection)

        try:
            async with translated():
                return await run_again_if_stale(ask)
        except (asyncpg.PostgresError, Fatal) as error:
            raise PostgresUnavailable(f"deliveries cannot be read: {error}") from error
