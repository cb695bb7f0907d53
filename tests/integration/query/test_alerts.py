"""`GET /api/v1/alerts` and `/alerts/{id}` (C5)."""

import asyncio
from datetime import timedelta

import pytest

from tests.integration.query.conftest import Client
from tests.support.projection_rows import START, ProjectionDatabase
from tocsin_contracts.ids import delivery_id
from tocsin_contracts.position import Position

INCIDENTS = ("A" * 26, "B" * 26)


@pytest.fixture(scope="module")
def alerts(module_projection: ProjectionDatabase) -> dict[str, dict[str, object]]:
    """Twelve alerts, no two alike; and one of another tenant."""
    return asyncio.run(_seed(module_projection))


async def _seed(projection: ProjectionDatabase) -> dict[str, dict[str, object]]:
    made: dict[str, dict[str, object]] = {}
    async with projection.writing() as rows:
        for number in range(12):
            columns: dict[str, object] = {
                "status": ("OPEN", "ACKNOWLEDGED", "RESOLVED", "CLOSED")[number % 4],
                "severity": ("CRITICAL", "HIGH", "LOW")[number % 3],
                "service": ("api", "web")[number % 2],
                "source": ("alertmanager", "sentry")[number // 6],
                "environment": ("prod", None)[number % 2],
                "incident_id": INCIDENTS[number % 2],
                "created_at": START + timedelta(hours=number // 3),
                "updated_at": START + timedelta(hours=number * 5 % 7),
                "last_seen_at": START + timedelta(hours=number * 3 % 5),
                "identity": f"series-{number}",
            }
            made[await rows.alert("acme", **columns)] = columns
        await rows.alert("globex", incident_id=INCIDENTS[0])
    return made


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("status", ["OPEN", "ACKNOWLEDGED"]),
        ("severity", ["CRITICAL"]),
        ("service", ["web"]),
        ("source", ["sentry"]),
        ("environment", ["prod"]),
        ("incident_id", [INCIDENTS[0]]),
        ("incident_id", list(INCIDENTS)),
    ],
)
async def test_a_filter_shows_just_what_matches(
    alerts: dict[str, dict[str, object]], reading: Client, name: str, values: list[str]
) -> None:
    found = await reading.list("alerts", *((name, value) for value in values))

    wanted = {alert for alert, columns in alerts.items() if columns[name] in values}
    assert set(found.ids) == wanted
    assert found.body["total"] == len(wanted)


async def test_filters_and_a_range_combine_by_and(alerts: dict[str, dict[str, object]], reading: Client) -> None:
    found = await reading.list("alerts", created_from="2026-01-01T01:00:00Z", created_to="2026-01-01T03:00:00Z", service="api")

    assert found.body["total"] == 3
    assert {item["service"] for item in found.body["items"]} == {"api"}


@pytest.mark.parametrize("sort", ["-created_at", "created_at", "-updated_at", "updated_at", "-last_seen_at", "last_seen_at"])
async def test_pages_by_cursor_show_each_row_once_in_order(
    alerts: dict[str, dict[str, object]], reading: Client, sort: str
) -> None:
    pages = [await reading.list("alerts", sort=sort, limit="5")]
    while cursor := pages[-1].body["next_cursor"]:
        pages.append(await reading.list("alerts", sort=sort, limit="5", cursor=cursor))

    moments = [item[sort.removeprefix("-")] for page in pages for item in page.body["items"]]
    assert moments == sorted(moments, reverse=sort.startswith("-"))
    assert sorted(alert for page in pages for alert in page.ids) == sorted(alerts)


async def test_an_incident_is_named_by_its_short_code_too(module_projection: ProjectionDatabase, reading: Client) -> None:
    async with module_projection.writing() as rows:
        made = [await rows.incident("acme", id=name + "0" * 18) for name in ("7K3QF2BA", "7K3QF2BB", "5555555A")]
        theirs = await rows.incident("globex", id="6666666" + "0" * 19)
        wanted = [await rows.alert("acme", incident_id=each, identity=f"of {each}") for each in (*made, theirs)]

    assert (await reading.list("alerts", incident_id="inc-5555555")).ids == [wanted[2]]
    both = await reading.list("alerts", incident_id=f"INC-5555555,{made[0]}")
    assert set(both.ids) == {wanted[0], wanted[2]}
    assert (await reading.list("alerts", incident_id="7k3qf2bb")).ids == [wanted[1]]
    ambiguous = await reading.list("alerts", incident_id="INC-7K3QF2B")
    assert (ambiguous.status, [choice["id"] for choice in ambiguous.body["choices"]]) == (409, made[:2])
    for unknown in ("INC-0000000", "INC-6666666"):
        assert (await reading.list("alerts", incident_id=unknown)).ids == []
    assert (await reading.list("alerts", incident_id="INC-1")).faults == {"incident_id": "not-an-incident"}


async def test_an_alert_that_waits_says_for_what(module_projection: ProjectionDatabase, reading: Client) -> None:
    why = '{"rule": "pairs", "threshold": {"alerts": 2, "within_s": 600, "counted": 1}}'
    async with module_projection.writing() as rows:
        columns = {"opened_at": START + timedelta(seconds=70), "service": "waits", "held": "group"}
        waiting = await rows.alert("acme", **columns, identity="waits")
        await rows.event("acme", waiting, 70, effect="held", why=why)
        dropped = await rows.alert("acme", **columns | {"opened_at": START}, identity="waited long")

    items = {item["id"]: item["waiting_for"] for item in (await reading.list("alerts", service="waits")).body["items"]}
    assert items[waiting] == {"group_key": "group", "rule": "pairs", "alerts": 2, "within_s": 600, "counted": 1}
    assert items[dropped] == {"group_key": "group", **dict.fromkeys(("rule", "alerts", "within_s", "counted"))}
    for alert, wanted in items.items():
        assert (await reading.get(f"/alerts/{alert}")).body["waiting_for"] == wanted


async def test_a_parameter_of_another_list_is_refused(reading: Client) -> None:
    found = await reading.list("alerts", team="core", updated_from="2026-01-01T00:00:00Z", sort="-severity")

    assert found.faults == {"team": "unknown-parameter", "updated_from": "unknown-parameter", "sort": "not-allowed"}


async def test_one_alert_is_shown_with_its_raw_json_and_its_last_events(
    module_projection: ProjectionDatabase, reading: Client
) -> None:
    """The raw JSON is passed on as it was stored: 23-digit integers stay what they are."""
    async with module_projection.writing() as rows:
        alert = await rows.alert("acme", identity="shown", description="why", metadata='{"a": 1}', changed_offset=60)
        for offset in range(1, 61):
            await rows.event("acme", alert, offset, seq=3, effect="repeated")

    found = await reading.get(f"/api/v1/alerts/{alert}")

    assert found.status == 200
    assert "12345678901234567890123" in found.text
    assert (found.body["metadata"], found.body["changed_position"]) == ({"a": 1}, "0:60")
    assert [event["position"] for event in found.body["events"]] == [f"0:{offset}" for offset in range(60, 10, -1)]
    assert found.body["events"][0]["delivery_id"] == delivery_id("acme", Position(0, 60))


async def test_raw_json_that_was_too_large_is_null(module_projection: ProjectionDatabase, reading: Client) -> None:
    async with module_projection.writing() as rows:
        alert = await rows.alert("acme", identity="large", raw=None)

    assert (await reading.get(f"/api/v1/alerts/{alert}")).body["raw"] is None


@pytest.mark.parametrize("name", ["0" * 26, "x", "%00" * 26, "'" * 26])
async def test_what_names_nothing_is_404(reading: Client, name: str) -> None:
    assert (await reading.get(f"/api/v1/alerts/{name}")).status == 404
