"""What a body may be: JSON, one encoding, within bounds of size and time; and what of it reaches the log."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from dataclasses import replace

import orjson
import pytest

from tests.unit.ingest.gateway import ALERTMANAGER, BEARER, BODY, SECRET, SENTRY, SIGNING, Gateway, running
from tocsin_sources import registry
from tocsin_sources.signature import HmacSha256Hex


def signed(body: bytes) -> dict[str, str]:
    return HmacSha256Hex("sentry-hook-signature").sign(body, SIGNING.encode())


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    async with running() as gateway:
        yield gateway


NOT_JSON = {
    "cut": (BODY[: len(BODY) // 2], "not-json"),
    "empty": (b"", "not-json"),
    "text": (b"hello", "not-json"),
    "nan": (b'{"a":NaN}', "not-json"),
    "bom": (b"\xef\xbb\xbf{}", "not-json"),
    "utf16": ('{"a":1}'.encode("utf-16"), "not-json"),
    "lone-surrogate": (b'{"a":"\\ud800"}', "not-json"),
    "1100-levels": (b"[" * 1100 + b"]" * 1100, "not-json"),
    "100-levels": (b"[" * 100 + b"]" * 100, "too-deep"),
    "25-digits": (b'{"a":' + b"9" * 25 + b"}", "number-too-large"),
    "too-many": (b"[" + b"1," * 250_000 + b"1]", "too-many-nodes"),
}


@pytest.mark.parametrize("case", NOT_JSON)
async def test_what_is_no_json_is_a_clear_400(gateway: Gateway, case: str) -> None:
    body, code = NOT_JSON[case]
    answer = await gateway.post(body=body)

    assert (answer.status, answer.problem, answer.json["code"]) == (400, "not-json", code)
    assert not gateway.deliveries()


async def test_a_nul_character_is_json_and_accepted(gateway: Gateway) -> None:
    assert (await gateway.post(body=b'{"a":"\\u0000"}')).status == 202


async def test_nothing_is_parsed_before_it_is_authenticated(gateway: Gateway) -> None:
    assert (await gateway.post(SENTRY, b"not json", signed(b"other"))).status == 401
    assert (await gateway.post(SENTRY, b"not json", signed(b"not json"))).status == 400


async def test_nothing_is_decoded_before_it_is_authenticated(gateway: Gateway) -> None:
    lying = {"Content-Encoding": "gzip"}
    assert (await gateway.post(SENTRY, b"junk", lying)).status == 401
    assert (await gateway.post(SENTRY, b"junk", lying | signed(b"junk"))).status == 400
    assert (await gateway.post(SENTRY, b"junk", {"Content-Encoding": "br"})).status == 401


ENCODED = {
    "gzip": (gzip.compress(BODY), "gzip", 202, None),
    "identity": (BODY, "identity", 202, None),
    "deflate": (BODY, "deflate", 415, "unsupported-media-type"),
    "brotli": (BODY, "br", 415, "unsupported-media-type"),
    "two-layers": (gzip.compress(gzip.compress(BODY)), "gzip, gzip", 415, "unsupported-media-type"),
    "inner-layer": (gzip.compress(gzip.compress(BODY)), "gzip", 400, "not-json"),
    "truncated": (gzip.compress(BODY)[:-9], "gzip", 400, "malformed-request"),
    "trailing": (gzip.compress(BODY) + b"x", "gzip", 400, "malformed-request"),
    "not-gzip": (BODY, "gzip", 400, "malformed-request"),
    "ratio": (gzip.compress(b"[" + b" " * 900_000 + b"]"), "gzip", 413, "too-large"),
    "bomb": (gzip.compress(bytes(50 << 20)), "gzip", 413, "too-large"),
}


@pytest.mark.parametrize("case", ENCODED)
async def test_one_content_encoding_within_bounds(gateway: Gateway, case: str) -> None:
    body, encoding, status, problem = ENCODED[case]
    answer = await gateway.post(body=body, headers=BEARER | {"Content-Encoding": encoding})

    assert answer.status == status
    if problem is not None:
        assert answer.problem == problem
    else:
        assert gateway.stored(answer).value == BODY


async def test_two_encoding_fields_are_two_encodings(gateway: Gateway) -> None:
    headers = [*BEARER.items(), ("Content-Encoding", "identity"), ("Content-Encoding", "gzip")]
    answer = await gateway.send("POST", ALERTMANAGER, data=BODY, headers=headers)
    assert answer.status == 415


async def test_the_body_bound_is_exact(gateway: Gateway) -> None:
    most = 1 << 20
    whole = b'"' + b"x" * (most - 2) + b'"'

    assert (await gateway.post(body=whole)).status == 202
    answer = await gateway.post(body=whole + b" ")
    assert (answer.status, answer.problem) == (413, "too-large")


async def test_a_body_of_unknown_length_is_refused_as_soon_as_it_is_too_large(gateway: Gateway) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(64):
            yield b"x" * (1 << 16)

    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.ingest.listener.port)
    head = f"POST {ALERTMANAGER} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {SECRET}\r\nTransfer-Encoding: chunked\r\n\r\n"
    writer.write(head.encode())
    async for chunk in endless():
        writer.write(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
        if writer.transport.is_closing():
            break
    assert b"413" in await reader.readline()
    writer.close()
    assert not gateway.deliveries()


async def test_a_chunked_body_within_the_bound_is_accepted(gateway: Gateway) -> None:
    async def parts() -> AsyncIterator[bytes]:
        yield BODY[:10]
        yield BODY[10:]

    answer = await gateway.send("POST", ALERTMANAGER, data=parts(), headers=BEARER)
    assert answer.status == 202
    assert gateway.stored(answer).value == BODY


async def test_a_sender_that_waits_for_100_continue_gets_it(gateway: Gateway) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.ingest.listener.port)
    head = f"POST {ALERTMANAGER} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {SECRET}\r\nContent-Length: {len(BODY)}\r\n"
    writer.write(head.encode() + b"Expect: 100-continue\r\nConnection: close\r\n\r\n")
    assert await reader.readline() == b"HTTP/1.1 100 Continue\r\n"
    await reader.readline()
    writer.write(BODY)
    assert b"202" in await reader.readline()
    writer.close()


async def test_a_body_that_does_not_come_is_408() -> None:
    async with running(body_deadline_s=0.05) as gateway:
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.ingest.listener.port)
        head = f"POST {ALERTMANAGER} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {SECRET}\r\nContent-Length: 100\r\n\r\n{{"
        writer.write(head.encode())
        answer = await reader.readuntil(b"\r\n\r\n")
        writer.close()
        assert b"408" in answer.splitlines()[0]
        assert b"connection: close" in answer.lower()


async def test_too_many_bodies_in_parts_are_503() -> None:
    async with running() as gateway:
        receiver = gateway.ingest._wiring._receiver
        receiver._receiving = receiver._receiving_max

        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.ingest.listener.port)
        head = f"POST {ALERTMANAGER} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {SECRET}\r\nContent-Length: 100\r\n\r\n{{"
        writer.write(head.encode())
        assert b"503" in await reader.readline()
        writer.close()


async def test_templated_sources_may_send_what_is_no_json(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """A 400 there would lose the alert: it becomes a failed delivery that can be seen and sent again."""
    # The registry has no templated source yet.
    templated = replace(registry._SOURCES["alertmanager"], fixed_format=False)
    monkeypatch.setitem(registry._SOURCES, "alertmanager", templated)

    answer = await gateway.post(body=b"{ not json")
    assert answer.status == 202
    assert gateway.stored(answer).value == b"{ not json"


async def test_credentials_in_a_body_never_reach_the_log(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    telling = replace(registry._SOURCES["alertmanager"], redact=("/routing_key",))
    monkeypatch.setitem(registry._SOURCES, "alertmanager", telling)
    key = "canary-routing-key-of-the-sender"

    hiding = await gateway.post(body=orjson.dumps({"routing_key": key, "a": 1}))
    assert orjson.loads(gateway.stored(hiding).value) == {"routing_key": "[redacted]", "a": 1}
    assert gateway.envelope().redacted == ["/routing_key"]
    await gateway.post()
    assert gateway.envelope().redacted == []
