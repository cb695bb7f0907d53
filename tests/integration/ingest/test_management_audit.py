"""What management leaves behind: an entry of each change, and of secrets nothing."""

from __future__ import annotations

import orjson

from tests.integration.ingest.administering import INTEGRATIONS, KEYS, PAGER, TABLES, ask, made
from tests.integration.ingest.managing import Gateway, World
from tocsin_control.principal import Scope
from tocsin_ingest.management.dispatch import OPERATIONS

AUDIT = "/api/v1/audit"


async def test_every_change_is_audited_with_who_key_request_before_and_after(world: World, gateway: Gateway, admin: str) -> None:
    """S93."""
    body = await made(gateway, admin)
    path = f"{INTEGRATIONS}/{body['id']}"
    await gateway.call("PATCH", path, {"burst": 9}, key=admin, headers={"X-Request-Id": "request-of-the-change"})
    await gateway.call("POST", f"{path}/rotate", key=admin)
    await gateway.call("DELETE", path, key=admin)

    rows = await world.owner.fetch("SELECT actor, action, tenant_id, detail FROM control.audit WHERE subject = $1", body["id"])
    details = [orjson.loads(row["detail"]) for row in rows]
    expected = ["secret.added", "integration.created", "integration.changed", "secret.added", "integration.deleted"]
    assert [row["action"] for row in rows] == expected
    assert {(row["actor"], row["tenant_id"]) for row in rows} == {("person:Ada", world.tenants["acme"])}
    assert {detail["key"] for detail in details} == {admin.split("_")[1]}
    assert details[2]["request"] == "request-of-the-change"
    assert (details[2]["before"]["burst"], details[2]["after"]["burst"]) == (2_000, 9)
    assert (details[2]["before"]["version"], details[2]["after"]["version"]) == (1, 2)
    assert body["secret"] not in repr([dict(row) for row in rows])


async def test_a_secret_is_said_once_and_never_again(world: World, gateway: Gateway, admin: str) -> None:
    """S24: every answer, header and log line of a life with all operations is searched for every secret."""
    body = await made(gateway, admin)
    path = f"{INTEGRATIONS}/{body['id']}"
    rotated = (await gateway.call("POST", f"{path}/rotate", key=admin)).json
    key = (await gateway.call("POST", KEYS, {"holder": "ci"}, key=admin)).json
    for operation in OPERATIONS:
        if operation.method != "DELETE":
            await ask(gateway, operation, key["id"] if operation.kind == "keys" else body["id"], admin)
    await gateway.call("POST", INTEGRATIONS, {**PAGER, "secret": body["secret"]}, key=admin)
    for secret in (body["secret"], rotated["secret"], key["key"]):
        assert sum(answer.count(secret.encode()) for answer in gateway.answers) == 1
        assert secret.encode() not in gateway.logged()
    assert admin.encode() not in gateway.logged() + b"".join(gateway.answers)
    assert b'"route":"management"' in gateway.logged().replace(b'": "', b'":"')
    dump = repr([[dict(row) for row in await world.owner.fetch(f"SELECT * FROM control.{table}")] for table in TABLES])
    for secret in (body["secret"], rotated["secret"], key["key"], key["key"].split("_")[2]):
        assert secret not in dump


async def test_every_operation_that_changes_something_leaves_an_entry_and_no_other_does(
    world: World, gateway: Gateway, admin: str
) -> None:
    """Over the table that routes them: an operation that is added later is asked here too."""
    body = await made(gateway, admin)
    key = (await gateway.call("POST", KEYS, {"holder": "x"}, key=admin)).json
    for operation in sorted(OPERATIONS, key=lambda each: each.method == "DELETE"):
        before = await world.owner.fetchval("SELECT count(*) FROM control.audit")
        answer = await ask(gateway, operation, key["id"] if operation.kind == "keys" else body["id"], admin)
        after = await world.owner.fetchval("SELECT count(*) FROM control.audit")
        changes = operation.method != "GET" and operation.name != "tryDelivery"
        assert answer.status in {200, 201, 204}, (operation.name, answer.body)
        assert (after > before) is changes, operation.name


async def test_the_audit_is_read_newest_first_by_pages_and_filters(world: World, gateway: Gateway, admin: str) -> None:
    body = await made(gateway, admin)
    await gateway.call("PATCH", f"{INTEGRATIONS}/{body['id']}", {"burst": 9}, key=admin)

    first = (await gateway.call("GET", f"{AUDIT}?limit=1&subject={body['id']}", key=admin)).json
    rest = (await gateway.call("GET", f"{AUDIT}?subject={body['id']}&before={first['next']}", key=admin)).json
    assert [item["action"] for item in first["items"]] == ["integration.changed"]
    assert ([item["action"] for item in rest["items"]], rest["next"]) == (["integration.created", "secret.added"], None)
    (changed,) = first["items"]
    assert (changed["actor"], changed["subject"], changed["detail"]["after"]["burst"]) == ("person:Ada", body["id"], 9)
    only = (await gateway.call("GET", f"{AUDIT}?action=secret.added", key=admin)).json["items"]
    assert {item["action"] for item in only} == {"secret.added"}
    for wrong in ("before=x", "before=-1", "limit=0", "befroe=1"):
        assert (await gateway.call("GET", f"{AUDIT}?{wrong}", key=admin)).status == 422


async def test_the_audit_of_another_tenant_is_not_there(world: World, gateway: Gateway, admin: str) -> None:
    await made(gateway, admin)
    stranger = await world.key("rival", Scope.ADMIN)
    await gateway.until(lambda directory: stranger.split("_")[1] in directory.keys)
    seen = (await gateway.call("GET", f"{AUDIT}?limit=1000", key=stranger)).json["items"]
    assert [item["action"] for item in seen if item["action"].startswith(("integration.", "secret."))] == []
    assert all("acme" not in str(item) for item in seen)
