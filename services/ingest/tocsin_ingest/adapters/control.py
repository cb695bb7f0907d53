"""Tenants, integrations and keys from PostgreSQL or the snapshot; their use back into it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from prometheus_client import Counter

from tocsin_control.audit import Author
from tocsin_control.audit_buffer import AuditBuffer
from tocsin_control.directory import Directory
from tocsin_control.master_key import MasterKey
from tocsin_control.usage import TurnedAway, UsageBuffer
from tocsin_control.watch import DirectoryWatch
from tocsin_runtime.clock import Clock
from tocsin_runtime.postgres import Limits, Pool, close, create_pool

_LIMITS = Limits(statement_timeout_s=5.0, lock_timeout_s=2.0, idle_in_transaction_s=10.0, connect_timeout_s=2.0)
_CONNECTIONS = 2
"""One for the watch, one for usage and audit: what is read waits for nothing that is written."""


class PostgresControl:
    """`Control` over a pool of two connections that are opened when they are needed."""

    def __init__(
        self,
        dsn: str,
        master_key: MasterKey,
        *,
        clock: Clock,
        snapshot: Path | None,
        dropped: Counter,
        poll_s: float = 1.0,
    ) -> None:
        self._dsn = dsn
        self._master_key = master_key
        self._clock = clock
        self._snapshot = snapshot
        self._dropped = dropped
        self._poll_s = poll_s
        self._pool: Pool | None = None
        self._watch: DirectoryWatch | None = None
        self._usage: UsageBuffer | None = None
        self._audit: AuditBuffer | None = None

    async def start(self) -> None:
        """Read PostgreSQL, else the snapshot; see `ports.Control`."""
        self._pool = await create_pool(
            self._dsn, application="tocsin_ingest control", size_min=0, size_max=_CONNECTIONS, limits=_LIMITS
        )
        self._usage = UsageBuffer(self._pool, clock=self._clock, dropped=self._dropped.inc)
        self._audit = AuditBuffer(self._pool, clock=self._clock)
        watch = DirectoryWatch(self._pool, self._master_key, clock=self._clock, snapshot_path=self._snapshot, poll_s=self._poll_s)
        self._watch = watch
        await watch.start()

    async def run(self) -> None:
        """Follow changes and write what was noted, until cancelled."""
        assert self._watch is not None  # noqa: S101 - `start` comes first
        assert self._usage is not None  # noqa: S101
        assert self._audit is not None  # noqa: S101
        async with asyncio.TaskGroup() as group:
            group.create_task(self._watch.run(), name="directory")
            group.create_task(self._usage.run(), name="usage")
            group.create_task(self._audit.run(), name="audit")

    def current(self) -> Directory | None:
        """Give the directory in force."""
        return None if self._watch is None else self._watch.current()

    async def changed(self) -> None:
        """Wait until another directory comes into force."""
        assert self._watch is not None  # noqa: S101 - `start` comes first
        await self._watch.changed.wait()
        self._watch.changed.clear()

    def secret_used(self, integration: str, slot: int) -> None:
        """Note that a webhook secret proved a request."""
        if self._usage is not None:
            self._usage.secret_used(integration, slot)

    def url_token_used(self, integration: str, slot: int) -> None:
        """Note that the token of a URL proved a request."""
        if self._usage is not None:
            self._usage.url_token_used(integration, slot)

    def key_used(self, key_id: str) -> None:
        """Note that an API key was believed."""
        if self._usage is not None:
            self._usage.key_used(key_id)

    def rejected(self, reason: str, *, tenant: str = "", integration: str = "") -> None:
        """Count a request that was turned away."""
        if self._usage is not None:
            self._usage.rejected(reason, tenant=tenant, integration=integration)

    def sampled(self, away: TurnedAway, *, tenant: str = "", integration: str = "") -> None:
        """Keep one of the requests that were turned away."""
        if self._usage is not None:
            self._usage.sampled(away, tenant=tenant, integration=integration)

    def note(self, author: Author, action: str, *, tenant: str, subject: str, detail: Mapping[str, object]) -> None:
        """Take a deed for the audit; see `ports.Audit`."""
        if self._audit is not None:
            self._audit.note(author, action, tenant=tenant, subject=subject, detail=detail)

    async def close(self) -> None:
        """Write what was noted, disconnect. Never raises."""
        if self._usage is not None:
            await self._usage.flush()
        if self._audit is not None:
            await self._audit.close()
        if self._pool is not None:
            await close(self._pool, timeout_s=2.0)
            self._pool = None
