"""aiohttp pieces that every service shares: problems, probes, metrics, a server."""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any, Final

import orjson
import structlog
from aiohttp import web

from tocsin_runtime.errors import Fatal, Recoverable
from tocsin_runtime.health import Health
from tocsin_runtime.metrics import CONTENT_TYPE, Metrics

PROBLEM_JSON: Final = "application/problem+json"
REQUEST_ID: Final = web.RequestKey("tocsin_request_id", str)
_ALLOWED_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
_HEALTHY = b'{"status":"healthy"}\n'
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


def request_id(request: web.Request) -> str:
    """Give this request's id: the caller's `X-Request-Id` where it is well-formed, else a random one."""
    known = request.get(REQUEST_ID)
    if known is None:
        offered = request.headers.get("X-Request-Id", "")
        known = offered if _ALLOWED_ID.fullmatch(offered) else secrets.token_hex(12)
        request[REQUEST_ID] = known
    return known


def problem_response(request: web.Request, problem: Problem) -> web.Response:
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

    `Problem` as it says; aiohttp's own (404, 405, 413 …) by their status; `Recoverable` is a 503 with `Retry-After`;
    anything else is a 500 that says nothing, with one log line that says everything.
    """
    try:
        return await handler(request)
    except Problem as problem:
        return problem_response(request, problem)
    except web.HTTPException as error:
        if error.status < HTTPStatus.BAD_REQUEST:
            raise
        keep = {name: error.headers[name] for name in ("Allow", "Retry-After") if name in error.headers}
        return problem_response(request, Problem(error.status, headers=keep))
    except Recoverable as error:
        _log.warning("http.unavailable", request_id=request_id(request), reason=str(error))
        retry = {"Retry-After": "1"}
        return problem_response(request, Problem(503, "A dependency does not answer. Try again.", headers=retry))
    except asyncio.CancelledError:
        raise
    except Exception as error:  # noqa: BLE001 - the last wall: nothing of it may reach the caller
        _log.error("http.failed", request_id=request_id(request), path=request.path, exc_info=error)
        return problem_response(request, Problem(500, "This is our fault. The request id finds it in our log."))


async def finish_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Set the headers that every answer carries, and drop what names our software."""
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers["X-Request-Id"] = request_id(request)
    response.headers.popall("Server", None)


def application(*, health: Health, metrics: Metrics, body_max: int = 1 << 20) -> web.Application:
    """Make an application with the probes, the metrics page and the problem middleware.

    Args:
        health: asked by `/-/healthy` and `/-/ready`.
        metrics: rendered by `/metrics`; malformed requests are counted in it.
        body_max: bytes of a body after which reading it is a 413.
    """
    app = web.Application(middlewares=[problems], client_max_size=body_max)
    app.on_response_prepare.append(finish_headers)

    async def healthy(_request: web.Request) -> web.Response:
        return web.Response(body=_HEALTHY, content_type="application/json")

    async def ready(request: web.Request) -> web.Response:
        state = health.readiness()
        if state.ready:
            return web.Response(body=b'{"status":"ready"}\n', content_type="application/json")
        detail = "; ".join(f"{name}: {reason}" for name, reason in state.reasons.items())
        return problem_response(request, Problem(503, detail, members={"reasons": dict(state.reasons)}))

    async def page(_request: web.Request) -> web.Response:
        return web.Response(body=metrics.render(), headers={"Content-Type": CONTENT_TYPE})

    app.router.add_get("/-/healthy", healthy)
    app.router.add_get("/-/ready", ready)
    app.router.add_get("/metrics", page)
    return app


class CountMalformed(logging.Handler):
    """Counts what aiohttp would log: a traceback for each malformed request floods a log at an attacker's will."""

    def __init__(self, metrics: Metrics) -> None:
        super().__init__()
        self._count = metrics.counter("tocsin_http_malformed_total", "requests refused before they reached a route")

    def emit(self, record: logging.LogRecord) -> None:
        """Count, and write nothing."""
        del record
        self._count.inc()


def server_logger(metrics: Metrics) -> logging.Logger:
    """Make a logger for aiohttp's server that counts instead of writing."""
    logger = logging.Logger("aiohttp.server.muted")  # noqa: LOG001 - one a server, never shared through the registry
    logger.propagate = False
    logger.addHandler(CountMalformed(metrics))
    return logger


class HttpServer:
    """One listening application; `port` tells where, after `start`."""

    def __init__(self, app: web.Application, *, host: str, port: int, metrics: Metrics, stop_timeout_s: float = 10.0):
        self._app = app
        self._host = host
        self._port = port
        self._metrics = metrics
        self._stop_timeout_s = stop_timeout_s
        self._runner: web.AppRunner | None = None

    @property
    def port(self) -> int:
        """The port in use: the configured one, or after `start` the free one taken for 0."""
        return self._port

    @property
    def url(self) -> str:
        """Where the server answers, without a trailing slash."""
        return f"http://{self._host}:{self._port}"

    async def start(self) -> None:
        """Listen.

        Raises:
            Fatal: the address cannot be taken; says which.
        """
        runner = web.AppRunner(
            self._app,
            access_log=None,
            logger=server_logger(self._metrics),
            handle_signals=False,
            handler_cancellation=False,
            shutdown_timeout=self._stop_timeout_s,
        )
        await runner.setup()
        site = web.TCPSite(runner, self._host, self._port, backlog=1024, reuse_address=True)
        try:
            await site.start()
        except OSError as error:
            await runner.cleanup()
            raise Fatal(f"cannot listen on {self._host}:{self._port}: {error.strerror}") from error
        self._runner = runner
        self._port = runner.addresses[0][1]

    async def stop(self) -> None:
        """Accept nothing more, let running requests finish within the bound, close."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
