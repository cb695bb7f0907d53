"""The first steps on an empty PostgreSQL can be taken twice, and by two at once."""

import asyncio

import asyncpg
import pytest

from tests.integration.control.conftest import PASSWORDS, ControlDatabase
from tests.support.servers import Database, SharedPostgres
from tocsin_control.bootstrap import Role, ensure_database, ensure_roles, migrate_control, with_database
from tocsin_control.errors import Refused
from tocsin_runtime.errors import Fatal


async def test_migrating_twice_applies_everything_once(control: ControlDatabase) -> None:
    assert await migrate_control(control.dsn(Role.OWNER)) == ()


async def test_two_migrators_at_once_apply_everything_once_between_them(database: Database) -> None:
    await ensure_roles(database.dsn, database.name, PASSWORDS)
    owner = database.dsn_as(Role.OWNER, PASSWORDS[Role.OWNER])

    applied = await asyncio.gather(*(migrate_control(owner) for _ in range(4)))

    assert sorted(migration.number for one in applied for migration in one) == [1, 2, 3, 4, 5, 6, 7]


@pytest.mark.parametrize("first", ["administrator", "owner"])
async def test_whoever_migrates_the_owner_owns_what_is_made(database: Database, first: str) -> None:
    await ensure_roles(database.dsn, database.name, PASSWORDS)
    owner = database.dsn_as(Role.OWNER, PASSWORDS[Role.OWNER])
    await migrate_control(database.dsn if first == "administrator" else owner)

    assert await migrate_control(owner) == await migrate_control(database.dsn) == ()
    connection = await asyncpg.connect(database.dsn)
    owners = await connection.fetch(
        "SELECT DISTINCT relowner::regrole::text AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE nspname = 'control' OR relname = 'tocsin_migrations'"
    )
    await connection.close()
    assert [row["name"] for row in owners] == ["tocsin_owner"]


async def test_roles_may_be_set_up_again_and_from_several_databases_at_once(postgres: SharedPostgres) -> None:
    """Roles belong to the cluster: two installations that start together must not trip over each other."""
    databases = [await postgres.create_database() for _ in range(3)]

    await asyncio.gather(*(ensure_roles(postgres.admin_dsn, found.name, PASSWORDS) for found in databases * 2))

    for found in databases:
        connection = await asyncpg.connect(found.dsn_as(Role.QUERY, PASSWORDS[Role.QUERY]))
        assert await connection.fetchval("SELECT current_user") == "tocsin_query"
        await connection.close()
        await postgres.drop_database(found)


async def test_a_database_is_made_once_whatever_its_name(postgres: SharedPostgres) -> None:
    name = 'Tocsin "quoted" name'
    await asyncio.gather(*(ensure_database(postgres.admin_dsn, name) for _ in range(3)))
    await ensure_database(postgres.admin_dsn, name)

    dsn = with_database(postgres.admin_dsn, name)
    connection = await asyncpg.connect(dsn)
    assert await connection.fetchval("SELECT current_database()") == name
    await connection.close()
    connection = await asyncpg.connect(postgres.admin_dsn)
    await connection.execute(f'DROP DATABASE "{name.replace(chr(34), chr(34) * 2)}"')
    await connection.close()


async def test_without_the_roles_migrating_says_what_is_missing(database: Database) -> None:
    connection = await asyncpg.connect(database.dsn)
    await connection.execute("DROP ROLE IF EXISTS tocsin_test_nobody; CREATE ROLE tocsin_test_nobody LOGIN PASSWORD 'x'")
    try:
        with pytest.raises(Fatal, match=r"run roles\.sql first"):
            await migrate_control(database.dsn_as("tocsin_test_nobody", "x"))
    finally:
        await connection.execute("DROP ROLE tocsin_test_nobody")
        await connection.close()


async def test_an_unknown_role_or_an_unfit_password_is_refused_before_anything_is_done(database: Database) -> None:
    with pytest.raises(Refused, match="no role 'postgres'"):
        await ensure_roles(database.dsn, database.name, {"postgres": "x"})
    with pytest.raises(Refused, match="printable ASCII") as caught:
        await ensure_roles(database.dsn, database.name, {"tocsin_query": "canaryü"})
    assert "canary" not in str(caught.value)
