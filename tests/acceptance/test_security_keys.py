"""Security check list, API keys (docs/reference/security-checks.md): S20 to S26 over every public route, S93.

The routes come from the one table (`tocsin_contracts.routes`): a new one is tried here without a line of it being changed.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import orjson
import pytest

from tests.support.bodies import alertmanager, am_alert
from tests.support.customer import CANARIES, Customer, move_in
from tests.support.strangers import stranger
from tests.support.system import Answer, System
from tocsin_contracts.problem import ProblemType
from tocsin_contracts.routes import ROUTES
from tocsin_control.principal import Scope

FIRING = alertmanager(am_alert())
JSON = {"content-type": "application/json"}
OPEN_TO_ALL = ("/webhooks", "/alerts/webhook", "/openapi.json")
"""Routes without an API key: senders prove themselves otherwise, and the description is public."""
OPERATIONS = [
    (method, route.path) for route in ROUTES if not route.path.startswith(OPEN_TO_ALL) for method in sorted({*route.methods})
]
OF_ONE = [(method, path) for method, path in OPERATIONS if "{id}" in path]
OURS = ("tenant_id", "id", "version", "created_at", "origin", "position", "actor")


@dataclass(frozen=True, slots=True)
class Belongings:
    """A tenant and one id of each kind that it has."""

    owner: Customer
    ids: Mapping[str, str]


@pytest.fixture
async def alice(shared: System) -> Belongings:
    owner = await move_in(shared)
    shown = await owner.settle(alertmanager(am_alert(), am_alert("b")))
    incident = await owner.incident()
    command = (await owner.set_status(incident["id"], "ACKNOWLEDGED")).json()["command_id"]
    made = await ask(owner.system, "POST", "/keys", owner.key, {"holder": "Bob", "scopes": ["incidents:read"]})
    assert made.status == 201, made.body
    CANARIES.add(made.json()["key"])
    ids = {
        "incidents": incident["id"],
        "alerts": shown["events"][0]["alert_id"],
        "deliveries": shown["id"],
        "commands": command,
        "integrations": owner.sender.id,
        "keys": made.json()["id"],
        "tenants": owner.tenant.id,
    }
    return Belongings(owner, ids)


async def ask(system: System, method: str, path: str, key: str | None, body: object = None, **headers: str) -> Answer:
    sent = None if method in {"GET", "DELETE"} else orjson.dumps({} if body is None else body)
    return await system.request(method, f"/api/v1{path}", key=key, headers={**JSON, **stranger(), **headers}, body=sent)


async def narrow_keys(system: System) -> list[str]:
    """Give two keys that may do quite different things; made once, as a gateway learns of them within a second."""
    if id(system) not in _NARROW:
        keys = await (await move_in(system)).keys(Scope.INCIDENTS_READ, Scope.DELIVERIES_REDRIVE)
        _NARROW[id(system)] = list(keys.values())
    return _NARROW[id(system)]


_NARROW: dict[int, list[str]] = {}
BODIES: Mapping[str, object] = {
    "/incidents/{id}/status": {"status": "RESOLVED"},
    "/integrations/{id}": {"burst": 5},
    "/integrations/{id}/try": {"payload": {}},
    "/deliveries/{id}/discard": {"reason": "test"},
}
"""Bodies that a route takes; any other is asked with `{}`."""


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
async def test_s21_every_route_needs_a_key_and_a_scope(shared: System, method: str, path: str) -> None:
    """Of two keys that may do quite different things at least one may not do this: a route without a scope fails here."""
    keys = await narrow_keys(shared)
    place = path.replace("{id}", "0" * 26)
    assert (await ask(shared, method, place, None, BODIES.get(path))).status == 401
    assert (await ask(shared, method, place, "nonsense", BODIES.get(path))).status == 401
    statuses = [(await ask(shared, method, place, key, BODIES.get(path))).status for key in keys]
    assert 403 in statuses


@pytest.mark.parametrize(("method", "path"), OF_ONE)
async def test_s22_what_another_tenant_has_looks_like_what_nobody_has(
    alice: Belongings, shared: System, method: str, path: str
) -> None:
    """Every kind of id at every route: the answer is that to an id which does not exist, and changes nothing."""
    bob = await move_in(shared)
    before = await everything(alice.owner)
    for kind, named in alice.ids.items():
        nobodys = named[::-1]  # of the same letters, so that it is refused no earlier
        theirs = await ask(shared, method, path.replace("{id}", named), bob.key, BODIES.get(path))
        none = await ask(shared, method, path.replace("{id}", nobodys), bob.key, BODIES.get(path))
        assert theirs.status == none.status, kind
        assert theirs.status in {400, 404, 405, 422} or (path.startswith("/commands") and theirs.status == 202), kind
        assert told(theirs) == told(none), kind
    assert await everything(alice.owner) == before
    own = next((named for kind, named in alice.ids.items() if path.startswith(f"/{kind}")), None)
    assert own is None or method != "GET" or (await ask(shared, "GET", path.replace("{id}", own), alice.owner.key)).status == 200


@pytest.mark.parametrize("member", OURS)
async def test_s23_what_is_ours_to_say_is_an_unknown_member_everywhere(alice: Belongings, shared: System, member: str) -> None:
    key, ids = alice.owner.key, alice.ids
    bodies: dict[tuple[str, str], dict[str, object]] = {
        ("PATCH", f"/incidents/{ids['incidents']}/status"): {"status": "RESOLVED"},
        ("POST", "/integrations"): {"source": "sentry", "name": "x"},
        ("PATCH", f"/integrations/{ids['integrations']}"): {"burst": 5},
        ("POST", f"/integrations/{ids['integrations']}/rotate"): {},
        ("POST", "/keys"): {"holder": "x", "scopes": ["incidents:read"]},
        ("POST", "/deliveries/redrive"): {},
        ("POST", f"/deliveries/{ids['deliveries']}/discard"): {"reason": "x"},
    }
    before = await everything(alice.owner)
    answers = {(how, path): await ask(shared, how, path, key, {**body, member: "x"}) for (how, path), body in bodies.items()}
    assert {place: answer.status for place, answer in answers.items() if answer.status != 422} == {}
    assert await everything(alice.owner) == before


@pytest.mark.parametrize("path", [f"/deliveries/{'0' * 26}/body", f"/incidents/{'0' * 26}"], ids=["gateway", "query"])
async def test_s25_guessing_keys_is_429_for_that_address_and_nobody_else(shared: System, path: str) -> None:
    """Only who fails is refused: another address is not, nor the right key from the same one."""
    customer, guesser = await move_in(shared), stranger()
    wrong = customer.key[:-10] + "0" * 10
    answers = await asyncio.gather(*(ask(shared, "GET", path, wrong, **guesser) for _ in range(160)))
    assert {answer.status for answer in answers} == {401, 429}
    refused = next(answer for answer in answers if answer.status == 429)
    assert refused.json()["type"] == ProblemType.QUOTA_EXCEEDED
    assert refused.json()["violated-policies"] == ["failed-authentication"]
    assert int(refused.headers["Retry-After"]) >= 1
    assert (await ask(shared, "GET", path, wrong, **stranger())).status == 401
    assert (await ask(shared, "GET", path, customer.key, **guesser)).status == 404


async def test_s25_guessing_secrets_is_429_for_that_address_and_nobody_else(shared: System) -> None:
    customer, guesser = await move_in(shared), stranger()
    wrong = {**JSON, **guesser, "authorization": "Bearer wrong"}
    post = customer.sender.path
    answers = await asyncio.gather(*(shared.request("POST", post, headers=wrong, body=FIRING) for _ in range(160)))
    assert {answer.status for answer in answers} == {401, 429}
    assert (await shared.request("POST", post, headers=wrong | stranger(), body=FIRING)).status == 401
    assert (await customer.send(FIRING, guesser)).status == 202


async def test_s26_a_cursor_that_was_changed_or_is_anothers_is_refused(alice: Belongings, shared: System) -> None:
    bob = await move_in(shared)
    for name in ("A", "B"):
        await alice.owner.settle(alertmanager(am_alert(name=name)))
        await bob.settle(alertmanager(am_alert(name=name)))
    for route in ("/incidents", "/alerts", "/deliveries"):
        cursor = str((await alice.owner.get(route, limit="1"))["next_cursor"])
        assert (await shared.get(f"/api/v1{route}", alice.owner.key, limit="1", cursor=cursor)).status == 200
        assert (await shared.get(f"/api/v1{route}", bob.key, limit="1", cursor=cursor)).status == 422
        for other in ("", "x", cursor[:-2], cursor + "AA", cursor[::-1], "' OR 1=1 --", "\u0000", "A" * 3_000):
            answer = await shared.get(f"/api/v1{route}", alice.owner.key, limit="1", cursor=other)
            assert answer.status in {400, 414, 422}, (route, other)


async def test_s93_every_change_says_who_with_which_key_at_which_request_and_what_was_before(
    alice: Belongings, shared: System
) -> None:
    owner = alice.owner
    path = f"/integrations/{alice.ids['integrations']}"
    changed = await ask(shared, "PATCH", path, owner.key, {"burst": 9}, **{"x-request-id": "request-of-the-change"})
    assert (changed.status, changed.json()["burst"]) == (200, 9)
    rotated = await ask(shared, "POST", f"{path}/rotate", owner.key)
    CANARIES.add(rotated.json()["secret"])
    assert (await ask(shared, "DELETE", f"/keys/{alice.ids['keys']}", owner.key)).status in {200, 204}
    async with shared.db() as connection:
        rows = await connection.fetch(
            "SELECT actor, action, subject, detail FROM control.audit WHERE tenant_id = $1 ORDER BY at", owner.tenant.id
        )
    found = {(row["action"], row["subject"]): (row["actor"], orjson.loads(row["detail"])) for row in rows}
    actor, detail = found["integration.changed", alice.ids["integrations"]]
    assert (actor, detail["key"], detail["request"]) == ("person:Ada", owner.key.split("_")[1], "request-of-the-change")
    assert (detail["before"]["burst"], detail["after"]["burst"]) == (2_000, 9)
    assert {action for action, _ in found} >= {"key.created", "key.revoked", "secret.added", "integration.changed"}
    (action,) = (await owner.incident())["actions"]
    assert (action["actor_kind"], action["actor_id"], action["actor_name"]) == ("person", owner.key.split("_")[1], "Ada")


async def everything(customer: Customer) -> list[object]:
    """Give what lists show of a tenant, and its integrations and keys but for when they were last used."""
    pages = [await customer.get(route) for route in ("/incidents", "/alerts", "/deliveries")]
    integrations, keys = (await customer.get("/integrations"))["items"], (await customer.get("/keys"))["items"]
    return [
        *(page["items"] for page in pages),
        [(each["id"], each["version"], each["enabled"], len(each["secrets"])) for each in integrations],
        [(each["id"], each["scopes"]) for each in keys],
    ]


def told(answer: Answer) -> dict[str, object]:
    """Give what an answer says, but for which request it was and what was asked for."""
    hidden = {"instance", "as_of", "command_id", "id"}
    return {name: value for name, value in answer.json().items() if name not in hidden}
