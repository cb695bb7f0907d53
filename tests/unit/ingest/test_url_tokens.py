"""A token in the URL, for senders that can set nothing but a URL (security S17): what it proves, and what it leaves alone."""

from __future__ import annotations

import hmac
from collections.abc import AsyncIterator

import pytest

from tests.unit.ingest.gateway import (
    ACME,
    ALERTMANAGER,
    BEARER,
    BODY,
    ERRORS,
    PAGER,
    SECRET,
    SIGNING,
    Gateway,
    directory,
    integration,
    running,
    secret,
)
from tocsin_control.directory import IntegrationEntry, SecretEntry
from tocsin_control.url_token import generate_token, hash_token
from tocsin_ingest.domain.target import Webhook, find_target
from tocsin_runtime.clock import ManualClock
from tocsin_sources import registry, samples

NEW, OLD, OTHER = (generate_token().get_secret_value() for _ in range(3))
URL = f"{ALERTMANAGER}/t/{NEW}"
NOBODY = f"/api/v1/webhooks/alertmanager/{'0' * 26}/t/{NEW}"
JSON = {"Content-Type": "application/json"}


def token(text: str, slot: int = 1, not_after: int | None = None) -> SecretEntry:
    stored = hash_token(text)
    assert stored is not None
    return SecretEntry(slot=slot, version=slot, value=stored, not_after=not_after)


TOKENS = (token(NEW, 2), token(OLD, 1))
OPTED_IN = integration(PAGER, ACME, "alertmanager", secret(SECRET), url_tokens=TOKENS)
NOT = integration(PAGER, ACME, "alertmanager", secret(SECRET))


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    async with running(directory((OPTED_IN,)), clock=ManualClock()) as made:
        yield made


@pytest.mark.parametrize("prefix", ["/api/v1/webhooks", "/webhooks", "/api/v1/alerts/webhook", "/alerts/webhook"])
@pytest.mark.parametrize("end", ["", "/"])
def test_the_token_stands_behind_the_integration(prefix: str, end: str) -> None:
    target = find_target(f"{prefix}/sentry/{ERRORS}/t/{NEW}{end}")

    assert target == Webhook(source="sentry", integration=ERRORS, token=NEW)
    assert NEW not in repr(target)


@pytest.mark.parametrize("rest", ["/t", "/t/", "/t//x", "/t/x/y", "/x/t/y", "/T/x", "//t/x", "/t/x//"])
def test_nothing_else_behind_an_integration_is_a_path(rest: str) -> None:
    assert find_target(f"/webhooks/sentry/{ERRORS}{rest}") is None


def test_a_token_needs_an_integration_in_the_path() -> None:
    assert find_target(f"/webhooks/sentry/t/{NEW}") is None


async def test_s17_two_tokens_open_their_integration_and_tell_which_was_used(gateway: Gateway) -> None:
    for path in (URL, f"{ALERTMANAGER}/t/{OLD}", URL):
        assert (await gateway.post(path, headers=JSON)).status == 202
    assert gateway.control.url_tokens_used == [(PAGER, 2), (PAGER, 1)]
    assert gateway.control.secrets_used == []


@pytest.mark.parametrize("source", registry.names())
async def test_s17_it_proves_a_delivery_of_every_source(source: str) -> None:
    entry = integration(PAGER, ACME, source, secret(SIGNING), url_tokens=TOKENS)
    async with running(directory((entry,))) as gateway:
        paths = [f"/api/v1/webhooks/{source}/{PAGER}{end}" for end in (f"/t/{NEW}", f"/t/{OTHER}", "")]
        assert [(await gateway.post(path, headers=JSON)).status for path in paths] == [202, 401, 401]


async def test_s17_whatever_is_wrong_with_it_is_the_401_of_any_credentials() -> None:
    """Also where the integration did not opt in, or is not there: one answer, after as many comparisons."""
    said = set()
    for known, path in [
        (OPTED_IN, f"{ALERTMANAGER}/t/{OTHER}"),
        (OPTED_IN, f"{ALERTMANAGER}/t/{NEW[:-1]}"),
        (OPTED_IN, f"{ALERTMANAGER}/t/{SECRET}"),
        (OPTED_IN, f"{ALERTMANAGER}/t/%00"),
        (OPTED_IN, NOBODY),
        (NOT, URL),
        (integration(PAGER, ACME, "alertmanager", secret(SECRET), url_tokens=(token(NEW, not_after=0),)), URL),
    ]:
        async with running(directory((known,)), clock=ManualClock()) as gateway:
            answer = await gateway.post(path, headers=JSON)
            shown = {name: value for name, value in answer.json.items() if name != "instance"}
            said.add((answer.status, answer.headers["WWW-Authenticate"], repr(shown)))
            assert gateway.deliveries() == []
    assert len(said) == 1
    assert next(iter(said))[0] == 401


@pytest.mark.parametrize(("known", "path"), [(OPTED_IN, URL), (OPTED_IN, NOBODY), (NOT, URL)])
async def test_s17_a_token_is_compared_as_often_whether_or_not_one_is_taken(
    monkeypatch: pytest.MonkeyPatch, known: IntegrationEntry, path: str
) -> None:
    """Times are not measured; the number of comparisons is."""
    compared: list[bytes] = []
    compare = hmac.compare_digest

    def watched(claimed: bytes, candidate: bytes) -> bool:
        compared.append(candidate)
        return compare(claimed, candidate)

    monkeypatch.setattr(hmac, "compare_digest", watched)
    async with running(directory((known,))) as gateway:
        await gateway.post(path.replace(NEW, OTHER), headers=JSON)
    assert len(compared) == 2


async def test_s17_credentials_in_the_header_must_be_right_as_well(gateway: Gateway) -> None:
    """A sender that proves itself otherwise is not made weaker by a URL that somebody read in a log."""
    assert (await gateway.post(URL, headers=BEARER)).status == 202
    assert (await gateway.post(URL, headers={"Authorization": "Bearer wrong"})).status == 401
    assert (await gateway.post(f"{ALERTMANAGER}/t/{OTHER}", headers=BEARER)).status == 401


async def test_s17_a_signature_of_another_body_is_refused_at_the_url_with_its_token_too() -> None:
    entry = integration(ERRORS, ACME, "sentry", secret(SIGNING), url_tokens=TOKENS)
    signed = samples.sign("sentry", BODY, SIGNING.encode())
    async with running(directory((entry,))) as gateway:
        path = f"/api/v1/webhooks/sentry/{ERRORS}/t/{NEW}"
        assert (await gateway.post(path, headers=JSON | signed)).status == 202
        assert (await gateway.post(path, BODY + b" ", headers=JSON | signed)).status == 401


async def test_s17_without_its_token_the_integration_is_as_before(gateway: Gateway) -> None:
    assert (await gateway.post(headers=JSON)).status == 401
    assert (await gateway.post(headers=BEARER)).status == 202
    for query in (f"?token={NEW}", f"?t={NEW}", f"?url_token={NEW}"):
        assert (await gateway.post(ALERTMANAGER + query, headers=JSON)).status == 401
    assert (await gateway.post(headers={"Authorization": f"Bearer {NEW}"})).status == 401


async def test_s17_a_token_shown_to_an_integration_that_needs_no_proof_must_be_right() -> None:
    entry = integration(PAGER, ACME, "generic", secret(SECRET), signature_required=False, url_tokens=TOKENS)
    async with running(directory((entry,))) as gateway:
        path = f"/api/v1/webhooks/generic/{PAGER}"
        ends = ("", f"/t/{NEW}", f"/t/{OTHER}")
        assert [(await gateway.post(path + end, headers=JSON)).status for end in ends] == [202, 202, 401]


async def test_s17_no_signature_of_sns_makes_a_wrong_token_right() -> None:
    """The message would be looked into, and its certificate fetched, where nothing is shown but the message."""
    topic = "arn:aws:sns:eu-central-1:123456789012:alarms"
    entry = integration(PAGER, ACME, "cloudwatch_sns", secret(SECRET), sns_topics=(topic,), url_tokens=TOKENS)
    body = b'{"Type":"Notification","TopicArn":"%b","MessageId":"m","Message":"{}","SignatureVersion":"1"}' % topic.encode()
    async with running(directory((entry,))) as gateway:
        path = f"/api/v1/webhooks/cloudwatch_sns/{PAGER}/t/"
        assert (await gateway.post(path + OTHER, body, headers=JSON)).status == 401
        assert (await gateway.post(path + NEW, body, headers=JSON)).status == 202


async def test_s17_wrong_tokens_count_against_their_address_and_the_right_one_passes() -> None:
    async with running(directory((OPTED_IN,)), clock=ManualClock(), failures_burst=2) as gateway:
        wrong = [(await gateway.post(f"{ALERTMANAGER}/t/{OTHER}", headers=JSON)).status for _ in range(3)]
        assert wrong == [401, 401, 429]
        assert (await gateway.post(NOBODY, headers=JSON)).status == 429
        assert (await gateway.post(headers=JSON)).status == 429
        assert (await gateway.post(URL, headers=JSON)).status == 202


async def test_s17_deliveries_by_token_use_up_the_same_quotas() -> None:
    entry = integration(PAGER, ACME, "alertmanager", secret(SECRET), url_tokens=TOKENS, burst=2)
    async with running(directory((entry,)), clock=ManualClock()) as gateway:
        answers = [await gateway.post(URL, headers=JSON), await gateway.post(), await gateway.post(URL, headers=JSON)]
        assert [answer.status for answer in answers] == [202, 202, 429]
        assert answers[2].json["violated-policies"] == ["integration"]


async def test_s17_a_sender_of_cloudevents_asks_at_the_same_url() -> None:
    entry = integration(PAGER, ACME, "cloudevents", secret(SECRET), url_tokens=TOKENS)
    asked = {"WebHook-Request-Origin": "eventgrid.azure.net"}
    async with running(directory((entry,))) as gateway:
        path = f"/api/v1/webhooks/cloudevents/{PAGER}/t/"
        assert [(await gateway.send("OPTIONS", path + end, headers=asked)).status for end in (NEW, OTHER)] == [200, 401]


async def test_s17_no_line_no_answer_and_no_record_repeats_it(gateway: Gateway, caplog: pytest.LogCaptureFixture) -> None:
    paths = [URL, f"{URL}/", f"{URL}/more", f"{ALERTMANAGER}/t/{OTHER}", NOBODY, f"/webhooks/fax/x/t/{NEW}"]
    answers = [await gateway.post(path, body, headers=JSON) for path in paths for body in (BODY, b"{")]
    answers += [await gateway.send(method, URL) for method in ("GET", "OPTIONS", "PUT", "DELETE")]

    assert {answer.status for answer in answers} == {202, 400, 401, 404, 405}
    records = [repr((record.headers, record.value, record.key)) for record in gateway.deliveries()]
    said = [repr((answer.headers, answer.body)) for answer in answers]
    lines = [repr(line) for line in gateway.log_lines()]
    assert len(lines) == len(answers)
    samples_kept = repr(gateway.control.samples) + repr(gateway.control.rejections)
    for text in (*records, *said, *lines, caplog.text, samples_kept, repr(OPTED_IN)):
        assert not any(shown in text for each in (NEW, OTHER) for shown in (each, each[11:54]))


EVENTS = f"/api/v1/webhooks/cloudevents/{PAGER}"
BINARY = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/m", "ce-type": "disk.full"}


async def test_a_cloudevent_may_bring_its_token_as_a_parameter_where_the_integration_opted_in() -> None:
    """HTTP 1.1 Web Hooks for Event Delivery 1.0.2, 3.2: by URI query parameter."""
    opted_in = integration(PAGER, ACME, "cloudevents", secret(SECRET), url_tokens=TOKENS)
    async with running(directory((opted_in,)), clock=ManualClock()) as gateway:
        right = f"{EVENTS}?access_token={NEW}"
        assert (await gateway.post(right, b"", BINARY)).status == 202
        assert (await gateway.post(f"{EVENTS}?access_token={OTHER}", b"", BINARY)).status == 401
        assert (await gateway.post(f"{EVENTS}?access_token={SECRET}", b"", BINARY)).status == 401
        assert (await gateway.post(f"{EVENTS}?access_token={OTHER}", b"", BINARY | BEARER)).status == 401
        assert (await gateway.post(EVENTS, b"", BINARY | BEARER)).status == 202
        asked = BINARY | {"WebHook-Request-Origin": "eventgrid.azure.net"}
        assert (await gateway.send("OPTIONS", right, headers=asked)).status == 200

        assert gateway.envelope(0).query == {}
        stored = b"".join(record.value + repr(record.headers).encode() for record in gateway.deliveries())
        assert NEW.encode() not in stored + gateway.lines.getvalue()
        assert gateway.control.url_tokens_used == [(PAGER, 2)]


async def test_the_parameter_is_not_looked_at_elsewhere() -> None:
    not_opted_in = integration(PAGER, ACME, "cloudevents", secret(SECRET))
    async with running(directory((not_opted_in,)), clock=ManualClock()) as gateway:
        for value in (NEW, SECRET):
            assert (await gateway.post(f"{EVENTS}?access_token={value}", b"", BINARY)).status == 401
        assert (await gateway.post(f"{EVENTS}?access_token={NEW}", b"", BINARY | BEARER)).status == 202
    async with running(directory((OPTED_IN,)), clock=ManualClock()) as gateway:
        assert (await gateway.post(f"{ALERTMANAGER}?access_token={NEW}", headers=JSON)).status == 401


async def test_binary_data_is_taken_at_the_door_and_broken_json_is_not() -> None:
    known = integration(PAGER, ACME, "cloudevents", secret(SECRET))
    async with running(directory((known,)), clock=ManualClock()) as gateway:
        octets = BINARY | BEARER | {"Content-Type": "application/octet-stream"}
        assert (await gateway.post(EVENTS, b"\xff\x00", octets)).status == 202
        assert gateway.deliveries()[-1].value == b"\xff\x00"
        assert (await gateway.post(EVENTS, b"{", BINARY | BEARER | JSON)).problem == "not-json"
        assert (await gateway.post(EVENTS, b"\xff\x00", BEARER)).problem == "not-json"
