"""Integrations over HTTP: from the first POST to the delivery that its answer makes possible."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from tests.integration.ingest.administering import INTEGRATIONS, KEYS, PAGER, ask, made, of_one
from tests.integration.ingest.managing import FIRING, Gateway, World
from tocsin_control.integrations import set_enabled
from tocsin_control.signature_style import SignatureStyle
from tocsin_runtime.clock import SystemClock

OURS = ("id", "tenant", "tenant_id", "version", "created_at", "path", "url", "secrets", "url_tokens", "brust")
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
    ({"settings": {"mapping": {"title": "what"}}}, "/settings/mapping"),
    ({"signature_style": {"header": "X Sig"}}, "/signature_style/header"),
    ({"signature_style": {"header": "X-Sig", "format": "md5"}}, "/signature_style/format"),
    ({"signature_required": False}, "/signature_required"),
    ({"secret": "short"}, "/secret"),
    ({"secret": "with a canary\u00fc in it"}, "/secret"),
]
SAVED_BY_A_RELEASE_THAT_TOOK_MORE = """
INSERT INTO control.integration_versions (integration_id, version, settings, rate_limit_per_min, burst, signature_required)
SELECT integration_id, 2, jsonb_set(settings, '{mapping,severity,default}', '"no such word"'), rate_limit_per_min, burst, true
  FROM control.integration_versions WHERE integration_id = $1
"""
SAVED_BY_A_RELEASE_THAT_LOOKED_AT_NO_SOURCE = """
INSERT INTO control.integration_versions (integration_id, version, settings, rate_limit_per_min, burst, signature_required)
SELECT integration_id, 2, jsonb_set(settings, '{mapping}', '{"title": {"path": ["t"]}}'), rate_limit_per_min, burst, true
  FROM control.integration_versions WHERE integration_id = $1
"""
NO_BODIES: list[tuple[bytes, Mapping[str, str], int]] = [
    (b"{", {}, 400),
    (b'{"a":' * 70 + b"1" + b"}" * 70, {}, 400),
    (b"[]", {}, 422),
    (b"{}", {"Content-Type": "text/plain"}, 415),
    (b"{}", {"Content-Encoding": "gzip"}, 415),
    (b'{"name":"' + b"x" * 70_000 + b'"}', {}, 413),
    (b'{"name":12345678901234567890123}', {}, 400),
]


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


async def test_a_mapping_that_a_stricter_release_would_refuse_hinders_no_other_change(
    world: World, gateway: Gateway, admin: str
) -> None:
    """Whoever wants to disable an integration must not have to mend its mapping first."""
    first = await made(gateway, admin, source="generic", settings={"mapping": {"title": "t", "severity": {"default": "high"}}})
    path = f"{INTEGRATIONS}/{first['id']}"
    await world.owner.execute(SAVED_BY_A_RELEASE_THAT_TOOK_MORE, first["id"])
    await world.owner.execute("UPDATE control.integrations SET version = 2 WHERE id = $1", first["id"])

    off = await gateway.call("PATCH", path, {"enabled": False}, key=admin)
    assert (off.status, off.json["enabled"], off.json["version"]) == (200, False, 3)
    assert (await set_enabled(world.owner, first["id"], enabled=True)).enabled

    refused = await gateway.call("PATCH", path, {"settings": {"mapping": {"title": "other"}}}, key=admin)
    assert (refused.status, refused.json["errors"][0]["pointer"]) == (422, "/settings/mapping/severity")


async def test_a_mapping_that_does_nothing_is_refused_and_one_that_was_saved_hinders_no_other_change(
    world: World, gateway: Gateway, admin: str
) -> None:
    """An older release took a mapping at any source: it stays readable, can be taken away, and is not put back."""
    first = await made(gateway, admin, source="grafana")
    path = f"{INTEGRATIONS}/{first['id']}"
    await world.owner.execute(SAVED_BY_A_RELEASE_THAT_LOOKED_AT_NO_SOURCE, first["id"])
    await world.owner.execute("UPDATE control.integrations SET version = 2 WHERE id = $1", first["id"])

    assert (await gateway.call("GET", path, key=admin)).json["settings"]["mapping"]["title"]["path"] == ["t"]
    assert (await gateway.call("PATCH", path, {"burst": 9}, key=admin)).status == 200
    assert (await gateway.call("POST", f"{path}/try", {"payload": {"alerts": []}}, key=admin)).status == 200
    for mapping in ({"title": "other"}, {"title": "t", "identity": "x"}):
        changed = await gateway.call("PATCH", path, {"settings": {"mapping": mapping}}, key=admin)
        tried = await gateway.call("POST", f"{path}/try", {"payload": {}, "settings": {"mapping": mapping}}, key=admin)
        for answer in (changed, tried):
            (error,) = answer.json["errors"]
            assert (answer.status, error["pointer"], error["code"]) == (422, "/settings/mapping", "mapping-not-taken")
            assert error["detail"] == "Grafana is read as it is, by no mapping; sources that take one: generic, cloudevents"
    assert (await gateway.call("PATCH", path, {"settings": {"mapping": None}}, key=admin)).json["settings"]["mapping"] is None
    again = await gateway.call("PATCH", path, {"settings": {"mapping": {"title": "t"}}}, key=admin)
    assert again.status == 422


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
    for operation in of_one():
        assert (await ask(gateway, operation, body["id"], admin)).status == 404


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


async def test_s17_the_token_of_a_url_is_in_the_answer_that_makes_it_and_in_no_other(gateway: Gateway, admin: str) -> None:
    plain = await made(gateway, admin)
    place = f"{INTEGRATIONS}/{plain['id']}"
    assert (plain["url_token"], plain["url_tokens"], "url_with_token" in plain) == (False, [], False)
    refused = await gateway.call("POST", f"{place}/rotate", {"url_token": True}, key=admin)
    assert (refused.status, refused.json["errors"][0]["pointer"]) == (422, "/url_token")

    opted = (await gateway.call("PATCH", place, {"url_token": True}, key=admin)).json
    rotated = (await gateway.call("POST", f"{place}/rotate", {"url_token": True, "overlap_s": 60}, key=admin)).json
    full = await gateway.call("POST", f"{place}/rotate", {"url_token": True}, key=admin)
    chosen = await gateway.call("POST", f"{place}/rotate", {"url_token": True, "secret": "x" * 20}, key=admin)

    assert opted["url_with_token"].startswith(f"{plain['url']}/t/tocsin_url_")
    assert "secret" not in rotated
    assert rotated["url_with_token"] != opted["url_with_token"]
    assert (full.status, full.problem) == (409, "no-room")
    assert (chosen.status, chosen.json["errors"][0]["pointer"]) == (422, "/secret")
    for answer in (
        await gateway.call("GET", place, key=admin),
        await gateway.call("GET", INTEGRATIONS, key=admin),
        await gateway.call("PATCH", place, {"url_token": True, "burst": 3}, key=admin),
        await gateway.call("GET", "/api/v1/audit", key=admin),
    ):
        assert answer.status == 200
        assert b"tocsin_url_" not in answer.body
    assert [each["version"] for each in (await gateway.call("GET", place, key=admin)).json["url_tokens"]] == [2, 1]
    off = (await gateway.call("PATCH", place, {"url_token": None}, key=admin)).json
    assert (off["url_token"], off["url_tokens"]) == (False, [])
    new = await made(gateway, admin, name="new", url_token=True)
    assert new["url_with_token"].startswith(f"{new['url']}/t/tocsin_url_")
