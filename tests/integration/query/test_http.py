"""What every answer of the service has in common; how it starts, and what it says when PostgreSQL is away or slow."""

import asyncio
import os
import signal
import sys

import aiohttp
import pytest

from tests.integration.query.conftest import Client, Reply, asking, running, settings
from tests.support.projection_rows import ProjectionDatabase, build_projection
from tests.support.servers import OwnPostgres, SharedPostgres
from tocsin.servers.free_port import free_ports
from tocsin_contracts.problem import ProblemType
from tocsin_control.api_key import generate_key
from tocsin_control.bootstrap import Role


async def test_head_answers_as_get_without_a_body(client: Client) -> None:
    for path in ("/api/v1/incidents", "/api/v1/openapi.json", "/alerts"):
        get, head = await client.get(path), await client.get(path, method="HEAD")
        assert (head.status, head.text) == (200, "")
        assert head.headers["Content-Length"] == get.headers["Content-Length"]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
async def test_it_only_reads(client: Client, method: str) -> None:
    """S07, S73: no other method, no CORS."""
    found = await client.get("/api/v1/incidents", method=method, headers={"Origin": "https://evil.example"})

    assert (found.status, found.headers["Allow"]) == (405, "GET, HEAD")
    assert not [name for name in found.headers if name.startswith("Access-Control")]


async def test_a_slash_too_many_is_404_and_no_refusal_of_get_that_allows_get(client: Client) -> None:
    found = await client.get("/api/v1/incidents/")
    assert (found.status, found.body["type"]) == (404, ProblemType.NOT_FOUND)
    assert (await client.get("/api/v1/incidents/", method="PUT")).headers["Allow"] == "GET, HEAD"


@pytest.mark.parametrize(
    ("path", "allowed"),
    [("/incidents/x/status", "PATCH"), ("/api/v1/webhooks/sentry", "POST, PUT"), ("/api/v1/integrations", "GET, HEAD, POST")],
)
async def test_a_path_of_the_gateway_is_405_here_in_the_same_words(client: Client, path: str, allowed: str) -> None:
    """The public address sends every read here, whatever takes the path by another method."""
    found = await client.get(path)

    assert (found.status, found.headers["Allow"]) == (405, allowed)
    assert found.body["type"] == ProblemType.METHOD_NOT_ALLOWED
    assert found.body["detail"] == f"This path takes {allowed}."


async def test_answers_are_neither_cached_nor_sniffed_and_name_no_software(client: Client) -> None:
    """S73, S92."""
    for path in ("/api/v1/incidents", "/api/v1/nothing", "/api/v1/alerts/x", "/api/v1/incidents?x=1"):
        found = await client.get(path, headers={"Origin": "https://evil.example", "X-Request-Id": "request-1234"})
        assert found.headers["Cache-Control"] == "no-store"
        assert found.headers["X-Content-Type-Options"] == "nosniff"
        assert found.headers["X-Request-Id"] == "request-1234"
        assert "aiohttp" not in str(found.headers)
        assert "Access-Control-Allow-Origin" not in found.headers


async def test_an_unfit_request_line_is_refused_without_a_traceback(client: Client) -> None:
    found = await client.get("/api/v1/incidents?service=" + "x" * 9000)

    assert found.status == 431
    assert "Traceback" not in found.text


async def test_too_many_at_once_are_refused_and_the_rest_are_served(projection: ProjectionDatabase) -> None:
    """P9, S53: one place, two in the queue: of ten at the same time three are answered and seven are told to come later."""
    async with (
        asking(projection, tenant_at_once=1, tenant_waiting=2) as client,
        projection.connected(Role.GROUPER) as blocker,
    ):
        assert (await client.get("/incidents")).status == 200  # the key is remembered from here on
        async with blocker.transaction():
            await blocker.execute("LOCK TABLE proj.incidents IN ACCESS EXCLUSIVE MODE")
            asked = [asyncio.create_task(client.get("/incidents")) for _ in range(10)]
            refused: list[Reply] = []
            for reply in asyncio.as_completed(asked):
                refused.append(await reply)
                if len(refused) == 7:
                    break
        replies = [await task for task in asked]

    assert sorted(reply.status for reply in replies) == [200] * 3 + [429] * 7
    busy = next(reply for reply in replies if reply.status == 429)
    assert busy.headers["Retry-After"] == "1"
    assert busy.body["violated-policies"] == ["query-concurrency"]


async def test_a_statement_over_its_time_is_503(projection: ProjectionDatabase) -> None:
    async with (
        asking(projection, statement_timeout_s=0.2) as client,
        projection.connected(Role.GROUPER) as blocker,
        blocker.transaction(),
    ):
        await blocker.execute("LOCK TABLE proj.incidents IN ACCESS EXCLUSIVE MODE")
        found = await client.get("/incidents")
        other = await client.get("/alerts")

    assert (found.status, found.body["type"]) == (503, "https://tocsin.dev/problems/timed-out")
    assert "Retry-After" in found.headers
    assert other.status == 200


async def test_it_starts_with_postgres_away_and_says_so() -> None:
    """A key cannot be told from a wrong one then: 503, never 401."""
    (port,) = free_ports(1)
    key = generate_key().get_secret_value()
    dsn = f"postgresql://tocsin_query:x@127.0.0.1:{port}/tocsin"
    async with running(settings(dsn)) as service, aiohttp.ClientSession() as session:
        client = Client(url=service.url, key=key, session=session)
        asked, nobody = await client.get("/api/v1/incidents"), await client.get("/api/v1/incidents", key="x")
        ready, healthy = await client.get("/-/ready"), await client.get("/-/healthy")
        document = await client.get("/api/v1/openapi.json", key="")

    assert (asked.status, asked.headers["Retry-After"]) == (503, "1")
    assert asked.body["type"] == "https://tocsin.dev/problems/unavailable"
    assert str(port) not in asked.text
    assert nobody.status == 401
    assert (ready.status, healthy.status, document.status) == (503, 200, 200)


async def test_it_waits_for_the_projection_to_be_made(postgres: SharedPostgres, projection: ProjectionDatabase) -> None:
    async with projection.connected(Role.GROUPER) as connection:
        await connection.execute("ALTER SCHEMA proj RENAME TO elsewhere")
        async with asking(projection) as client:
            found, ready = await client.get("/incidents"), await client.get("/-/ready")
            await connection.execute("ALTER SCHEMA elsewhere RENAME TO proj")
            again = await client.get("/incidents")

    assert (found.status, ready.status) == (503, 503)
    assert "has the grouper run" in ready.text
    assert again.status == 200


async def test_it_recovers_when_postgres_does(own_postgres: OwnPostgres) -> None:
    """Pooled connections die with the server; the first read after its return may find one, the next does not."""
    projection = await build_projection(own_postgres)
    async with asking(projection, key_memory_s=0) as client:
        assert (await client.get("/incidents")).status == 200
        await own_postgres.kill()
        away = await client.get("/incidents")
        await own_postgres.start()
        back = [(await client.get("/incidents")).status for _ in range(3)]

    assert (away.status, away.headers["Retry-After"]) == (503, "1")
    assert back[-1] == 200


async def test_a_revoked_key_is_refused_once_it_is_forgotten(projection: ProjectionDatabase) -> None:
    async with asking(projection, key_memory_s=0) as client:
        assert (await client.get("/incidents")).status == 200
        async with projection.connected(Role.OWNER) as connection:
            await connection.execute("UPDATE control.api_keys SET revoked_at = now()")
        assert (await client.get("/incidents")).status == 401


async def test_the_process_stops_on_sigterm(projection: ProjectionDatabase) -> None:
    environment = {**os.environ, "TOCSIN_POSTGRES": projection.dsn(Role.QUERY), "TOCSIN_QUERY_PORT": "0"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tocsin_query", env=environment, stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr is not None
    lines = []
    async for line in process.stderr:
        lines.append(line.decode())
        if "service.started" in lines[-1]:
            process.send_signal(signal.SIGTERM)
    assert await process.wait() == 0, lines
    assert not [line for line in lines if "Traceback" in line]


async def test_help_lists_every_setting() -> None:
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "tocsin_query", "--help", stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()

    assert process.returncode == 0
    for name in ("PORT", "POOL_SIZE", "STATEMENT_TIMEOUT_S", "TENANT_AT_ONCE", "COUNT_MAX"):
        assert f"TOCSIN_QUERY_{name}" in out.decode()


async def test_the_service_never_loads_a_kafka_client() -> None:
    program = "import sys, tocsin_query.service; sys.exit('aiokafka' in sys.modules)"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program)

    assert await process.wait() == 0


async def test_s25_wrong_keys_are_429_for_their_address_and_a_right_one_is_not(projection: ProjectionDatabase) -> None:
    async with asking(projection, failures_burst=3, proxies="127.0.0.0/8,10.0.0.7") as client:
        guesser, other = {"X-Forwarded-For": "203.0.113.7, 10.0.0.7"}, {"X-Forwarded-For": "203.0.113.8"}
        wrong = [await client.get("/incidents", key=key, headers=guesser) for key in ("", "x", generate_key().get_secret_value())]
        refused = await client.get("/incidents", key="x", headers=guesser)

        assert [each.status for each in wrong] == [401] * 3
        assert (refused.status, refused.body["type"]) == (429, ProblemType.QUOTA_EXCEEDED)
        assert refused.body["violated-policies"] == ["failed-authentication"]
        assert int(refused.headers["Retry-After"]) >= 1
        assert (await client.get("/incidents", key="x", headers=other)).status == 401
        assert (await client.get("/incidents", headers=guesser)).status == 200


async def test_s25_an_address_that_nobody_vouches_for_is_the_peers_own(projection: ProjectionDatabase) -> None:
    async with asking(projection, failures_burst=1, proxies="192.0.2.0/24") as client:
        statuses = [
            (await client.get("/incidents", key="x", headers={"X-Forwarded-For": f"203.0.113.{number}"})).status
            for number in range(2)
        ]
        assert statuses == [401, 429]
