"""The statements are served by indexes, not by reading the table (E12): the planner's own word at 20,000 incidents."""

import asyncio
import re

import pytest

from tests.support.projection_rows import ProjectionDatabase
from tocsin_control.bootstrap import Role
from tocsin_query.domain.incidents import INCIDENTS
from tocsin_query.domain.listing import next_cursor, read_page
from tocsin_query.domain.statement import Statement, count, page
from tocsin_runtime.postgres import Connection

_MANY = """
INSERT INTO proj.incidents
SELECT filled.* FROM proj.incidents AS original,
    LATERAL (SELECT number, (number % 5) AS fifth FROM generate_series(1, 20000) AS number) AS made,
    LATERAL jsonb_populate_record(original, jsonb_build_object(
        'id', upper(lpad(to_hex(number), 26, '0')),
        'tenant_id', CASE WHEN number % 2 = 0 THEN 'acme' ELSE 'globex' END,
        'created_at', original.created_at + number / 3 * interval '1 minute',
        'service', 'service-' || number % 40, 'team', 'team-' || number % 8, 'source', 'source-' || number % 4,
        'environment', CASE WHEN number % 3 = 0 THEN 'prod' ELSE 'staging' END,
        'severity', (ARRAY['CRITICAL', 'HIGH', 'MEDIUM', 'LOW', 'INFO'])[1 + number % 5],
        'status', CASE WHEN number % 20 < 2 THEN 'OPEN' ELSE 'CLOSED' END)) AS filled
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
