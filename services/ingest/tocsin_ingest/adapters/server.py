"""The listening socket: aiohttp's low-level server, without its router and middlewares, with the guards it lacks.

The low-level server saves a third of a request's cost, and ingest has five routes. What aiohttp does not do and this does:
close connections that send no request in time (security S01), bound their number (S06), answer malformed requests as
problems without a traceback each (S02, S92), and hand bodies over as received (`auto_decompress` is off).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import cast

from aiohttp import web
from aiohttp.http_exceptions import LineTooLong

from tocsin_contracts.problem import ProblemType
from tocsin_ingest.answers import malformed, problem_answer
from tocsin_ingest.metrics import IngestMetrics
from tocsin_ingest.settings import IngestSettings
from tocsin_runtime.errors import Fatal
from tocsin_runtime.http import Problem

Answer = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

_BACKLOG = 1024
_STOP_SHARE = 0.3
"""Of the time to stop: aiohttp waits for running requests once, cancels, and waits as long again."""
_HEADERS_HARD_MAX = 128
"""aiohttp's own bound of header fields; ours is lower and answers 431 (`routes`)."""


class Connection(web.RequestHandler):
    """One connection, with a deadline for its first request."""

    __slots__ = ("_headers_timer", "_metrics", "_settings")

    def __init__(self, server: Server, settings: IngestSettings, metrics: IngestMetrics, logger: logging.Logger) -> None:
        super().__init__(
            server,
            loop=asyncio.get_running_loop(),
            keepalive_timeout=settings.idle_s,
            logger=logger,
            access_log=cast("logging.Logger", None),  # aiohttp takes None for none; its annotation does not
            max_line_size=settings.header_max_bytes,
            max_field_size=settings.header_max_bytes,
            max_headers=_HEADERS_HARD_MAX,
            lingering_time=settings.linger_s,
            auto_decompress=False,
        )
        self._settings = settings
        self._metrics = metrics
        self._headers_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, or close it at once where there are too many."""
        super().connection_made(transport)
        server = cast("Server", self._manager)
        if server.open_connections > self._settings.connections_max:
            self._metrics.connections_refused.inc()
            server.refused()
            self.force_close()
            return
        self._metrics.connections.inc()
        loop = asyncio.get_running_loop()
        self._headers_timer = loop.call_later(self._settings.headers_deadline_s, self._close_if_silent)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Forget the connection."""
        if self._headers_timer is not None:
            self._headers_timer.cancel()
            self._headers_timer = None
            self._metrics.connections.dec()
        super().connection_lost(exc)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what never reached a route: no traceback, nothing of the request repeated."""
        del request, message
        self._metrics.malformed.inc()
        if isinstance(exc, LineTooLong):
            problem = malformed("A line of the request's header is too long.", status=431, kind=ProblemType.TOO_LARGE)
        elif status == 400:
            problem = malformed("This is not an HTTP request that we read.")
        else:
            problem = Problem(status, type=ProblemType.INTERNAL)
        response = problem_answer(problem, "unread")
        response.force_close()
        return response

    def _close_if_silent(self) -> None:
        """Close where not even one request header was complete in time; later requests have `idle_s`."""
        if self._request_count == 0:
            self._metrics.headers_late.inc()
            self.force_close()


class Server(web.Server):
    """Makes connections."""

    def __init__(self, answer: Answer, settings: IngestSettings, metrics: IngestMetrics, refused: Callable[[], None]) -> None:
        super().__init__(answer)
        self.refused = refused
        self._settings = settings
        self._metrics = metrics
        self._muted = logging.Logger("aiohttp.server.ingest")  # noqa: LOG001 - never shared through the registry
        self._muted.propagate = False
        self._muted.addHandler(logging.NullHandler())

    @property
    def open_connections(self) -> int:
        """Count the open connections."""
        return len(self._connections)

    def __call__(self) -> web.RequestHandler:
        """Make the protocol of a new connection."""
        return Connection(self, self._settings, self._metrics, self._muted)


class Listener:
    """Listens for the answers of one callable; `port` tells where, after `start`."""

    def __init__(self, answer: Answer, settings: IngestSettings, metrics: IngestMetrics, refused: Callable[[], None]) -> None:
        """Prepare to listen; `refused` hears of each connection above the bound: whose it was, nobody knows (P10)."""
        self._refused = refused
        self._answer = answer
        self._settings = settings
        self._metrics = metrics
        self._port = settings.port
        self._runner: web.ServerRunner | None = None

    @property
    def port(self) -> int:
        """The port in use: the configured one, or after `start` the free one taken for 0."""
        return self._port

    @property
    def url(self) -> str:
        """Where it answers, without a trailing slash."""
        return f"http://{self._settings.host}:{self._port}"

    async def start(self) -> None:
        """Listen.

        Raises:
            Fatal: the address cannot be taken; says which.
        """
        server = Server(self._answer, self._settings, self._metrics, self._refused)
        runner = web.ServerRunner(server, handle_signals=False, shutdown_timeout=self._settings.stop_timeout_s * _STOP_SHARE)
        await runner.setup()
        site = web.TCPSite(runner, self._settings.host, self._settings.port, backlog=_BACKLOG, reuse_address=True)
        try:
            await site.start()
        except OSError as error:
            await runner.cleanup()
            raise Fatal(f"cannot listen on {self._settings.host}:{self._settings.port}: {error.strerror}") from error
        self._runner = runner
        self._port = runner.addresses[0][1]

    async def stop(self) -> None:
        """Accept nothing more, let running requests finish within the bound, close. Idle connections close at once."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
