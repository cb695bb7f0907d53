"""`GET /api/v1/rules`, `/rules/versions`, `/rules/versions/{id}`: what holds, and what held (issue 5, 1)."""

import pytest

from tests.integration.query.conftest import Client
from tests.support.projection_rows import ProjectionDatabase


async def test_before_there_are_any_version_0_is_the_default(client: Client) -> None:
    found = await client.get("/api/v1/rules")

    assert (found.status, found.headers["Etag"]) == (200, '"v0"')
    assert (found.body["version"], found.body["document"]) == (0, {"version": 1})
    assert {found.body[name] for name in ("actor_kind", "actor_id", "actor_name", "comment", "command_id", "at")} == {None}
    assert (await client.list("rules/versions")).body["items"] == []


async def test_the_newest_version_holds_and_older_ones_stay_readable(projection: ProjectionDatabase, client: Client) -> None:
    async with projection.writing() as rows:
        for version in (1, 2, 3):
            # The order of its members is the tenant's; numbers are passed on unread.
            document = f'{{"rules": [], "version": {version}, "n": 12345678901234567890123}}'
            await rows.rule_set("acme", version, document=document, comment=f"change {version}")
        await rows.rule_set("globex", 9)

    found = await client.get("/api/v1/rules")
    assert (found.body["version"], found.headers["Etag"], found.body["comment"]) == (3, '"v3"', "change 3")
    assert '{"rules": [], "version": 3, "n": 12345678901234567890123}' in found.text
    assert (found.body["actor_name"], found.body["position"]) == ("Ann", "0:3")
    listed = (await client.list("rules/versions", limit="2")).body
    assert [row["version"] for row in listed["items"]] == [3, 2]
    assert listed["total"] == 3
    more = (await client.list("rules/versions", limit="2", cursor=listed["next_cursor"])).body
    assert [row["version"] for row in more["items"]] == [1]
    old = await client.get("/api/v1/rules/versions/2")
    assert (old.body["version"], old.headers["Etag"]) == (2, '"v2"')
    assert (await client.get("/api/v1/rules/versions/0")).body["document"] == {"version": 1}


async def test_unchanged_rules_are_304(projection: ProjectionDatabase, client: Client) -> None:
    tag = (await client.get("/api/v1/rules")).headers["Etag"]
    same = await client.get("/api/v1/rules", headers={"If-None-Match": tag})
    async with projection.writing() as rows:
        await rows.rule_set("acme", 1)
    changed = await client.get("/api/v1/rules", headers={"If-None-Match": tag})

    assert (same.status, same.text, changed.status) == (304, "", 200)


@pytest.mark.parametrize("version", ["1", "-1", "v1", "1.0", "9" * 9, "9" * 30, "%C2%B2", "x"])
async def test_a_version_that_there_is_not_is_404(client: Client, version: str) -> None:
    assert (await client.get(f"/api/v1/rules/versions/{version}")).status == 404


async def test_no_source_document_names_them_so_they_answer_in_one_place(client: Client) -> None:
    for path in ("/rules", "/rules/versions", "/rules/versions/0"):
        assert (await client.get(path)).status == 404
        assert (await client.get(f"/api/v1{path}")).status == 200
