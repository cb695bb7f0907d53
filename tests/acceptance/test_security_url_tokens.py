"""Security check list, S17: tokens in URLs, for senders that can set nothing but a URL, through the running system."""

import asyncio
from collections.abc import Mapping
from typing import Any

import orjson
import pytest

from tests.support.bodies import alertmanager, am_alert, hook, sentry_event
from tests.support.customer import CANARIES, Customer, move_in
from tests.support.instance import eventually
from tests.support.strangers import stranger
from tests.support.system import Answer, System
from tocsin_contracts.ids import parse_delivery_id
from tocsin_contracts.problem import ProblemType
from tocsin_contracts.topics import LOG
from tocsin_control.url_token import generate_token, hash_token
from tocsin_runtime.kafka_log import KafkaLog
from tocsin_sources import registry, samples

FIRING = alertmanager(am_alert())
JSON = {"content-type": "application/json"}
INTEGRATIONS = "/api/v1/integrations"


async def manage(customer: Customer, method: str, path: str, body: object = None) -> dict[str, Any]:
    """Manage as an administrator, and keep every credential that is shown for the tests of secrets."""
    data = None if body is None else orjson.dumps(body)
    answer = await customer.system.request(method, INTEGRATIONS + path, key=customer.key, headers=JSON, body=data)
    assert answer.status < 300, answer.body
    shown: dict[str, Any] = answer.json()
    if "secret" in shown:
        CANARIES.add(shown["secret"])
    if "url_with_token" in shown:
        CANARIES.update((token_of(shown), token_of(shown)[11:54]))
    return shown


def token_of(shown: Mapping[str, Any]) -> str:
    return str(shown["url_with_token"]).rsplit("/", 1)[1]


def path_of(shown: Mapping[str, Any]) -> str:
    """Give the path with its token as the answer says it."""
    return str(shown["url_with_token"]).removeprefix(str(shown["url"]).removesuffix(str(shown["path"])))


async def deliver(system: System, path: str, body: bytes = FIRING, headers: Mapping[str, str] = JSON) -> Answer:
    return await system.request("POST", path, headers={**stranger(), **headers}, body=body)


async def becomes(system: System, path: str, status: int, body: bytes = FIRING) -> None:
    """Wait until the gateway knows what was changed: within 5 s."""

    async def answers() -> bool:
        return (await deliver(system, path, body)).status == status

    await eventually(answers, what=f"the URL is answered {status}")


@pytest.fixture
async def opted_in(shared: System) -> tuple[Customer, dict[str, Any]]:
    """A customer whose Alertmanager posts to a URL with a token, and what the opt-in answered."""
    customer = await move_in(shared)
    shown = await manage(customer, "PATCH", f"/{customer.sender.id}", {"url_token": True})
    await becomes(shared, path_of(shown), 202)
    return customer, shown


async def test_s17_a_sender_that_can_set_nothing_but_a_url_is_heard(opted_in: tuple[Customer, dict[str, Any]]) -> None:
    customer, shown = opted_in
    answer = await deliver(customer.system, path_of(shown), alertmanager(am_alert(name="Heard")))

    assert answer.status == 202
    assert (await customer.outcome(answer.json()["delivery_id"]))["outcome"] == "processed"
    assert "Heard on a" in {each["title"] for each in await customer.incidents()}


async def test_s17_every_source_is_proven_by_it_where_nothing_else_is_shown(shared: System) -> None:
    customer = await move_in(shared)
    sources = [source for source in registry.names() if samples.cases(source)]
    made = {
        source: await manage(customer, "POST", "", {"source": source, "name": f"by URL {source}", "url_token": True})
        for source in sources
    }
    last = made[sources[-1]]["id"]
    await shared._known(lambda snapshot: last in snapshot.directory.integrations)
    for source in sources:
        sample = samples.load(source, samples.cases(source)[0])
        headers = {**JSON, **sample.headers}
        opened = await deliver(shared, path_of(made[source]), sample.body, headers)
        without = await deliver(shared, made[source]["path"], sample.body, headers)
        assert (source, opened.status, without.status) == (source, 202, 401)
        assert (await customer.outcome(opened.json()["delivery_id"]))["outcome"] in {"processed", "duplicate"}


async def test_s17_off_by_default_and_again_when_it_is_taken_back(opted_in: tuple[Customer, dict[str, Any]]) -> None:
    """The URL is then answered as with any wrong credentials, in the same words."""
    customer, shown = opted_in
    system, other = customer.system, await move_in(customer.system)
    named, token = f"/{customer.sender.id}", token_of(shown)
    await manage(customer, "PATCH", named, {"url_token": False})
    await becomes(system, path_of(shown), 401)

    answers = [
        await deliver(system, path_of(shown)),
        await deliver(system, f"{other.sender.path}/t/{token}"),
        await deliver(system, f"{other.sender.path}/t/{generate_token().get_secret_value()}"),
        await deliver(system, f"/api/v1/webhooks/alertmanager/{'0' * 26}/t/{token}"),
        await deliver(system, customer.sender.path, headers=JSON | {"authorization": "Bearer wrong"}),
    ]
    assert [answer.status for answer in answers] == [401] * len(answers)
    said = [{name: value for name, value in answer.json().items() if name != "instance"} for answer in answers]
    assert said == said[:1] * len(said)
    again = await manage(customer, "PATCH", named, {"url_token": True})
    await becomes(system, path_of(again), 202)
    assert (await deliver(system, path_of(shown))).status == 401, "a token that was ended never comes back"


async def test_s17_two_tokens_are_good_while_they_overlap_and_their_use_is_told(
    opted_in: tuple[Customer, dict[str, Any]],
) -> None:
    customer, shown = opted_in
    system, named = customer.system, f"/{customer.sender.id}"
    rotated = await manage(customer, "POST", f"{named}/rotate", {"url_token": True, "overlap_s": 3_600})
    await becomes(system, path_of(rotated), 202)
    assert (await deliver(system, path_of(shown))).status == 202

    async def told() -> bool:
        states = (await manage(customer, "GET", named))["url_tokens"]
        return [state["version"] for state in states if state["last_used_at"] is not None] == [2, 1]

    await eventually(told, what="both are told to be used")
    newest = await manage(customer, "POST", f"{named}/rotate", {"url_token": True, "overlap_s": 0})
    await becomes(system, path_of(newest), 202)
    assert [(await deliver(system, path_of(each))).status for each in (shown, rotated)] == [401, 401]


async def test_s17_it_weakens_no_other_proof_of_its_integration(shared: System) -> None:
    """Who signs is believed by the signature alone: also at the URL with the token, which somebody may have read in a log."""
    sentry = await move_in(shared, "sentry")
    shown = await manage(sentry, "PATCH", f"/{sentry.sender.id}", {"url_token": True})
    event = sentry_event()
    signed, plain = sentry.sender.signed(event, hook("event_alert")), {**JSON, **hook("event_alert")}
    await becomes(shared, path_of(shown), 202, event)

    path, by_token = sentry.sender.path, path_of(shown)
    changed = event.replace(b"fatal", b"fatel")
    assert (await deliver(shared, path, event, signed)).status == 202
    assert (await deliver(shared, path, event, plain)).status == 401
    assert (await deliver(shared, path, changed, signed)).status == 401
    assert (await deliver(shared, by_token, event, signed)).status == 202
    assert (await deliver(shared, by_token, changed, signed)).status == 401
    assert (await deliver(shared, f"{path}/t/{generate_token().get_secret_value()}", event, signed)).status == 401


async def test_s17_guessing_tokens_is_429_for_that_address_and_nobody_else(opted_in: tuple[Customer, dict[str, Any]]) -> None:
    customer, shown = opted_in
    system, guesser = customer.system, {**JSON, **stranger()}
    wrong = f"{customer.sender.path}/t/{generate_token().get_secret_value()}"
    answers = await asyncio.gather(*(deliver(system, wrong, headers=guesser) for _ in range(160)))

    assert {answer.status for answer in answers} == {401, 429}
    refused = next(answer for answer in answers if answer.status == 429)
    assert (refused.json()["type"], refused.json()["violated-policies"]) == (
        ProblemType.QUOTA_EXCEEDED,
        ["failed-authentication"],
    )
    assert (await deliver(system, wrong)).status == 401
    assert (await deliver(system, path_of(shown), headers=guesser)).status == 202


async def test_s17_neither_the_log_nor_the_snapshot_holds_it(opted_in: tuple[Customer, dict[str, Any]]) -> None:
    customer, shown = opted_in
    answer = await deliver(customer.system, path_of(shown))
    position = parse_delivery_id(customer.tenant.id, answer.json()["delivery_id"])
    reader = KafkaLog(customer.system.kafka).reader()
    await reader.start()
    try:
        (record,) = await reader.read(LOG, position.partition, position.offset, max_records=1)
    finally:
        await reader.close()
    snapshot = customer.system._snapshot("ingest").read_bytes()
    stored = hash_token(token_of(shown))
    assert stored is not None
    held = repr((record.headers, record.key)).encode() + record.value + snapshot
    for form in (token_of(shown)[11:54].encode(), stored, stored.hex().encode()):
        assert form not in held
