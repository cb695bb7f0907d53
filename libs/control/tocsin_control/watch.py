"""The watch: keeps a gateway's directory fresh, and keeps it at all when PostgreSQL is away.

It reads at start, else takes the snapshot, else has nothing (the gateway answers 503, never 401). Then it polls the change
counter, reads anew when that moved, and keeps the snapshot up with it.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import asyncpg
import structlog

from tocsin_contracts.times import SECOND
from tocsin_control.directory import Directory
from tocsin_control.directory_loading import load_directory, load_revision
from tocsin_control.errors import MasterKeyUnfit, SnapshotUnfit
from tocsin_control.master_key import MasterKey
from tocsin_control.snapshot import AGE_MAX_S, Snapshot, read_snapshot, write_snapshot
from tocsin_runtime.clock import Clock
from tocsin_runtime.errors import Recoverable, TocsinError
from tocsin_runtime.postgres import Connection, Pool, PostgresUnavailable, classified

_log = structlog.get_logger()


class DirectoryWatch:
    """Owns the current directory of one process.

    `start` once, then `run` as a task until cancelled; `current` may be called at any time.
    """

    def __init__(
        self,
        pool: Pool,
        master_key: MasterKey,
        *,
        clock: Clock,
        snapshot_path: Path | None = None,
        poll_s: float = 1.0,
        answer_timeout_s: float = 5.0,
        snapshot_every_s: float = 3_600.0,
        snapshot_age_max_s: float = AGE_MAX_S,
    ) -> None:
        """Watch `control` through a pool that may be opened with PostgreSQL away (`size_min=0`).

        Args:
            pool: as tocsin_ingest.
            master_key: opens secrets and the snapshot.
            clock: for ages.
            snapshot_path: where the snapshot lies; None for none.
            poll_s: seconds between two looks at the change counter; a change is seen within 2 s by the default.
            answer_timeout_s: seconds until a silent PostgreSQL counts as away.
            snapshot_every_s: seconds after which an unchanged snapshot is written again, so that it does not age.
            snapshot_age_max_s: an older snapshot is refused.
        """
        self._pool = pool
        self._master_key = master_key
        self._clock = clock
        self._snapshot_path = snapshot_path
        self._poll_s = poll_s
        self._answer_timeout_s = answer_timeout_s
        self._snapshot_every_s = snapshot_every_s
        self._snapshot_age_max_s = snapshot_age_max_s
        self._current: Directory | None = None
        self._confirmed_at: int | None = None
        self._written: Snapshot | None = None
        self._sealed_under = ""
        self._fault: str | None = None
        self._snapshot_fault: str | None = None
        self.changed = asyncio.Event()
        """Set when the directory, the snapshot or the fault changed; whoever waits for one clears it, then looks."""

    def current(self) -> Directory | None:
        """Give the directory in force; None before the first was read."""
        return self._current

    def age_s(self) -> float | None:
        """Say how many seconds ago PostgreSQL confirmed the directory; None where there is none."""
        if self._confirmed_at is None:
            return None
        return max(0, self._clock.now() - self._confirmed_at) / SECOND

    def fault(self) -> str | None:
        """Say in one line why the directory is not fresh; None while PostgreSQL answers."""
        return self._fault

    def snapshot_revision(self) -> int | None:
        """Give the revision that this process last wrote to the snapshot; None before."""
        return None if self._written is None else self._written.directory.revision

    async def start(self) -> None:
        """Read the directory, else the snapshot; having neither is no error while PostgreSQL is merely away.

        Raises:
            MasterKeyUnfit: the master key is another installation's.
            TocsinError: PostgreSQL answers and refuses us, and there is no snapshot to go on with.
        """
        try:
            await self._refresh()
        except MasterKeyUnfit:
            raise
        except TocsinError as error:
            self._set_fault(error)
            await self._take_snapshot()
            if self._current is None and not isinstance(error, Recoverable):
                raise
        else:
            self._set_fault(None)
        await self._keep_snapshot()

    async def run(self) -> None:
        """Follow changes until cancelled; survives PostgreSQL going away and coming back."""
        while True:
            await asyncio.sleep(self._poll_s)
            try:
                await self._refresh()
            except TocsinError as error:
                self._set_fault(error)
            else:
                self._set_fault(None)
            await self._keep_snapshot()

    async def _refresh(self) -> None:
        """Confirm the directory, or read another one.

        Raises:
            TocsinError: PostgreSQL is away, or refuses; the directory in force stays.
        """
        asked_at = self._clock.now()
        try:
            async with asyncio.timeout(self._answer_timeout_s), self._pool.acquire() as connection:
                directory = await self._read(connection)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:  # TimeoutError is an OSError
            ours = classified(error)
            if not isinstance(ours, TocsinError):
                ours = PostgresUnavailable(f"cannot read control: {error}; 'tocsin migrate' makes it")
            raise ours from error
        self._confirmed_at = asked_at
        self._put_in_force(directory)

    async def _read(self, connection: Connection) -> Directory:
        """Give the directory in force if nothing changed; after a fault read anew, for it may be a restored database."""
        if self._current is None or self._fault is not None or await load_revision(connection) != self._current.revision:
            return await load_directory(connection, self._master_key)
        return self._current

    def _put_in_force(self, directory: Directory) -> None:
        if directory is self._current:
            return
        self._current = directory
        if unreadable := directory.secrets_unreadable():
            _log.error("directory.secrets_unreadable", count=unreadable)
        _log.info("directory.changed", revision=directory.revision, integrations=len(directory.integrations))
        self.changed.set()

    async def _take_snapshot(self) -> None:
        if self._snapshot_path is None:
            return
        try:
            snapshot = await asyncio.to_thread(
                read_snapshot, self._snapshot_path, self._master_key, self._clock, age_max_s=self._snapshot_age_max_s
            )
        except SnapshotUnfit as error:
            _log.error("directory.no_snapshot", reason=str(error))
            return
        self._confirmed_at, self._written = snapshot.confirmed_at, snapshot
        self._put_in_force(snapshot.directory)
        _log.warning("directory.from_snapshot", age_s=self.age_s())

    async def _keep_snapshot(self) -> None:
        """Write the snapshot where the directory changed or the file grows old; a full disk stops nothing."""
        if self._snapshot_path is None or self._current is None or self._confirmed_at is None or not self._due():
            return
        snapshot = Snapshot(directory=self._current, confirmed_at=self._confirmed_at)
        sealing = self._master_key.current
        try:
            await asyncio.to_thread(write_snapshot, self._snapshot_path, self._master_key, snapshot)
        except OSError as error:
            reason = error.strerror or str(error)
            if reason != self._snapshot_fault:
                _log.error("directory.snapshot_not_written", reason=reason)
            self._snapshot_fault = reason
            return
        self._snapshot_fault = None
        self._written, self._sealed_under = snapshot, sealing
        self.changed.set()

    def _due(self) -> bool:
        if self._written is None or self._written.directory is not self._current:
            return True
        if self._sealed_under != self._master_key.current:  # a new master key: the old one may leave its file soon
            return True
        confirmed = self._confirmed_at or 0
        return confirmed - self._written.confirmed_at >= self._snapshot_every_s * SECOND

    def _set_fault(self, error: TocsinError | None) -> None:
        """Log once each time that PostgreSQL goes away or comes back."""
        if error is not None and self._fault is None:
            _log.warning("directory.stale", reason=str(error))
        elif error is None and self._fault is not None:
            _log.info("directory.fresh_again")
        fault = None if error is None else str(error)
        if fault != self._fault:
            self._fault = fault
            self.changed.set()
