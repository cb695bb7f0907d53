"""Security check list, limits (docs/reference/security-checks.md): S80 to S82. Told by counts, not by clocks."""

import asyncio

from tests.support.bodies import alertmanager, am_alert
from tests.support.customer import Customer, move_in
from tests.support.strangers import stranger
from tests.support.system import Answer, System
from tocsin_contracts.problem import ProblemType
from tocsin_control.integrations import Terms
from tocsin_control.principal import Scope

FIRING = alertmanager(am_alert())
JSON = {"content-type": "application/json"}


async def test_s80_a_flood_of_one_integration_leaves_the_tenants_others_their_quota(shared: System) -> None:
    """The integration's bucket refuses before the tenant's counts: what is refused uses nothing up."""
    flooding = await move_in(shared, terms=Terms(rate_limit_per_min=60, burst=5))
    other = await shared.integration(flooding.tenant, "sentry", name="the other")
    quiet = Customer(system=shared, tenant=flooding.tenant, sender=other, key=flooding.key)
    answers = await asyncio.gather(*(flooding.send(alertmanager(am_alert(str(number)))) for number in range(60)))
    refused = [answer for answer in answers if answer.status == 429]
    assert {answer.status for answer in answers} == {202, 429}
    assert 45 <= len(refused) <= 55
    for answer in refused:
        check_refusal(answer, "integration", 5)
    first = next(answer for answer in answers if answer.status == 202)
    assert first.headers["RateLimit-Policy"].startswith('"integration";q=5;w=5, "tenant";q=')
    assert (await quiet.send(b"{}")).status == 202


async def test_s80_a_flood_of_one_tenant_refuses_nothing_of_another(shared: System) -> None:
    """Every delivery of the neighbour is answered 202 and processed, on the same partition, while the flood goes on."""
    flooder, neighbour = await move_in(shared, limit=(60, 5)), await move_in(shared)
    while neighbour.tenant.partition != flooder.tenant.partition:
        neighbour = await move_in(shared)
    flood = asyncio.gather(*(flooder.send(alertmanager(am_alert(str(number)))) for number in range(200)))
    kept = await asyncio.gather(*(neighbour.deliver(alertmanager(am_alert(str(number)))) for number in range(40)))
    answers = await flood
    for answer in answers:
        if answer.status != 202:
            check_refusal(answer, "tenant", 5)
    assert len([answer for answer in answers if answer.status == 202]) <= 25
    assert [(await neighbour.outcome(each))["outcome"] for each in kept] == ["processed"] * 40
    taken = [answer.json()["delivery_id"] for answer in answers if answer.status == 202]
    assert {(await flooder.outcome(each))["outcome"] for each in taken} == {"processed"}


async def test_s80_a_flood_of_one_address_uses_up_nobodys_quota_and_refuses_nobody_who_proves_himself(shared: System) -> None:
    victim, address = await move_in(shared, limit=(60, 3)), stranger()
    wrong = {**JSON, **address, "authorization": "Bearer wrong"}
    answers = await asyncio.gather(*(shared.request("POST", victim.sender.path, headers=wrong, body=FIRING) for _ in range(160)))
    assert {answer.status for answer in answers} == {401, 429}
    assert {answer.json()["violated-policies"][0] for answer in answers if answer.status == 429} == {"failed-authentication"}
    assert [(await victim.send(FIRING, address)).status for _ in range(3)] == [202] * 3


async def test_s81_no_spelling_of_the_path_and_no_other_key_opens_another_quota(shared: System) -> None:
    """Limits are of each gateway: two have twice the quota (docs/reference/security-checks.md)."""
    customer = await move_in(shared, limit=(60, 4))
    sender, tenant = customer.sender, customer.tenant.id
    headers = sender.signed(FIRING)
    named = {"integration": sender.id}
    spellings: list[tuple[str, dict[str, str]]] = [
        (sender.path, {}),
        (sender.path + "/", {}),
        (sender.path.removeprefix("/api/v1"), {}),
        (sender.path, {"x": "1"}),
        ("/webhooks/alertmanager", named),
        ("/api/v1/webhooks/alertmanager", {"tenant_id": tenant}),
        ("/api/v1/alerts/webhook/alertmanager", {"tenant_id": tenant}),
        ("/alerts/webhook/alertmanager", named),
    ] * 3
    answers = [await shared.request("POST", path, headers=headers, body=FIRING, query=query) for path, query in spellings]
    assert {answer.status for answer in answers} == {202, 429}
    assert len([answer for answer in answers if answer.status == 202]) <= 8
    other = sender.path.replace("alertmanager", "AlertManager")
    assert (await shared.request("POST", other, headers=headers, body=FIRING)).status == 404


async def test_s81_many_keys_of_a_tenant_share_its_quotas(shared: System) -> None:
    customer = await move_in(shared)
    keys = [customer.key, *(await customer.keys(Scope.ADMIN, Scope.INTEGRATIONS_ADMIN)).values()]
    answers = await asyncio.gather(
        *(shared.request("GET", "/api/v1/integrations", key=keys[number % 3], headers=stranger()) for number in range(150))
    )
    assert {answer.status for answer in answers} == {200, 429}
    assert len([answer for answer in answers if answer.status == 200]) <= 115
    for answer in answers:
        if answer.status == 429:
            check_refusal(answer, "management", 100)


async def test_s82_what_costs_much_has_a_scope_and_a_quota_of_its_own(shared: System) -> None:
    """Redrives and trials; replay, export and what-if come with later issues. One bulk redrive of a tenant runs at a time."""
    customer = await move_in(shared)
    delivery = (await customer.settle(FIRING))["id"]
    keys = await customer.keys(Scope.DELIVERIES_READ, Scope.DELIVERIES_REDRIVE)
    reading = keys[Scope.DELIVERIES_READ]
    for path in ("/deliveries/redrive", f"/deliveries/{delivery}/redrive", f"/deliveries/{delivery}/discard"):
        body = b'{"reason":"x"}' if path.endswith("discard") else b"{}"
        answer = await shared.request("POST", f"/api/v1{path}", key=reading, headers=JSON, body=body)
        assert answer.status == 403, path
    redrive = f"/api/v1/deliveries/{delivery}/redrive"
    answers = await asyncio.gather(
        *(shared.request("POST", redrive, key=keys[Scope.DELIVERIES_REDRIVE], headers=JSON, body=b"{}") for _ in range(130))
    )
    assert {answer.status for answer in answers} <= {409, 429, 503}
    assert 429 in {answer.status for answer in answers}
    assert (await customer.send(FIRING)).status == 202  # the quota of deliveries is another


def check_refusal(answer: Answer, policy: str, burst: int) -> None:
    """Check that a refusal says which quota, and when to come back."""
    assert (answer.status, answer.json()["type"]) == (429, ProblemType.QUOTA_EXCEEDED)
    assert answer.json()["violated-policies"] == [policy]
    assert int(answer.headers["Retry-After"]) >= 1
    assert f'"{policy}";q={burst};w=' in answer.headers["RateLimit-Policy"]
    assert f'"{policy}";r=0;t=' in answer.headers["RateLimit"]
