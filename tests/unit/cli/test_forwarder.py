"""The forwarder hands each request, whole and unchanged, to the one service that owns its path."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from structlog.testing import capture_logs
from yarl import URL

from tocsin.local.forwarder import Forwarder, ForwarderSettings
from tocsin.servers.free_port import free_ports

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(slots=True)
class Backend:
    """A service that remembers what reached it, and answers as `handler` says."""

    name: str
    seen: list[tuple[str, str]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    handler: Handler | None = None

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.seen.append((request.method, request.raw_path))
        self.headers.append({name.lower(): value for name, value in request.headers.items()})
        if self.handler is not None:
            return await self.handler(request)
        self.bodies.append(await request.read())
        return web.Response(text=self.name, headers={"X-Owner": self.name, "Connection": "X-Hop", "X-Hop": "1"})


@dataclass(slots=True)
class Stage:
    """A forwarder between a client and two backends."""

    ingest: Backend
    query: Backend
    session: aiohttp.ClientSession
    url: str

    def ask(
        self, method: str, path: str, *, data: object = None, headers: Mapping[str, str] | None = None
    ) -> aiohttp.client._RequestContextManager:
        return self.session.request(method, URL(self.url + path, encoded=True), data=data, headers=headers)


@asynccontextmanager
async def staged(*, ingest_url: str | None = None, in_flight_max: int = 100) -> AsyncIterator[Stage]:
    ingest, query = Backend("ingest"), Backend("query")
    servers = []
    for backend in (ingest, query):
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", backend.answer)
        server = TestServer(app, host="127.0.0.1")
        await server.start_server(auto_decompress=False)
        servers.append(server)
    urls = [str(server.make_url("")).rstrip("/") for server in servers]
    settings = ForwarderSettings(port=0, ingest=ingest_url or urls[0], query=urls[1], in_flight_max=in_flight_max)
    forwarder = Forwarder(settings)
    await forwarder.start()
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        yield Stage(ingest, query, session, f"http://127.0.0.1:{forwarder.port}")
    await forwarder.stop()
    for server in servers:
        await server.close()


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with staged() as made:
        yield made


@pytest.mark.parametrize(
    ("method", "path", "owner"),
    [
        ("GET", "/api/v1/incidents?limit=2&q=a%2Fb", "query"),
        ("PATCH", "/api/v1/incidents/x/status", "ingest"),
        ("GET", "/api/v1/webhooks/alertmanager/int_1", "ingest"),
        ("POST", "/webhooks/sentry", "ingest"),
        ("GET", "/api/v1/deliveries/d/body", "ingest"),
        ("GET", "/", "query"),
    ],
)
async def test_a_request_reaches_the_owner_of_its_path_and_nobody_else(stage: Stage, method: str, path: str, owner: str) -> None:
    async with stage.ask(method, path) as response:
        assert (response.status, await response.text()) == (200, owner)
    backends = {"ingest": stage.ingest, "query": stage.query}
    assert backends.pop(owner).seen == [(method, path)]
    assert all(not other.seen for other in backends.values())


@pytest.mark.parametrize(
    "path", ["/-/ready", "/-/healthy", "/metrics", "/%2d/ready", "/api/../-/ready", "/api/%2e%2e/metrics", "/a/..%5cb"]
)
async def test_probes_metrics_and_paths_that_walk_upwards_are_never_forwarded(stage: Stage, path: str) -> None:
    async with stage.ask("GET", path) as response:
        assert response.status == 404
        assert response.content_type == "application/problem+json"
    assert not stage.ingest.seen
    assert not stage.query.seen


async def test_a_compressed_body_arrives_byte_for_byte(stage: Stage) -> None:
    """Senders sign the bytes that they send, compressed or not."""
    body = gzip.compress(b'{"alerts": []}' * 1000)
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    async with stage.ask("POST", "/webhooks/sentry", data=body, headers=headers) as response:
        assert response.status == 200
    assert stage.ingest.bodies == [body]
    assert stage.ingest.headers[0]["content-encoding"] == "gzip"
    assert stage.ingest.headers[0]["content-length"] == str(len(body))


async def test_a_compressed_answer_comes_back_byte_for_byte(stage: Stage) -> None:
    body = gzip.compress(b"x" * 5000)

    async def packed(_request: web.Request) -> web.StreamResponse:
        return web.Response(body=body, headers={"Content-Encoding": "gzip"})

    stage.query.handler = packed
    async with stage.ask("GET", "/api/v1/incidents") as response:
        assert await response.read() == body
        assert response.headers["Content-Encoding"] == "gzip"


async def test_what_only_a_proxy_may_say_is_replaced(stage: Stage) -> None:
    forged = {
        "X-Forwarded-For": "6.6.6.6",
        "X-Forwarded-Host": "evil",
        "Forwarded": "for=6.6.6.6",
        "X-Real-IP": "6.6.6.6",
        "X-Request-Id": "chosen-by-caller",
        "Connection": "X-Secret",
        "X-Secret": "1",
        "Request-ID": "sentrys-own",
    }
    async with stage.ask("GET", "/api/v1/incidents", headers=forged) as response:
        shown = response.headers["X-Request-Id"]
        assert "X-Hop" not in response.headers
        assert response.headers["X-Owner"] == "query"
        assert "Server" not in response.headers
    arrived = stage.query.headers[0]
    assert arrived["x-forwarded-for"] == "127.0.0.1"
    assert arrived["x-request-id"] == shown != "chosen-by-caller"
    assert arrived["request-id"] == "sentrys-own"
    assert not {"x-forwarded-host", "forwarded", "x-real-ip", "x-secret"} & arrived.keys()


async def test_an_answer_streams_before_it_ends(stage: Stage) -> None:
    go_on = asyncio.Event()

    async def slow(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"first")
        await go_on.wait()
        await response.write(b"second")
        return response

    stage.query.handler = slow
    async with stage.ask("GET", "/api/v1/stream") as response:
        assert await response.content.readany() == b"first"
        go_on.set()
        assert await response.content.read() == b"second"


async def test_a_request_body_streams_before_it_ends(stage: Stage) -> None:
    arrived = asyncio.Event()

    async def reading(request: web.Request) -> web.StreamResponse:
        assert await request.content.readany() == b"first"
        arrived.set()
        return web.Response(body=await request.content.read())

    async def body() -> AsyncIterator[bytes]:
        yield b"first"
        await arrived.wait()
        yield b"second"

    stage.ingest.handler = reading
    async with stage.ask("POST", "/webhooks/sentry", data=body()) as response:
        assert await response.read() == b"second"


async def test_a_caller_who_leaves_ends_the_stream_behind_us(stage: Stage) -> None:
    left = asyncio.Event()

    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"first")
        try:
            await asyncio.Event().wait()
        finally:
            left.set()
        return response

    stage.query.handler = endless
    response = await stage.ask("GET", "/api/v1/stream")
    await response.content.readany()
    response.close()
    await left.wait()


async def test_an_absent_service_is_a_503_that_says_when_to_try_again() -> None:
    (nobody,) = free_ports(1)
    async with staged(ingest_url=f"http://127.0.0.1:{nobody}") as stage:
        async with stage.ask("POST", "/webhooks/sentry", data=b"{}") as response:
            assert response.status == 503
            assert response.headers["Retry-After"] == "1"
            assert response.content_type == "application/problem+json"
        async with stage.ask("GET", "/api/v1/incidents") as response:
            assert response.status == 200


async def test_a_service_that_breaks_off_before_its_answer_is_a_502(stage: Stage) -> None:
    async def broken(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    stage.ingest.handler = broken
    async with stage.ask("POST", "/webhooks/sentry", data=b"{}") as response:
        assert response.status == 502
        assert response.content_type == "application/problem+json"


async def speak_no_http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readline()
    writer.write(b"this is no HTTP\r\n\r\n")
    writer.close()


async def test_s17_no_line_of_ours_repeats_a_url() -> None:
    """A token may stand in it; what aiohttp says of an answer that is no HTTP repeats the whole URL."""
    server = await asyncio.start_server(speak_no_http, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with capture_logs() as lines:
        async with (
            server,
            staged(ingest_url=f"http://127.0.0.1:{port}") as stage,
            stage.ask("POST", "/webhooks/sentry/ABC/t/canary?canary", data=b"{}") as answer,
        ):
            assert answer.status == 502
            assert b"canary" not in await answer.read()
        async with (
            staged(ingest_url=f"http://127.0.0.1:{free_ports(1)[0]}") as stage,
            stage.ask("POST", "/webhooks/sentry/ABC/t/canary", data=b"{}") as answer,
        ):
            assert answer.status == 503

    assert {line["event"] for line in lines} == {"forwarder.broken", "forwarder.away"}
    assert "canary" not in repr(lines)


async def test_an_answer_that_breaks_off_never_looks_complete(stage: Stage) -> None:
    async def cut(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"half")
        assert request.transport is not None
        request.transport.abort()
        return response

    stage.query.handler = cut
    with pytest.raises(aiohttp.ClientError):
        async with stage.ask("GET", "/api/v1/incidents") as response:
            await response.read()


async def test_above_the_bound_of_requests_under_way_the_answer_is_503() -> None:
    entered, go_on = asyncio.Event(), asyncio.Event()

    async def slow(_request: web.Request) -> web.StreamResponse:
        entered.set()
        await go_on.wait()
        return web.Response()

    async with staged(in_flight_max=1) as stage:
        stage.query.handler = slow
        first = asyncio.ensure_future(stage.ask("GET", "/api/v1/incidents"))
        await entered.wait()
        async with stage.ask("GET", "/api/v1/incidents") as response:
            assert response.status == 503
        go_on.set()
        assert (await first).status == 200


async def test_head_gets_the_headers_alone(stage: Stage) -> None:
    async with stage.ask("HEAD", "/api/v1/incidents") as response:
        assert response.status == 200
        assert response.headers["Content-Length"] == "5"
        assert await response.read() == b""


async def test_a_header_line_beyond_8_kib_is_431_as_the_gateway_and_nginx_say(stage: Stage) -> None:
    async with stage.ask("POST", "/webhooks/sentry", headers={"X-A": "a" * 9000}) as response:
        assert (response.status, response.content_type) == (431, "application/problem+json")
    assert not stage.ingest.seen
