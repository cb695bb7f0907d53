"""Errors over HTTP: RFC 9457 problems, made in one place."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any, Final

import orjson
import structlog
from aiohttp import web
from aiohttp.web_request import BaseRequest

from tocsin_contracts.problem import ProblemType
from tocsin_contracts.routes import allowed_methods, in_order
from tocsin_runtime.errors import Recoverable

PROBLEM_JSON: Final = "application/problem+json"
REQUEST_ID: Final = web.RequestKey("tocsin_request_id", str)
_ALLOWED_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
_OF_AIOHTTP: Final = {413: ProblemType.TOO_LARGE, 415: ProblemType.UNSUPPORTED_MEDIA, 500: ProblemType.INTERNAL}
_log = structlog.get_logger()

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Problem(Exception):  # noqa: N818 - RFC 9457's own word
    """An answer other than success: raise it anywhere in a handler, the middleware writes it.

    `detail` is a fixed sentence, never an echo of the input. `members` are RFC 9457 extension members
    (`errors`, `violated-policies` …), `headers` go onto the answer (`Retry-After`, `WWW-Authenticate`, `Allow` …).
    """

    def __init__(
        self,
        status: int,
        detail: str | None = None,
        *,
        type: str = "about:blank",  # noqa: A002 - RFC 9457's member
        title: str | None = None,
        headers: Mapping[str, str] | None = None,
        members: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail or title or HTTPStatus(status).phrase)
        self.status = status
        self.type = type
        self.title = title or HTTPStatus(status).phrase
        self.detail = detail
        self.headers = dict(headers or {})
        self.members = dict(members or {})


def not_found() -> Problem:
    """Say that nothing lies here; the same for what another tenant has."""
    return Problem(404, "There is nothing here, or not for you.", type=ProblemType.NOT_FOUND)


def wrong_method(*methods: str) -> Problem:
    """Say which methods a path takes; HEAD goes wherever GET does."""
    allowed = ", ".join(in_order(methods))
    return Problem(405, f"This path takes {allowed}.", type=ProblemType.METHOD_NOT_ALLOWED, headers={"Allow": allowed})


def not_here(path: str, method: str = "") -> Problem:
    """Answer for a path that this service does not have: 405 where the public address takes it by another method, else 404.

    The public address sends reads to one service and everything else to another, so either may be asked for the other's paths.

    Args:
        path: as it came.
        method: by which it was asked for: where the address takes it, it is the slash at the end that leads nowhere.
    """
    allowed = allowed_methods(path)
    misspelt = path.endswith("/") and method in allowed
    return wrong_method(*allowed) if allowed and not misspelt else not_found()


def request_id(request: BaseRequest) -> str:
    """Give this request's id: the caller's `X-Request-Id` where it is well-formed, else a random one."""
    known = request.get(REQUEST_ID)
    if known is None:
        offered = request.headers.get("X-Request-Id", "")
        known = offered if _ALLOWED_ID.fullmatch(offered) else secrets.token_hex(12)
        request[REQUEST_ID] = known
    return known


def problem_response(request: BaseRequest, problem: Problem) -> web.Response:
    """Write `problem` as `application/problem+json`, with the request's id as `instance`."""
    body: dict[str, Any] = {"type": problem.type, "title": problem.title, "status": problem.status}
    if problem.detail is not None:
        body["detail"] = problem.detail
    body["instance"] = f"urn:request:{request_id(request)}"
    body.update(problem.members)
    headers = {"Cache-Control": "no-store", **problem.headers}
    return web.Response(status=problem.status, body=orjson.dumps(body), content_type=PROBLEM_JSON, headers=headers)


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn every error into problem+json; the only place that maps errors to answers.

    `Problem` as it says; 404 and 405 as every service says them, aiohttp's others (413 …) by their status; `Recoverable` is a
    503 with `Retry-After`; anything else is a 500 that says nothing, with one log line that says everything.
    """
    try:
        return await handler(request)
    except Problem as problem:
        return problem_response(request, problem)
    except web.HTTPNotFound:
        return problem_response(request, not_here(request.rel_url.raw_path, request.method))
    except web.HTTPMethodNotAllowed as error:
        known = allowed_methods(request.rel_url.raw_path)
        return problem_response(request, wrong_method(*(known or error.allowed_methods)))
    except web.HTTPException as error:
        if error.status < HTTPStatus.BAD_REQUEST:
            raise
        keep = {name: error.headers[name] for name in ("Allow", "Retry-After") if name in error.headers}
        kind = _OF_AIOHTTP.get(error.status, ProblemType.MALFORMED)
        return problem_response(request, Problem(error.status, "This request is not taken here.", type=kind, headers=keep))
    except Recoverable as error:
        _log.warning("http.unavailable", request_id=request_id(request), reason=str(error))
        detail, retry = "A dependency does not answer. Try again.", {"Retry-After": "1"}
        return problem_response(request, Problem(503, detail, type=ProblemType.UNAVAILABLE, headers=retry))
    except asyncio.CancelledError:
        raise
    except Exception as error:  # noqa: BLE001 - the last wall: nothing of it may reach the caller
        # Not the path: a token may stand in it.
        _log.error("http.failed", request_id=request_id(request), method=request.method, exc_info=error)
        detail = "This is our fault. The request id finds it in our log."
        return problem_response(request, Problem(500, detail, type=ProblemType.INTERNAL))


async def finish_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Set the headers that every answer carries, and drop what names our software."""
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers["X-Request-Id"] = request_id(request)
    response.headers.popall("Server", None)
