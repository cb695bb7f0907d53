"""nginx with our files: each path to its owner, private paths to nobody, nothing of a proxy believed, no POST sent twice."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import product

import aiohttp
import orjson
import pytest
from aiohttp import web

from tests.peers.front import Front, check, configure, listening, run_front
from tests.support.instance import eventually
from tests.support.raw import RawAnswer, dialled, head, talk
from tests.support.servers import scratch
from tocsin_contracts.problem import ProblemType
from tocsin_contracts.routes import INGEST_PREFIXES, INGEST_SUFFIXES, ROUTES, owner

METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
PUBLIC = (
    "/",
    "/index.html",
    "/api/v1/incidents",
    "/api/v1/incidents/01J/status",
    "/incidents/01J",
    "/api/v1/deliveries/ABC",
    "/api/v1/deliveries/ABC/try",
    "/api/v1/commands/1",
    "/api/v1/incidents/stream",
    "/deliveries/body",
    *("/api/v1" + route.path for route in ROUTES),
    *(route.path for route in ROUTES),
    *(prefix + "x" for prefix in INGEST_PREFIXES),
    *(f"{prefix}ABC{suffix}" for prefix, suffix in INGEST_SUFFIXES),
    *(f"{prefix}ABC{suffix}/more" for prefix, suffix in INGEST_SUFFIXES),
)
PRIVATE = (
    "/-/healthy",
    "/-/ready",
    "/metrics",
    "/metrics/",
    "/metrics?x=1",
    "/%2D/healthy",
    "/%2d%2fhealthy",
    "//-/ready",
    "/./metrics",
    "/api/v1/../../metrics",
    "/api/v1/%2e%2e/%2e%2e/-/healthy",
    "/%6Detrics",
)


@dataclass(slots=True)
class Echo:
    """A server that says who it is and what it got."""

    name: str
    seen: list[str] = field(default_factory=list)
    port: int = 0

    async def answer(self, request: web.BaseRequest) -> web.Response:
        body = await request.read()
        self.seen.append(request.raw_path)
        told = {
            "name": self.name,
            "path": request.raw_path,
            "size": len(body),
            "headers": {key.lower(): value for key, value in request.headers.items()},
        }
        return web.json_response(told, headers={"X-Name": self.name})


@asynccontextmanager
async def echoing(name: str) -> AsyncIterator[Echo]:
    echo = Echo(name)
    server = web.ServerRunner(web.Server(echo.answer, access_log=None))
    await server.setup()
    await web.TCPSite(server, "127.0.0.1", 0).start()
    echo.port = server.addresses[0][1]
    try:
        yield echo
    finally:
        await server.cleanup()


@asynccontextmanager
async def dropping(seen: list[bytes]) -> AsyncIterator[int]:
    """A server that reads a request and hangs up; gives its port."""

    async def drop(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        writer.close()

    server = await asyncio.start_server(drop, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


@dataclass(frozen=True, slots=True)
class World:
    front: Front
    ingest: Echo
    query: Echo
    session: aiohttp.ClientSession


@asynccontextmanager
async def fronted(ingest: Echo, query: Echo, lines: str | None = None) -> AsyncIterator[World]:
    with run_front(ingest=lines or f"server 127.0.0.1:{ingest.port};", query=f"server 127.0.0.1:{query.port};") as front:
        await listening(front)
        async with aiohttp.ClientSession() as session:
            yield World(front, ingest, query, session)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with echoing("ingest") as ingest, echoing("query") as query, fronted(ingest, query) as made:
        yield made


def test_the_files_are_what_nginx_reads_without_a_word() -> None:
    with scratch() as directory:
        assert check(configure(directory, {"ingest": "server 127.0.0.1:1;", "query": "server 127.0.0.1:1;"}, 1024)) == ""


async def test_every_path_goes_to_the_service_that_the_route_table_names(world: World) -> None:
    expected, found = {}, {}
    for method, path in product(METHODS, (path.replace("{", "").replace("}", "") for path in PUBLIC)):
        service = owner(method, path)
        assert service is not None
        expected[method, path] = service.value
        async with world.session.request(method, world.front.url + path) as answer:
            found[method, path] = answer.headers.get("X-Name")
    assert found == expected


@pytest.mark.parametrize("method", ["GET", "POST", "X_Y"])
@pytest.mark.parametrize("path", PRIVATE)
async def test_probes_and_metrics_are_nobodys_however_they_are_spelt(world: World, method: str, path: str) -> None:
    answer = await talk(world.front.url, head(method, path, connection="close", content_length="0"))
    assert (answer.status, answer.problem) == (404, "not-found")
    assert world.ingest.seen == world.query.seen == []


async def test_the_path_goes_on_as_it_came(world: World) -> None:
    path = "/webhooks/sentry/a%2Fb//c?x=%41&y=a+b"
    answer = await talk(world.front.url, head("POST", path, connection="close", content_length="0"))
    assert answer.status == 200
    assert world.ingest.seen == [path]


async def test_s08_what_only_a_proxy_may_say_is_replaced(world: World) -> None:
    forged = {
        "X-Forwarded-For": "203.0.113.9",
        "X-Forwarded-Proto": "gopher",
        "X-Forwarded-Host": "evil",
        "X-Real-IP": "203.0.113.9",
        "Forwarded": "for=203.0.113.9",
        "Proxy": "evil",
        "X-Request-Id": "forged-by-a-sender",
        "Authorization": "Bearer x",
    }
    async with world.session.post(world.front.url + "/webhooks/x", headers=forged, data=b"{}") as answer:
        got = (await answer.json())["headers"]
    assert got["x-forwarded-for"] == "127.0.0.1"
    assert got["x-forwarded-proto"] == "http"
    assert got["x-request-id"] != forged["X-Request-Id"]
    assert not {"x-forwarded-host", "x-real-ip", "forwarded", "proxy"} & got.keys()
    assert got["authorization"] == "Bearer x"


async def test_a_body_passes_byte_for_byte_and_one_above_the_bound_is_413(world: World) -> None:
    async with world.session.post(world.front.url + "/webhooks/x", data=b"x" * (1 << 20)) as answer:
        assert (answer.status, (await answer.json())["size"]) == (200, 1 << 20)
    told = await talk(world.front.url, head("POST", "/webhooks/x", content_length=str((1 << 20) + 1)) + b"x" * 1000)
    assert (told.status, told.problem) == (413, "too-large")
    chunk = b"%x\r\n" % (1 << 16) + b"x" * (1 << 16) + b"\r\n"
    chunked = head("POST", "/webhooks/x", transfer_encoding="chunked", connection="close") + chunk * 17
    assert (await talk(world.front.url, chunked)).status in {413, 0}
    assert len(world.ingest.seen) == 1


MALFORMED: dict[str, tuple[bytes, int]] = {
    "no HTTP": (b"hello\r\n\r\n", 400),
    "two lengths": (head("POST", "/webhooks/x", content_length="2\r\nContent-Length: 3") + b"{}", 400),
    "two framings": (head("POST", "/webhooks/x", content_length="2", transfer_encoding="chunked") + b"0\r\n\r\n", 400),
    "a bad chunk": (head("POST", "/webhooks/x", transfer_encoding="chunked") + b"zz\r\n", 400),
    "a long URL": (head("GET", "/" + "a" * 9000), 414),
    "a long line": (head("GET", "/", x_a="a" * 9000), 431),
    "much header": (head("GET", "/", **{f"x_{n}": "a" * 7000 for n in range(5)}), 431),
    "TRACE": (head("TRACE", "/webhooks/x"), 405),
}


@pytest.mark.parametrize("case", MALFORMED)
async def test_s02_what_is_malformed_is_a_problem_and_ends_the_connection(world: World, case: str) -> None:
    data, status = MALFORMED[case]
    answer = await talk(world.front.url, data.replace(b"Host: tocsin.test", b"Host: tocsin.test\r\nConnection: close"))
    assert answer.status == status
    assert answer.problem
    assert b"<html" not in answer.data
    assert "nginx/" not in answer.head


async def test_s01_a_header_that_does_not_end_is_cut_off(world: World) -> None:
    answer = await talk(world.front.url, b"POST /webhooks/x HTTP/1.1\r\nHost: tocsin.test\r\nX-A: ")
    assert answer.status in {408, 0}
    assert world.ingest.seen == []


async def test_s06_one_address_holds_so_many_requests_and_no_more(world: World) -> None:
    """Each of them sends a header and never a body."""
    async with AsyncExitStack() as held:
        for _ in range(256):
            line = await held.enter_async_context(dialled(world.front.url))
            await line.send(head("POST", "/webhooks/x", content_length="10") + b"x")
        refused = await eventually(lambda: _refused(world.front), what="the held requests are counted")
        assert (refused.status, refused.problem) == (503, "unavailable")
        assert "retry-after: 1" in refused.head


async def test_s80_a_flood_of_one_address_is_429_with_when_to_come_back() -> None:
    """Ten thousand requests, pipelined: faster than a thousand a second on any machine, as no service answers them."""
    flood = head("GET", "/api/v1/incidents") * 499 + head("GET", "/api/v1/incidents", connection="close")
    async with echoing("ingest") as ingest, fronted(ingest, Echo("query", port=1)) as world:
        answers = await asyncio.gather(*(talk(world.front.url, flood) for _ in range(20)))
    refused = [answer.data.partition(b"HTTP/1.1 429 ")[2] for answer in answers]
    assert any(refused)
    for each in filter(None, refused):
        assert each.partition(b"\r\n\r\n")[0].lower().count(b"retry-after: 1") == 1
        assert ProblemType.QUOTA_EXCEEDED.encode() in each


async def test_connections_to_a_service_are_used_again(world: World) -> None:
    for _ in range(20):
        async with world.session.get(world.front.url + "/api/v1/incidents") as answer:
            assert "connection" not in (await answer.json())["headers"]
    upstream = [orjson.loads(line)["upstream_status"] for line in world.front.log().splitlines()]
    assert upstream == ["200"] * 20


async def test_a_service_that_is_away_is_503_with_when_to_come_back() -> None:
    async with (
        echoing("ingest") as ingest,
        echoing("query") as query,
        fronted(ingest, query, "server 127.0.0.1:1;") as world,
        world.session.post(world.front.url + "/webhooks/x", data=b"{}") as answer,
    ):
        assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
        assert orjson.loads(await answer.read())["type"] == ProblemType.UNAVAILABLE


async def test_a_post_goes_to_another_gateway_where_nothing_was_sent_yet() -> None:
    async with echoing("ingest") as ingest, echoing("query") as query:
        lines = f"server 127.0.0.1:1;\nserver 127.0.0.1:{ingest.port} backup;"
        async with (
            fronted(ingest, query, lines) as world,
            world.session.post(world.front.url + "/webhooks/x", data=b"{}") as answer,
        ):
            assert answer.status == 200


async def test_a_post_that_was_sent_is_never_sent_to_another_gateway_and_a_read_is() -> None:
    """The first may have stored it: whether to send again is the sender's business (P1)."""
    seen: list[bytes] = []
    async with echoing("ingest") as ingest, echoing("query") as query, dropping(seen) as port:
        lines = f"server 127.0.0.1:{port};\nserver 127.0.0.1:{ingest.port} backup;"
        async with fronted(ingest, query, lines) as world:
            async with world.session.post(world.front.url + "/webhooks/x", data=b"{}") as answer:
                assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
            assert (len(seen), ingest.seen) == (1, [])
        async with fronted(ingest, query, lines) as world:
            async with world.session.get(world.front.url + "/webhooks/x") as answer:
                assert answer.status == 200
            assert (len(seen), len(ingest.seen)) == (2, 1)


async def test_a_line_of_the_log_holds_no_path_and_no_query(world: World) -> None:
    """Also where a token stands in the path (security S17)."""
    for path in ("/webhooks/canary?token=canary", "/api/v1/webhooks/sentry/ABC/t/canary", "/webhooks/sentry/ABC/t/canary/stream"):
        async with world.session.post(world.front.url + path, headers={"User-Agent": "canary"}) as answer:
            assert answer.status == 200
    assert "canary" not in world.front.log()
    assert {orjson.loads(line)["owner"] for line in world.front.log().splitlines()} == {"tocsin_ingest"}


async def _refused(front: Front) -> RawAnswer | None:
    """Ask once; nginx counts a held request when it has read its header."""
    answer = await talk(front.url, head("GET", "/api/v1/incidents", connection="close"))
    return None if answer.status == 200 else answer
