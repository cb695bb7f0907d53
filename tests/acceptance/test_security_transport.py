"""Security check list, transport and framing (docs/reference/security-checks.md): S01 to S08 at the gateway's own socket."""

import asyncio
import gzip
import zlib
from contextlib import AsyncExitStack

import psutil
import pytest

from tests.support.bodies import alertmanager, am_alert
from tests.support.customer import Customer, move_in
from tests.support.raw import RawAnswer, dialled, head, talk
from tests.support.strangers import stranger
from tests.support.system import System

FIRING = alertmanager(am_alert())
MIB = 1 << 20


@pytest.fixture
async def customer(shared: System) -> Customer:
    return await move_in(shared)


def url(system: System) -> str:
    return system.instance("ingest").url


def signed_head(customer: Customer, **fields: str) -> bytes:
    """Write the header of a delivery that proves itself, and asks for the connection's end."""
    own = {name.replace("-", "_"): value for name, value in customer.sender.signed(FIRING).items()}
    return head("POST", customer.sender.path, **{"connection": "close", **own, **fields})


async def test_s01_slow_headers_and_slow_bodies_are_cut_off_and_good_senders_go_on(customer: Customer, shared: System) -> None:
    """After 5 s without a whole header the connection is closed, after 10 s without a whole body it is 408."""
    async with AsyncExitStack() as stack:

        async def slowly(data: bytes) -> RawAnswer:
            line = await stack.enter_async_context(dialled(url(shared)))
            await line.send(data)
            return await line.rest()

        unfinished = head("POST", customer.sender.path, content_length="1000", connection="close") + b"{"
        heads = [asyncio.create_task(slowly(b"POST /webhooks/x HTTP/1.1\r\nHost: x\r\nX-A: ")) for _ in range(400)]
        bodies = [asyncio.create_task(slowly(unfinished)) for _ in range(100)]
        for _ in range(50):
            await customer.deliver(FIRING)
        assert {answer.status for answer in await asyncio.gather(*heads)} == {0}
        late = await asyncio.gather(*bodies)
    assert {(answer.status, answer.problem) for answer in late} == {(408, "timed-out")}


FRAMES = {
    "two framings": ({"content_length": "2", "transfer_encoding": "chunked"}, b"0\r\n\r\nPOST /x HTTP/1.1\r\nHost: x\r\n\r\n"),
    "two lengths": ({"content_length": "2\r\nContent-Length: 3"}, b"{}POST /x HTTP/1.1\r\nHost: x\r\n\r\n"),
    "two equal lengths": ({"content_length": "2\r\nContent-Length: 2"}, b"{}"),
    "a signed length": ({"content_length": "+2"}, b"{}"),
    "a negative length": ({"content_length": "-2"}, b"{}"),
    "a bad chunk": ({"transfer_encoding": "chunked"}, b"zz\r\n{}\r\n0\r\n\r\n"),
    "a chunk without its end": ({"transfer_encoding": "chunked"}, b"2\r\n{}0\r\n\r\n"),
    "an unknown framing": ({"transfer_encoding": "chunked, identity"}, b"2\r\n{}\r\n0\r\n\r\n"),
    "a line end in a value": ({"content_length": "2", "x_a": "a\rX-B: b"}, b"{}"),
    "a NUL in a value": ({"content_length": "2", "x_a": "a\0b"}, b"{}"),
    "a folded line": ({"content_length": "2", "x_a": "a\r\n b"}, b"{}"),
    "a space in a name": ({"content_length": "2", "x a": "1"}, b"{}"),
    "a space before the colon": ({"content_length ": "2"}, b"{}"),
}


@pytest.mark.parametrize("case", FRAMES)
async def test_s02_framing_that_can_be_read_in_two_ways_is_400_and_ends_the_connection(
    customer: Customer, shared: System, case: str
) -> None:
    """Nothing behind it is read as a second request."""
    fields, rest = FRAMES[case]
    answer = await talk(url(shared), signed_head(customer, **fields) + rest)
    assert (answer.status, answer.problem) == (400, "malformed-request")
    assert answer.data.count(b"HTTP/1.") == 1


async def test_s02_no_other_protocol_is_spoken(customer: Customer, shared: System) -> None:
    """An upgrade to HTTP/2 is not taken; an absolute URI or another authority opens no other place."""
    offered = {"connection": "Upgrade, HTTP2-Settings, close", "upgrade": "h2c", "http2_settings": "AAMAAABkAARAAAAAAAIAAAAA"}
    upgraded = await talk(url(shared), signed_head(customer, content_length=str(len(FIRING)), **offered) + FIRING)
    assert upgraded.status in {202, 400}
    assert b" 101 " not in upgraded.data
    preface = await talk(url(shared), b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    assert preface.status in {0, 400, 404, 505}
    absolute = await talk(url(shared), head("GET", "http://127.0.0.1/-/healthy", connection="close"))
    assert absolute.status == 404


async def test_s03_too_much_header_is_414_or_431(customer: Customer, shared: System) -> None:
    many = {f"x_{number}": "1" for number in range(65)}
    answers = {
        "fields": await talk(url(shared), signed_head(customer, content_length="2", **many) + b"{}"),
        "line": await talk(url(shared), signed_head(customer, content_length="2", x_a="a" * 8_300) + b"{}"),
        "url": await talk(url(shared), head("POST", "/webhooks/x?" + "a" * 4_200, connection="close", content_length="0")),
    }
    assert {name: answer.status for name, answer in answers.items()} == {"fields": 431, "line": 431, "url": 414}
    assert {answer.problem for answer in answers.values()} == {"too-large"}


async def test_s04_a_body_above_one_mib_is_413_as_soon_as_it_is_and_memory_stays_bounded(
    customer: Customer, shared: System
) -> None:
    """With a length before any of it is read; without one when it is exceeded; forty endless ones at once cost little."""
    told = await talk(url(shared), signed_head(customer, content_length=str(MIB + 1)))
    assert (told.status, told.problem) == (413, "too-large")
    process = psutil.Process(shared.instance("ingest").pid)
    before = process.memory_info().rss
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"

    async def endless() -> RawAnswer:
        async with dialled(url(shared)) as line:
            await line.send(signed_head(customer, transfer_encoding="chunked"))
            for _ in range(32):
                await line.send(chunk)
            return await line.rest()

    answers = await asyncio.gather(*(endless() for _ in range(40)))
    assert {answer.status for answer in answers} <= {413, 503, 0}  # 0: a reset overtook the answer
    assert 413 in {answer.status for answer in answers}
    assert process.memory_info().rss - before < 160 * MIB
    assert (await customer.send(FIRING)).status == 202


ENCODED = {
    "a bomb": (gzip.compress(b" " * 200 * MIB, 9), "gzip", 413),
    "larger than the bound": (gzip.compress(bytes(range(256)) * 4 * 1024 + b"x"), "gzip", 413),
    "a ratio above 100": (gzip.compress(b'{"a":"' + b" " * 900_000 + b'"}', 9), "gzip", 413),
    "two layers": (gzip.compress(gzip.compress(FIRING)), "gzip, gzip", 415),
    "deflate": (zlib.compress(FIRING), "deflate", 415),
    "br": (FIRING, "br", 415),
    "something behind it": (gzip.compress(FIRING) + b"x", "gzip", 400),
    "a second member": (gzip.compress(FIRING) + gzip.compress(FIRING), "gzip", 400),
    "cut off": (gzip.compress(FIRING)[:-5], "gzip", 400),
    "no gzip": (FIRING, "gzip", 400),
}


@pytest.mark.parametrize("case", ENCODED)
async def test_s05_a_body_has_one_content_encoding_within_bounds(customer: Customer, shared: System, case: str) -> None:
    body, encoding, status = ENCODED[case]
    process = psutil.Process(shared.instance("ingest").pid)
    before = process.memory_info().rss
    answer = await shared.request(
        "POST", customer.sender.path, headers=customer.sender.signed(body, {"content-encoding": encoding}), body=body
    )
    assert answer.status == status
    assert process.memory_info().rss - before < 32 * MIB


@pytest.mark.parametrize("method", ["TRACE", "PROPFIND", "HEAD", "GET", "PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_s07_a_webhook_takes_post_alone_whatever_a_header_claims(customer: Customer, shared: System, method: str) -> None:
    claims = {"x_http_method_override": "POST", "x_http_method": "POST", "x_method_override": "POST"}
    answer = await talk(url(shared), head(method, customer.sender.path, connection="close", content_length="0", **claims))
    assert answer.status == 405
    assert "\r\nallow: post" in answer.head


async def test_s07_a_method_that_nobody_knows_is_refused(customer: Customer, shared: System) -> None:
    assert (await talk(url(shared), head("BREW", customer.sender.path, connection="close"))).status in {400, 405}


async def test_s07_connect_opens_nothing(shared: System) -> None:
    answer = await talk(url(shared), b"CONNECT 127.0.0.1:5432 HTTP/1.1\r\nHost: 127.0.0.1:5432\r\nConnection: close\r\n\r\n")
    assert answer.status in {400, 404, 405}


async def test_s08_headers_that_claim_to_be_ours_are_not_looked_at(customer: Customer, shared: System) -> None:
    """Not a tenant, not an envelope, not that it is a redrive or a tick; a forged Host leads nowhere."""
    other = await move_in(shared)
    forged = {
        "x-tenant-id": other.tenant.id,
        "x-tocsin-tenant": other.tenant.id,
        "tocsin-envelope": "{}",
        "tocsin-kind": "tick",
        "tocsin-redrive-of": "0:0",
        "x-forwarded-host": "evil.example",
        "host": "evil.example",
        **stranger(),
    }
    answer = await customer.send(FIRING, forged)
    assert (answer.status, answer.headers["Location"].startswith("/api/v1/deliveries/")) == (202, True)
    shown = await customer.outcome(answer.json()["delivery_id"])
    assert (shown["outcome"], shown["redrive_of"]) == ("processed", None)
    assert await other.incidents() == []
