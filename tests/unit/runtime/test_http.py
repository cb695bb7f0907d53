"""Every error is problem+json; probes, metrics and headers are the same everywhere."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from aiohttp import ClientSession, web

from tocsin_runtime.errors import Fatal, Recoverable
from tocsin_runtime.health import Health
from tocsin_runtime.http import HttpServer, Problem, application
from tocsin_runtime.metrics import Metrics


@dataclass
class Site:
    """A running server and a client."""

    server: HttpServer
    health: Health
    metrics: Metrics
    client: ClientSession
    reasons: list[str | None] = field(default_factory=lambda: [None])

    def url(self, path: str) -> str:
        return self.server.url + path


async def problem(_request: web.Request) -> web.Response:
    headers = {"Retry-After": "7"}
    raise Problem(429, "Too many.", type="urn:x", title="Slow down", headers=headers, members={"limit": 5})


async def broken(_request: web.Request) -> web.Response:
    raise RuntimeError("secret detail in /some/path")


async def away(_request: web.Request) -> web.Response:
    raise Recoverable("host db-7 does not answer")


async def echo(request: web.Request) -> web.Response:
    return web.Response(body=await request.read())


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    health, metrics = Health(), Metrics(process=False)
    app = application(health=health, metrics=metrics, body_max=1_000)
    for path, handler in (("/problem", problem), ("/broken", broken), ("/away", away)):
        app.router.add_get(path, handler)
    app.router.add_post("/echo", echo)
    server = HttpServer(app, host="127.0.0.1", port=0, metrics=metrics)
    await server.start()
    async with ClientSession() as client:
        site = Site(server=server, health=health, metrics=metrics, client=client)
        health.add("kafka", lambda: site.reasons[0])
        yield site
    await server.stop()


async def test_a_problem_says_what_its_raiser_said(site: Site) -> None:
    async with site.client.get(site.url("/problem"), headers={"X-Request-Id": "request-1234"}) as answer:
        assert (answer.status, answer.content_type) == (429, "application/problem+json")
        assert answer.headers["Retry-After"] == "7"
        assert await answer.json(content_type=None) == {
            "type": "urn:x",
            "title": "Slow down",
            "status": 429,
            "detail": "Too many.",
            "instance": "urn:request:request-1234",
            "limit": 5,
        }


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nothing", 404), ("PUT", "/echo", 405), ("GET", "/away", 503)])
async def test_every_refusal_is_a_problem(site: Site, method: str, path: str, status: int) -> None:
    async with site.client.request(method, site.url(path)) as answer:
        body = await answer.json(content_type=None)
        assert (answer.status, answer.content_type) == (status, "application/problem+json")
        assert body["status"] == status
        assert body["instance"].startswith("urn:request:")
        assert body["detail"], "what it means"
        assert body["type"] != "about:blank", "and what kind it is"


async def test_a_refused_method_names_the_allowed_ones(site: Site) -> None:
    async with site.client.put(site.url("/echo")) as answer:
        assert answer.headers["Allow"] == "POST"


async def test_a_body_over_the_limit_is_a_413(site: Site) -> None:
    async with site.client.post(site.url("/echo"), data=b"x" * 2_000) as answer:
        assert (answer.status, answer.content_type) == (413, "application/problem+json")
    async with site.client.post(site.url("/echo"), data=b"x" * 900) as answer:
        assert await answer.read() == b"x" * 900


@pytest.mark.parametrize("path", ["/broken", "/away"])
async def test_nothing_of_an_error_reaches_the_caller(site: Site, path: str) -> None:
    async with site.client.get(site.url(path)) as answer:
        text = await answer.text()
    for leak in ("RuntimeError", "secret", "Traceback", "/some/path", "db-7"):
        assert leak not in text


@pytest.mark.parametrize("path", ["/-/healthy", "/broken", "/nothing"])
async def test_answers_do_not_name_our_software_and_forbid_sniffing(site: Site, path: str) -> None:
    async with site.client.get(site.url(path)) as answer:
        assert "aiohttp" not in answer.headers.get("Server", "")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["X-Request-Id"]


async def test_a_request_id_that_could_forge_a_log_line_is_replaced(site: Site) -> None:
    async with site.client.get(site.url("/nothing"), headers={"X-Request-Id": "a b<script>"}) as answer:
        assert "script" not in answer.headers["X-Request-Id"]


async def test_ready_follows_the_checks_and_healthy_does_not(site: Site) -> None:
    async with site.client.get(site.url("/-/ready")) as answer:
        assert answer.status == 200
    site.reasons[0] = "no acknowledgement for 30 s"
    async with site.client.get(site.url("/-/ready")) as answer:
        assert answer.status == 503
        assert (await answer.json(content_type=None))["reasons"] == {"kafka": "no acknowledgement for 30 s"}
    async with site.client.get(site.url("/-/healthy")) as answer:
        assert answer.status == 200


async def test_a_stopping_service_is_not_ready(site: Site) -> None:
    site.health.stop()
    async with site.client.get(site.url("/-/ready")) as answer:
        assert answer.status == 503


async def test_metrics_are_rendered_from_their_own_registry(site: Site) -> None:
    site.metrics.counter("tocsin_things_total", "things", ["kind"]).labels("a").inc()
    async with site.client.get(site.url("/metrics")) as answer:
        assert answer.headers["Content-Type"].startswith("text/plain")
        assert 'tocsin_things_total{kind="a"} 1.0' in await answer.text()


@pytest.mark.parametrize("line", [b"GET / HTTP/1.1\r\nX-A: ", b"GET /"], ids=["field", "url"])
async def test_a_line_that_is_too_long_is_431_as_the_gateway_says_it(site: Site, line: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", site.server.port)
    writer.write(line + b"canary" * 1500)
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    assert answer.startswith((b"HTTP/1.1 431", b"HTTP/1.0 431"))
    assert b"/problems/too-large" in answer
    assert b"canary" not in answer


async def test_a_malformed_request_is_counted_and_not_logged(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """Otherwise each one is a traceback in the log, at an attacker's will."""
    reader, writer = await asyncio.open_connection("127.0.0.1", site.server.port)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n")
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    assert answer.startswith((b"HTTP/1.1 400", b"HTTP/1.0 400"))
    assert b"application/problem+json" in answer
    assert b"aiohttp" not in answer
    assert b"chunked" not in answer
    assert b"/problems/malformed-request" in answer
    assert "tocsin_http_malformed_total 1.0" in site.metrics.render().decode()
    assert caplog.records == []


async def test_a_port_that_is_taken_is_one_clear_line(site: Site) -> None:
    metrics = Metrics(process=False)
    other = HttpServer(application(health=Health(), metrics=metrics), host="127.0.0.1", port=site.server.port, metrics=metrics)
    with pytest.raises(Fatal, match=f"cannot listen on 127.0.0.1:{site.server.port}"):
        await other.start()
