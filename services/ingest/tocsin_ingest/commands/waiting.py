"""Append a command, and wait for what the fold decides."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tocsin_contracts.command import Command, encode_command
from tocsin_contracts.envelope import Kind, log_headers
from tocsin_contracts.position import Position
from tocsin_contracts.problem import ProblemType
from tocsin_control.directory import Directory
from tocsin_ingest.answers import too_large, unavailable
from tocsin_ingest.metrics import IngestMetrics
from tocsin_ingest.ports import Outcome, Outcomes
from tocsin_runtime.errors import Recoverable
from tocsin_runtime.http import Problem
from tocsin_runtime.log import Appender, AppendTooLarge, Entry


class CommandLog:
    """Writes commands into their tenants' partitions."""

    def __init__(self, *, directory: Callable[[], Directory | None], appender: Appender, metrics: IngestMetrics) -> None:
        self._directory = directory
        self._appender = appender
        self._metrics = metrics

    async def append(self, command: Command, kind: Kind) -> Position:
        """Write a command; it is in the log, there, when this returns.

        Raises:
            Problem: 403 for a disabled tenant, 413, 503.
        """
        partition = self.partition(command.tenant)
        entry = Entry(command.tenant.encode(), encode_command(command), log_headers(kind))
        try:
            return Position(partition, await self._appender.append(partition, entry))
        except AppendTooLarge as error:
            raise too_large("The command is too large.") from error
        except Recoverable as error:
            self._metrics.commanded("failed")
            detail = (
                "The log did not acknowledge in time. The command may be stored: repeat it with `command_id` as Idempotency-Key."
            )
            problem = unavailable(detail)
            problem.members["command_id"] = command.id
            raise problem from error

    def partition(self, tenant: str) -> int:
        """Give the partition of a tenant that may be changed.

        Raises:
            Problem: 403 for a disabled tenant, 503.
        """
        directory = self._directory()
        found = None if directory is None else directory.tenant(tenant)
        if found is None:
            raise unavailable("The gateway does not know its tenants yet. Try again.")
        if not found.enabled:
            raise Problem(403, "This tenant is disabled: it is read, and not changed.", type=ProblemType.FORBIDDEN)
        return found.partition


class Waits:
    """Waits for outcomes: so many callers at once, and none any more once the process stops."""

    def __init__(self, outcomes: Outcomes, *, waiting_max: int) -> None:
        self._outcomes = outcomes
        self._waiting_max = waiting_max
        self._waits: set[asyncio.Timeout] = set()

    def __len__(self) -> int:
        """Count who waits."""
        return len(self._waits)

    def release(self) -> None:
        """Let everybody go who waits, and nobody wait any more."""
        self._waiting_max = 0
        now = asyncio.get_running_loop().time()
        for wait in self._waits:
            wait.reschedule(now)

    async def already(self, tenant: str, command: str) -> Outcome | None:
        """Look whether a key was used before; with PostgreSQL away the fold looks."""
        try:
            return await self._outcomes.find(tenant, command)
        except Recoverable:
            return None

    async def outcome(self, tenant: str, command: str, seconds: float) -> Outcome | None:
        """Wait for the outcome; not at all where too many wait, nor with PostgreSQL away."""
        if seconds <= 0 or len(self._waits) >= self._waiting_max:
            return None
        wait = asyncio.timeout(None)
        self._waits.add(wait)
        try:
            async with wait:
                return await self._outcomes.wait(tenant, command, seconds)
        except (Recoverable, TimeoutError):
            return None
        finally:
            self._waits.discard(wait)
