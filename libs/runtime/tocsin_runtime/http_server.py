"""A listening aiohttp application that stays quiet about what it cannot parse."""

from __future__ import annotations

import logging
from http import HTTPStatus

from aiohttp import web
from aiohttp.http_exceptions import LineTooLong
from aiohttp.web_protocol import RequestHandler
from aiohttp.web_request import BaseRequest

from tocsin_contracts.problem import ProblemType
from tocsin_runtime.errors import Fatal
from tocsin_runtime.metrics import Metrics
from tocsin_runtime.problem import Problem, problem_response


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


class QuietHandler(RequestHandler):
    """Answers what is no HTTP with a problem; aiohttp would echo the input and name its version."""

    __slots__ = ()

    def handle_error(
        self,
        request: BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer, count, and close the connection."""
        super().handle_error(request, status, exc, message)
        response = problem_response(request, _problem(status, exc))
        response.headers["Server"] = "tocsin"  # else aiohttp adds its own
        response.force_close()
        return response


def _problem(status: int, error: BaseException | None) -> Problem:
    """Say what was wrong, in the gateway's words where the gateway has some."""
    if isinstance(error, LineTooLong):
        return Problem(431, "A line of the request's header is too long.", type=ProblemType.TOO_LARGE)
    kind = ProblemType.MALFORMED if status < HTTPStatus.INTERNAL_SERVER_ERROR else ProblemType.INTERNAL
    return Problem(status, "This is not a request that we can read.", type=kind)


class QuietServer(web.Server):
    """Makes quiet handlers."""

    def __call__(self) -> QuietHandler:
        """Make the handler of one connection."""
        return QuietHandler(self, loop=self._loop, **self._kwargs)


class QuietRunner(web.AppRunner):
    """Runs an application on a quiet server."""

    __slots__ = ()

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        return QuietServer(
            made.request_handler,
            request_factory=made.request_factory,
            handler_cancellation=made.handler_cancellation,
            loop=made._loop,  # noqa: SLF001 - aiohttp has no hook for another handler class
            **made._kwargs,  # noqa: SLF001
        )


class HttpServer:
    """One listening application; `port` tells where, after `start`."""

    def __init__(self, app: web.Application, *, host: str, port: int, metrics: Metrics, stop_timeout_s: float = 10.0):
        self._app = app
        self._host = host
        self._port = port
        self._metrics = metrics
        self._stop_timeout_s = stop_timeout_s
        self._runner: QuietRunner | None = None

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
        runner = QuietRunner(
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
