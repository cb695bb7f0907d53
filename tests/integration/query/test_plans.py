"""The statements are served by indexes, not by reading the table (E12): the planner's own word at 20,000 incidents."""

import asyncio
import re
from datetime import timedelta

import pytest

from tests.support.projection_rows import START, ProjectionDatabase, ProjectionRows
from tocsin_control.bootstrap import Role
from tocsin_query.domain.alert_why import EVENTS
from tocsin_query.domain.history import History, page_of_history
from tocsin_query.domain.incident_why import FACTS
from tocsin_query.domain.incidents import INCIDENTS
from tocsin_query.domain.listing import next_cursor, read_page
from tocsin_query.domain.rule_sets import RULE_SETS
from tocsin_query.domain.statement import Statement, count, page
from tocsin_query.lookup import QUERIES as QUERIES_BY_NAME
from tocsin_runtime.postgres import Connection

_MANY = """
INSERT INTO proj.incidents
SELECT filled.* FROM proj.incidents AS original,
    LATERAL (SELECT number, (number % 5) AS fifth FROM generate_series(1, 20000) AS number) AS made,
    LATERAL jsonb_populate_record(original, jsonb_build_object(
        'id', upper(lpad(to_hex(number), 26, '0')),
        'tenant_id', CASE WHEN number % 2 = 0 THEN 'acme' ELSE 'globex' END,
        'created_at', original.created_at + number / 3 * interval '1 minute',
        'assignee', CASE WHEN number % 500 < 2 THEN 'ann' END, 'category', 'category-' || number % 8,
        'flapping', number % 1000 < 2, 'snoozed_until', CASE WHEN number % 400 < 2 THEN '2030-01-01'::timestamptz END,
        'service', 'service-' || number % 40, 'team', 'team-' || number % 8, 'source', 'source-' || number % 4,
        'environment', CASE WHEN number % 3 = 0 THEN 'prod' ELSE 'staging' END,
        'severity', (ARRAY['CRITICAL', 'HIGH', 'MEDIUM', 'LOW', 'INFO'])[1 + number % 5],
        'status', CASE WHEN number % 20 < 2 THEN 'OPEN' ELSE 'CLOSED' END)) AS filled
"""
LONG = "1" * 26
_MANY_FACTS = """
INSERT INTO proj.facts SELECT filled.* FROM proj.facts AS original, generate_series(2, 50000) AS number,
    LATERAL jsonb_populate_record(original, jsonb_build_object(
        'version', number, 'offset', 1000000 + number,
        'kind', CASE WHEN number % 50 = 0 THEN 'flapping-ended' ELSE 'alerts-recorded' END)) AS filled
 WHERE original.version = 1
"""
_MANY_EVENTS = """
INSERT INTO proj.alert_events SELECT filled.* FROM proj.alert_events AS original, generate_series(2, 50000) AS number,
    LATERAL jsonb_populate_record(original, jsonb_build_object(
        'alert_id', CASE WHEN number % 2 = 0 THEN original.alert_id ELSE 'other' END, 'offset', number,
        'logged_at', original.logged_at + number * interval '1 minute')) AS filled
"""
_MANY_RULES = """
INSERT INTO proj.rule_sets SELECT filled.* FROM proj.rule_sets AS original, generate_series(2, 5000) AS number,
    LATERAL jsonb_populate_record(original, jsonb_build_object('version', number)) AS filled
"""
QUERIES = {
    "nothing": [],
    "unresolved": [("status", "OPEN,ACKNOWLEDGED,INVESTIGATING")],
    "open and critical": [("status", "OPEN"), ("severity", "CRITICAL,HIGH")],
    "service": [("service", "service-4")],
    "service and severity": [("service", "service-4"), ("severity", "LOW")],
    "team": [("team", "team-2")],
    "source and environment": [("source", "source-2"), ("environment", "prod")],
    "created range": [("created_from", "2026-01-02T00:00:00Z"), ("created_to", "2026-01-03T00:00:00Z")],
    "oldest first": [("sort", "created_at")],
    "hers, unresolved": [("assignee", "ann"), ("status", "OPEN,ACKNOWLEDGED,INVESTIGATING")],
    "snoozed": [("snoozed", "true")],
    "unresolved and not snoozed": [("snoozed", "false"), ("status", "OPEN,ACKNOWLEDGED,INVESTIGATING")],
    "flapping, unresolved": [("flapping", "true"), ("status", "OPEN,ACKNOWLEDGED,INVESTIGATING")],
    "hers": [("assignee", "ann")],
    "category": [("category", "category-2")],
}


@pytest.fixture(scope="module")
def many(module_projection: ProjectionDatabase) -> ProjectionDatabase:
    """Twenty thousand incidents, half of them acme's."""
    asyncio.run(_seed(module_projection))
    return module_projection


async def _seed(projection: ProjectionDatabase) -> None:
    async with projection.writing() as rows:
        await rows.incident("acme", id="Z" * 26)
        await rows.connection.execute(_MANY)
        await rows.connection.execute("ANALYZE proj.incidents")


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES.keys())
async def test_a_page_comes_from_an_index_in_order(many: ProjectionDatabase, query: list[tuple[str, str]]) -> None:
    """No sort either: a page of 50 reads 50 matches, however many there are."""
    async with many.connected(Role.QUERY) as connection:
        plan = await _plan(connection, page(INCIDENTS, read_page(INCIDENTS, query, tenant="acme"), tenant="acme"))

    assert "Seq Scan" not in plan
    assert re.search(r"Index (Only )?Scan", plan), plan


@pytest.mark.parametrize("name", ["open and critical", "service", "service and severity", "team", "unresolved"])
async def test_a_selective_count_comes_from_an_index(many: ProjectionDatabase, name: str) -> None:
    async with many.connected(Role.QUERY) as connection:
        request = read_page(INCIDENTS, QUERIES[name], tenant="acme")
        plan = await _plan(connection, count(INCIDENTS, request, tenant="acme", most=10_000))

    assert "Seq Scan" not in plan, plan


async def test_what_somebody_was_given_has_an_index_of_its_own(many: ProjectionDatabase) -> None:
    async with many.connected(Role.QUERY) as connection:
        request = read_page(INCIDENTS, QUERIES["hers"], tenant="acme")
        plans = [
            await _plan(connection, page(INCIDENTS, request, tenant="acme")),
            await _plan(connection, count(INCIDENTS, request, tenant="acme", most=10_000)),
        ]

    assert all("incidents_assignee" in plan for plan in plans), plans


async def test_flapping_incidents_have_an_index_of_their_own(many: ProjectionDatabase) -> None:
    """Few flap, and among all of them they would be looked for one by one."""
    async with many.connected(Role.QUERY) as connection:
        request = read_page(INCIDENTS, [("flapping", "true")], tenant="acme")
        plans = [
            await _plan(connection, page(INCIDENTS, request, tenant="acme")),
            await _plan(connection, count(INCIDENTS, request, tenant="acme", most=10_000)),
        ]

    assert all("incidents_flapping" in plan for plan in plans), plans


async def test_unresolved_incidents_have_an_index_of_their_own(many: ProjectionDatabase) -> None:
    async with many.connected(Role.QUERY) as connection:
        request = read_page(INCIDENTS, QUERIES["unresolved"], tenant="acme")
        plan = await _plan(connection, page(INCIDENTS, request, tenant="acme"))

    assert "incidents_unresolved" in plan


@pytest.mark.parametrize("sort", ["-created_at", "created_at"])
async def test_a_cursor_starts_inside_the_index(many: ProjectionDatabase, sort: str) -> None:
    """The row comparison is an index condition, so depth costs nothing; spelled out with OR it would be a filter."""
    query = [("sort", sort)]
    async with many.connected(Role.QUERY) as connection:
        row = await _middle(connection)
        cursor = next_cursor(read_page(INCIDENTS, query, tenant="acme"), row, tenant="acme")
        request = read_page(INCIDENTS, [*query, ("cursor", cursor)], tenant="acme")
        plan = await _plan(connection, page(INCIDENTS, request, tenant="acme"))

    (condition,) = re.findall(r"Index Cond: (.*)", plan)
    assert "ROW(created_at, id)" in condition, plan


@pytest.mark.parametrize("history", [FACTS, EVENTS], ids=["facts", "events"])
async def test_a_history_is_read_from_its_index_wherever_it_goes_on(
    module_projection: ProjectionDatabase, history: History
) -> None:
    """The newest first, and behind a cursor no more is read than in front of it."""
    async with module_projection.writing() as rows:
        await _seed_history(rows)
    keys = {"version": 25_000, "logged_at": START + timedelta(days=1), "offset": 25_000, "seq": 0}
    async with module_projection.connected(Role.QUERY) as connection:
        first = page_of_history(history, {}, tenant="acme", owner=LONG)
        later = page_of_history(history, {"cursor": next_cursor(first, keys, tenant="acme")}, tenant="acme", owner=LONG)
        plans = [await _plan(connection, page(history.listing, request, tenant="acme")) for request in (first, later)]
        named = [
            await _plan(connection, Statement(sql=QUERIES_BY_NAME[name], args=("acme", LONG, *more)))
            for name, more in (
                ("incident_opening", ()),
                ("alert_beginning", (START,)),
                ("alert_move", ("A" * 26,)),
                ("incident_links", (50,)),
            )
        ]

    assert not [plan for plan in (*plans, *named) if "Seq Scan" in plan], plans
    assert history is EVENTS or all("facts_told" in plan for plan in plans), "and not the counting among which they lie"
    assert re.search(r"Index Cond: .*(version|logged_at) [<]|ROW\((version|logged_at)", plans[1]), plans[1]


async def test_the_rules_in_force_are_one_look_into_an_index(module_projection: ProjectionDatabase) -> None:
    async with module_projection.writing() as rows:
        await rows.connection.execute("TRUNCATE proj.rule_sets")
        await rows.rule_set("acme", 1)
        await rows.connection.execute(_MANY_RULES)
        await rows.connection.execute("ANALYZE proj.rule_sets")
    async with module_projection.connected(Role.QUERY) as connection:
        plans = [
            await _plan(connection, Statement(sql=QUERIES_BY_NAME["rules"], args=("acme",))),
            await _plan(connection, Statement(sql=QUERIES_BY_NAME["rules_of_version"], args=("acme", 7))),
            await _plan(connection, page(RULE_SETS, read_page(RULE_SETS, [], tenant="acme"), tenant="acme")),
        ]

    assert all("rule_sets_pkey" in plan and "Sort" not in plan for plan in plans), plans


async def _seed_history(rows: ProjectionRows) -> None:
    """Give one incident and one alert fifty thousand rows of history, once."""
    if await rows.connection.fetchval("SELECT EXISTS (SELECT FROM proj.facts WHERE incident_id = $1)", LONG):
        return
    await rows.fact("acme", LONG, 1)
    await rows.event("acme", LONG, 1)
    for table, statement in (("facts", _MANY_FACTS), ("alert_events", _MANY_EVENTS)):
        await rows.connection.execute(statement)
        await rows.connection.execute(f"ANALYZE proj.{table}")


async def _middle(connection: Connection) -> dict[str, object]:
    async with connection.transaction():
        await connection.fetchval("SELECT set_config('app.tenant', 'acme', true)")
        row = await connection.fetchrow(
            "SELECT id, created_at FROM proj.incidents WHERE tenant_id = 'acme' ORDER BY created_at OFFSET 5000 LIMIT 1"
        )
    assert row is not None
    return dict(row)


async def _plan(connection: Connection, statement: Statement) -> str:
    async with connection.transaction():
        await connection.fetchval("SELECT set_config('app.tenant', 'acme', true)")
        rows = await connection.fetch("EXPLAIN " + statement.sql, *statement.args)
    return "\n".join(row[0] for row in rows)
