"""P9: one tenant never sees or changes another, and a flood of one delays nobody else."""

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

from tests.support.bodies import alertmanager, am_alert
from tests.support.customer import Customer, move_in
from tests.support.system import Answer, System
from tocsin_contracts.problem import ProblemType
from tocsin_query.endpoints import ENDPOINTS, PREFIXES

KINDS = {
    "/incidents/{id}": ("incident", "short_code", "prefix"),
    "/incidents/{id}/why": ("incident", "short_code", "prefix"),
    "/alerts/{id}": ("alert",),
    "/alerts/{id}/why": ("alert",),
    "/deliveries/{id}": ("delivery",),
}
"""Which ids a route takes; `/commands/{id}` has a test of its own: the log alone knows which commands were given."""
RULES = ("/rules", "/rules/versions", "/rules/versions/{id}")
"""They have a test of their own: their ids are counted, so everybody's look alike."""
LISTS = ("/incidents", "/alerts", "/deliveries")
COUNTS = ("/deliveries/stats", "/deliveries/rejected")


@dataclass(frozen=True, slots=True, kw_only=True)
class Belongings:
    """One id of each kind that a tenant has."""

    owner: Customer
    ids: dict[str, str]


@pytest.fixture
async def alice(shared: System) -> Belongings:
    owner = await move_in(shared)
    shown = await owner.settle(alertmanager(am_alert(), am_alert("b")))
    incident = await owner.incident()
    answer = await owner.set_status(incident["id"], "ACKNOWLEDGED")
    ids = {
        "incident": incident["id"],
        "short_code": incident["short_code"],
        "prefix": incident["id"][:12],
        "alert": shown["events"][0]["alert_id"],
        "delivery": shown["id"],
        "command": answer.json()["command_id"],
    }
    return Belongings(owner=owner, ids=ids)


@pytest.fixture
async def bob(shared: System) -> Customer:
    return await move_in(shared)


async def test_two_tenants_with_the_same_fingerprint_never_meet(shared: System) -> None:
    one, two = await move_in(shared), await move_in(shared)
    body = alertmanager(am_alert(), am_alert("b"))
    shown = [await customer.settle(body) for customer in (one, two)]
    assert [each["outcome"] for each in shown] == ["processed", "processed"]
    first, second = await one.incident(), await two.incident()
    assert first["id"] != second["id"]
    assert not {alert["id"] for alert in first["alerts"]} & {alert["id"] for alert in second["alerts"]}
    assert (first["alert_count"], second["alert_count"]) == (2, 2)

    await one.set_status(first["id"], "RESOLVED")
    assert ((await one.incident())["status"], (await two.incident())["status"]) == ("RESOLVED", "OPEN")


def test_the_matrix_knows_every_route_of_the_read_api() -> None:
    """A new route must say here which ids it takes, or have a test of its own."""
    assert {endpoint.path for endpoint in ENDPOINTS} == {*KINDS, *LISTS, *COUNTS, *RULES, "/commands/{id}"}


async def test_another_tenants_key_sees_404_on_every_route_with_every_kind_of_id(alice: Belongings, bob: Customer) -> None:
    before = await _all_of(alice.owner)
    seen: dict[str, int] = {}
    for prefix in PREFIXES:
        for route in KINDS:
            for kind, name in alice.ids.items():
                seen[f"{prefix}{route} {kind}"] = (await _get(bob, prefix + route.format(id=name))).status
        for kind, name in alice.ids.items():
            answer = await bob.system.get(f"{prefix}/deliveries/{name}/body", bob.key)
            seen[f"{prefix}/deliveries/{{id}}/body {kind}"] = answer.status
    assert {place: status for place, status in seen.items() if status != 404} == {}
    assert len(seen) == len(PREFIXES) * (len(KINDS) + 1) * len(alice.ids)
    own = [route.format(id=alice.ids[kind]) for route, kinds in KINDS.items() for kind in kinds]
    assert [(await _get(alice.owner, f"/api/v1{path}")).status for path in own] == [200] * len(own)
    assert await _all_of(alice.owner) == before


async def test_lists_and_totals_of_another_tenant_hold_nothing_whatever_they_are_asked(alice: Belongings, bob: Customer) -> None:
    for route in LISTS:
        assert (await bob.get(route))["total"] == 0
    assert (await bob.get("/deliveries/stats"))["groups"] == []
    rejected = await bob.get("/deliveries/rejected")
    assert (rejected["days"], rejected["samples"]) == ([], [])
    assert (await bob.get("/alerts", incident_id=alice.ids["incident"]))["items"] == []
    assert (await alice.owner.get("/alerts", incident_id=alice.ids["incident"]))["total"] == 2


async def test_rules_of_another_tenant_are_neither_seen_nor_counted(alice: Belongings, bob: Customer) -> None:
    hers = {"document": {"version": 1, "rules": [{"name": "hers"}]}}
    assert (await alice.owner.command("PUT", "/rules", hers)).status == 200
    shown = await bob.get("/rules")
    assert (shown["version"], shown["document"]) == (0, {"version": 1})
    assert (await bob.get("/rules/versions"))["total"] == 0
    assert (await _get(bob, "/api/v1/rules/versions/1")).status == 404
    assert (await alice.owner.get("/rules/versions/1"))["document"]["rules"] == [{"name": "hers"}]
    assert (await bob.command("PUT", "/rules", {"document": {"version": 1}})).json()["version"] == 1


async def test_a_cursor_of_another_tenant_is_refused(alice: Belongings, bob: Customer) -> None:
    await alice.owner.settle(alertmanager(am_alert(name="Another")))
    cursor = (await alice.owner.get("/incidents", limit="1"))["next_cursor"]
    assert (await _get(alice.owner, "/api/v1/incidents", limit="1", cursor=cursor)).status == 200
    assert (await _get(bob, "/api/v1/incidents", limit="1", cursor=cursor)).status == 422


async def test_a_command_for_another_tenants_incident_is_a_404_and_changes_nothing(alice: Belongings, bob: Customer) -> None:
    before = await _all_of(alice.owner)
    for kind, name in alice.ids.items():
        assert (await bob.set_status(name, "RESOLVED")).status == 404, kind
    assert await _all_of(alice.owner) == before


async def test_a_command_of_another_tenant_looks_like_one_that_was_never_given(alice: Belongings, bob: Customer) -> None:
    """Whether a command was given only the log knows, so an unknown one is pending, unless its position is named."""
    theirs = await _get(bob, f"/api/v1/commands/{alice.ids['command']}")
    nobodys = await _get(bob, f"/api/v1/commands/{'0' * 32}")
    assert (theirs.status, theirs.json()["outcome"]) == (nobodys.status, nobodys.json()["outcome"]) == (202, "pending")
    place = (await alice.owner.get(f"/commands/{alice.ids['command']}"))["position"]
    assert (await _get(bob, f"/api/v1/commands/{alice.ids['command']}", position=place)).status == 404
    mine = await bob.set_status("0" * 26, "RESOLVED", idempotency_key=alice.ids["command"])
    assert mine.status == 404  # one key, two tenants: two commands
    assert (await alice.owner.get(f"/commands/{alice.ids['command']}"))["outcome"] == "applied"


async def test_nobody_delivers_for_another_tenant(alice: Belongings, bob: Customer) -> None:
    """Another's secret, another's name beside one's own path: all the same 401."""
    body, theirs = alertmanager(am_alert("forged")), alice.owner.sender
    before = await _all_of(alice.owner)
    system, headers = bob.system, bob.sender.signed(body)
    answers = [
        await system.request("POST", theirs.path, headers=headers, body=body),
        await system.request("POST", theirs.path, headers=headers, body=body, query={"tenant_id": bob.tenant.id}),
        await system.request("POST", bob.sender.path, headers=headers, body=body, query={"tenant_id": alice.owner.tenant.id}),
        await system.request("POST", bob.sender.path, headers=theirs.signed(body), body=body),
    ]
    assert {answer.status for answer in answers} == {401}
    assert len({_without_instance(answer) for answer in answers}) == 1
    shown = await bob.settle(alertmanager(am_alert(tenant_id=theirs.tenant)))
    assert shown["outcome"] == "processed"
    assert (await bob.incident())["labels"]["tenant_id"] == theirs.tenant  # text of the sender, nothing more
    assert await _all_of(alice.owner) == before


async def test_a_flooder_gets_429_while_the_others_records_keep_flowing(shared: System) -> None:
    """Told by counts: all that the quota allows is processed, all else refused, and nothing of the neighbour's is."""
    flooder = await move_in(shared, limit=(60, 5))
    neighbour = await move_in(shared)
    while neighbour.tenant.partition != flooder.tenant.partition:
        neighbour = await move_in(shared)

    flood = [flooder.send(alertmanager(am_alert(str(number)))) for number in range(60)]
    steady = [neighbour.deliver(alertmanager(am_alert(str(number)))) for number in range(30)]
    flooded, kept = await asyncio.gather(asyncio.gather(*flood), asyncio.gather(*steady))

    refused = [answer for answer in flooded if answer.status == 429]
    taken = [answer for answer in flooded if answer.status == 202]
    assert len(taken) + len(refused) == 60
    assert 5 <= len(taken) <= 15
    for answer in refused:
        assert answer.json()["type"] == ProblemType.QUOTA_EXCEEDED
        assert answer.json()["violated-policies"] == ["tenant"]
        assert int(answer.headers["Retry-After"]) >= 1
        assert '"tenant";q=5;w=5' in answer.headers["RateLimit-Policy"]
        assert '"tenant";r=0' in answer.headers["RateLimit"]
    assert {(await neighbour.outcome(each))["outcome"] for each in kept} == {"processed"}
    assert (await neighbour.incident())["alert_count"] == 30
    outcomes = [(await flooder.outcome(answer.json()["delivery_id"]))["outcome"] for answer in taken]
    assert outcomes == ["processed"] * len(taken)


async def test_a_flood_without_credentials_uses_up_nobodys_quota(shared: System) -> None:
    victim = await move_in(shared, limit=(60, 3))
    body = alertmanager(am_alert())
    forged = {"authorization": "Bearer nonsense", "content-type": "application/json"}
    answers = await asyncio.gather(*(shared.request("POST", victim.sender.path, headers=forged, body=body) for _ in range(40)))
    assert {answer.status for answer in answers} <= {401, 429}
    assert (await victim.settle(body))["outcome"] == "processed"


async def _get(customer: Customer, path: str, **query: str) -> Answer:
    return await customer.system.get(path, customer.key, **query)


async def _all_of(customer: Customer) -> list[Any]:
    """Give everything that lists show of a tenant, totals included."""
    pages = [await customer.get(route) for route in LISTS]
    return [{name: page[name] for name in ("items", "total")} for page in pages]


def _without_instance(answer: Answer) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((name, str(value)) for name, value in answer.json().items() if name != "instance"))
