"""Redrive (DESIGN 3, P7): what failed, and was mended, is sent again and counts once, though the gateway dies meanwhile."""

from tests.acceptance.conftest import Fragile
from tests.simulation.redrive import mend, ordeal, poisoned
from tests.support.customer import Customer, move_in
from tests.support.instance import eventually
from tests.support.system import Answer, System
from tocsin_control.principal import Scope

COUNT = 300


async def ask(customer: Customer, path: str, body: bytes = b"{}", key: str | None = None) -> Answer:
    headers = {"content-type": "application/json"}
    return await customer.system.request(
        "POST", f"/api/v1/deliveries/{path}", key=key or customer.key, headers=headers, body=body
    )


async def test_poison_that_was_mended_is_applied_once_each_though_the_gateway_is_killed(fragile: Fragile) -> None:
    """`make redrive N=10000` does the same at any size."""
    customer, found = await ordeal(fragile.system, COUNT, rate=150, kills=1)
    assert found.kills == 1, "the gateway died while it worked"
    assert found.holds(COUNT), found
    stats = await customer.get("/deliveries/stats", by="outcome", attempt="no")
    assert {group["outcome"]: group["count"] for group in stats["groups"]} == {"redriven": COUNT}
    assert all(table.equal for table in await fragile.system.verify())


async def test_one_delivery_from_failed_over_tried_to_redriven(shared: System) -> None:
    customer = await poisoned(shared, 1)
    (failed,) = (await customer.get("/deliveries", outcome="failed"))["items"]
    assert failed["reason"] == "unknown-shape"
    before = (await ask(customer, f"{failed['id']}/try")).json()
    assert (before["outcome"], before["integration_version"]) == ("failed", 1)
    await mend(customer)
    after = (await ask(customer, f"{failed['id']}/try")).json()
    assert (after["outcome"], after["alerts"][0]["title"], after["integration_version"]) == ("normalized", "almost full", 2)
    assert (await customer.get("/deliveries"))["total"] == 1, "trying writes nothing"

    sent = await ask(customer, f"{failed['id']}/redrive")
    redriven = await customer.outcome(sent.json()["delivery_id"])
    original = await customer.get(f"/deliveries/{failed['id']}")
    assert (sent.status, redriven["outcome"], redriven["redrive_of"]) == (202, "processed", failed["id"])
    assert (original["outcome"], original["redriven_to"]) == ("redriven", redriven["id"])
    assert [attempt["id"] for attempt in original["attempts"]] == [redriven["id"]]
    assert redriven["received_at"] == original["received_at"]
    bodies = [(await shared.get(each["body_url"], customer.key)).body for each in (original, redriven)]
    assert bodies[0] == bodies[1]
    incident = await customer.incident()
    assert (incident["alert_count"], redriven["incidents"][0]["id"]) == (1, incident["id"])
    assert (await ask(customer, f"{failed['id']}/redrive")).status == 409


async def test_what_is_let_be_waits_for_nobody(shared: System) -> None:
    customer = await poisoned(shared, 2)
    one, two = (await customer.get("/deliveries", outcome="failed"))["items"]
    answer = await ask(customer, f"{one['id']}/discard", b'{"why": "a test of ours"}')
    waiting = await customer.get("/deliveries", outcome="failed", attempt="no", discarded="no")
    assert (answer.status, [each["id"] for each in waiting["items"]]) == (200, [two["id"]])
    shown = await customer.get(f"/deliveries/{one['id']}")
    assert (shown["discard"]["why"], shown["discard"]["actor_name"]) == ("a test of ours", "Ada")
    await mend(customer)
    assert (await ask(customer, "redrive")).json()["processed"] == 1


async def test_sending_again_needs_its_scope_and_ones_own_delivery(shared: System) -> None:
    customer, other = await poisoned(shared, 1), await move_in(shared)
    (failed,) = (await customer.get("/deliveries"))["items"]
    keys = await customer.keys(Scope.DELIVERIES_READ, Scope.DELIVERIES_REDRIVE)
    for verb in ("redrive", "discard"):
        assert (await ask(customer, f"{failed['id']}/{verb}", b'{"why": "x"}', keys[Scope.DELIVERIES_READ])).status == 403
        assert (await ask(other, f"{failed['id']}/{verb}", b'{"why": "x"}')).status == 404
    assert (await ask(customer, f"{failed['id']}/redrive", key=keys[Scope.DELIVERIES_REDRIVE])).status == 202


async def test_what_was_turned_away_is_counted_and_sampled(shared: System) -> None:
    """Nothing of it lies in the log; its sender's people see that somebody came with a wrong secret."""
    customer = await move_in(shared)
    headers = {"content-type": "application/json", "authorization": "Bearer wrong"}
    answer = await shared.request("POST", customer.sender.path, headers=headers, body=b"{}")
    assert answer.status == 401

    async def told() -> object:
        shown = await customer.get("/deliveries/rejected")
        return shown if shown["days"] and shown["samples"] else None

    shown = await eventually(told, what="the rejection is told")
    assert isinstance(shown, dict)
    (day,), (sample,) = shown["days"], shown["samples"]
    assert (day["reason"], day["count"], sample["status"], sample["size"]) == ("wrong-credentials", 1, 401, 2)
