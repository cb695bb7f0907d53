"""The whole system behind a real nginx: webhooks arrive signed, guards hold, nothing private is reached, answers are ours."""

import gzip
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import aiohttp
import orjson
import pytest

from tests.peers.front import Front, listening, run_front
from tests.support.bodies import alertmanager, am_alert, hook, sentry_event
from tests.support.customer import Customer, move_in
from tests.support.instance import eventually
from tests.support.raw import dialled, head, talk
from tests.support.servers import OwnKafka, SharedPostgres
from tests.support.system import Answer, System, run_system

BODY_DEADLINE = {"TOCSIN_INGEST_BODY_DEADLINE_S": "1"}


@dataclass(frozen=True, slots=True)
class Public:
    """The public address."""

    front: Front
    system: System

    async def request(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Answer:
        async with (
            aiohttp.ClientSession(auto_decompress=False) as session,
            session.request(method, self.front.url + path, headers=headers, data=body) as answer,
        ):
            return Answer(status=answer.status, headers=dict(answer.headers), body=await answer.read())


@pytest.fixture(scope="module")
def running(own_kafka: OwnKafka, postgres: SharedPostgres) -> Iterator[System]:
    with run_system(own_kafka, postgres, settings={"ingest": BODY_DEADLINE}) as system:
        yield system


@pytest.fixture(scope="module")
def front(running: System) -> Iterator[Front]:
    places = {name: f"server {running.instance(name).url.removeprefix('http://')};" for name in ("ingest", "query")}
    with run_front(**places) as front:
        yield front


@pytest.fixture
async def public(running: System, front: Front) -> Public:
    return Public(await listening(front), running)


async def test_a_signed_webhook_becomes_an_incident_that_the_same_address_shows_and_changes(public: Public) -> None:
    sentry = await move_in(public.system, "sentry")
    body = sentry_event()
    answer = await public.request("POST", sentry.sender.path, headers=sentry.sender.signed(body, hook("event_alert")), body=body)
    assert answer.status == 202
    shown = await sentry.outcome(answer.json()["delivery_id"])
    assert shown["outcome"] == "processed"
    key = {"authorization": f"Bearer {sentry.key}"}
    listed = await public.request("GET", "/api/v1/incidents", headers=key)
    (incident,) = listed.json()["items"]
    patched = await public.request(
        "PATCH",
        f"/api/v1/incidents/{incident['id']}/status",
        headers={**key, "content-type": "application/json"},
        body=b'{"status":"ACKNOWLEDGED"}',
    )
    assert (patched.status, (await sentry.incident())["status"]) == (200, "ACKNOWLEDGED")
    kept = await public.request("GET", shown["body_url"], headers=key)
    assert kept.body == body


async def test_a_compressed_body_arrives_as_it_was_signed(public: Public) -> None:
    sentry = await move_in(public.system, "sentry")
    small = gzip.compress(sentry_event())
    headers = sentry.sender.signed(small, {"content-encoding": "gzip", **hook("event_alert")})
    assert (await public.request("POST", sentry.sender.path, headers=headers, body=small)).status == 202
    wrong = sentry.sender.signed(sentry_event(), {"content-encoding": "gzip", **hook("event_alert")})
    assert (await public.request("POST", sentry.sender.path, headers=wrong, body=small)).status == 401


async def test_a_chunked_body_arrives_whole(public: Public) -> None:
    customer = await move_in(public.system)
    body = alertmanager(am_alert())
    fields = {name.replace("-", "_"): value for name, value in customer.sender.signed(body).items()}
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:100], body[100:])) + b"0\r\n\r\n"
    request = head("POST", customer.sender.path, transfer_encoding="chunked", connection="close", **fields)
    assert (await talk(public.front.url, request + chunks)).status == 202


async def test_the_body_bound_is_exact_and_above_it_a_problem(public: Public) -> None:
    customer = await move_in(public.system)
    whole = alertmanager(am_alert(), filler="x" * ((1 << 20) - len(alertmanager(am_alert(), filler=""))))
    assert len(whole) == 1 << 20
    accepted = await public.request("POST", customer.sender.path, headers=customer.sender.signed(whole), body=whole)
    assert accepted.status == 202
    refused = await talk(public.front.url, head("POST", customer.sender.path, content_length=str((1 << 20) + 1)))
    assert (refused.status, refused.problem) == (413, "too-large")


async def test_a_body_that_does_not_come_is_408_at_ingests_deadline(public: Public) -> None:
    """Bodies stream through nginx, so one deadline holds for the whole body, however it is dripped."""
    customer = await move_in(public.system)
    async with dialled(public.front.url) as line:
        await line.send(head("POST", customer.sender.path, content_length="1000", connection="close") + b"{")
        answer = await line.rest()
    assert (answer.status, answer.problem) == (408, "timed-out")


async def test_a_refusal_of_ours_passes_as_it_is(public: Public) -> None:
    customer = await move_in(public.system, limit=(60, 1))
    body = alertmanager(am_alert())
    answers = [
        await public.request("POST", customer.sender.path, headers=customer.sender.signed(body), body=body) for _ in range(2)
    ]
    assert [answer.status for answer in answers] == [202, 429]
    assert answers[1].json()["violated-policies"] == ["tenant"]
    headers = {name.lower(): value for name, value in answers[1].headers.items()}
    assert {"retry-after", "ratelimit", "ratelimit-policy", "x-request-id"} <= headers.keys()
    assert headers["server"] == "tocsin"


@pytest.mark.parametrize("path", ["/-/healthy", "/-/ready", "/metrics"])
async def test_nothing_private_is_reached(public: Public, path: str) -> None:
    answer = await public.request("GET", path)
    assert (answer.status, answer.headers["Content-Type"]) == (404, "application/problem+json")


async def test_the_sender_is_whom_nginx_saw_and_never_whom_a_header_names(public: Public) -> None:
    customer = await move_in(public.system)
    forged = {"x-forwarded-for": "203.0.113.9", "x-request-id": "forged-by-a-sender", "forwarded": "for=203.0.113.9"}
    answer = await public.request("POST", customer.sender.path, headers=forged, body=b"{}")
    assert answer.status == 401
    request_id = answer.json()["instance"].rsplit(":", 1)[1]
    line = await _line(public.system, request_id)
    assert line["address"] == "127.0.0.1"
    assert request_id in public.front.log()
    assert "forged-by-a-sender" not in public.front.log()


async def test_a_failed_neighbour_behind_the_same_nginx_refuses_nobody(public: Public) -> None:
    """Addresses are counted one by one behind a trusted proxy; here all share one, and who proves himself passes."""
    customer = await move_in(public.system)
    body = alertmanager(am_alert())
    wrong = {"authorization": "Bearer wrong"}
    answers = [await public.request("POST", customer.sender.path, headers=wrong, body=body) for _ in range(200)]
    assert {answer.status for answer in answers} == {401, 429}
    assert answers[-1].json()["violated-policies"] == ["failed-authentication"]
    assert (await _deliver(public, customer, body)).status == 202


async def _deliver(public: Public, customer: Customer, body: bytes) -> Answer:
    return await public.request("POST", customer.sender.path, headers=customer.sender.signed(body), body=body)


async def _line(system: System, request_id: str) -> dict[str, object]:
    """Give ingest's line of a request, once it was written."""
    log = system.instance("ingest").log

    async def written() -> dict[str, object] | None:
        for text in log.read_bytes().splitlines():
            if request_id.encode() in text:
                line: dict[str, object] = orjson.loads(text)
                return line
        return None

    return await eventually(written, what=f"the line of {request_id}")
