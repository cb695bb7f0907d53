"""Who may manage what, and what everybody else is told."""

from __future__ import annotations

from tests.integration.ingest.administering import INTEGRATIONS, KEYS, ask, everything, made
from tests.integration.ingest.managing import Gateway, World
from tocsin_control.principal import Scope
from tocsin_control.tenants import set_tenant_enabled
from tocsin_ingest.management.dispatch import OPERATIONS

NOWHERE = "postgresql://tocsin_ingest:x@127.0.0.1:1/x"


async def test_the_tenant_of_a_key_is_shown_with_its_limits_and_no_other(world: World, gateway: Gateway, admin: str) -> None:
    (tenant,) = (await gateway.call("GET", "/api/v1/tenants", key=admin)).json["items"]

    assert (tenant["id"], tenant["name"], tenant["rate_limit_per_min"]) == (world.tenants["acme"], "acme", 6_000)
    assert (await gateway.call("POST", "/api/v1/tenants", {"name": "x"}, key=admin)).status == 405


async def test_every_route_takes_the_scopes_that_the_table_says_and_no_other(world: World) -> None:
    """S21: the table is this one; every operation is tried with each scope, all others together, no key, a wrong one."""
    assert {operation.name: operation.scope for operation in OPERATIONS} == {
        **dict.fromkeys(("listIntegrations", "createIntegration", "getIntegration"), Scope.INTEGRATIONS_ADMIN),
        **dict.fromkeys(("changeIntegration", "deleteIntegration", "rotateSecret", "tryDelivery"), Scope.INTEGRATIONS_ADMIN),
        **dict.fromkeys(("listKeys", "createKey", "getKey", "revokeKey"), Scope.ADMIN),
        "listTenants": Scope.INTEGRATIONS_ADMIN,
        "listAudit": Scope.ADMIN,
    }
    keys = {scope: await world.key("acme", scope) for scope in Scope}
    others = await world.key("acme", *(scope for scope in Scope if scope not in {Scope.ADMIN, Scope.INTEGRATIONS_ADMIN}))
    async with world.gateway(management_burst=10_000) as gateway:
        body = await made(gateway, keys[Scope.ADMIN])
        key = (await gateway.call("POST", KEYS, {"holder": "x"}, key=keys[Scope.ADMIN])).json
        for operation in sorted(OPERATIONS, key=lambda each: each.method == "DELETE"):
            named = key["id"] if operation.kind == "keys" else body["id"]
            for scope, text in sorted(keys.items(), key=lambda item: item[0] is Scope.ADMIN):
                allowed = scope in {operation.scope, Scope.ADMIN}
                status = (await ask(gateway, operation, named, text)).status
                assert (status not in {401, 403}) is allowed, (operation.name, scope, status)
            assert (await ask(gateway, operation, named, others)).status == 403
            assert (await ask(gateway, operation, named, "")).status == 401
            assert (await ask(gateway, operation, named, keys[Scope.ADMIN][:-1])).status == 401


async def test_every_route_with_an_id_of_another_tenant_is_404_and_changes_nothing(world: World, admin: str) -> None:
    """S22: and what a list shows of them is nothing."""
    stranger = await world.key("rival", Scope.ADMIN)
    async with world.gateway(management_burst=10_000) as gateway:
        body = await made(gateway, admin)
        key = (await gateway.call("POST", KEYS, {"holder": "x"}, key=admin)).json
        before = await everything(world)
        for operation in OPERATIONS:
            if operation.one:
                named = key["id"] if operation.kind == "keys" else body["id"]
                answer = await ask(gateway, operation, named, stranger)
                assert (answer.status, answer.problem) == (404, "not-found"), operation.name
        assert (await gateway.call("GET", INTEGRATIONS, key=stranger)).json["items"] == []
        assert [item["holder"] for item in (await gateway.call("GET", KEYS, key=stranger)).json["items"]] == ["Ada"]
        assert await everything(world) == before
        theirs = await made(gateway, stranger)
        assert theirs["name"] == body["name"], "names are a tenant's own"
        owned = await world.owner.fetch("SELECT tenant_id FROM control.integrations WHERE id = $1", theirs["id"])
        assert [row["tenant_id"] for row in owned] == [world.tenants["rival"]]


async def test_paths_and_methods_that_are_none_are_said_so(gateway: Gateway, admin: str) -> None:
    one = f"{INTEGRATIONS}/{(await made(gateway, admin))['id']}"
    for path in (
        f"{one}/rotate/now",
        f"{one}/erase",
        f"{INTEGRATIONS}//rotate",
        f"{INTEGRATIONS}/%00",
        "/integrations",
        "/keys/x",
    ):
        assert (await gateway.call("GET", path, key=admin)).status == 404, path
    for method, path, allowed in (
        ("PUT", one, "GET, HEAD, PATCH, DELETE"),
        ("DELETE", INTEGRATIONS, "GET, HEAD, POST"),
        ("GET", f"{one}/rotate", "POST"),
    ):
        answer = await gateway.call(method, path, key=admin)
        assert (answer.status, answer.headers["Allow"]) == (405, allowed)
    assert (await gateway.call("HEAD", one, key=admin)).status == 200
    assert (await gateway.call("GET", f"{one}?api_key={admin}")).status == 400
    assert (await gateway.call("GET", f"{one}?verbose=1", key=admin)).status == 422


async def test_a_tenants_administrators_have_a_quota_of_their_own(world: World, admin: str) -> None:
    stranger = await world.key("rival", Scope.ADMIN)
    async with world.gateway(management_burst=2, management_per_min=1) as gateway:
        answers = [await gateway.call("GET", INTEGRATIONS, key=admin) for _ in range(3)]

        assert [answer.status for answer in answers] == [200, 200, 429]
        assert answers[0].headers["RateLimit-Policy"] == '"management";q=2;w=120'
        assert int(answers[2].headers["Retry-After"]) > 0
        assert (await gateway.call("GET", INTEGRATIONS, key=stranger)).status == 200


async def test_a_disabled_tenant_manages_nothing(world: World, gateway: Gateway, admin: str) -> None:
    await set_tenant_enabled(world.owner, world.tenants["acme"], enabled=False)
    await gateway.until(lambda directory: not directory.tenants[world.tenants["acme"]].enabled)

    for operation in OPERATIONS:
        assert (await ask(gateway, operation, "0123456789", admin)).status == 403


async def test_without_postgres_management_is_503_and_never_a_500(world: World, admin: str) -> None:
    async with world.gateway(management_burst=10_000) as gateway:
        gateway.ingest._store._pool._dsn = NOWHERE  # type: ignore[union-attr] # the pool opens at the first request
        for operation in OPERATIONS:
            if operation.kind != "tenants":
                answer = await ask(gateway, operation, "0123456789", admin)
                assert (answer.status, answer.headers["Retry-After"]) == (503, "1"), operation.name
