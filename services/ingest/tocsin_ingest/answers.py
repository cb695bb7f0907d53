"""Answers of ingest: one shape for every failure (RFC 9457), and the headers that all answers carry.

What all services say alike (404, 405) is runtime's, and may be imported from here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from aiohttp import web

from tocsin_contracts.problem import ProblemType
from tocsin_runtime.problem import PROBLEM_JSON, Problem, not_found, not_here, wrong_method

__all__ = [
    "answer",
    "malformed",
    "not_found",
    "not_here",
    "problem_answer",
    "too_large",
    "unauthenticated",
    "unavailable",
    "wrong_method",
]
JSON = "application/json"
RETRY_S = 1
"""Seconds that a sender should wait after a 503: the log comes back within seconds, or does not."""

_CLOSING = frozenset({400, 408, 413, 414, 431})
"""After these the rest of the request may still be on its way, or is not what it seems: the connection ends."""


def answer(status: int, body: bytes, *, headers: Mapping[str, str], content_type: str = JSON) -> web.Response:
    """Write a successful answer."""
    return web.Response(
        status=status,
        body=body,
        headers={"Content-Type": content_type, "X-Content-Type-Options": "nosniff", "Server": "tocsin", **headers},
    )


def problem_answer(problem: Problem, request_id: str) -> web.Response:
    """Write `problem` with the request's id; nothing of the request is repeated in it."""
    body: dict[str, Any] = {"type": problem.type, "title": problem.title, "status": problem.status}
    if problem.detail is not None:
        body["detail"] = problem.detail
    body["instance"] = f"urn:request:{request_id}"
    body.update(problem.members)
    headers = {"Cache-Control": "no-store", "X-Request-Id": request_id, **problem.headers}
    response = answer(problem.status, orjson.dumps(body), headers=headers, content_type=PROBLEM_JSON)
    if problem.status in _CLOSING:
        response.force_close()
    return response


def malformed(detail: str, *, status: int = 400, kind: ProblemType = ProblemType.MALFORMED) -> Problem:
    """Say that a request cannot be read."""
    return Problem(status, detail, type=kind)


def too_large(detail: str) -> Problem:
    """Say that a body is too large."""
    return Problem(413, detail, type=ProblemType.TOO_LARGE)


def unavailable(detail: str) -> Problem:
    """Say that the request may be tried again soon; a delivery answered so is maybe stored (P1)."""
    return Problem(503, detail, type=ProblemType.UNAVAILABLE, headers={"Retry-After": str(RETRY_S)})


def unauthenticated() -> Problem:
    """Say that the credentials prove nothing: one answer for every reason (security S10)."""
    return Problem(
        401,
        "These credentials do not open this.",
        type=ProblemType.UNAUTHENTICATED,
        headers={"WWW-Authenticate": 'Bearer realm="tocsin"'},
    )
