"""Forward migrations on a real PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from tests.support.servers import Database
from tocsin_runtime.errors import Fatal
from tocsin_runtime.migrate import Migration, migrate, pending
from tocsin_runtime.postgres import DedicatedConnection, close, connect

ONE = Migration(number=1, name="one", sql="CREATE TABLE one (n int); CREATE TABLE more (n int);", checksum="a")
TWO = Migration(number=2, name="two", sql="INSERT INTO one VALUES (1)", checksum="b")
BAD = Migration(number=2, name="bad", sql="INSERT INTO one VALUES (7); SELECT no_such_function()", checksum="c")


@pytest.fixture
async def connection(database: Database) -> AsyncIterator[DedicatedConnection]:
    opened = await connect(database.dsn, application="migrate test")
    yield opened
    await close(opened)


async def test_migrations_are_applied_once_and_in_order(connection: DedicatedConnection) -> None:
    assert await pending(connection, "p", (ONE, TWO)) == (ONE, TWO)
    assert await migrate(connection, "p", (ONE,)) == (ONE,)
    assert await pending(connection, "p", (ONE, TWO)) == (TWO,)
    assert await migrate(connection, "p", (ONE, TWO)) == (TWO,)
    assert await migrate(connection, "p", (ONE, TWO)) == ()
    assert await connection.fetchval("SELECT count(*) FROM one") == 1


async def test_packages_are_numbered_apart(connection: DedicatedConnection) -> None:
    await migrate(connection, "p", (ONE,))
    other = replace(ONE, sql="CREATE TABLE other (n int)")
    assert await migrate(connection, "q", (other,)) == (other,)


async def test_a_file_changed_after_it_was_applied_is_refused(connection: DedicatedConnection) -> None:
    await migrate(connection, "p", (ONE,))
    with pytest.raises(Fatal, match="0001_one of p was changed"):
        await migrate(connection, "p", (replace(ONE, checksum="other"), TWO))


async def test_a_database_newer_than_the_release_is_refused(connection: DedicatedConnection) -> None:
    await migrate(connection, "p", (ONE, TWO))
    with pytest.raises(Fatal, match="upgrade first"):
        await migrate(connection, "p", (ONE,))


async def test_a_migration_that_fails_leaves_nothing_behind(connection: DedicatedConnection) -> None:
    with pytest.raises(Fatal, match="0002_bad of p failed"):
        await migrate(connection, "p", (ONE, BAD))
    assert await connection.fetchval("SELECT count(*) FROM one") == 0
    assert await migrate(connection, "p", (ONE, TWO)) == (TWO,)


async def test_migrators_that_start_together_take_turns(database: Database) -> None:
    migrators = [await connect(database.dsn, application=f"migrator {n}") for n in range(4)]
    done = await asyncio.gather(*(migrate(each, "p", (ONE, TWO)) for each in migrators))
    assert sorted(done, key=len) == [(), (), (), (ONE, TWO)]
    for each in migrators:
        await close(each)
