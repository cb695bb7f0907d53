"""Integrations over HTTP: from the first POST to the delivery that its answer makes possible, and who may do what."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

import orjson
import pytest

from tests.integration.ingest.managing import FIRING, Gateway, World, inhabited
from tests.support.migrated import MigratedDatabase
from tests.unit.ingest.gateway import Answer
from tocsin_control.principal import Scope
from tocsin_control.signature_style import SignatureStyle
from tocsin_control.tenants import set_tenant_enabled
from tocsin_ingest.management.dispatch import OPERATIONS, Operation
from tocsin_runtime.clock import SystemClock

INTEGRATIONS = "/api/v1/integrations"
KEYS = "/api/v1/keys"
PAGER = {"source": "alertmanager", "name": "pager"}
OURS = ("id", "tenant", "tenant_id", "version", "created_at", "path", "url", "secrets", "brust")
"""Members that are ours to say, and one that is misspelt."""
UNFIT: list[tuple[Mapping[str, object], str]] = [
    ({"source": "fax"}, "/source"),
    ({"source": None}, "/source"),
    ({"name": ""}, "/name"),
    ({"name": "a\u0000b"}, "/name"),
    ({"name": "x" * 201}, "/name"),
    ({"burst": 0}, "/burst"),
    ({"burst": "5"}, "/burst"),
    ({"burst": 1.5}, "/burst"),
    ({"rate_limit_per_min": 10**9}, "/rate_limit_per_min"),
    ({"enabled": "yes"}, "/enabled"),
    ({"settings": {"dedup": 1}}, "/settings/dedup"),
    ({"settings": {"dedup_window_s": -1}}, "/settings/dedup_window_s"),
    ({"settings": []}, "/settings"),
    ({"settings": {"default_labels": {"": "x"}}}, "/settings/default_labels//[key]"),
    ({"settings": {"default_labels": {"a": ""}}}, "/settings/default_labels/a"),
    ({"settings": {"default_labels": {"a": "b\nc"}}}, "/settings/default_labels/a"),
    ({"settings": {"default_labels": {"a": 1}}}, "/settings/default_labels/a"),
    ({"settings": {"default_labels": {str(n): "x" for n in range(33)}}}, "/settings/default_labels"),
    ({"signature_style": {"header": "X Sig"}}, "/signature_style/header"),
    ({"signature_style": {"header": "X-Sig", "format": "md5"}}, "/signature_style/format"),
    ({"signature_required": False}, "/signature_required"),
    ({"secret": "short"}, "/secret"),
    ({"secret": "with a canary\u00fc in it"}, "/secret"),
]
NO_BODIES: list[tuple[bytes, Mapping[str, str], int]] = [
    (b"{", {}, 400),
    (b'{"a":' * 70 + b"1" + b"}" * 70, {}, 400),
    (b"[]", {}, 422),
    (b"{}", {"Content-Type": "text/plain"}, 415),
    (b"{}", {"Content-Encoding": "gzip"}, 415),
    (b'{"name":"' + b"x" * 70_000 + b'"}', {}, 413),
    (b'{"name":12345678901234567890123}', {}, 400),
]
UNFIT_KEYS: list[tuple[Mapping[str, object], str]] = [
    ({}, "/holder"),
    ({"holder": "x", "scopes": []}, "/scopes"),
    ({"holder": "x", "scopes": ["root"]}, "/scopes/0"),
    ({"holder": "x", "kind": "robot"}, "/kind"),
    ({"holder": "x", "expires_at": "2020-01-01T00:00:00Z"}, "/expires_at"),
    ({"holder": "x", "expires_at": "2099-01-01T00:00:00"}, "/expires_at"),
    ({"holder": "x", "tenant": "rival"}, "/tenant"),
    ({"holder": "x", "id": "0123456789"}, "/id"),
    ({"holder": "x", "sha256": "00"}, "/sha256"),
]
NOWHERE = "postgresql://tocsin_ingest:x@127.0.0.1:1/x"


@pytest.fixture
async def world(migrated: MigratedDatabase) -> AsyncIterator[World]:
    async with inhabited(migrated) as world:
        yield world


@pytest.fixture
async def admin(world: World) -> str:
    return await world.key("acme", Scope.ADMIN)


@pytest.fixture
async def gateway(world: World, admin: str) -> AsyncIterator[Gateway]:
    async with world.gateway(management_burst=10_000) as gateway:
        yield gateway


async def made(gateway: Gateway, admin: str, **changes: object) -> dict[str, Any]:
    answer = await gateway.call("POST", INTEGRATIONS, {**PAGER, **changes}, key=admin)
    assert answer.status == 201, answer.body
    return answer.json


async def test_what_create_answers_is_all_that_a_sender_needs(gateway: Gateway, admin: str) -> None:
    answer = await gateway.call("POST", INTEGRATIONS, PAGER, key=admin)

    body = answer.json
    assert (answer.status, answer.headers["Location"], answer.headers["ETag"]) == (201, f"{INTEGRATIONS}/{body['id']}", '"v1"')
    assert answer.headers["Cache-Control"] == "no-store"
    assert (body["enabled"], body["version"], body["rate_limit_per_min"], body["burst"]) == (True, 1, 1_000, 2_000)
    assert body["url"] == f"{gateway.ingest.listener.url}/api/v1/webhooks/alertmanager/{body['id']}"
    await gateway.until_integration(body["id"])
    assert await gateway.deliver(body["url"].removeprefix(gateway.ingest.listener.url), body["secret"]) == 202


async def test_urls_begin_with_the_public_address_where_it_is_known(world: World, admin: str) -> None:
    async with world.gateway(public_url="https://alerts.example.org/") as gateway:
        body = await made(gateway, admin)
        assert body["url"] == "https://alerts.example.org" + body["path"]


async def test_settings_may_come_with_the_first_request_and_the_secret_from_the_sender(gateway: Gateway, admin: str) -> None:
    body = await made(
        gateway,
        admin,
        source="sentry",
        enabled=False,
        burst=5,
        signature_required=False,
        signature_style={"header": "X-Sig", "format": "sha256=hex"},
        settings={"dedup_window_s": 60},
        secret="chosen-by-the-sender",
    )

    assert (body["enabled"], body["burst"], body["signature_required"]) == (False, 5, False)
    assert body["signature_style"] == {
        "header": "X-Sig",
        "format": "sha256=hex",
        "algorithm": "hmac-sha256",
        "signs": "body",
        "time_header": None,
        "tolerance_s": 300,
    }
    assert body["settings"]["dedup_window_s"] == 60
    assert body["secret"] == "chosen-by-the-sender"


async def test_a_list_is_in_order_of_name_and_goes_on_behind_the_last(gateway: Gateway, admin: str) -> None:
    for name in ("c", "a", "b"):
        await made(gateway, admin, name=name)
    await made(gateway, admin, name="d", source="sentry")

    first = (await gateway.call("GET", f"{INTEGRATIONS}?limit=2&source=alertmanager", key=admin)).json
    rest = (await gateway.call("GET", f"{INTEGRATIONS}?limit=2&source=alertmanager&after={first['next']}", key=admin)).json

    assert [item["name"] for item in first["items"]] == ["a", "b"]
    assert ([item["name"] for item in rest["items"]], rest["next"]) == (["c"], None)
    assert [i["name"] for i in (await gateway.call("GET", f"{INTEGRATIONS}?name=d", key=admin)).json["items"]] == ["d"]
    for wrong in ("limit=0", "limit=1001", "limit=x", "lmit=2", "tenant_id=x"):
        assert (await gateway.call("GET", f"{INTEGRATIONS}?{wrong}", key=admin)).status == 422


async def test_a_change_is_the_next_version_and_changes_only_what_it_names(gateway: Gateway, admin: str) -> None:
    first = await made(gateway, admin, burst=7, settings={"dedup_window_s": 60, "default_service": "api"})
    path = f"{INTEGRATIONS}/{first['id']}"

    patch = {"rate_limit_per_min": 5, "settings": {"default_service": None, "environment_aliases": {"live": "prod"}}}
    answer = await gateway.call("PATCH", path, patch, key=admin, headers={"If-Match": '"v1"'})

    assert (answer.status, answer.headers["ETag"], answer.json["version"]) == (200, '"v2"', 2)
    assert (answer.json["burst"], answer.json["rate_limit_per_min"]) == (7, 5)
    settings = answer.json["settings"]
    assert (settings["dedup_window_s"], settings["default_service"]) == (60, None)
    assert settings["environment_aliases"] == {"live": "prod"}
    assert (await gateway.call("GET", path, key=admin)).json == answer.json
    same = await gateway.call("PATCH", path, patch, key=admin)
    assert (same.status, same.json["version"]) == (200, 2), "what is no change makes no version"
    renamed = await gateway.call("PATCH", path, {"name": "other", "enabled": False}, key=admin)
    assert (renamed.json["name"], renamed.json["enabled"], renamed.json["version"]) == ("other", False, 3)


async def test_a_change_made_from_an_old_version_is_412_and_changes_nothing(gateway: Gateway, admin: str) -> None:
    path = f"{INTEGRATIONS}/{(await made(gateway, admin))['id']}"
    await gateway.call("PATCH", path, {"burst": 9}, key=admin)

    for method, body in (("PATCH", {"burst": 1}), ("DELETE", None)):
        answer = await gateway.call(method, path, body, key=admin, headers={"If-Match": '"v1"'})
        assert (answer.status, answer.problem) == (412, "revision-changed")
    for wrong in ("v1", 'W/"v1"', '"r1"', '"v99999999999"'):
        assert (await gateway.call("PATCH", path, {"burst": 1}, key=admin, headers={"If-Match": wrong})).status == 400
    assert (await gateway.call("GET", path, key=admin)).json["burst"] == 9


async def test_what_may_not_be_changed_is_an_unknown_member(gateway: Gateway, admin: str) -> None:
    """Mass assignment (security S23): nothing of a body but what its model names reaches anything."""
    path = f"{INTEGRATIONS}/{(await made(gateway, admin))['id']}"
    for member in (*OURS, "secret", "source"):
        answer = await gateway.call("PATCH", path, {"burst": 9, member: "x"}, key=admin)
        assert (answer.status, answer.problem) == (422, "invalid-value")
        assert [error["pointer"] for error in answer.json["errors"]] == [f"/{member}"]
    for member in OURS:
        assert (await gateway.call("POST", INTEGRATIONS, {**PAGER, "name": "n", member: "x"}, key=admin)).status == 422
    assert (await gateway.call("GET", path, key=admin)).json["version"] == 1


async def test_an_unfit_value_is_named_and_never_repeated(gateway: Gateway, admin: str) -> None:
    for changes, pointer in UNFIT:
        answer = await gateway.call("POST", INTEGRATIONS, {**PAGER, **changes}, key=admin)
        assert (answer.status, answer.problem) == (422, "invalid-value"), changes
        assert [error["pointer"] for error in answer.json["errors"]] == [pointer]
        assert b"canary" not in answer.body


async def test_a_body_that_is_none_is_refused(gateway: Gateway, admin: str) -> None:
    path = f"{INTEGRATIONS}/{(await made(gateway, admin))['id']}"
    for body, headers, status in NO_BODIES:
        for method, where in (("POST", INTEGRATIONS), ("PATCH", path), ("POST", KEYS)):
            assert (await gateway.call(method, where, body, key=admin, headers=headers)).status == status, (body[:20], where)


async def test_a_name_is_taken_once_and_free_again_after_its_end(gateway: Gateway, admin: str) -> None:
    first, other = await made(gateway, admin), await made(gateway, admin, name="other")

    again = await gateway.call("POST", INTEGRATIONS, PAGER, key=admin)
    renamed = await gateway.call("PATCH", f"{INTEGRATIONS}/{other['id']}", {"name": "pager"}, key=admin)
    assert (again.status, again.problem) == (renamed.status, renamed.problem) == (409, "name-taken")

    assert (await gateway.call("DELETE", f"{INTEGRATIONS}/{first['id']}", key=admin)).status == 204
    assert (await made(gateway, admin))["id"] != first["id"]


async def test_a_deleted_integration_is_gone_for_everybody(gateway: Gateway, admin: str) -> None:
    body = await made(gateway, admin)
    path = f"{INTEGRATIONS}/{body['id']}"
    await gateway.until_integration(body["id"])
    assert (await gateway.call("DELETE", path, key=admin)).status == 204
    await gateway.until(lambda directory: body["id"] not in directory.integrations)

    assert await gateway.deliver(body["path"], body["secret"]) == 401, "as one that never was"
    for operation in _of_one():
        assert (await _ask(gateway, operation, body["id"], admin)).status == 404


async def test_rotation_overlaps_until_the_old_secret_is_retired(world: World, gateway: Gateway, admin: str) -> None:
    """S15: both are accepted by a running gateway; `last_used_at` tells when to retire; then the old one is 401."""
    body = await made(gateway, admin)
    path, old = f"{INTEGRATIONS}/{body['id']}", body["secret"]
    rotated = (await gateway.call("POST", f"{path}/rotate", key=admin)).json
    new = rotated["secret"]
    await gateway.until_integration(body["id"], lambda entry: len(entry.secrets) == 2)

    assert {await gateway.deliver(body["path"], secret) for secret in (old, new)} == {202}
    third = await gateway.call("POST", f"{path}/rotate", {"overlap_s": 60}, key=admin)
    assert (third.status, third.problem) == (409, "no-room")
    await world.owner.execute("UPDATE control.secrets SET last_used_at = now() WHERE version = 2")
    newest, oldest = (await gateway.call("GET", path, key=admin)).json["secrets"]
    assert (newest["version"], newest["not_after"], newest["last_used_at"] is None) == (2, None, False)
    assert (oldest["version"], oldest["not_after"] is None) == (1, False)

    last = (await gateway.call("POST", f"{path}/rotate", {"overlap_s": 0}, key=admin)).json
    await gateway.until_integration(body["id"], lambda entry: [s.version for s in entry.secrets] == [3])
    assert [await gateway.deliver(body["path"], secret) for secret in (old, new, last["secret"])] == [401, 401, 202]


async def test_a_change_reaches_every_gateway(world: World, gateway: Gateway, admin: str) -> None:
    async with world.gateway() as other:
        body = await made(gateway, admin)
        await other.until_integration(body["id"])
        assert await other.deliver(body["path"], body["secret"]) == 202

        await gateway.call("PATCH", f"{INTEGRATIONS}/{body['id']}", {"enabled": False}, key=admin)
        await other.until_integration(body["id"], lambda entry: not entry.enabled)
        assert await other.deliver(body["path"], body["secret"]) == 403

        change = {"enabled": True, "rate_limit_per_min": 1, "burst": 2}
        await gateway.call("PATCH", f"{INTEGRATIONS}/{body['id']}", change, key=admin)
        await other.until_integration(body["id"], lambda entry: entry.burst == 2)
        answers = [await other.call("POST", body["path"], FIRING, key=body["secret"]) for _ in range(3)]
        assert answers[0].headers["RateLimit-Policy"].startswith('"integration";q=2;w=120')
        assert answers[-1].status == 429


async def test_trying_a_delivery_writes_nothing_and_shows_what_would_become_of_it(
    world: World, gateway: Gateway, admin: str
) -> None:
    body = await made(gateway, admin, settings={"default_environment": "prod"})
    path = f"{INTEGRATIONS}/{body['id']}/try"
    before = await world.owner.fetchrow("SELECT revision, (SELECT count(*) FROM control.audit) FROM control.revision")

    tried = (await gateway.call("POST", path, {"payload": orjson.loads(FIRING)}, key=admin)).json
    other = {"payload": FIRING.decode(), "settings": {"default_environment": "staging"}}
    changed = (await gateway.call("POST", path, other, key=admin)).json
    failed = (await gateway.call("POST", path, {"payload": {"alerts": 7}}, key=admin)).json
    garbage = (await gateway.call("POST", path, {"payload": "{"}, key=admin)).json

    assert (tried["outcome"], tried["alerts_total"]) == ("normalized", 1)
    assert (tried["alerts"][0]["service"], tried["alerts"][0]["environment"]) == ("api", "prod")
    assert tried["alerts"][0]["occurred_at"] == "2026-01-31T12:00:00.000000Z"
    assert changed["alerts"][0]["environment"] == "staging"
    assert (failed["outcome"], failed["reason"], failed["pointer"]) == ("failed", "unknown-shape", "/alerts")
    assert (garbage["outcome"], garbage["reason"]) == ("failed", "not-json")
    unfit = await gateway.call("POST", path, {"payload": 1, "settings": {"dedup": 1}}, key=admin)
    assert [error["pointer"] for error in unfit.json["errors"]] == ["/settings/dedup"]
    after = await world.owner.fetchrow("SELECT revision, (SELECT count(*) FROM control.audit) FROM control.revision")
    assert before == after
    assert (await gateway.call("GET", f"{INTEGRATIONS}/{body['id']}", key=admin)).json["version"] == 1


async def test_default_labels_are_set_changed_one_by_one_and_shown(gateway: Gateway, admin: str) -> None:
    """A merge patch: a label of null goes, one that is not named stays."""
    body = await made(gateway, admin, settings={"default_labels": {"region": "eu", "team": "web"}})
    path = f"{INTEGRATIONS}/{body['id']}"

    patch = {"settings": {"default_labels": {"team": None, "cluster": "a"}}}
    changed = (await gateway.call("PATCH", path, patch, key=admin)).json
    tried = (await gateway.call("POST", f"{path}/try", {"payload": FIRING.decode()}, key=admin)).json

    assert changed["settings"]["default_labels"] == {"region": "eu", "cluster": "a"}
    assert {"region": "eu", "cluster": "a"}.items() <= tried["alerts"][0]["labels"].items()


async def test_trying_a_delivery_shows_what_the_mapping_took_from_where(gateway: Gateway, admin: str) -> None:
    body = await made(gateway, admin, source="generic", settings={"mapping": {"title": ["what", "name"]}})

    tried = (await gateway.call("POST", f"{INTEGRATIONS}/{body['id']}/try", {"payload": {"name": "It burns"}}, key=admin)).json

    assert tried["taken"] == [{"alert": 0, "field": "title", "path": "name", "value": "It burns"}]


async def test_a_sender_that_signs_a_time_is_believed_as_its_integration_says(gateway: Gateway, admin: str) -> None:
    """A Slack-style signature on a source that knows no such scheme; made, changed and shown over HTTP."""
    style = {
        "header": "X-Slack-Signature",
        "format": "v0=hex",
        "signs": "v0:time:body",
        "time_header": "X-Slack-Request-Timestamp",
    }
    body = await made(gateway, admin, source="generic", signature_style=style)
    shown: dict[str, Any] = {**style, "algorithm": "hmac-sha256", "tolerance_s": 300}
    assert body["signature_style"] == shown
    await gateway.until_integration(body["id"], lambda entry: entry.signature_style is not None)

    scheme = SignatureStyle(**shown).scheme()
    for off_s, status in ((0, 202), (301, 401)):
        signed = scheme.sign(FIRING, body["secret"].encode(), SystemClock().now() - off_s * 1_000_000)
        assert (await gateway.call("POST", body["path"], FIRING, headers=signed)).status == status
    assert (await gateway.call("POST", body["path"], FIRING, key=body["secret"])).status == 401

    path = f"{INTEGRATIONS}/{body['id']}"
    narrower = await gateway.call("PATCH", path, {"signature_style": {"tolerance_s": 10}}, key=admin)
    assert narrower.json["signature_style"] == {**shown, "tolerance_s": 10}
    torn = await gateway.call("PATCH", path, {"signature_style": {"time_header": None}}, key=admin)
    assert (torn.status, torn.json["errors"][0]["pointer"]) == (422, "/signature_style")
    assert (await gateway.call("PATCH", path, {"signature_style": None}, key=admin)).json["signature_style"] is None


async def test_a_key_is_made_works_and_ends(gateway: Gateway, admin: str) -> None:
    wanted = {"holder": "Grace", "kind": "person", "scopes": ["integrations:admin"], "expires_at": "2099-01-01T00:00:00Z"}
    answer = await gateway.call("POST", KEYS, wanted, key=admin)
    body = answer.json
    assert (answer.status, answer.headers["Location"]) == (201, f"{KEYS}/{body['id']}")
    assert (body["holder"], body["expires_at"]) == ("Grace", "2099-01-01T00:00:00.000000Z")
    await gateway.until(lambda directory: body["id"] in directory.keys)

    await made(gateway, body["key"])
    assert (await gateway.call("GET", KEYS, key=body["key"])).status == 403
    shown = (await gateway.call("GET", f"{KEYS}/{body['id']}", key=admin)).json
    assert shown == {name: value for name, value in body.items() if name != "key"}
    assert shown in (await gateway.call("GET", KEYS, key=admin)).json["items"]

    assert (await gateway.call("DELETE", f"{KEYS}/{body['id']}", key=admin)).status == 204
    await gateway.until(lambda directory: body["id"] not in directory.keys)
    assert (await gateway.call("GET", INTEGRATIONS, key=body["key"])).status == 401
    assert (await gateway.call("GET", f"{KEYS}/{body['id']}", key=admin)).json["revoked_at"] is not None


async def test_an_unfit_key_is_refused(gateway: Gateway, admin: str) -> None:
    for body, pointer in UNFIT_KEYS:
        answer = await gateway.call("POST", KEYS, body, key=admin)
        assert (answer.status, [error["pointer"] for error in answer.json["errors"]]) == (422, [pointer]), body


async def test_a_key_that_ended_a_moment_ago_changes_nothing_though_the_gateway_still_believes_it(
    world: World, admin: str
) -> None:
    """The directory may be 5 s old; PostgreSQL is asked at each change."""
    async with world.gateway(poll_s=3_600.0) as stale:
        await world.owner.execute("UPDATE control.api_keys SET revoked_at = now()")

        answers = [await stale.call(method, INTEGRATIONS, PAGER, key=admin) for method in ("POST", "GET")]

    assert [(answer.status, answer.problem) for answer in answers] == [(403, "forbidden")] * 2
    assert await world.owner.fetchval("SELECT count(*) FROM control.integrations") == 0


async def test_the_tenant_of_a_key_is_shown_with_its_limits_and_no_other(world: World, gateway: Gateway, admin: str) -> None:
    (tenant,) = (await gateway.call("GET", "/api/v1/tenants", key=admin)).json["items"]

    assert (tenant["id"], tenant["name"], tenant["rate_limit_per_min"]) == (world.tenants["acme"], "acme", 6_000)
    assert (await gateway.call("POST", "/api/v1/tenants", {"name": "x"}, key=admin)).status == 405


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
            await _ask(gateway, operation, key["id"] if operation.kind == "keys" else body["id"], admin)
    await gateway.call("POST", INTEGRATIONS, {**PAGER, "secret": body["secret"]}, key=admin)
    for secret in (body["secret"], rotated["secret"], key["key"]):
        assert sum(answer.count(secret.encode()) for answer in gateway.answers) == 1
        assert secret.encode() not in gateway.logged()
    assert admin.encode() not in gateway.logged() + b"".join(gateway.answers)
    assert b'"route":"management"' in gateway.logged().replace(b'": "', b'":"')
    dump = repr([[dict(row) for row in await world.owner.fetch(f"SELECT * FROM control.{table}")] for table in _TABLES])
    for secret in (body["secret"], rotated["secret"], key["key"], key["key"].split("_")[2]):
        assert secret not in dump


_TABLES = ("integrations", "integration_versions", "secrets", "api_keys", "audit")


def _of_one() -> list[Operation]:
    return [operation for operation in OPERATIONS if operation.one and operation.kind == "integrations"]


async def _ask(gateway: Gateway, operation: Operation, named: str, key: str) -> Answer:
    """Ask for an operation with a body that it takes."""
    bodies: Mapping[str, object] = {
        "createIntegration": {"source": "sentry", "name": f"made with {key[:9]}"},
        "changeIntegration": {"burst": 77},
        "tryDelivery": {"payload": {}},
        "createKey": {"holder": "x"},
    }
    return await gateway.call(operation.method, operation.path.replace("{id}", named), bodies.get(operation.name), key=key)


async def test_every_route_takes_the_scopes_that_the_table_says_and_no_other(world: World) -> None:
    """S21: the table is this one; every operation is tried with each scope, all others together, no key, a wrong one."""
    assert {operation.name: operation.scope for operation in OPERATIONS} == {
        **dict.fromkeys(("listIntegrations", "createIntegration", "getIntegration"), Scope.INTEGRATIONS_ADMIN),
        **dict.fromkeys(("changeIntegration", "deleteIntegration", "rotateSecret", "tryDelivery"), Scope.INTEGRATIONS_ADMIN),
        **dict.fromkeys(("listKeys", "createKey", "getKey", "revokeKey"), Scope.ADMIN),
        "listTenants": Scope.INTEGRATIONS_ADMIN,
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
                status = (await _ask(gateway, operation, named, text)).status
                assert (status not in {401, 403}) is allowed, (operation.name, scope, status)
            assert (await _ask(gateway, operation, named, others)).status == 403
            assert (await _ask(gateway, operation, named, "")).status == 401
            assert (await _ask(gateway, operation, named, keys[Scope.ADMIN][:-1])).status == 401


async def test_every_route_with_an_id_of_another_tenant_is_404_and_changes_nothing(world: World, admin: str) -> None:
    """S22: and what a list shows of them is nothing."""
    stranger = await world.key("rival", Scope.ADMIN)
    async with world.gateway(management_burst=10_000) as gateway:
        body = await made(gateway, admin)
        key = (await gateway.call("POST", KEYS, {"holder": "x"}, key=admin)).json
        before = await _everything(world)
        for operation in OPERATIONS:
            if operation.one:
                named = key["id"] if operation.kind == "keys" else body["id"]
                answer = await _ask(gateway, operation, named, stranger)
                assert (answer.status, answer.problem) == (404, "not-found"), operation.name
        assert (await gateway.call("GET", INTEGRATIONS, key=stranger)).json["items"] == []
        assert [item["holder"] for item in (await gateway.call("GET", KEYS, key=stranger)).json["items"]] == ["Ada"]
        assert await _everything(world) == before
        theirs = await made(gateway, stranger)
        assert theirs["name"] == body["name"], "names are a tenant's own"
        owned = await world.owner.fetch("SELECT tenant_id FROM control.integrations WHERE id = $1", theirs["id"])
        assert [row["tenant_id"] for row in owned] == [world.tenants["rival"]]


async def _everything(world: World) -> str:
    return repr(
        [[dict(row) for row in await world.owner.fetch(f"SELECT * FROM control.{table} ORDER BY 1, 2")] for table in _TABLES]
    )


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
        assert (await _ask(gateway, operation, "0123456789", admin)).status == 403


async def test_without_postgres_management_is_503_and_never_a_500(world: World, admin: str) -> None:
    async with world.gateway(management_burst=10_000) as gateway:
        gateway.ingest._store._dsn = NOWHERE  # type: ignore[union-attr] # the pool opens at the first request
        for operation in OPERATIONS:
            if operation.kind != "tenants":
                answer = await _ask(gateway, operation, "0123456789", admin)
                assert (answer.status, answer.headers["Retry-After"]) == (503, "1"), operation.name
