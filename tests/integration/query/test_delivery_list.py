"""`GET /api/v1/deliveries`, `/deliveries/stats`, `/deliveries/rejected`: what came, what became of it, what was turned away."""

import asyncio
import re
from datetime import timedelta

import pytest

from tests.integration.query.conftest import Client, asking
from tests.support.projection_rows import START, ProjectionDatabase
from tocsin_contracts.ids import delivery_id
from tocsin_contracts.position import Position
from tocsin_control.bootstrap import Role
from tocsin_query.domain.deliveries import DELIVERIES, GROUPS
from tocsin_query.domain.grouping import read_grouping
from tocsin_query.domain.listing import read_page
from tocsin_query.domain.statement import groups, page

OUTCOMES = ("processed", "processed", "failed", "duplicate", "failed", "ignored")
DISCARDED = 4
_MANY = """
INSERT INTO proj.deliveries
SELECT filled.* FROM (SELECT d AS row, d.logged_at FROM proj.deliveries AS d WHERE tenant_id = 'initech' LIMIT 1) AS original,
    LATERAL (SELECT number FROM generate_series(1, 20000) AS number) AS made,
    LATERAL jsonb_populate_record(original.row, jsonb_build_object('id', upper(lpad(to_hex(number), 21, '0')), 'offset', number,
        'logged_at', original.logged_at + number * interval '1 second',
        'outcome', CASE WHEN number % 500 = 0 THEN 'failed' ELSE 'processed' END)) AS filled
"""


@pytest.fixture(scope="module")
def deliveries(module_projection: ProjectionDatabase) -> dict[str, dict[str, object]]:
    """Two dozen deliveries, one redrive, one that was discarded; some of another tenant."""
    return asyncio.run(_seed(module_projection))


async def _seed(projection: ProjectionDatabase) -> dict[str, dict[str, object]]:
    made: dict[str, dict[str, object]] = {}
    async with projection.writing() as rows:
        for number in range(24):
            outcome = OUTCOMES[number % 6]
            columns: dict[str, object] = {
                "outcome": outcome,
                "reason": None if outcome == "processed" else ("unknown-shape", "not-json")[number // 12],
                "source": ("alertmanager", "sentry")[number % 2],
                "integration_id": ("one", "two", "three")[number % 3],
                "sender_id": f"e{number}" if number % 4 == 0 else None,
                "received_at": START + timedelta(hours=number),
                "logged_at": START + timedelta(hours=number // 2),
            }
            made[await rows.delivery("acme", number, **columns)] = columns
        made[await rows.delivery("acme", 30, outcome="failed", reason="not-json", redrive_of=2, logged_at=START)] = {}
        for number in range(50, 55):
            await rows.delivery("globex", number, outcome="failed", reason="secret")
        await rows.folded(partition=0, source_next=60, appended_at=0)
    async with projection.owning() as rows:
        await rows.discard("acme", DISCARDED)
        await rows.rejection("acme", "wrong-secret", 7, samples=2)
        await rows.rejection("globex", "status-429", 9)
    return made


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("outcome", ["failed"]),
        ("outcome", ["failed", "ignored"]),
        ("reason", ["unknown-shape"]),
        ("source", ["sentry"]),
        ("integration_id", ["one", "three"]),
        ("sender_id", ["e4", "e8"]),
    ],
)
async def test_a_filter_shows_just_what_matches(
    deliveries: dict[str, dict[str, object]], reading: Client, name: str, values: list[str]
) -> None:
    found = await reading.list("deliveries", *((name, value) for value in values), ("attempt", "no"))

    wanted = {delivery for delivery, columns in deliveries.items() if columns.get(name) in values}
    assert set(found.ids) == wanted
    assert found.body["total"] == len(wanted)


async def test_redrives_and_discarded_ones_may_be_left_out(deliveries: dict[str, dict[str, object]], reading: Client) -> None:
    """What waits for somebody: failed, no attempt of another one, and nobody let it be."""
    found = await reading.list("deliveries", outcome="failed", attempt="no", discarded="no", limit="200")
    attempts = await reading.list("deliveries", attempt="yes")
    discarded = await reading.list("deliveries", discarded="yes")

    failed = {name for name, columns in deliveries.items() if columns.get("outcome") == "failed"}
    let_be = delivery_id("acme", Position(0, DISCARDED))
    assert set(found.ids) == failed - {let_be}
    assert [item["redrive_of"] for item in attempts.body["items"]] == [delivery_id("acme", Position(0, 2))]
    assert (discarded.ids, discarded.body["items"][0]["discarded"]) == ([let_be], True)


async def test_ranges_are_of_both_times(deliveries: dict[str, dict[str, object]], reading: Client) -> None:
    received = await reading.list("deliveries", received_from="2026-01-01T20:00:00Z", received_to="2026-01-01T22:00:00Z")
    logged = await reading.list("deliveries", logged_from="2026-01-01T11:00:00Z")

    assert [item["position"] for item in received.body["items"]] == ["0:21", "0:20"]
    assert [item["position"] for item in logged.body["items"]] == ["0:23", "0:22"]


@pytest.mark.parametrize("sort", ["-logged_at", "logged_at"])
async def test_pages_by_cursor_show_each_row_once_in_order(
    deliveries: dict[str, dict[str, object]], reading: Client, sort: str
) -> None:
    pages = [await reading.list("deliveries", sort=sort, limit="7")]
    while cursor := pages[-1].body["next_cursor"]:
        pages.append(await reading.list("deliveries", sort=sort, limit="7", cursor=cursor))

    places = [(item["logged_at"], int(item["position"][2:])) for page in pages for item in page.body["items"]]
    assert places == sorted(places, reverse=sort.startswith("-"))
    assert sorted(name for page in pages for name in page.ids) == sorted(deliveries)


async def test_what_cannot_be_asked_is_refused_with_every_fault(reading: Client) -> None:
    found = await reading.list("deliveries", outcome="broken", attempt="maybe", sort="size")
    grouped = await reading.list("deliveries/stats", by="size", limit="5")

    assert found.faults == {"outcome": "not-allowed", "attempt": "not-allowed", "sort": "not-allowed"}
    assert grouped.faults == {"by": "not-allowed", "limit": "unknown-parameter"}


async def test_counts_by_what_deliveries_share(deliveries: dict[str, dict[str, object]], reading: Client) -> None:
    found = await reading.list("deliveries/stats", by="reason,outcome", attempt="no")

    counted = {(group["outcome"], group["reason"]): group["count"] for group in found.body["groups"]}
    assert counted == {
        ("processed", None): 8,
        ("failed", "unknown-shape"): 4,
        ("failed", "not-json"): 4,
        ("duplicate", "unknown-shape"): 2,
        ("duplicate", "not-json"): 2,
        ("ignored", "unknown-shape"): 2,
        ("ignored", "not-json"): 2,
    }
    assert (found.body["by"], found.body["total"], found.body["total_is_exact"]) == (["outcome", "reason"], 24, True)
    first = found.body["groups"][0]
    assert (first["source"], first["integration_id"], first["last_id"]) == (None, None, delivery_id("acme", Position(0, 19)))
    assert (first["first_logged_at"], first["last_logged_at"]) == ("2026-01-01T00:00:00Z", "2026-01-01T09:00:00Z")


async def test_counts_look_at_the_newest_up_to_a_bound(module_projection: ProjectionDatabase) -> None:
    statement = groups(GROUPS, read_grouping(GROUPS, [("by", "source")]), tenant="acme", most=10)
    async with module_projection.connected(Role.QUERY) as connection, connection.transaction():
        await connection.fetchval("SELECT set_config('app.tenant', 'acme', true)")
        rows = await connection.fetch(statement.sql, *statement.args)
    assert {row["total"] for row in rows} == {11}, "one more than is counted: so it is known that there are more"


async def test_one_that_was_discarded_says_by_whom_and_why(deliveries: dict[str, dict[str, object]], reading: Client) -> None:
    shown = (await reading.get(f"/deliveries/{delivery_id('acme', Position(0, DISCARDED))}")).body

    assert (shown["discarded"], shown["discard"]["why"], shown["discard"]["actor_name"]) == (True, "a test of ours", "Ann")


async def test_a_delivery_shows_its_attempts_and_its_checks(deliveries: dict[str, dict[str, object]], reading: Client) -> None:
    shown = (await reading.get(f"/deliveries/{delivery_id('acme', Position(0, 2))}")).body

    assert [(each["outcome"], each["position"]) for each in shown["attempts"]] == [("failed", "0:30")]
    assert [(each["check"], each["passed"]) for each in shown["checks"]] == [
        ("gateway", True),
        ("read", False),
        ("duplicate", None),
        ("fold", None),
    ]
    assert shown["checks"][1]["detail"] == "unknown-shape"


async def test_rejected_requests_are_the_tenants_own(deliveries: dict[str, dict[str, object]], reading: Client) -> None:
    shown = (await reading.get("/api/v1/deliveries/rejected")).body

    assert shown["days"] == [{"day": "2026-01-01", "integration_id": "prometheus", "reason": "wrong-secret", "count": 7}]
    assert [sample["at"] for sample in shown["samples"]] == ["2026-01-01T00:00:01Z", "2026-01-01T00:00:00Z"]
    assert {sample["status"] for sample in shown["samples"]} == {401}


async def test_the_failed_ones_have_an_index_of_their_own(module_projection: ProjectionDatabase) -> None:
    """Few among millions, and looked for often: a page and its counts read no others."""
    async with module_projection.writing() as rows:
        await rows.delivery("initech", 1)
        await rows.connection.execute(_MANY)
        await rows.connection.execute("ANALYZE proj.deliveries")
    query = [("outcome", "failed"), ("attempt", "no")]
    async with module_projection.connected(Role.QUERY) as connection:
        for statement in (
            page(DELIVERIES, read_page(DELIVERIES, query, tenant="initech"), tenant="initech"),
            groups(GROUPS, read_grouping(GROUPS, query), tenant="initech", most=100_000),
        ):
            async with connection.transaction():
                await connection.fetchval("SELECT set_config('app.tenant', 'initech', true)")
                plan = "\n".join(row[0] for row in await connection.fetch("EXPLAIN " + statement.sql, *statement.args))
            assert re.search(r"Index Scan using \w*deliver\w*_logged_at_offset_idx1", plan), plan


async def test_a_tenant_sees_no_others_deliveries(
    deliveries: dict[str, dict[str, object]], module_projection: ProjectionDatabase
) -> None:
    async with asking(module_projection, "globex") as client:
        found = await client.list("deliveries", limit="200")
        stats = await client.list("deliveries/stats")
        shown = (await client.get("/deliveries/rejected")).body

    assert {item["reason"] for item in found.body["items"]} == {"secret"}
    assert [group["count"] for group in stats.body["groups"]] == [5]
    assert [day["count"] for day in shown["days"]] == [9]
