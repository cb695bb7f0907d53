"""The socket: framing, deadlines, bounds, probes, logs, a graceful stop."""

from __future__ import annotations

import asyncio
import re

import pytest

from tests.unit.ingest.gateway import (
    ACME,
    ALERTMANAGER,
    BEARER,
    BODY,
    OLD_SECRET,
    PAGER,
    PARTITIONS,
    RIVAL_SECRET,
    SECRET,
    SENTRY,
    SIGNING,
    Gateway,
    running,
)

CANARIES = (SECRET, OLD_SECRET, SIGNING, RIVAL_SECRET, "canary")


async def raw(gateway: Gateway, data: bytes) -> bytes:
    """Send bytes as they are and read until the connection ends."""
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.ingest.listener.port)
    writer.write(data)
    answer = await reader.read()
    writer.close()
    return answer


HEAD = f"POST {ALERTMANAGER} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {SECRET}\r\nConnection: close\r\n".encode()
FRAMES = {
    "two-framings": (HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "two-lengths": (HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400),
    "no-number": (HEAD + b"Content-Length: -2\r\n\r\n{}", 400),
    "bad-chunk": (HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
    "folded": (HEAD + b"X-A: a\r\n b\r\nContent-Length: 2\r\n\r\n{}", 400),
    "no-http": (b"hello\r\n\r\n", 400),
    "space-in-name": (HEAD + b"X A: 1\r\n\r\n", 400),
    "long-line": (HEAD + b"X-A: " + b"a" * 9000 + b"\r\n\r\n", 431),
    "many-fields": (HEAD + b"".join(b"X-%d: 1\r\n" % n for n in range(70)) + b"\r\n", 431),
    "hundreds-of-fields": (HEAD + b"".join(b"X-%d: 1\r\n" % n for n in range(300)) + b"\r\n", 400),
    "long-url": (b"POST /webhooks/sentry?" + b"a" * 5000 + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 414),
    "absolute": (b"POST http://evil/webhooks/sentry HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 404),
    "connect": (b"CONNECT evil:80 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 404),
}


@pytest.mark.parametrize("case", FRAMES)
async def test_broken_framing_is_a_clear_4xx_and_ends_the_connection(case: str) -> None:
    data, status = FRAMES[case]
    async with running() as gateway:
        answer = await raw(gateway, data)
        assert answer.startswith((b"HTTP/1.1 %d " % status, b"HTTP/1.0 %d " % status))
        assert b"application/problem+json" in answer
        assert not gateway.deliveries()


async def test_answers_name_no_software_and_no_version() -> None:
    async with running() as gateway:
        for answer in (await gateway.post(), await gateway.post(headers={}), await gateway.send("GET", "/-/healthy")):
            assert answer.headers["Server"] == "tocsin"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert b"aiohttp" not in await raw(gateway, b"hello\r\n\r\n")


async def test_a_connection_that_sends_no_request_in_time_is_closed() -> None:
    async with running(headers_deadline_s=0.05) as gateway:
        assert await raw(gateway, b"POST / HTTP/1.1\r\nHost:") == b""


async def test_more_connections_than_the_bound_are_closed_at_once() -> None:
    async with running(connections_max=1) as gateway:
        _, held = await asyncio.open_connection("127.0.0.1", gateway.ingest.listener.port)
        held.write(b"G")
        await held.drain()
        assert await raw(gateway, b"") == b""
        held.close()


async def test_after_a_connection_above_the_bound_every_partition_is_told_that_everything_was_refused() -> None:
    """Whose it was is not known before its request is read, and an absence that we caused must not count (P10)."""
    async with running(connections_max=1) as gateway:
        await gateway.next_tick()
        assert not (await gateway.next_tick()).all_refused
        _, held = await asyncio.open_connection("127.0.0.1", gateway.ingest.listener.port)
        held.write(b"G")
        await held.drain()
        assert await raw(gateway, b"") == b""
        await gateway.next_tick()
        assert [gateway.ticks(partition)[-1].all_refused for partition in range(PARTITIONS)] == [True] * PARTITIONS
        assert not (await gateway.next_tick()).all_refused
        held.close()


async def test_probes_answer_get_alone() -> None:
    async with running() as gateway:
        assert (await gateway.send("GET", "/-/healthy")).status == 200
        assert (await gateway.send("POST", "/-/healthy")).status == 405
        metrics = await gateway.send("GET", "/metrics")
        assert metrics.headers["Content-Type"].startswith("text/plain")


async def test_requests_are_counted_by_route_and_status() -> None:
    async with running() as gateway:
        await gateway.post()
        await gateway.post(headers={})
        page = (await gateway.send("GET", "/metrics")).body
    assert b'tocsin_ingest_requests_total{route="webhook",status="202"} 1.0' in page
    assert b'tocsin_ingest_requests_total{route="webhook",status="401"} 1.0' in page
    assert b'tocsin_ingest_rejected_total{reason="no-credentials"} 1.0' in page
    assert b'tocsin_ingest_stage_seconds_count{stage="append"} 1.0' in page


async def test_each_request_is_one_line_with_what_e4_names() -> None:
    async with running() as gateway:
        await gateway.post(headers=BEARER | {"X-Forwarded-For": "203.0.113.9", "X-Request-Id": "offered-by-proxy"})
        await gateway.post(headers={})
        accepted, refused = gateway.log_lines()

    assert (
        accepted.items()
        >= {
            "event": "request",
            "route": "webhook",
            "tenant_id": ACME,
            "integration_id": PAGER,
            "source": "alertmanager",
            "address": "203.0.113.9",
            "size": len(BODY),
            "status": 202,
            "request_id": "offered-by-proxy",
        }.items()
    )
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", accepted["at"])
    assert (refused["status"], refused["reason"]) == (401, "no-credentials")


async def test_the_id_of_a_problem_finds_its_line() -> None:
    async with running() as gateway:
        answer = await gateway.post(headers={})
        [line] = gateway.log_lines()
    assert answer.json["instance"] == f"urn:request:{line['request_id']}"
    assert answer.headers["X-Request-Id"] == line["request_id"]


async def test_no_secret_stands_in_logs_metrics_or_answers(capfd: pytest.CaptureFixture[str]) -> None:
    """Canaries in every place that a sender can fill; none comes out anywhere."""
    async with running() as gateway:
        answers = [
            await gateway.post(),
            await gateway.post(headers={"Authorization": f"Bearer {RIVAL_SECRET}"}),
            await gateway.post(SENTRY, b"canary not json", {"Sentry-Hook-Signature": SIGNING}),
            await gateway.post(f"{ALERTMANAGER}?token={SECRET}", headers={"Authorization": f"Basic {SECRET}"}),
            await gateway.post("/webhooks/canary/canary", headers={"Cookie": "canary", "User-Agent": "canary"}),
            await gateway.post(body=b'{"password":"canary"', headers=BEARER),
            await gateway.send("GET", "/deliveries/canary/body", headers={"Authorization": "Bearer canary"}),
        ]
        gateway.log.fail_next_appends(1)
        answers.append(await gateway.post())
        page = (await gateway.send("GET", "/metrics")).body
        gateway.ingest._request_log.flush()
        out = capfd.readouterr()
        told = [gateway.lines.getvalue(), page, out.out.encode(), out.err.encode(), *(answer.body for answer in answers)]
        assert not [canary for canary in CANARIES for text in told if canary.encode() in text]
        assert all(key.removeprefix("Bearer ").encode() not in text for key in gateway.keys.values() for text in told)
        assert SECRET not in repr(gateway.control.directory)


async def test_a_fault_of_ours_is_500_and_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running() as gateway:

        async def broken(partition: int, entry: object) -> int:
            raise RuntimeError("canary: a path, a statement, a stack")

        monkeypatch.setattr(gateway.ingest.appender, "append", broken)
        answer = await gateway.post()

    assert (answer.status, answer.problem) == (500, "internal")
    assert b"canary" not in answer.body
    assert b"Traceback" not in answer.body


async def test_a_stop_answers_what_is_under_way() -> None:
    async with running() as gateway:
        gateway.log.freeze()
        waiting = asyncio.create_task(gateway.post())
        await gateway.log.until_handed(1)
        stopping = asyncio.create_task(gateway.ingest.stop())
        await asyncio.to_thread(lambda: None)
        gateway.log.thaw()
        assert (await waiting).status == 202
        await stopping
        with pytest.raises(OSError, match="onnect"):
            await asyncio.open_connection("127.0.0.1", gateway.ingest.listener.port)
