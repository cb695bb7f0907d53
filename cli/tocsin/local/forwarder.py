"""The one public address of `tocsin up`: forwards each request to the service that owns its path.

Thin and streaming: bodies pass in both directions as they come, undecoded (signatures are of the bytes as sent).
In production nginx does this from the same route table. Run it as `python -m tocsin.local.forwarder`.
"""

import asyncio
import secrets
import sys
from collections.abc import AsyncIterator, Iterable
from typing import ClassVar

import aiohttp
import structlog
from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from tocsin_contracts.routes import Owner, owner
from tocsin_runtime.errors import Fatal
from tocsin_runtime.http_server import QuietRunner, server_logger
from tocsin_runtime.lifecycle import main
from tocsin_runtime.metrics import Metrics
from tocsin_runtime.problem import REQUEST_ID, Problem, finish_headers, problems, request_id
from tocsin_runtime.settings import Settings, setting

_log = structlog.get_logger()
CHUNK_BYTES = 1 << 16
HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
# What only a proxy may say: an incoming one is a forgery, whoever sends it.
REPLACED = frozenset({"x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-real-ip", "forwarded", "x-request-id"})


class ForwarderSettings(Settings):
    """What can be set of the forwarder."""

    service: ClassVar[str] = "forwarder"

    port: int = setting(8080, "port of the public address", ge=0, le=65535)
    ingest: str = setting("http://127.0.0.1:8081", "where ingest answers")
    query: str = setting("http://127.0.0.1:8082", "where query answers")
    in_flight_max: int = setting(2048, "requests under way; more are answered 503", ge=1)
    connect_s: float = setting(2.0, "seconds to reach a service", gt=0, le=30)
    silence_s: float = setting(60.0, "seconds that a service may say nothing before its answer is given up", gt=0)


class Forwarder:
    """Listens on the public address until stopped."""

    def __init__(self, settings: ForwarderSettings) -> None:
        self._settings = settings
        self._targets = {Owner.INGEST: settings.ingest, Owner.QUERY: settings.query}
        self._in_flight = 0
        self._stopped = asyncio.Event()
        self._runner: QuietRunner | None = None
        self._session: aiohttp.ClientSession | None = None
        self.port = settings.port

    async def start(self) -> None:
        """Listen; raise `Fatal` if the address is taken."""
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=self._settings.connect_s, sock_read=self._settings.silence_s)
        self._session = aiohttp.ClientSession(
            timeout=timeout,
            auto_decompress=False,
            # Shorter than the services' own idle time, so that we never send on a connection that they just closed.
            connector=aiohttp.TCPConnector(limit=self._settings.in_flight_max, keepalive_timeout=10),
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
        )
        app = web.Application(middlewares=[problems])
        app.on_response_prepare.append(finish_headers)
        app.router.add_route("*", "/{path:.*}", self.forward)
        # Cancelled when the caller leaves, so that an abandoned stream does not live on behind us.
        self._runner = QuietRunner(
            app,
            access_log=None,
            logger=server_logger(Metrics(process=False)),
            handle_signals=False,
            handler_cancellation=True,
            auto_decompress=False,
            shutdown_timeout=5.0,
        )
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self._settings.host, self._settings.port, backlog=1024).start()
        except OSError as error:
            raise Fatal(f"cannot listen on {self._settings.host}:{self._settings.port}: {error.strerror}") from error
        self.port = self._runner.addresses[0][1]

    async def wait(self) -> None:
        """Serve until `stop`."""
        await self._stopped.wait()

    async def stop(self) -> None:
        """Take nothing more, let what runs finish for a moment, close."""
        self._stopped.set()
        if self._runner is not None:
            await self._runner.cleanup()
        if self._session is not None:
            await self._session.close()

    async def forward(self, request: web.Request) -> web.StreamResponse:
        """Answer with what the owner of the path answers."""
        request[REQUEST_ID] = secrets.token_hex(12)  # never the caller's: it must be unique in our logs
        target = self._target(request)
        if self._in_flight >= self._settings.in_flight_max:
            raise _unavailable("Too many requests are under way.")
        self._in_flight += 1
        try:
            return await self._pass(request, target)
        finally:
            self._in_flight -= 1

    def _target(self, request: web.Request) -> Owner:
        """Find the owner; probes, metrics and paths that walk upwards are nobody's."""
        path = request.path
        found = None if _walks(path) else owner(request.method, path)
        if found is None:
            raise Problem(404, "Nothing answers at this path.")
        return found

    async def _pass(self, request: web.Request, target: Owner) -> web.StreamResponse:
        if self._session is None:
            raise _unavailable("The public address is starting.")
        url = URL(self._targets[target] + request.rel_url.raw_path_qs, encoded=True)
        body = _chunks(request) if request.can_read_body else None
        headers = _request_headers(request)
        try:
            upstream = await self._session.request(request.method, url, headers=headers, data=body, allow_redirects=False)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            _log.warning("forwarder.away", service=target.value, reason=str(error))
            raise _unavailable(f"The {target.value} service does not answer. Try again.") from error
        except (aiohttp.ClientError, TimeoutError) as error:
            # Not what the error says: some of aiohttp's repeat the URL, and a token may stand in it.
            _log.warning("forwarder.broken", service=target.value, reason=type(error).__name__)
            raise Problem(
                502,
                f"The {target.value} service broke off. What was sent may have been stored; sending it again is safe.",
                headers={"Retry-After": "1"},
            ) from error
        async with upstream:
            return await _answer(request, upstream)


async def _answer(request: web.Request, upstream: aiohttp.ClientResponse) -> web.StreamResponse:
    """Stream the service's answer; a break in the middle breaks the caller's connection, never pretends an end."""
    headers = _without(upstream.headers, HOP_BY_HOP)
    headers.popall("Server", None)
    response = web.StreamResponse(status=upstream.status, reason=upstream.reason, headers=headers)
    await response.prepare(request)
    try:
        async for chunk in upstream.content.iter_any():
            await response.write(chunk)
        await response.write_eof()
    except (aiohttp.ClientError, TimeoutError) as error:
        _log.warning("forwarder.cut", reason=type(error).__name__)
        if request.transport is not None:
            request.transport.abort()
    return response


def _request_headers(request: web.Request) -> CIMultiDict[str]:
    headers = _without(request.headers, HOP_BY_HOP | REPLACED)
    headers["X-Forwarded-For"] = request.remote or "unknown"
    headers["X-Forwarded-Proto"] = request.scheme
    headers["X-Request-Id"] = request_id(request)
    return headers


def _without(headers: CIMultiDictProxy[str], dropped: Iterable[str]) -> CIMultiDict[str]:
    """Copy headers but for `dropped` and those that `Connection` names."""
    named = {name.strip().lower() for value in headers.getall("Connection", []) for name in value.split(",")}
    skip = named.union(dropped)
    return CIMultiDict((name, value) for name, value in headers.items() if name.lower() not in skip)


async def _chunks(request: web.Request) -> AsyncIterator[bytes]:
    async for chunk in request.content.iter_chunked(CHUNK_BYTES):
        yield chunk


def _walks(path: str) -> bool:
    return any(segment in {".", ".."} for segment in path.split("/")) or "\\" in path


def _unavailable(detail: str) -> Problem:
    return Problem(503, detail, headers={"Retry-After": "1"})


if __name__ == "__main__":
    sys.exit(main("tocsin.local.forwarder", ForwarderSettings, Forwarder))
