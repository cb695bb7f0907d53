"""Audit entries of what the log holds: a redrive is appended to Kafka, which no transaction of PostgreSQL's spans.

They wait in memory, bounded, until PostgreSQL takes them. One that does not fit any more, or that is still there when the
process ends, becomes a line of the log, so that it is lost in no case.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

import asyncpg
import orjson
import structlog

from tocsin_contracts.times import to_datetime
from tocsin_control.audit import Author
from tocsin_runtime.clock import Clock
from tocsin_runtime.postgres import Pool
from tocsin_runtime.queries import load

_log = structlog.get_logger()
_QUERIES = load("tocsin_control", "sql/audit.sql")
_SET_TENANT = _QUERIES["set_tenant"]
_RECORD_LATE = _QUERIES["record_late"]
BATCH_MAX = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """Something that was done, and by whom."""

    at: int
    author: Author
    action: str
    tenant: str
    subject: str
    detail: Mapping[str, object]


class AuditBuffer:
    """Takes deeds at once and writes them soon; `run` as a task until cancelled, then `flush` a last time."""

    def __init__(
        self, pool: Pool, *, clock: Clock, flush_s: float = 1.0, size_max: int = 10_000, answer_timeout_s: float = 5.0
    ) -> None:
        """Write through a pool as tocsin_ingest.

        Args:
            pool: may be opened with PostgreSQL away (`size_min=0`).
            clock: dates what is noted.
            flush_s: seconds between two flushes.
            size_max: entries that wait at most.
            answer_timeout_s: seconds until a silent PostgreSQL counts as away.
        """
        self._pool = pool
        self._clock = clock
        self._flush_s = flush_s
        self._size_max = size_max
        self._answer_timeout_s = answer_timeout_s
        self._waiting: deque[Deed] = deque()

    def note(self, author: Author, action: str, *, tenant: str, subject: str, detail: Mapping[str, object]) -> None:
        """Take a deed; never waits, never raises."""
        deed = Deed(at=self._clock.now(), author=author, action=action, tenant=tenant, subject=subject, detail=detail)
        if len(self._waiting) >= self._size_max:
            _say(deed)
            return
        self._waiting.append(deed)

    async def run(self) -> None:
        """Flush every `flush_s` until cancelled."""
        while True:
            await asyncio.sleep(self._flush_s)
            await self.flush()

    async def flush(self) -> bool:
        """Write what waits, in order; False where PostgreSQL is away and the rest goes on waiting."""
        while self._waiting:
            batch = [self._waiting[number] for number in range(min(BATCH_MAX, len(self._waiting)))]
            try:
                async with asyncio.timeout(self._answer_timeout_s):
                    await self._write(batch)
            except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):  # TimeoutError is an OSError
                return False
            for _ in batch:
                self._waiting.popleft()
        return True

    async def close(self) -> None:
        """Write what waits, or say it."""
        if not await self.flush():
            while self._waiting:
                _say(self._waiting.popleft())

    async def _write(self, batch: list[Deed]) -> None:
        async with self._pool.acquire() as connection, connection.transaction():
            for deed in batch:
                await connection.execute(_SET_TENANT, deed.tenant)
                detail = orjson.dumps(deed.author.described(deed.detail)).decode()
                await connection.execute(
                    _RECORD_LATE, to_datetime(deed.at), deed.author.name, deed.action, deed.tenant, deed.subject, detail
                )


def _say(deed: Deed) -> None:
    """Write an entry to the log, whole: it has no other place."""
    _log.error(
        "audit.not_written",
        at=deed.at,
        actor=deed.author.name,
        action=deed.action,
        tenant_id=deed.tenant,
        subject=deed.subject,
        detail=deed.author.described(deed.detail),
    )
