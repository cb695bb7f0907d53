"""Messages of SNS at the gateway: what their signature proves, when a subscription is confirmed, what is ever visited."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.unit.ingest.gateway import ACME, directory, integration, running, secret
from tests.unit.sources.test_sns import NOW, TOPIC, URL, certificate, envelope
from tocsin_contracts.ids import IntegrationId
from tocsin_ingest.adapters.sns import ANSWER_MAX_BYTES, KEPT_S, AmazonSns, Answer, HttpsOpener, SnsUnavailable, visit
from tocsin_runtime.clock import ManualClock

OPS = IntegrationId("0000000000000000000000SNS0")
PATH = f"/api/v1/webhooks/cloudwatch_sns/{OPS}"
SECRET = "canary-secret-in-the-url"
LINK = "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn=x&Token=t"
BASIC = {"Authorization": "Basic " + base64.b64encode(f"tocsin:{SECRET}".encode()).decode()}


class FixedOpener:
    """`Opener` that knows what the test said, and what was visited."""

    def __init__(self) -> None:
        self.visited: list[str] = []
        self.pem, self.confirmation = Answer(200, certificate()), Answer(200, b"")
        self.away = False

    async def __call__(self, url: str) -> Answer:
        self.visited.append(url)
        if self.away:
            raise SnsUnavailable
        return self.pem if url.endswith(".pem") else self.confirmation

    async def close(self) -> None:
        return


def subscription() -> dict[str, str]:
    return envelope(Type="SubscriptionConfirmation", SubscribeURL=LINK, Token="t")


@pytest.fixture
def opener() -> FixedOpener:
    return FixedOpener()


def at_now() -> ManualClock:
    return ManualClock(NOW)


async def post(
    opener: FixedOpener, document: Any, headers: dict[str, str] | None = None, *, topics: tuple[str, ...] = (TOPIC,)
) -> tuple[int, int]:
    """Send one message; give the status and how many deliveries were appended."""
    ops = integration(OPS, ACME, "cloudwatch_sns", secret(SECRET), sns_topics=topics)
    async with running(directory((ops,)), clock=at_now(), sns_opener=opener) as gateway:
        answer = await gateway.post(
            PATH, orjson.dumps(document), headers=headers or {"Content-Type": "text/plain; charset=UTF-8"}
        )
        return answer.status, gateway.log.handed


async def test_a_signed_message_of_a_listed_topic_needs_no_secret(opener: FixedOpener) -> None:
    assert await post(opener, envelope()) == (202, 1)
    assert opener.visited == [URL]


async def test_a_signed_message_of_another_topic_is_refused_and_nothing_is_fetched(opener: FixedOpener) -> None:
    """Anybody with an AWS account can have a message signed."""
    assert await post(opener, envelope(TopicArn="arn:aws:sns:eu-west-1:666666666666:evil")) == (401, 0)
    assert await post(opener, envelope(), topics=()) == (401, 0)
    assert await post(opener, envelope(TopicArn="arn:x"), BASIC) == (401, 0)
    assert opener.visited == []


@pytest.mark.parametrize(
    "change", [{"Message": "other"}, {"Signature": "AAAA"}, {"SignatureVersion": "9"}, {"Timestamp": "2020-03-02T10:15:30.000Z"}]
)
async def test_a_message_that_sns_did_not_sign_so_is_refused(opener: FixedOpener, change: dict[str, str]) -> None:
    assert await post(opener, {**envelope(), **change}) == (401, 0)


async def test_the_password_in_the_url_proves_a_message_without_a_signature(opener: FixedOpener) -> None:
    raw = {"AlarmName": "x", "NewStateValue": "ALARM"}
    assert await post(opener, raw, BASIC) == (202, 1)
    assert await post(opener, raw) == (401, 0)
    assert await post(opener, envelope(), BASIC, topics=()) == (202, 1)
    assert opener.visited == []


async def test_a_subscription_is_confirmed_after_it_was_verified_and_appended(opener: FixedOpener) -> None:
    assert await post(opener, subscription()) == (202, 1)
    assert opener.visited == [URL, LINK]


async def test_with_a_password_a_subscription_is_confirmed_though_no_topic_is_listed(opener: FixedOpener) -> None:
    assert await post(opener, subscription(), BASIC, topics=()) == (202, 1)
    assert opener.visited == [URL, LINK]


@pytest.mark.parametrize("headers", [None, BASIC])
async def test_a_subscription_that_is_not_verified_is_never_confirmed(
    opener: FixedOpener, headers: dict[str, str] | None
) -> None:
    status, _ = await post(opener, {**subscription(), "Token": "changed"}, headers)
    assert status == (401 if headers is None else 202)
    assert opener.visited == [URL]


@pytest.mark.parametrize(
    "link", ["https://169.254.169.254/latest", "http://sns.eu-west-1.amazonaws.com/", "https://evil.example/"]
)
async def test_a_signed_link_to_elsewhere_is_never_visited(opener: FixedOpener, link: str) -> None:
    signed = envelope(Type="SubscriptionConfirmation", SubscribeURL=link, Token="t")
    assert await post(opener, signed) == (202, 1)
    assert opener.visited == [URL]


async def test_an_unsubscription_is_never_acted_upon(opener: FixedOpener) -> None:
    assert await post(opener, envelope(Type="UnsubscribeConfirmation", SubscribeURL=LINK, Token="t")) == (202, 1)
    assert opener.visited == [URL]


async def test_while_sns_does_not_answer_the_sender_is_asked_to_come_again(opener: FixedOpener) -> None:
    opener.away = True
    assert await post(opener, envelope()) == (503, 0)
    opener.away, opener.confirmation = False, Answer(500, b"")
    assert (await post(opener, subscription()))[0] == 503


async def test_a_certificate_that_is_not_there_proves_nothing(opener: FixedOpener) -> None:
    opener.pem = Answer(404, b"<html>")
    assert await post(opener, envelope()) == (401, 0)


async def test_a_certificate_is_fetched_once_by_many_and_again_after_a_day() -> None:
    opener, clock = FixedOpener(), ManualClock()
    store = AmazonSns(opener, clock=clock)
    assert len(set(await asyncio.gather(*(store.certificate(URL) for _ in range(20))))) == 1
    assert opener.visited == [URL]
    clock.advance(KEPT_S)
    await store.certificate(URL)
    assert opener.visited == [URL, URL]


async def test_what_is_missing_is_asked_for_again_after_a_minute_and_a_fault_at_once() -> None:
    opener, clock = FixedOpener(), ManualClock()
    store = AmazonSns(opener, clock=clock)
    opener.pem = Answer(404, b"")
    assert [await store.certificate(URL) for _ in range(3)] == [b"", b"", b""]
    assert len(opener.visited) == 1
    clock.advance(60)
    opener.pem = Answer(503, b"")
    for _ in range(2):
        with pytest.raises(SnsUnavailable):
            await store.certificate(URL)
    assert len(opener.visited) == 3


async def test_only_the_host_of_sns_is_ever_asked_whoever_calls() -> None:
    opener = FixedOpener()
    store = AmazonSns(opener, clock=ManualClock())
    assert await store.certificate("https://evil.example/a.pem") == b""
    await store.confirm("http://127.0.0.1/admin")
    assert opener.visited == []


async def test_a_visit_that_never_ends_is_ended() -> None:
    class Silent(FixedOpener):
        async def __call__(self, url: str) -> Answer:
            await asyncio.Event().wait()
            raise AssertionError

    with pytest.raises(SnsUnavailable):
        await AmazonSns(Silent(), clock=ManualClock(), timeout_s=0.01).certificate(URL)


@pytest.fixture
async def elsewhere() -> AsyncIterator[TestServer]:
    """A server of ours that answers as a hostile one would."""

    async def answer(request: web.Request) -> web.StreamResponse:
        match request.path:
            case "/large":
                return web.Response(body=b"x" * (ANSWER_MAX_BYTES + 1))
            case "/redirect":
                return web.Response(status=302, headers={"Location": "/full"})
            case "/zip":
                return web.Response(body=b"\x1f\x8b", headers={"Content-Encoding": "gzip"})
            case _:
                return web.Response(body=b"x" * ANSWER_MAX_BYTES)

    application = web.Application()
    application.router.add_get("/{path:.*}", answer)
    server = TestServer(application)
    await server.start_server()
    yield server
    await server.close()


@pytest.mark.parametrize(
    ("path", "status", "length"), [("/full", 200, ANSWER_MAX_BYTES), ("/large", 0, 0), ("/redirect", 302, 0), ("/zip", 200, 2)]
)
async def test_a_visit_reads_little_and_follows_nothing(elsewhere: TestServer, path: str, status: int, length: int) -> None:
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        answer = await visit(session, str(elsewhere.make_url(path)))
    assert answer.status == status
    assert len(answer.body) == length or status == 302


async def test_a_visit_to_nobody_is_an_error_to_try_again() -> None:
    opener = HttpsOpener()
    with pytest.raises(SnsUnavailable):
        await opener("https://127.0.0.1:9/a.pem")
    await opener.close()


async def test_certificates_that_cannot_be_fetched_are_refusals_up_to_the_bound_of_an_address(opener: FixedOpener) -> None:
    """Anybody can write an unsigned envelope: who does it again and again holds no absence back."""
    opener.away = True
    ops = integration(OPS, ACME, "cloudwatch_sns", secret(SECRET), sns_topics=(TOPIC,))
    async with running(directory((ops,)), clock=at_now(), sns_opener=opener, failures_burst=2) as gateway:
        body, headers = orjson.dumps(envelope()), {"Content-Type": "text/plain"}
        assert [(await gateway.post(PATH, body, headers)).status for _ in range(2)] == [503, 503]
        await gateway.next_tick()
        assert [each.integration for tick in gateway.ticks() for each in tick.refused] == [OPS]

        assert [(await gateway.post(PATH, body, headers)).status for _ in range(2)] == [429, 429]
        assert (await gateway.next_tick()).refused == []
