"""Who may deliver and who may ask (security S10 to S21): one answer for every reason, and nothing is read unproven."""

import base64
import gzip
from collections.abc import Mapping

import orjson
import pytest

from tests.support.bodies import alertmanager, am_alert, hook, sentry_event
from tests.support.customer import CANARIES, Customer, move_in
from tests.support.instance import eventually
from tests.support.strangers import stranger
from tests.support.system import Answer, System
from tocsin_control.bootstrap import Role, as_owner
from tocsin_control.keys import create_key, revoke_key
from tocsin_control.principal import Scope
from tocsin_control.secrets import add_secret
from tocsin_query.endpoints import ENDPOINTS
from tocsin_runtime.clock import SystemClock

FIRING = alertmanager(am_alert())
EVENT = sentry_event()
JSON = {"content-type": "application/json"}


@pytest.fixture
async def prometheus(shared: System) -> Customer:
    return await move_in(shared)


@pytest.fixture
async def sentry(shared: System) -> Customer:
    return await move_in(shared, "sentry")


async def test_s10_whatever_is_wrong_with_credentials_the_answer_is_the_same(prometheus: Customer, shared: System) -> None:
    """Also that of an integration which does not exist: nobody learns which ids there are."""
    path, secret = prometheus.sender.path, prometheus.sender.secret.get_secret_value()
    other = (await move_in(shared)).sender.secret.get_secret_value()
    wrong = {
        "none": {},
        "another's": {"authorization": f"Bearer {other}"},
        "cut": {"authorization": f"Bearer {secret[:-1]}"},
        "longer": {"authorization": f"Bearer {secret}x"},
        "no ASCII": {"authorization": "Bearer h\u00e9\u00e9"},
        "another scheme": {"authorization": f"Digest {secret}"},
        "garbled basic": {"authorization": "Basic %%%"},
        "huge": {"authorization": "Bearer " + "x" * 5_000},
        "an API key": {"authorization": f"Bearer {prometheus.key}"},
    }
    answers = {name: await _deliver(shared, path, FIRING, headers) for name, headers in wrong.items()}
    answers["unknown integration"] = await _deliver(
        shared, "/api/v1/webhooks/alertmanager/" + "Z" * 26, FIRING, {"authorization": f"Bearer {secret}"}
    )
    answers["of another source"] = await _deliver(
        shared, path.replace("alertmanager", "sentry"), FIRING, {"authorization": f"Bearer {secret}"}
    )
    assert {name: answer.status for name, answer in answers.items() if answer.status != 401} == {}
    assert len({_said(answer) for answer in answers.values()}) == 1
    assert {answer.headers["WWW-Authenticate"] for answer in answers.values()} == {'Bearer realm="tocsin"'}


async def test_s17_bearer_and_basic_both_open_an_alertmanager(prometheus: Customer, shared: System) -> None:
    secret = prometheus.sender.secret.get_secret_value()
    basic = base64.b64encode(f"anybody:{secret}".encode()).decode()
    for headers in ({"authorization": f"Bearer {secret}"}, {"authorization": f"Basic {basic}"}):
        assert (await _deliver(shared, prometheus.sender.path, FIRING, headers)).status == 202


@pytest.mark.parametrize("place", ["token", "secret", "api_key", "authorization"])
async def test_s17_a_secret_in_the_url_opens_nothing(prometheus: Customer, shared: System, place: str) -> None:
    secret = prometheus.sender.secret.get_secret_value()
    answer = await shared.request("POST", prometheus.sender.path, headers=JSON, body=FIRING, query={place: secret})
    assert answer.status == 401


async def test_s11_a_signature_covers_every_byte_as_it_was_sent(sentry: Customer, shared: System) -> None:
    signed = sentry.sender.signed(EVENT, hook("event_alert"))
    changed = {
        "one byte": EVENT.replace(b"fatal", b"fatel"),
        "a space": EVENT + b" ",
        "written anew": orjson.dumps(orjson.loads(EVENT), option=orjson.OPT_INDENT_2),
        "nothing": b"",
    }
    answers = {
        name: (await shared.request("POST", sentry.sender.path, headers=signed, body=b)).status for name, b in changed.items()
    }
    assert answers == dict.fromkeys(changed, 401)
    assert (await shared.request("POST", sentry.sender.path, headers=signed, body=EVENT)).status == 202


async def test_s11_a_signature_covers_the_compressed_bytes(sentry: Customer, shared: System) -> None:
    small, encoding = gzip.compress(EVENT), {"content-encoding": "gzip", **hook("event_alert")}
    good = await shared.request("POST", sentry.sender.path, headers=sentry.sender.signed(small, encoding), body=small)
    bad = await shared.request("POST", sentry.sender.path, headers=sentry.sender.signed(EVENT, encoding), body=small)
    assert (good.status, bad.status) == (202, 401)
    shown = await sentry.outcome(good.json()["delivery_id"])
    kept = await shared.get(shown["body_url"], sentry.key)
    assert (kept.body, kept.headers["X-Tocsin-Received-Encoding"]) == (EVENT, "gzip")


async def test_nothing_is_read_of_a_body_whose_sender_proved_nothing(prometheus: Customer, shared: System) -> None:
    """No JSON, a bomb, a lie: without credentials it is a 401 all the same."""
    bodies: list[tuple[bytes, Mapping[str, str]]] = [
        (b"{", {}),
        (gzip.compress(b" " * 10_000_000), {"content-encoding": "gzip"}),
        (b"no gzip", {"content-encoding": "gzip"}),
        (b"x", {"content-encoding": "zstd"}),
    ]
    answers = [await _deliver(shared, prometheus.sender.path, body, headers) for body, headers in bodies]
    assert [answer.status for answer in answers] == [401] * len(bodies)


async def test_s15_two_secrets_are_good_in_their_overlap_and_then_one(prometheus: Customer, shared: System) -> None:
    sender = prometheus.sender
    old = sender.secret.get_secret_value()
    new = await _rotate(shared, prometheus, overlap_s=3_600)
    await eventually(lambda: _opens(shared, sender.path, new), what="the new secret opens")
    assert await _opens(shared, sender.path, old)

    newest = await _rotate(shared, prometheus, overlap_s=0)
    await eventually(lambda: _opens(shared, sender.path, newest), what="the newest secret opens")
    assert [await _opens(shared, sender.path, secret) for secret in (old, new)] == [False, False]


@pytest.mark.parametrize("path", [endpoint.path.format(id="0" * 26) for endpoint in ENDPOINTS])
async def test_s20_a_key_that_proves_nothing_reads_nothing(shared: System, path: str) -> None:
    customer = await move_in(shared)
    wrong = [None, "nonsense", customer.key[:-1], customer.sender.secret.get_secret_value()]
    answers = [await shared.request("GET", f"/api/v1{path}", key=key, headers=stranger()) for key in wrong]
    assert [answer.status for answer in answers] == [401] * len(answers)
    assert len({_said(answer) for answer in answers}) == 1
    assert (await shared.get(f"/api/v1{path}", key=customer.key)).status in {200, 202, 404}
    assert (await shared.get(f"/api/v1{path}", None, api_key=customer.key)).status == 400


async def test_s20_a_key_that_ended_or_was_revoked_opens_nothing(shared: System) -> None:
    """A revocation is known to every gateway and to query within 5 s."""
    customer = await move_in(shared)
    async with as_owner(shared.dsn(Role.OWNER), application="test") as connection:
        ended = await create_key(
            connection,
            tenant=customer.tenant.id,
            actor_name="Bob",
            scopes=(Scope.ADMIN,),
            expires_at=SystemClock().now() - 1_000_000,
        )
        live = await create_key(connection, tenant=customer.tenant.id, actor_name="Bob", scopes=(Scope.ADMIN,))
    CANARIES.update(key.text.get_secret_value() for key in (ended, live))
    await customer.settle(FIRING)
    incident = (await customer.incident())["id"]
    key = live.text.get_secret_value()
    await eventually(lambda: _is(shared, "/api/v1/incidents", key, 200), what="the key opens")
    async with as_owner(shared.dsn(Role.OWNER), application="test") as connection:
        await revoke_key(connection, live.key.id)
    await eventually(lambda: _is(shared, "/api/v1/incidents", key, 401), what="the revoked key opens nothing", within_s=5)

    async def refused() -> bool:
        return (await customer.set_status(incident, "CLOSED", key=key)).status == 401

    await eventually(refused, what="the gateway knows too", within_s=5)
    expired = ended.text.get_secret_value()
    assert await _is(shared, "/api/v1/incidents", expired, 401)
    assert (await customer.set_status(incident, "RESOLVED", key=expired)).status == 401


async def test_s21_a_key_reaches_what_its_scopes_name_and_nothing_else(shared: System) -> None:
    """Made from the list of endpoints: a new one without a scope cannot be declared."""
    customer = await move_in(shared)
    shown = await customer.settle(FIRING)
    incident = shown["incident_ids"][0]
    ids = {"incidents": incident, "alerts": shown["events"][0]["alert_id"], "deliveries": shown["id"], "commands": "0" * 32}
    ids |= {"rules": "0"}
    keys = await customer.keys(*Scope)
    seen: dict[tuple[str, Scope], bool] = {}
    for endpoint in ENDPOINTS:
        path = "/api/v1" + endpoint.path.format(id=ids[endpoint.tag])
        for scope, key in keys.items():
            status = (await shared.get(path, key)).status
            assert status in {200, 202, 403}
            seen[endpoint.path, scope] = status != 403
    assert seen == {(endpoint.path, scope): scope in {*endpoint.scopes, Scope.ADMIN} for endpoint in ENDPOINTS for scope in Scope}
    commands = {scope: (await customer.set_status(incident, "OPEN", key=key)).status for scope, key in keys.items()}
    assert commands == {scope: 409 if scope in {Scope.INCIDENTS_WRITE, Scope.ADMIN} else 403 for scope in Scope}
    bodies = {scope: (await shared.get(shown["body_url"], key)).status for scope, key in keys.items()}
    assert bodies == {scope: 200 if scope in {Scope.DELIVERIES_READ, Scope.ADMIN} else 403 for scope in Scope}


async def _deliver(system: System, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
    return await system.request("POST", path, headers={**JSON, **stranger(), **headers}, body=body)


async def _opens(system: System, path: str, secret: str) -> bool:
    status = (await _deliver(system, path, FIRING, {"authorization": f"Bearer {secret}"})).status
    assert status in {202, 401}
    return status == 202


async def _is(system: System, path: str, key: str, status: int) -> bool:
    return (await system.get(path, key)).status == status


async def _rotate(system: System, customer: Customer, *, overlap_s: int) -> str:
    async with as_owner(system.dsn(Role.OWNER), application="test") as connection:
        made = await add_secret(
            connection,
            system._master_key,
            tenant=customer.tenant.id,
            integration=customer.sender.id,
            overlap_s=overlap_s,
        )
    CANARIES.add(made.get_secret_value())
    return made.get_secret_value()


def _said(answer: Answer) -> tuple[tuple[str, str], ...]:
    """Give what an answer says besides the request's id."""
    return tuple(sorted((name, str(value)) for name, value in answer.json().items() if name != "instance"))
