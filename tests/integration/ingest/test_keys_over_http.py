"""API keys over HTTP: made, used, ended."""

from __future__ import annotations

from collections.abc import Mapping

from tests.integration.ingest.administering import INTEGRATIONS, KEYS, PAGER, made
from tests.integration.ingest.managing import Gateway, World

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
