"""Tell the caller what the fold decided: a rejection is a problem that says why, how things stand, and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from aiohttp import web

from tocsin_contracts.position import Position
from tocsin_contracts.problem import ProblemType
from tocsin_ingest.answers import RETRY_S, answer
from tocsin_ingest.domain.request import Patience
from tocsin_ingest.ports import Outcome
from tocsin_runtime.http import Problem

_HEADERS = {"Cache-Control": "no-store"}
_RESERVED = frozenset({"type", "title", "status", "detail", "instance"})
"""Members of every problem: nothing of an outcome takes their place."""
REASONS: Mapping[str, tuple[ProblemType, str]] = {
    "no-such-incident": (ProblemType.NOT_FOUND, "There is no such incident, or not for you."),
    "transition-not-allowed": (
        ProblemType.CONFLICT,
        "The incident cannot go from its status to this one; `allowed` says where to. What is over is opened by reopen.",
    ),
    "not-over": (ProblemType.REJECTED, "The incident is not over: it needs no reopening."),
    "over": (ProblemType.REJECTED, "The incident is over. Reopen it first."),
    "merged-elsewhere": (
        ProblemType.REJECTED,
        "The incident was merged into another: `merged_into` names it. Do it there, or undo the merge there.",
    ),
    "nothing-to-undo": (
        ProblemType.REJECTED,
        "At this version stands no merge, split or snooze that can be taken back. The incident's actions show their versions.",
    ),
    "too-many-alerts": (ProblemType.REJECTED, "These are more alerts than can be moved at once. Ask for fewer."),
    "not-a-member": (ProblemType.REJECTED, "An alert is not of this incident, or no longer. Read the incident's alerts again."),
    "same-incident": (ProblemType.REJECTED, "This needs two incidents, and both are the same."),
    "not-snoozed": (ProblemType.REJECTED, "The incident is not snoozed, or not any more."),
    "nothing-would-be-left": (ProblemType.REJECTED, "These are all alerts of the incident: there is nothing to split them from."),
    "too-many-open-incidents": (
        ProblemType.REJECTED,
        "More incidents are open than a change of the rules can carry over. Resolve some of them first.",
    ),
    "until-has-passed": (ProblemType.UNPROCESSABLE, "The time until which to snooze has passed already."),
    "unreadable-rules": (ProblemType.UNPROCESSABLE, "The release that folds does not read this rule set. Finish the upgrade."),
    "revision-changed": (
        ProblemType.PRECONDITION_FAILED,
        "It was changed since you read it. Read it again, and decide anew.",
    ),
    "fold-error": (ProblemType.INTERNAL, "The command could not be decided: this is our fault. Nothing was changed."),
}
"""What is said for each reason that the fold gives. One that is not here is told by its status."""
_STATUSES: Mapping[int, tuple[ProblemType, str]] = {
    404: (ProblemType.NOT_FOUND, "There is nothing here, or not for you."),
    409: (ProblemType.REJECTED, "As things stand, the incident does not take this command."),
    412: REASONS["revision-changed"],
    422: (ProblemType.UNPROCESSABLE, "The incident does not take this value."),
    500: REASONS["fold-error"],
}


def applied(command: str, outcome: Outcome, patience: Patience) -> web.Response:
    """Tell what the command did."""
    headers = {**_HEADERS, **_heeded(patience, pending=False)}
    return answer(200, orjson.dumps({"command_id": command, **outcome.detail}), headers=headers)


def pending(command: str, position: Position, request_hash: str, patience: Patience) -> web.Response:
    """Say where the outcome will be.

    The place names the record and the request: so whoever asks there is told of this request, and not of another one for
    which somebody used the same key.
    """
    body = orjson.dumps({"command_id": command, "status": "pending"})
    place = f"/api/v1/commands/{_escaped(command)}?position={position}&request={request_hash}"
    headers = {"Location": place, "Retry-After": str(RETRY_S), **_HEADERS, **_heeded(patience, pending=True)}
    return answer(202, body, headers=headers)


def mismatched() -> Problem:
    """Say that a key was used for something else, or by somebody else: who asks now did nothing."""
    detail = "This Idempotency-Key was used for another request, or by somebody else. Nothing was done now: take another key."
    return Problem(422, detail, type=ProblemType.IDEMPOTENCY_MISMATCH)


def rejected(command: str, outcome: Outcome, patience: Patience) -> Problem:
    """Turn a rejection that the fold recorded into a problem; codes, ids and numbers of ours only."""
    by_status = _STATUSES.get(outcome.status, _STATUSES[422])
    kind, detail = REASONS.get(str(outcome.detail.get("reason")), by_status)
    members: dict[str, Any] = {name: value for name, value in outcome.detail.items() if name not in _RESERVED}
    if "status" in outcome.detail:
        members["current"] = outcome.detail["status"]
    status = outcome.status if outcome.status in _STATUSES else 422
    headers = _heeded(patience, pending=False)
    return Problem(status, detail, type=kind, headers=headers, members={"command_id": command, **members})


def _heeded(patience: Patience, *, pending: bool) -> dict[str, str]:
    told = patience.heeded(pending=pending)
    return {"Preference-Applied": told} if told else {}


def _escaped(key: str) -> str:
    """Escape a caller's key for a path."""
    return "".join(char if char.isalnum() or char in "-._~" else f"%{ord(char):02X}" for char in key)
