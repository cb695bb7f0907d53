"""Security check list, signatures (docs/reference/security-checks.md): S12, S13, S14, S16; the rest is in test_authentication."""

import hmac
from collections.abc import Mapping

import pytest

from tests.support.bodies import hook, sentry_event
from tests.support.customer import Customer, move_in
from tests.support.instance import eventually
from tests.support.raw import head, talk
from tests.support.strangers import stranger
from tests.support.system import Answer, System
from tocsin_contracts.times import SECOND
from tocsin_runtime.clock import SystemClock
from tocsin_sources import samples
from tocsin_sources.schemes import standard_webhooks

BODY = b'{"title":"Disk full","severity":"critical","status":"firing","identity":"disk-1"}'


@pytest.fixture
async def generic(shared: System) -> Customer:
    return await move_in(shared, "generic")


def standard(customer: Customer, *, seconds: str | None = None, number: str = "msg_1", body: bytes = BODY) -> dict[str, str]:
    """Give the three headers of Standard Webhooks, rightly signed whatever time and id they hold."""
    seconds = str(SystemClock().now() // SECOND) if seconds is None else seconds
    key = standard_webhooks._key(customer.sender.secret.get_secret_value().encode())
    signature = standard_webhooks._signature(key, number, seconds, body).decode()
    return {"webhook-id": number, "webhook-timestamp": seconds, "webhook-signature": f"v1,{signature}"}


async def post(customer: Customer, headers: Mapping[str, str], body: bytes = BODY) -> Answer:
    return await customer.system.request(
        "POST", customer.sender.path, headers={"content-type": "application/json", **stranger(), **headers}, body=body
    )


async def test_s12_a_signed_time_counts_for_five_minutes_either_way_and_nothing_else_is_a_time(generic: Customer) -> None:
    """The sender is told no reason; the owner of the integration is."""
    now = SystemClock().now() // SECOND
    good = [str(now - 290), str(now), str(now + 290)]
    bad = [str(now - 301), str(now + 311), "NaN", "1e309", f"{now}.5", "-1", "0", f"+{now}", "9" * 30, "0x10", "yesterday"]
    assert [(await post(generic, standard(generic, seconds=each))).status for each in good] == [202] * len(good)
    answers = {each: await post(generic, standard(generic, seconds=each)) for each in bad}
    assert {each: answer.status for each, answer in answers.items()} == dict.fromkeys(bad, 401)
    assert {answer.json()["detail"] for answer in answers.values()} == {"These credentials do not open this."}

    async def told() -> bool:
        days = (await generic.get("/deliveries/rejected"))["days"]
        return {day["reason"]: day["count"] for day in days} == {"stale-or-invalid-timestamp": len(bad)}

    await eventually(told, what="the rejections are counted by their reason")


async def test_s12_a_signed_time_cannot_be_replaced(generic: Customer) -> None:
    now = SystemClock().now() // SECOND
    old = standard(generic, seconds=str(now - 400))
    assert (await post(generic, old | {"webhook-timestamp": str(now)})).status == 401


async def test_s13_a_captured_request_sent_again_is_202_and_has_no_second_effect(shared: System) -> None:
    """202 carries no flag: the gateway cannot know (P4). The delivery's outcome says `duplicate`."""
    sentry = await move_in(shared, "sentry")
    body, headers = sentry_event(), hook("event_alert")
    first = await sentry.send(body, headers)
    assert (await sentry.outcome(first.json()["delivery_id"]))["outcome"] == "processed"
    before = await sentry.incident()
    again = [await sentry.send(body, headers) for _ in range(3)]
    assert {answer.status for answer in again} == {202}
    assert {tuple(answer.json()) for answer in (first, *again)} == {("delivery_id", "status")}
    outcomes = [await sentry.outcome(answer.json()["delivery_id"]) for answer in again]
    assert [shown["outcome"] for shown in outcomes] == ["duplicate"] * 3
    assert {shown["duplicate_of"] for shown in outcomes} == {first.json()["delivery_id"]}
    after = await sentry.incident()
    assert {name: after[name] for name in ("version", "revision", "alert_count", "status")} == {
        name: before[name] for name in ("version", "revision", "alert_count", "status")
    }


@pytest.mark.parametrize("number", ["a.b", ".", "x" * 257, "a b", "a\tb", "h\u00e9", ""])
async def test_s14_an_id_that_may_not_be_one_proves_nothing_though_it_is_signed(generic: Customer, number: str) -> None:
    """With a dot two requests would be signed by the same bytes. 401: before it is proved, every reason has one answer (S10)."""
    signed = standard(generic, number=number)
    fields = {name.replace("-", "_"): value for name, value in signed.items()}
    request = head("POST", generic.sender.path, connection="close", content_length=str(len(BODY)), **fields, **stranger())
    answer = await talk(generic.system.instance("ingest").url, request + BODY)
    assert (answer.status, answer.problem) == (401, "unauthenticated")


async def test_s14_the_longest_id_is_taken(generic: Customer) -> None:
    assert (await post(generic, standard(generic, number="x" * 256))).status == 202


@pytest.mark.parametrize("key", ["", "x" * 256, "a b", "a\tb", "h\u00e9"])
async def test_s14_an_idempotency_key_that_is_none_is_400(generic: Customer, key: str) -> None:
    fields = {"authorization": f"Bearer {generic.key}", "content_type": "application/json", "idempotency_key": key}
    body = b'{"status":"RESOLVED"}'
    path = f"/api/v1/incidents/{'0' * 26}/status"
    request = head("PATCH", path, connection="close", content_length=str(len(body)), **fields)
    answer = await talk(generic.system.instance("ingest").url, request + body)
    assert (answer.status, answer.problem) == (400, "malformed-request")


@pytest.mark.parametrize(("before", "status"), [(0, 202), (7, 202), (8, 401), (49, 401)])
async def test_s16_only_the_first_eight_signatures_are_examined(shared: System, before: int, status: int) -> None:
    pagerduty = await move_in(shared, "pagerduty")
    sample = samples.load("pagerduty", samples.cases("pagerduty")[0])
    right = hmac.new(pagerduty.sender.secret.get_secret_value().encode(), sample.body, "sha256").hexdigest()
    listed = ["v1=" + f"{number:064x}" for number in range(before)] + [f"v1={right}"]
    answer = await post(pagerduty, {**sample.headers, "x-pagerduty-signature": ",".join(listed)}, sample.body)
    assert answer.status == status
