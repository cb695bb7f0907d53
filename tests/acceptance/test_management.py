"""What item 4 of the door promises of integrations, secrets, keys and tenants, through the running system."""

from typing import Any

import orjson
import pytest

from tests.acceptance.conftest import Fragile
from tests.simulation.redrive import poisoned
from tests.support.bodies import alertmanager, am_alert
from tests.support.command_line import tocsin
from tests.support.customer import CANARIES, Customer, move_in
from tests.support.instance import eventually
from tests.support.system import Answer, System
from tocsin_control.bootstrap import Role
from tocsin_control.principal import Scope

FIRING = alertmanager(am_alert("Down"))
INTEGRATIONS = "/api/v1/integrations"


async def ask(customer: Customer, method: str, path: str, body: object = None, *, key: str | None = None) -> Answer:
    data = None if body is None else orjson.dumps(body)
    headers = {"content-type": "application/json"}
    asking = customer.key if key is None else key
    return await customer.system.request(method, path, key=asking, headers=headers, body=data)


async def deliver(system: System, path: str, secret: str, gateway: str = "ingest") -> int:
    headers = {"content-type": "application/json", "authorization": f"Bearer {secret}"}
    return (await system.request("POST", path, headers=headers, body=FIRING, service=gateway)).status


async def test_what_one_gateway_changes_holds_at_every_other_and_in_reads(fragile: Fragile) -> None:
    """Each gateway asks PostgreSQL once a second; the second one hears nothing from the first."""
    system = fragile.system
    await system.start("ingest-2")
    customer = await move_in(system)
    made = (await ask(customer, "POST", INTEGRATIONS, {"source": "alertmanager", "name": "made"})).json()
    key = (await ask(customer, "POST", "/api/v1/keys", {"holder": "ci", "scopes": ["admin"]})).json()
    CANARIES.update((made["secret"], key["key"]))

    async def answers(status: int) -> bool:
        return await deliver(system, made["path"], made["secret"], "ingest-2") == status

    await eventually(lambda: answers(202), what="a new integration is known")
    for change, status in (({"enabled": False}, 403), ({"enabled": True}, 202)):
        assert (await ask(customer, "PATCH", f"{INTEGRATIONS}/{made['id']}", change)).status == 200
        await eventually(lambda status=status: answers(status), what=f"a change to {change} is known")  # type: ignore[misc]
    rotated = (await ask(customer, "POST", f"{INTEGRATIONS}/{made['id']}/rotate", {"overlap_s": 0})).json()
    CANARIES.add(rotated["secret"])
    await eventually(lambda: answers(401), what="a secret that was replaced is refused")

    async def opens(service: str, path: str, status: int) -> bool:
        return (await system.get(path, key["key"], service=service)).status == status

    for status in (200, 401):
        for service, path in (("ingest-2", INTEGRATIONS), ("query", "/api/v1/incidents")):
            await eventually(
                lambda service=service, path=path, status=status: opens(service, path, status),  # type: ignore[misc]
                what=f"the key is {status} at {service}",
            )
        await ask(customer, "DELETE", f"/api/v1/keys/{key['id']}")
    assert (await ask(customer, "DELETE", f"{INTEGRATIONS}/{made['id']}")).status == 204
    await eventually(lambda: _refused(system, made["path"], rotated["secret"]), what="a deleted integration is gone")
    await system.stop("ingest-2")


async def test_last_used_tells_when_a_secret_can_be_retired(shared: System) -> None:
    """A sender moves from the old secret to the new one; once the old one rests, it ends without anybody noticing."""
    customer = await move_in(shared)
    path, old = f"{INTEGRATIONS}/{customer.sender.id}", customer.sender.secret.get_secret_value()
    new = (await ask(customer, "POST", f"{path}/rotate", {"overlap_s": 3_600})).json()["secret"]
    CANARIES.add(new)

    async def used() -> dict[int, bool]:
        shown = (await ask(customer, "GET", path)).json()["secrets"]
        return {secret["version"]: secret["last_used_at"] is not None for secret in shown}

    async def both(wanted: dict[int, bool]) -> bool:
        return await used() == wanted

    assert await used() == {1: False, 2: False}
    assert await deliver(shared, customer.sender.path, old) == 202
    await eventually(lambda: both({1: True, 2: False}), what="the old secret is seen in use, the new one is not")
    await eventually(lambda: _taken(shared, customer.sender.path, new), what="the new secret is known")
    await eventually(lambda: both({1: True, 2: True}), what="the new secret is seen in use")
    shown = (await ask(customer, "GET", path)).json()["secrets"]
    assert [secret["not_after"] is None for secret in shown] == [True, False], "the old one ends by itself"


async def test_a_disabled_tenant_is_read_and_not_changed(shared: System, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_ADMIN_POSTGRES", shared.dsn(Role.OWNER))
    customer = await move_in(shared)
    await customer.settle(FIRING)
    incident = await customer.incident()
    switched = (await tocsin("tenants", "disable", customer.tenant.id, "--json")).json()
    assert switched["enabled"] is False

    async def answers(status: int) -> bool:
        return (await customer.send(FIRING)).status == status

    await eventually(lambda: answers(403), what="its deliveries are refused")
    assert (await customer.set_status(incident["id"], "ACKNOWLEDGED")).status == 403
    for method, path, body in (
        ("POST", INTEGRATIONS, {"source": "generic", "name": "x"}),
        ("GET", "/api/v1/tenants", None),
        ("POST", "/api/v1/deliveries/redrive", {}),
    ):
        assert (await ask(customer, method, path, body)).status == 403, path
    assert (await customer.incident())["id"] == incident["id"], "what it had can be read"
    await tocsin("tenants", "enable", customer.tenant.id)
    await eventually(lambda: answers(202), what="its deliveries are taken again")
    assert (await customer.set_status(incident["id"], "ACKNOWLEDGED")).status == 200


async def test_what_people_do_with_failed_deliveries_stands_in_the_audit(shared: System) -> None:
    """Who, what, how many: a redrive and a discard by their delivery, a bulk by its begin and its counts."""
    customer = await poisoned(shared, 3)
    one, two, _ = (await customer.get("/deliveries", outcome="failed"))["items"]
    await ask(customer, "POST", f"/api/v1/deliveries/{one['id']}/redrive")
    await ask(customer, "POST", f"/api/v1/deliveries/{two['id']}/discard", {"why": "noise"})
    await ask(customer, "POST", "/api/v1/deliveries/redrive", {"reason": ["unknown-shape"]})

    async def told() -> Any:
        found = (await ask(customer, "GET", "/api/v1/audit")).json()["items"]
        entries = {entry["action"]: entry for entry in found if entry["action"].startswith("deliver")}
        return entries if "deliveries.redriven" in entries else None

    entries = await eventually(told, what="the bulk's counts stand in the audit")
    assert isinstance(entries, dict)
    assert entries["delivery.redriven"]["subject"] == one["id"]
    assert (entries["delivery.discarded"]["subject"], entries["delivery.discarded"]["detail"]["why"]) == (two["id"], "noise")
    assert entries["deliveries.redrive-begun"]["detail"]["wanted"] == {"reason": ["unknown-shape"]}
    assert (entries["deliveries.redriven"]["detail"]["sent"], entries["deliveries.redriven"]["detail"]["failed_again"]) == (2, 2)
    assert {entry["actor"] for entry in entries.values()} == {"person:Ada"}
    assert {entry["detail"]["key"] for entry in entries.values()} == {customer.key.split("_")[1]}


async def test_a_key_does_what_its_scopes_say_and_nothing_else(shared: System) -> None:
    """One request for each scope that people give out; the tables of routes are tried whole in the services' own tests."""
    customer = await move_in(shared)
    await customer.settle(FIRING)
    incident = await customer.incident()
    wanted: dict[Scope, tuple[str, str, Any]] = {
        Scope.INCIDENTS_READ: ("GET", "/api/v1/incidents", None),
        Scope.ALERTS_READ: ("GET", "/api/v1/alerts", None),
        Scope.DELIVERIES_READ: ("GET", "/api/v1/deliveries", None),
        Scope.DELIVERIES_REDRIVE: ("POST", "/api/v1/deliveries/redrive", {}),
        Scope.INCIDENTS_WRITE: ("PATCH", f"/api/v1/incidents/{incident['id']}/status", {"status": "ACKNOWLEDGED"}),
        Scope.INTEGRATIONS_ADMIN: ("GET", INTEGRATIONS, None),
    }
    keys = await customer.keys(*wanted)
    for scope, (method, path, body) in wanted.items():
        for holder, key in keys.items():
            status = (await ask(customer, method, path, body, key=key)).status
            assert (status != 403) is (holder is scope), (scope, holder, status)
    only_admin = [(await ask(customer, "GET", "/api/v1/keys", key=key)).status for key in keys.values()]
    assert set(only_admin) == {403}


async def test_tenants_and_keys_by_the_command_line(shared: System, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_ADMIN_POSTGRES", shared.dsn(Role.OWNER))
    made = (await tocsin("tenants", "create", "by hand", "--rate-limit", "60", "--burst", "10", "--json")).json()
    assert made["partition"] in range(shared.partitions)
    again = await tocsin("tenants", "create", "by hand")
    assert (again.code, again.err) == (1, "tocsin: there is a tenant named 'by hand' already\n")
    key = (await tocsin("keys", "create", "Ada", "--tenant", "by hand", "--scope", "incidents:read", "--json")).json()
    CANARIES.add(key["key"])

    async def reads(status: int) -> bool:
        return (await shared.get("/api/v1/incidents", key["key"])).status == status

    assert await reads(200)
    listed = await tocsin("keys", "list", "--tenant", "by hand")
    assert key["id"] in listed.out
    assert key["key"] not in listed.out
    limited = (await tocsin("tenants", "limit", "by hand", "--rate-limit", "120", "--burst", "20", "--json")).json()
    assert (limited["rate_limit_per_min"], limited["burst"], limited["partition"]) == (120, 20, made["partition"])
    assert "by hand" in (await tocsin("tenants", "list")).out
    assert (await tocsin("keys", "revoke", key["id"])).code == 0
    await eventually(lambda: reads(401), what="a revoked key reads nothing")
    ended = await tocsin("keys", "create", "Ada", "--tenant", "by hand", "--expires", "2020-01-01")
    assert (ended.code, "--expires is in the past" in ended.err) == (2, True)
    missing = await tocsin("keys", "revoke", "0123456789")
    assert missing.err == "tocsin: there is no API key '0123456789'; 'tocsin keys list' shows all\n"


async def _refused(system: System, path: str, secret: str) -> bool:
    return await deliver(system, path, secret, "ingest-2") == 401


async def _taken(system: System, path: str, secret: str) -> bool:
    return await deliver(system, path, secret) == 202
