"""`GET /api/v1/incidents`: every filter, every sort, pages that never overlap (C2, C6)."""

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from tests.integration.query.conftest import Client, asking
from tests.support.projection_rows import START, ProjectionDatabase

SEVERITIES = ("CRITICAL", "HIGH", "MEDIUM", "LOW", "INFO")
STATUSES = ("OPEN", "ACKNOWLEDGED", "INVESTIGATING", "RESOLVED", "CLOSED")

NOW = START + timedelta(days=1)
"""What the fold calls now."""
SOON = NOW + timedelta(hours=1)


@pytest.fixture(scope="module")
def incidents(module_projection: ProjectionDatabase) -> dict[str, dict[str, object]]:
    """Twenty-five incidents, no two alike, in groups of five opened at the same moment; and one of another tenant."""
    return asyncio.run(_seed(module_projection))


async def _seed(projection: ProjectionDatabase) -> dict[str, dict[str, object]]:
    made: dict[str, dict[str, object]] = {}
    async with projection.writing() as rows:
        for number in range(25):
            columns: dict[str, object] = {
                "status": STATUSES[number % 5],
                "severity": SEVERITIES[(number * 2 + number // 5) % 5],
                "service": ("api", "web", None)[number % 3],
                "team": ("core", "edge")[number % 2],
                "source": ("alertmanager", "sentry", "datadog")[number % 3],
                "environment": ("prod", "staging")[number % 2],
                "assignee": ("ann", "bob", None)[number % 3],
                "category": ("latency", "errors", "other")[number % 3],
                "flapping": number % 7 == 0,
                "snoozed_until": (None, SOON, START)[number % 3],
                "created_at": START + timedelta(hours=number // 5),
                "updated_at": START + timedelta(hours=number * 7 % 11),
                "last_alert_at": START + timedelta(hours=number * 3 % 13),
            }
            made[await rows.incident("acme", **columns)] = columns
        await rows.incident("globex", service="api", severity="CRITICAL")
        await rows.folded(partition=0, source_next=10, appended_at=0, clock=NOW)
    return made


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("status", ["OPEN"]),
        ("status", ["OPEN", "CLOSED"]),
        ("severity", ["CRITICAL"]),
        ("severity", ["LOW", "INFO"]),
        ("service", ["api"]),
        ("service", ["api", "web"]),
        ("team", ["core"]),
        ("source", ["sentry", "datadog"]),
        ("environment", ["staging"]),
        ("assignee", ["ann"]),
        ("assignee", ["ann", "bob"]),
        ("category", ["errors", "other"]),
    ],
)
async def test_a_filter_shows_just_what_matches(
    incidents: dict[str, dict[str, object]], reading: Client, name: str, values: list[str]
) -> None:
    """Repeated and comma-separated are the same; totals agree with rows."""
    wanted = {incident for incident, columns in incidents.items() if columns[name] in values}

    repeated = await reading.list("incidents", *((name, value) for value in values))
    joined = await reading.list("incidents", **{name: ",".join(values)})

    assert set(repeated.ids) == set(joined.ids) == wanted
    assert repeated.body["total"] == len(wanted)
    assert repeated.body["total_is_exact"]


@pytest.mark.parametrize(("said", "wanted"), [("true", True), ("yes", True), ("false", False), ("NO", False)])
async def test_flapping_and_snoozed_ones_are_found_and_left_out(
    incidents: dict[str, dict[str, object]], reading: Client, said: str, wanted: bool
) -> None:
    """Snoozed is what is unresolved and quiet until later than the fold's clock."""
    flapping = await reading.list("incidents", flapping=said)
    snoozed = await reading.list("incidents", snoozed=said)

    unresolved = STATUSES[:3]
    quiet = {key for key, row in incidents.items() if row["snoozed_until"] == SOON and row["status"] in unresolved}
    assert set(flapping.ids) == {key for key, row in incidents.items() if row["flapping"] is wanted}
    assert set(snoozed.ids) == (quiet if wanted else incidents.keys() - quiet)


@pytest.mark.parametrize("stem", ["created", "updated"])
async def test_a_range_includes_its_beginning_and_not_its_end(
    incidents: dict[str, dict[str, object]], reading: Client, stem: str
) -> None:
    since, until = START + timedelta(hours=1), START + timedelta(hours=3)

    found = await reading.list("incidents", **{f"{stem}_from": since.isoformat(), f"{stem}_to": "2026-01-01T06:00:00+03:00"})

    wanted = {key for key, columns in incidents.items() if since <= _time(columns[f"{stem}_at"]) < until}
    assert wanted
    assert set(found.ids) == wanted


async def test_filters_combine_by_and(incidents: dict[str, dict[str, object]], reading: Client) -> None:
    found = await reading.list(
        "incidents", status="OPEN,RESOLVED", team="core", environment="prod", updated_from="2026-01-01T01:00:00Z"
    )

    wanted = {
        incident
        for incident, columns in incidents.items()
        if columns["status"] in {"OPEN", "RESOLVED"}
        and columns["team"] == "core"
        and columns["environment"] == "prod"
        and _time(columns["updated_at"]) >= START + timedelta(hours=1)
    }
    assert wanted
    assert set(found.ids) == wanted


async def test_choices_may_be_written_in_lower_case(incidents: dict[str, dict[str, object]], reading: Client) -> None:
    found = await reading.list("incidents", status="open", severity="critical,high,medium,low,info")

    assert found.body["total"] == 5


async def test_the_newest_comes_first_unless_asked_otherwise(incidents: dict[str, dict[str, object]], reading: Client) -> None:
    by_default = await reading.list("incidents")
    named = await reading.list("incidents", sort="-created_at")

    assert by_default.ids == named.ids
    moments = [item["created_at"] for item in by_default.body["items"]]
    assert moments == sorted(moments, reverse=True)


@pytest.mark.parametrize("name", ["created_at", "updated_at", "last_alert_at", "severity"])
@pytest.mark.parametrize("sign", ["", "-"])
@pytest.mark.parametrize("limit", ["1", "4", "24", "25", "26"])
async def test_pages_by_cursor_show_each_row_once_in_order(
    incidents: dict[str, dict[str, object]], reading: Client, name: str, sign: str, limit: str
) -> None:
    """Rows of the same moment are ordered by id, so no page boundary loses or repeats one."""
    whole = await reading.list("incidents", sort=sign + name, limit="200")
    pages = [await reading.list("incidents", sort=sign + name, limit=limit)]
    while cursor := pages[-1].body["next_cursor"]:
        pages.append(await reading.list("incidents", sort=sign + name, limit=limit, cursor=cursor))

    assert [incident for page in pages for incident in page.ids] == whole.ids
    assert {page.body["total"] for page in pages} == {25}
    ranks = [SEVERITIES.index(item[name]) if name == "severity" else item[name] for item in whole.body["items"]]
    descending = bool(sign) != (name == "severity")  # CRITICAL has the first index and the highest rank
    assert all((left >= right) if descending else (left <= right) for left, right in pairwise(ranks))


async def test_pages_by_offset_show_each_row_once(incidents: dict[str, dict[str, object]], reading: Client) -> None:
    pages = [await reading.list("incidents", limit="7", offset=str(offset)) for offset in (0, 7, 14, 21, 28)]

    assert [len(page.ids) for page in pages] == [7, 7, 7, 4, 0]
    assert [incident for page in pages for incident in page.ids] == (await reading.list("incidents")).ids
    assert {page.body["total"] for page in pages} == {25}


async def test_a_row_inserted_meanwhile_moves_no_page_by_cursor(client: Client, projection: ProjectionDatabase) -> None:
    async with projection.writing() as rows:
        for _ in range(20):
            await rows.incident("acme")
        first = await client.list("incidents", limit="10")
        await rows.incident("acme", id="Z" * 26, created_at=START + timedelta(days=1))
    second = await client.list("incidents", limit="10", cursor=first.body["next_cursor"])

    assert not set(first.ids) & set(second.ids)
    assert len(second.ids) == 10


async def test_the_next_page_is_linked(incidents: dict[str, dict[str, object]], reading: Client) -> None:
    first = await reading.list("incidents", limit="20", status="OPEN,CLOSED,RESOLVED,ACKNOWLEDGED,INVESTIGATING", offset="1")
    url = first.headers["Link"].removeprefix("<").removesuffix('>; rel="next"')
    second = await reading.get(url)

    assert second.status == 200
    assert not set(first.ids) & set(second.ids)
    assert len(second.ids) == 4
    assert "Link" not in second.headers
    assert second.body["next_cursor"] is None


async def test_totals_above_the_bound_say_that_they_are_not_exact(
    incidents: dict[str, dict[str, object]], module_projection: ProjectionDatabase
) -> None:
    async with asking(module_projection, count_max=20) as client:
        capped = await client.list("incidents", limit="5")
        exact = await client.list("incidents", limit="2", status="OPEN")

    assert (capped.body["total"], capped.body["total_is_exact"]) == (20, False)
    assert (exact.body["total"], exact.body["total_is_exact"]) == (5, True)


async def test_each_row_carries_what_lists_need(incidents: dict[str, dict[str, object]], reading: Client) -> None:
    row = (await reading.list("incidents", limit="1")).body["items"][0]

    assert row["short_code"] == f"INC-{row['id'][:7]}"
    assert row["alert_count"] == 1
    assert row["last_alert_at"].endswith("Z")


async def test_the_bare_path_answers_too(incidents: dict[str, dict[str, object]], reading: Client) -> None:
    assert (await reading.get("/incidents?limit=3")).ids == (await reading.get("/api/v1/incidents?limit=3")).ids


@pytest.mark.parametrize(
    "text",
    ["'; DROP TABLE proj.incidents; --", "' OR '1'='1", "api') OR true --", "$1", "%", "_", "{}", "\\", "api\\", '"', "é\u202e"],
)
async def test_a_value_is_only_ever_a_value(incidents: dict[str, dict[str, object]], reading: Client, text: str) -> None:
    """S50: what looks like SQL matches nothing and changes nothing."""
    for name in ("service", "team", "source", "environment"):
        found = await reading.list("incidents", (name, text))
        assert (found.status, found.body["total"]) == (200, 0)

    for name in ("status", "severity", "sort", "limit", "offset", "cursor", "created_from", text):
        assert (await reading.list("incidents", (name, text))).status == 422

    assert (await reading.list("incidents")).body["total"] == 25


async def test_a_text_with_a_comma_is_matched_by_escaping_it(projection: ProjectionDatabase, client: Client) -> None:
    async with projection.writing() as rows:
        wanted = await rows.incident("acme", service="a,b")
        await rows.incident("acme", service="a")

    assert (await client.list("incidents", service=r"a\,b")).ids == [wanted]


async def test_every_fault_is_named_at_once(reading: Client) -> None:
    """An unknown parameter is refused: a misspelt filter would silently show everything."""
    found = await reading.list(
        "incidents",
        ("limit", "201"),
        ("offset", "10001"),
        ("statuz", "OPEN"),
        ("status", "BROKEN"),
        ("severity", ""),
        ("created_from", "2026-01-01"),
        ("updated_to", "2026-01-01T00:00:00"),
        ("sort", "title"),
    )

    assert found.status == 422
    assert found.headers["Content-Type"] == "application/problem+json"
    assert found.faults == {
        "limit": "out-of-range",
        "offset": "out-of-range",
        "statuz": "unknown-parameter",
        "status": "not-allowed",
        "severity": "empty",
        "created_from": "not-a-time",
        "updated_to": "not-a-time",
        "sort": "not-allowed",
    }


async def test_too_deep_an_offset_names_the_cursor(reading: Client) -> None:
    found = await reading.list("incidents", offset="10001")

    assert found.status == 422
    assert "cursor" in found.body["errors"][0]["detail"]


async def test_a_cursor_serves_only_the_query_it_came_from(incidents: dict[str, dict[str, object]], reading: Client) -> None:
    cursor = (await reading.list("incidents", limit="2", team="core")).body["next_cursor"]

    for query in ({"team": "edge"}, {}, {"team": "core", "sort": "created_at"}):
        assert (await reading.list("incidents", cursor=cursor, **query)).faults == {"cursor": "not-a-cursor"}
    assert (await reading.list("incidents", cursor=cursor, team="core", limit="50")).status == 200
    tampered = cursor[:-2] + ("A" if cursor[-2] != "A" else "B") + cursor[-1]
    assert (await reading.list("incidents", cursor=tampered, team="core")).faults == {"cursor": "not-a-cursor"}
    assert (await reading.list("incidents", cursor=cursor, team="core", offset="1")).faults == {"offset": "excluded"}


def _time(value: object) -> datetime:
    assert isinstance(value, datetime)
    return value.astimezone(UTC)
