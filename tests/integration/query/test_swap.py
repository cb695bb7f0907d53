"""A rebuild swaps the projection under running reads: old rows or new ones, never a mixture, never an error."""

import asyncio

import pytest

from tests.integration.query.conftest import Client, Reply, asking
from tests.support.projection_rows import ProjectionDatabase, make_schema
from tocsin_control.bootstrap import Role
from tocsin_runtime.postgres import Connection

ROWS = 5


async def _swap(connection: Connection) -> None:
    async with connection.transaction():
        await connection.execute("ALTER SCHEMA proj RENAME TO old; ALTER SCHEMA shadow RENAME TO proj")


@pytest.mark.parametrize("change", ["", "ALTER TABLE shadow.incidents ALTER COLUMN alert_count TYPE bigint"])
async def test_reads_go_on_through_a_swap(projection: ProjectionDatabase, change: str) -> None:
    """Also where a column's type changed: PostgreSQL then refuses plans made before, and the read is tried once more."""
    async with projection.connected(Role.GROUPER) as connection:
        await make_schema(connection, "shadow")
        if change:
            await connection.execute(change)
        async with projection.writing() as old, projection.writing("shadow") as new:
            for _ in range(ROWS):
                await old.incident("acme", title="old")
                await new.incident("acme", title="new")
        async with asking(projection, pool_size=4) as client:
            before = await asyncio.gather(*(client.get("/incidents") for _ in range(20)))
            reads = [asyncio.create_task(_reading(client)) for _ in range(4)]
            await _swap(connection)
            during = [reply for replies in await asyncio.gather(*reads) for reply in replies]
            after = await asyncio.gather(*(client.get("/incidents") for _ in range(20)))

    assert _shown(before) == {("old",) * ROWS}
    assert _shown(during) <= {("old",) * ROWS, ("new",) * ROWS}
    assert _shown(after) == {("new",) * ROWS}


async def test_an_old_projection_dropped_after_the_swap_is_not_missed(projection: ProjectionDatabase) -> None:
    async with projection.connected(Role.GROUPER) as connection:
        await make_schema(connection, "shadow")
        async with projection.writing("shadow") as new:
            incident = await new.incident("acme", title="new")
        async with asking(projection, pool_size=1) as client:
            assert (await client.get(f"/incidents/{incident}")).status == 404
            await _swap(connection)
            await connection.execute("DROP SCHEMA old CASCADE")
            found = await client.get(f"/incidents/{incident}")

    assert (found.status, found.body["title"]) == (200, "new")


async def _reading(client: Client) -> list[Reply]:
    return [await client.get("/incidents") for _ in range(25)]


def _shown(replies: list[Reply]) -> set[tuple[str, ...]]:
    assert {reply.status for reply in replies} == {200}
    return {tuple(item["title"] for item in reply.body["items"]) for reply in replies}
