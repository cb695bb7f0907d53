"""Answer commands (C4): read, name by whole ids, append, wait, tell.

An Idempotency-Key names the command: asked again it gets the first outcome, and is only appended again while there is
none, which the fold drops as a repeat.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from aiohttp import web

from tocsin_contracts.command import Command
from tocsin_contracts.position import Position
from tocsin_control.principal import Principal
from tocsin_ingest.caller import Callers
from tocsin_ingest.commands.reading import Asked, read_command
from tocsin_ingest.commands.resolving import Passing, Resolver
from tocsin_ingest.commands.table import Operation
from tocsin_ingest.commands.telling import applied, mismatched, pending, rejected
from tocsin_ingest.commands.waiting import CommandLog, Waits
from tocsin_ingest.domain.request import Patience, read_patience
from tocsin_ingest.domain.target import Commanded
from tocsin_ingest.metrics import IngestMetrics
from tocsin_ingest.ports import Exchange, Outcome
from tocsin_ingest.receiving import Receiver
from tocsin_runtime.buckets import Quota, policy
from tocsin_runtime.clock import Clock
from tocsin_runtime.limits import Limits


class Commands:
    """Answers every command of the table."""

    def __init__(
        self,
        *,
        callers: Callers,
        log: CommandLog,
        waits: Waits,
        resolver: Resolver,
        receiver: Receiver,
        limits: Limits,
        quota: Quota,
        heavy_quota: Quota,
        metrics: IngestMetrics,
        clock: Clock,
        wait_s: float,
        wait_max_s: float,
    ) -> None:
        self._callers = callers
        self._log = log
        self._waits = waits
        self._resolver = resolver
        self._receiver = receiver
        self._limits = limits
        self._quota = quota
        self._heavy_quota = heavy_quota
        self._metrics = metrics
        self._clock = clock
        self._wait_s = wait_s
        self._wait_max_s = wait_max_s

    @property
    def waiting(self) -> int:
        """Count the callers who wait for an outcome."""
        return len(self._waits)

    def release(self) -> None:
        """Answer everybody who waits 202 now, and nobody waits any more: the process stops."""
        self._waits.release()

    async def answer(
        self, request: web.BaseRequest, operation: Operation, target: Commanded, query: Mapping[str, str], exchange: Exchange
    ) -> web.Response:
        """Ask the fold, and give the outcome: 200, or 202 where it is not known in time.

        Raises:
            Problem: 400, 401, 403, 404, 409, 412, 413, 415, 422, 429, 503.
        """
        principal = await self._callers.identify(request, query, operation.scope, exchange)
        self._count(principal, operation)
        asked = await read_command(request, operation, target, query, self._receiver, actor=principal.actor.id)
        exchange.size = asked.size
        name = asked.key or secrets.token_hex(16)
        patience = read_patience(asked.patience_header, default_s=self._wait_s, most_s=self._wait_max_s)
        outcome: Outcome | Position | None = None
        if asked.key is not None:
            outcome = await self._waits.already(principal.tenant, asked.key)
        if outcome is not None:
            self._metrics.commanded("repeated")
        else:
            outcome = await self._ask(principal, asked, name, patience)
        if isinstance(outcome, Position):
            self._metrics.commanded("pending")
            return pending(name, outcome, asked.request_hash, patience)
        return self._tell(name, asked, outcome, patience)

    async def _ask(self, principal: Principal, asked: Asked, name: str, patience: Patience) -> Outcome | Position:
        """Log the command and wait for its outcome; where it is not known in time, give the place of the record.

        What it names may have changed by its own first attempt, which was stored and is not folded yet (a filter that it
        emptied), or since (a time that has passed): so a key's outcome is waited for before the request is refused.

        Raises:
            Problem: 409, 413, 422, 503.
        """
        try:
            command = await self._command(principal, asked, name)
        except Passing:
            if asked.key is None:
                raise
            outcome = await self._waits.outcome(principal.tenant, name, patience.seconds)
            if outcome is None:
                raise
            return outcome
        position = await self._log.append(command, asked.operation.kind)
        return await self._waits.outcome(principal.tenant, name, patience.seconds) or position

    def _count(self, principal: Principal, operation: Operation) -> None:
        """Count the command; what may be hundreds of facts counts twice.

        Raises:
            Problem: 429.
        """
        policies = [policy("commands", principal.tenant, self._quota)]
        if operation.is_heavy:
            policies.append(policy("heavy-commands", principal.tenant, self._heavy_quota))
        self._limits.count(policies)

    async def _command(self, principal: Principal, asked: Asked, name: str) -> Command:
        """Write the command as the log keeps it: nothing in it needs to be looked up again."""
        now = self._clock.now()
        return Command(
            id=name,
            request_hash=asked.request_hash,
            tenant=principal.tenant,
            actor=principal.actor,
            issued_at=now,
            if_revision=asked.if_match,
            body=await self._resolver.deed(principal.tenant, asked, now=now),
        )

    def _tell(self, name: str, asked: Asked, outcome: Outcome, patience: Patience) -> web.Response:
        """Give the fold's answer.

        Raises:
            Problem: the command was rejected, or its key was used for something else.
        """
        if outcome.request_hash != asked.request_hash:
            self._metrics.commanded("mismatched")
            raise mismatched()
        if outcome.status == 200:
            self._metrics.commanded("applied")
            return applied(name, outcome, patience)
        self._metrics.commanded("rejected")
        raise rejected(name, outcome, patience)
