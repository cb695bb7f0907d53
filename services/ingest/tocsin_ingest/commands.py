"""Commands: what people ask goes through the log, and they get the fold's answer (C4).

A command is appended, then its outcome awaited in `proj.commands`. An Idempotency-Key names the command: asked again it
gets the first outcome, and is only appended again while there is none, which the fold drops as a repeat.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Mapping
from typing import Any

import orjson
from aiohttp import web

from tocsin_contracts.command import Command, SetStatus, encode_command
from tocsin_contracts.envelope import Kind, log_headers
from tocsin_contracts.problem import ProblemType
from tocsin_control.directory import Directory
from tocsin_control.principal import Principal, Scope
from tocsin_ingest.answers import answer, malformed, not_found, too_large, unavailable
from tocsin_ingest.caller import Callers
from tocsin_ingest.domain import request as asked
from tocsin_ingest.domain.buckets import Quota, policy
from tocsin_ingest.domain.target import SetStatus as SetStatusTarget
from tocsin_ingest.limits import Limits
from tocsin_ingest.metrics import IngestMetrics
from tocsin_ingest.ports import Exchange, Outcome, Outcomes
from tocsin_ingest.receiving import Receiver
from tocsin_runtime.clock import Clock
from tocsin_runtime.errors import Recoverable
from tocsin_runtime.http import Problem
from tocsin_runtime.log import Appender, AppendTooLarge, Entry
from tocsin_sources import document

_BODY_MAX = 16 * 1024
_PROBLEMS: Mapping[int, tuple[ProblemType, str]] = {
    404: (ProblemType.NOT_FOUND, "There is nothing here, or not for you."),
    409: (ProblemType.CONFLICT, "The incident cannot go from its status to this one."),
    412: (ProblemType.PRECONDITION_FAILED, "The incident was changed since that revision."),
    422: (ProblemType.UNPROCESSABLE, "The incident does not take this value."),
}
_MEMBERS = ("reason", "allowed", "revision", "version")
_APPLIED = ("incident", "status", "version", "revision")


class Commands:
    """Answers `PATCH /incidents/{id}/status`."""

    def __init__(
        self,
        *,
        callers: Callers,
        directory: Callable[[], Directory | None],
        appender: Appender,
        outcomes: Outcomes,
        receiver: Receiver,
        limits: Limits,
        quota: Quota,
        metrics: IngestMetrics,
        clock: Clock,
        wait_s: float,
        wait_max_s: float,
        waiting_max: int,
    ) -> None:
        self._callers = callers
        self._directory = directory
        self._appender = appender
        self._outcomes = outcomes
        self._receiver = receiver
        self._limits = limits
        self._quota = quota
        self._metrics = metrics
        self._clock = clock
        self._wait_s = wait_s
        self._wait_max_s = wait_max_s
        self._waiting_max = waiting_max
        self._waits: set[asyncio.Timeout] = set()

    def release(self) -> None:
        """Answer everybody who waits 202 now, and nobody waits any more: the process stops."""
        self._waiting_max = 0
        now = asyncio.get_running_loop().time()
        for wait in self._waits:
            wait.reschedule(now)

    async def set_status(
        self, request: web.BaseRequest, target: SetStatusTarget, query: Mapping[str, str], exchange: Exchange
    ) -> web.Response:
        """Ask for another status of an incident, and give the outcome: 200, or 202 where it is not known in time.

        Raises:
            Problem: 400, 401, 403, 404, 409, 412, 415, 422, 429, 503.
        """
        principal = await self._callers.identify(request, query, Scope.INCIDENTS_WRITE, exchange)
        self._limits.count((policy("commands", principal.tenant, self._quota),))
        command, repeatable = await self._read(request, target, principal, exchange)
        before = await self._already(command) if repeatable else None
        if before is None:
            await self._append(command)
        else:
            self._metrics.commanded("repeated")
        outcome = before or await self._wait(command, self._patience(request))
        if outcome is None:
            self._metrics.commanded("pending")
            return _pending(command)
        return self._tell(command, outcome)

    async def _read(
        self, request: web.BaseRequest, target: SetStatusTarget, principal: Principal, exchange: Exchange
    ) -> tuple[Command, bool]:
        """Read what is asked, and whether it may have been asked before."""
        if asked.INCIDENT_ID.fullmatch(target.incident) is None:
            raise not_found()
        incident = target.incident.upper()
        raw = await self._body(request)
        exchange.size = len(raw)
        try:
            if_revision = asked.read_if_match(request.headers.get("If-Match"))
            key = asked.read_key(request.headers.get("Idempotency-Key"))
            change = asked.read_change(document.parse(raw))
        except asked.UnfitRequest as unfit:
            raise malformed(f"{unfit}.") from unfit
        except document.NotJson as error:
            raise Problem(400, "The body is not JSON that we read.", type=ProblemType.NOT_JSON) from error
        except asked.UnfitValues as unfit:
            detail = "The body's values are not what this command takes."
            raise Problem(422, detail, type=ProblemType.UNPROCESSABLE, members={"errors": unfit.errors}) from unfit
        command = Command(
            id=key or secrets.token_hex(16),
            request_hash=asked.request_hash("PATCH", f"/api/v1/incidents/{incident}/status", raw),
            tenant=principal.tenant,
            actor=principal.actor,
            issued_at=self._clock.now(),
            if_revision=if_revision,
            body=SetStatus(incident=incident, status=change.status, comment=change.comment),
        )
        return command, key is not None

    async def _body(self, request: web.BaseRequest) -> bytes:
        if request.content_type != "application/json":
            raise Problem(415, "A command is application/json.", type=ProblemType.UNSUPPORTED_MEDIA)
        if request.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise Problem(415, "A command comes without content encoding.", type=ProblemType.UNSUPPORTED_MEDIA)
        if (request.content_length or 0) > _BODY_MAX:
            raise too_large(f"A command may have {_BODY_MAX} bytes.")
        raw = await self._receiver.receive(request)
        if len(raw) > _BODY_MAX:
            raise too_large(f"A command may have {_BODY_MAX} bytes.")
        return raw

    async def _already(self, command: Command) -> Outcome | None:
        """Look whether the key was used before; with PostgreSQL away the fold looks."""
        try:
            return await self._outcomes.find(command.tenant, command.id)
        except Recoverable:
            return None

    async def _append(self, command: Command) -> None:
        directory = self._directory()
        tenant = None if directory is None else directory.tenant(command.tenant)
        if tenant is None:
            raise unavailable("The gateway does not know its tenants yet. Try again.")
        if not tenant.enabled:
            raise Problem(403, "This tenant is disabled: it is read, and not changed.", type=ProblemType.FORBIDDEN)
        entry = Entry(command.tenant.encode(), encode_command(command), log_headers(Kind.COMMAND))
        try:
            await self._appender.append(tenant.partition, entry)
        except AppendTooLarge as error:
            raise too_large("The command is too large.") from error
        except Recoverable as error:
            self._metrics.commanded("failed")
            detail = "The log did not acknowledge in time. The command may be stored; repeat it with the same Idempotency-Key."
            raise unavailable(detail) from error

    async def _wait(self, command: Command, seconds: float) -> Outcome | None:
        """Wait for the outcome; not at all where too many wait, nor with PostgreSQL away."""
        if seconds <= 0 or len(self._waits) >= self._waiting_max:
            return None
        wait = asyncio.timeout(None)
        self._waits.add(wait)
        try:
            async with wait:
                return await self._outcomes.wait(command.tenant, command.id, seconds)
        except (Recoverable, TimeoutError):
            return None
        finally:
            self._waits.discard(wait)

    def _patience(self, request: web.BaseRequest) -> float:
        return asked.read_patience(request.headers.get("Prefer"), default_s=self._wait_s, most_s=self._wait_max_s).seconds

    def _tell(self, command: Command, outcome: Outcome) -> web.Response:
        """Give the fold's answer.

        Raises:
            Problem: the command was rejected, or its key was used for something else.
        """
        if outcome.request_hash != command.request_hash:
            self._metrics.commanded("mismatched")
            detail = "This Idempotency-Key was used for another request."
            raise Problem(422, detail, type=ProblemType.IDEMPOTENCY_MISMATCH)
        if outcome.status == 200:
            self._metrics.commanded("applied")
            body = {"command_id": command.id} | {name: outcome.detail.get(name) for name in _APPLIED}
            return answer(200, orjson.dumps(body), headers={"Cache-Control": "no-store"})
        self._metrics.commanded("rejected")
        raise _rejected(outcome)


def _rejected(outcome: Outcome) -> Problem:
    """Turn a rejection that the fold recorded into a problem; codes and numbers of ours only."""
    kind, detail = _PROBLEMS.get(outcome.status, _PROBLEMS[422])
    members: dict[str, Any] = {name: outcome.detail[name] for name in _MEMBERS if name in outcome.detail}
    if "status" in outcome.detail:
        members["current"] = outcome.detail["status"]
    return Problem(outcome.status if outcome.status in _PROBLEMS else 422, detail, type=kind, members=members)


def _pending(command: Command) -> web.Response:
    """Say where the outcome will be."""
    location = f"/api/v1/commands/{_escaped(command.id)}"
    body = orjson.dumps({"command_id": command.id, "status": "pending"})
    return answer(202, body, headers={"Location": location, "Cache-Control": "no-store"})


def _escaped(key: str) -> str:
    """Escape a caller's key for a path."""
    return "".join(char if char.isalnum() or char in "-._~" else f"%{ord(char):02X}" for char in key)
