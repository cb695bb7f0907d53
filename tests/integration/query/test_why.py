"""`GET /api/v1/alerts/{id}/why` and `/incidents/{id}/why`: what was recorded, a bounded page at a time (issue 5, 6)."""

import asyncio
from datetime import timedelta

import orjson
import pytest

from tests.integration.query.conftest import Client
from tests.support.projection_rows import START, ProjectionDatabase

WHY = {
    "rule": "hosts",
    "rule_version": 2,
    "rules": ["hosts", "default"],
    "reason": "rule hosts: it matched",
    "key": "k" * 64,
    "key_rule": "hosts",
    "values": {"host": "web-1"},
    "window_s": 3600,
}
TWINS = ("7K3QF2B" + "0" * 19, "7K3QF2B" + "1" * 19)


@pytest.fixture(scope="module")
def made(module_projection: ProjectionDatabase) -> dict[str, str]:
    """An incident of 300 facts, of which 120 are more than counting; an alert of 120 events in two episodes."""
    return asyncio.run(_seed(module_projection))


async def _seed(projection: ProjectionDatabase) -> dict[str, str]:
    async with projection.writing() as rows:
        incident = await rows.incident("acme", id="1234567" + "0" * 19, version=300, worst="CRITICAL", severity="LOW")
        await rows.opening("acme", incident, why=WHY, previous="P" * 26)
        for version in range(2, 301):
            told = version % 5 in {0, 2}
            kind, body = (
                ("flapping-ended", '{"reason": "calm"}') if told else ("alerts-recorded", '{"events": 1, "last_alert_at": 1}')
            )
            await rows.fact("acme", incident, version, kind=kind, body=body)
        began = START + timedelta(seconds=1060)
        alert = await rows.alert("acme", incident_id=incident, opened_at=began)
        stored = orjson.dumps(WHY).decode()
        for offset in range(1001, 1121):
            begins = offset in {1001, 1060}
            effect = "opened" if begins else "repeated"
            await rows.event("acme", alert, offset, effect=effect, incident_id=incident, why=stored if begins else None)
        forgotten = await rows.alert("acme", opened_at=START - timedelta(days=200))
        moved = await rows.alert("acme", id="M" * 26, incident_id=incident, opened_at=began, status="CLOSED")
        await rows.event("acme", moved, 1060, effect="opened", incident_id=TWINS[0], why=stored)
        for version, other in ((40, TWINS[1]), (42, TWINS[0])):
            came = {"origin": other, "reason": "merge", "alerts": [moved, alert], "active": 1, "events": 1}
            detail = orjson.dumps({**came, "first_seen_at": 1, "last_alert_at": 1}).decode()
            await rows.action("acme", incident, version, kind="alerts-came", detail=detail, comment="one cause")
        for place, version, at in ((incident, 301, 1900), (incident, 302, 900), (TWINS[1], 2, 1901)):
            ended = {"events": 0, "last_alert_at": 1, "ended": [moved], "silent": True, "why": f"its window passed at {at}"}
            await rows.fact(
                "acme",
                place,
                version,
                kind="alerts-recorded",
                body=orjson.dumps(ended).decode(),
                at=START + timedelta(seconds=at),
            )
        for twin in TWINS:
            await rows.incident("acme", id=twin)
        await rows.folded(partition=0, source_next=2000, appended_at=0)
    return {"incident": incident, "alert": alert, "forgotten": forgotten, "moved": moved}


async def test_an_incident_tells_how_it_began_and_what_happened_since(made: dict[str, str], reading: Client) -> None:
    body = (await reading.get(f"/api/v1/incidents/{made['incident']}/why")).body

    began = body["began"]
    assert (body["severity"], body["worst_severity"], body["short_code"]) == ("LOW", "CRITICAL", "INC-1234567")
    assert (began["version"], began["previous_id"], began["decision"]["values"]) == (1, "P" * 26, {"host": "web-1"})
    assert began["decision"] == {**WHY, "threshold": None, "competing": None, "reopened": None}
    assert [each["version"] for each in body["history"][:4]] == [302, 301, 300, 297]
    assert body["history"][1]["sentence"] == "Silence ended 1 alert: its window passed at 1900."
    assert len(body["history"]) == 50


async def test_every_fact_that_is_more_than_counting_is_on_one_page_of_its_history(made: dict[str, str], reading: Client) -> None:
    pages = [await reading.get(f"/incidents/{made['incident']}/why?limit=50")]
    while cursor := pages[-1].body["next_cursor"]:
        pages.append(await reading.get(f"/incidents/{made['incident']}/why?limit=50&cursor={cursor}"))

    shown = [each["version"] for page in pages for each in page.body["history"]]
    assert shown == [302, 301, *(version for version in range(300, 1, -1) if version % 5 in {0, 2})]
    assert len(pages) == 3
    assert 'rel="next"' in pages[0].headers["Link"]


async def test_an_alert_tells_what_decided_about_its_last_episode(made: dict[str, str], reading: Client) -> None:
    body = (await reading.get(f"/api/v1/alerts/{made['alert']}/why")).body

    assert (body["began"]["position"], body["began"]["decision"]["rule"]) == ("0:1060", "hosts")
    assert [each["position"] for each in body["history"][:2]] == ["0:1120", "0:1119"]
    assert body["short_code"] == "INC-1234567"


async def test_every_event_of_an_alert_is_on_one_page_of_its_history(made: dict[str, str], reading: Client) -> None:
    pages = [await reading.get(f"/alerts/{made['alert']}/why?limit=70")]
    while cursor := pages[-1].body["next_cursor"]:
        pages.append(await reading.get(f"/alerts/{made['alert']}/why?limit=70&cursor={cursor}"))

    shown = [each["position"] for page in pages for each in page.body["history"]]
    assert shown == [f"0:{offset}" for offset in range(1120, 1000, -1)]


async def test_an_alert_that_people_moved_tells_who_moved_it_there_and_what_ended_it_since(
    made: dict[str, str], reading: Client
) -> None:
    """The last move counts, and of the ends one of its last episode, told by an incident in which it was."""
    body = (await reading.get(f"/alerts/{made['moved']}/why")).body

    assert (body["moved"]["version"], body["moved"]["comment"], body["moved"]["detail"]["other_id"]) == (
        42,
        "one cause",
        TWINS[0],
    )
    assert (body["ended"]["version"], body["ended"]["reason"]) == (301, "its window passed at 1900")
    assert body["sentence"] == (
        "It is of INC-1234567. Ann merged INC-7K3QF2B into it: 2 alerts came. Silence ended 1 alert: its window passed at 1900."
    )
    other = (await reading.get(f"/alerts/{made['alert']}/why")).body
    assert (other["moved"], other["ended"]) == (None, None)


async def test_a_decision_that_was_dropped_with_its_day_is_not_made_up(made: dict[str, str], reading: Client) -> None:
    body = (await reading.get(f"/alerts/{made['forgotten']}/why")).body

    assert (body["began"], body["history"], body["next_cursor"]) == (None, [], None)


async def test_a_cursor_of_one_history_does_not_fit_another(made: dict[str, str], reading: Client) -> None:
    cursor = (await reading.get(f"/alerts/{made['alert']}/why?limit=1")).body["next_cursor"]

    for path in (f"/alerts/{made['forgotten']}/why", f"/incidents/{made['incident']}/why"):
        assert (await reading.get(f"{path}?cursor={cursor}")).faults == {"cursor": "not-a-cursor"}
    again = await reading.get(f"/alerts/{made['alert']}/why?limit=1&cursor={cursor}")
    assert again.body["history"][0]["position"] == "0:1119"


async def test_an_incident_answers_to_its_short_code(made: dict[str, str], reading: Client) -> None:
    found = await reading.get("/api/v1/incidents/inc-1234567/why")
    assert (found.status, found.body["id"]) == (200, made["incident"])
    assert found.headers["Content-Location"] == f"/api/v1/incidents/{made['incident']}/why"
    assert (await reading.get("/api/v1/incidents/INC-7K3QF2B/why")).status == 409


@pytest.mark.parametrize("path", ["incidents/INC-0000000", "incidents/x", f"alerts/{'0' * 26}", "alerts/x"])
async def test_what_names_nothing_is_404(reading: Client, path: str) -> None:
    assert (await reading.get(f"/api/v1/{path}/why")).status == 404


async def test_a_history_takes_its_page_and_nothing_else(made: dict[str, str], reading: Client) -> None:
    found = await reading.get(f"/alerts/{made['alert']}/why?limit=0&offset=5&sort=x")
    assert found.faults == {"limit": "out-of-range", "offset": "unknown-parameter", "sort": "unknown-parameter"}
