"""`GET /api/v1/incidents/{id}`: by id or by the code that was said aloud, with alerts, actions, history (C3, E11)."""

import asyncio
from datetime import timedelta

import pytest

from tests.integration.query.conftest import Client
from tests.support.projection_rows import START, ProjectionDatabase
from tocsin_contracts import ids
from tocsin_contracts.position import Position

TWINS = ("7K3QF2B" + "0" * 19, "7K3QF2B" + "1" * 19)


@pytest.fixture(scope="module")
def incident(module_projection: ProjectionDatabase) -> str:
    """An incident of 120 alerts, 60 facts and 2 actions; and two that share a short code."""
    return asyncio.run(_seed(module_projection))


async def _seed(projection: ProjectionDatabase) -> str:
    async with projection.writing() as rows:
        made = await rows.incident("acme", version=61, revision=2, opened_offset=7, changed_offset=99, previous_id="P" * 26)
        for number in range(120):
            active = number < 3
            seen = START + timedelta(minutes=number)
            status = "OPEN" if active else "RESOLVED"
            await rows.alert("acme", incident_id=made, status=status, last_seen_at=seen, identity=f"pod-{number}")
        for version in range(1, 62):
            await rows.fact("acme", made, version)
        await rows.action("acme", made, 5)
        first, second, third = TWINS[0], TWINS[1], await rows.incident("acme", id="K" * 26)
        for incident, version, other, linked in (
            (made, 6, first, True), (made, 7, second, True), (second, 8, made, False), (third, 5, made, True),
        ):  # fmt: skip
            detail = f'{{"other": "{other}"' + (', "linked": true}' if linked else "}")
            await rows.action(
                "acme", incident, version, kind="link-changed", from_status=None, to_status=None, detail=detail, offset=version
            )
        await rows.action("acme", made, 9, comment="found it", to_status="RESOLVED", from_status="ACKNOWLEDGED")
        for twin in TWINS:
            await rows.incident("acme", id=twin)
        await rows.folded(partition=0, source_next=100, appended_at=0)
    return made


async def test_it_is_shown_whole(incident: str, reading: Client) -> None:
    found = await reading.get(f"/api/v1/incidents/{incident}")

    assert found.status == 200
    assert found.body["id"] == incident
    assert (found.body["version"], found.body["revision"]) == (61, 2)
    assert (found.body["opened_position"], found.body["changed_position"]) == ("0:7", "0:99")
    assert found.body["labels"] == {"alertname": "HighErrorRate"}
    assert found.body["previous_id"] == "P" * 26


async def test_its_alerts_are_bounded_and_active_ones_come_first(incident: str, reading: Client) -> None:
    body = (await reading.get(f"/api/v1/incidents/{incident}")).body

    assert (len(body["alerts"]), body["alerts_total"]) == (100, 120)
    assert [alert["status"] for alert in body["alerts"][:4]] == ["OPEN", "OPEN", "OPEN", "RESOLVED"]
    assert body["alerts"][3]["identity"] == "pod-119"


async def test_actions_and_history_are_the_latest_newest_first(incident: str, reading: Client) -> None:
    body = (await reading.get(f"/api/v1/incidents/{incident}")).body

    assert [action["version"] for action in body["actions"]] == [9, 7, 6, 5]
    assert body["actions"][0]["comment"] == "found it"
    assert [fact["version"] for fact in body["timeline"]] == list(range(61, 11, -1))
    assert body["timeline"][0]["body"] == {"alert": "x"}


async def test_links_are_shown_at_both_ends_until_somebody_takes_them_back_at_either(incident: str, reading: Client) -> None:
    body = (await reading.get(f"/api/v1/incidents/{incident}")).body
    assert [link["id"] for link in body["links"]] == [TWINS[0], "K" * 26]
    assert body["links"][0]["short_code"].startswith("INC-")
    there = await reading.get(f"/api/v1/incidents/{'K' * 26}")
    assert [link["id"] for link in there.body["links"]] == [incident]
    twin = await reading.get(f"/api/v1/incidents/{TWINS[1]}")
    assert twin.body["links"] == []
    assert twin.headers["Etag"] == 'W/"1"'
    assert there.headers["Etag"].startswith('W/"1-'), "others change its links, and its version stays"
    assert (await reading.get(f"/incidents/{'K' * 26}", headers={"If-None-Match": there.headers["Etag"]})).status == 304


@pytest.mark.parametrize("form", ["INC-{}", "inc-{}", "{}", "INC-{} "])
async def test_it_answers_to_its_short_code(incident: str, reading: Client, form: str) -> None:
    for code in (incident[:7], incident[:7].lower(), incident[:12]):
        found = await reading.get("/api/v1/incidents/" + form.format(code).replace(" ", "%20"))

        assert (found.status, found.body["id"]) == (200, incident)
        assert found.headers["Content-Location"] == f"/api/v1/incidents/{incident}"


async def test_look_alikes_are_read_as_what_they_look_like(module_projection: ProjectionDatabase, reading: Client) -> None:
    """O for 0, I and L for 1: the code may have come by telephone."""
    async with module_projection.writing() as rows:
        made = await rows.incident("acme", id="0110ABC" + "9" * 19)

    assert (await reading.get("/incidents/INC-OILoABC")).body["id"] == made


async def test_a_code_of_two_incidents_is_a_conflict_that_lists_them(incident: str, reading: Client) -> None:
    found = await reading.get("/api/v1/incidents/INC-7K3QF2B")

    assert found.status == 409
    assert [choice["id"] for choice in found.body["choices"]] == list(TWINS)
    assert (await reading.get(f"/api/v1/incidents/{TWINS[0][:8]}")).body["id"] == TWINS[0]


@pytest.mark.parametrize(
    "name", ["INC-", "7K3QF2", "INC-UUUUUUU", "0" * 26, "0" * 27, "%00" * 7, "' OR 1=1 --", "é" * 8, "%F0%9F%94%94" * 7]
)
async def test_what_names_nothing_is_404(incident: str, reading: Client, name: str) -> None:
    found = await reading.get(f"/api/v1/incidents/{name}")

    assert found.status == 404
    assert found.body["type"] == "https://tocsin.dev/problems/not-found"


async def test_an_unchanged_incident_is_304(incident: str, reading: Client) -> None:
    found = await reading.get(f"/incidents/{incident}")
    tag = found.headers["Etag"]
    assert tag.startswith('W/"61-')
    assert found.headers["Cache-Control"] == "private, no-cache"

    for sent in (tag, tag.removeprefix("W/"), f'W/"60", {tag}', "*"):
        again = await reading.get(f"/incidents/{incident}", headers={"If-None-Match": sent})
        assert (again.status, again.text, again.headers["Etag"]) == (304, "", tag)
        assert again.headers["Tocsin-Position"] == "0:99"
    for sent in ('W/"60"', 'W/"61"', '"r2"', "nonsense", '"'):
        assert (await reading.get(f"/incidents/{incident}", headers={"If-None-Match": sent})).status == 200


async def test_it_takes_no_parameters(incident: str, reading: Client) -> None:
    assert (await reading.get(f"/incidents/{incident}?limit=1")).faults == {"limit": "unknown-parameter"}


async def test_an_incident_of_another_tenant_is_not_there(module_projection: ProjectionDatabase, reading: Client) -> None:
    async with module_projection.writing() as rows:
        foreign = await rows.incident("globex", id=ids.incident_id("globex", Position(0, 1), "g"))

    assert (await reading.get(f"/incidents/{foreign}")).status == 404
    assert (await reading.get(f"/incidents/INC-{foreign[:7]}")).status == 404
