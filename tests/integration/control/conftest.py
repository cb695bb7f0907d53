"""A database with roles and `control`, for the tests beside."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

import asyncpg
import pytest

from tests.support.servers import Database, SharedPostgres
from tocsin_control.bootstrap import Role, ensure_roles, migrate_control
from tocsin_control.master_key import MasterKey, generate_master_key
from tocsin_control.tenants import Tenant, create_tenant
from tocsin_runtime.postgres import Connection, Pool, create_pool

PASSWORDS = {role.value: f"test-{role.value}" for role in Role}
"""Roles belong to the cluster, so every test gives them the same passwords."""
EMPTY = """
SET session_replication_role = replica; -- the audit refuses to be emptied
TRUNCATE control.settings, control.tenants, control.integrations, control.integration_versions, control.secrets,
    control.url_tokens, control.api_keys, control.progress, control.projection, control.rejections, control.rejection_samples,
    control.discards, control.audit;
UPDATE control.revision SET revision = 0;
"""


class ControlDatabase:
    """A database with `control` in it; connections in any role."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def dsn(self, role: Role) -> str:
        return self.database.dsn_as(role, PASSWORDS[role])

    @asynccontextmanager
    async def connected(self, role: Role = Role.OWNER) -> AsyncIterator[Connection]:
        connection = await asyncpg.connect(self.dsn(role))
        try:
            yield connection
        finally:
            await connection.close()

    @asynccontextmanager
    async def pool(self, role: Role) -> AsyncIterator[Pool]:
        pool = await create_pool(self.dsn(role), application="test", size_min=0, size_max=2)
        try:
            yield pool
        finally:
            await pool.close()


async def _made(database: Database) -> ControlDatabase:
    await ensure_roles(database.dsn, database.name, PASSWORDS)
    made = ControlDatabase(database)
    await migrate_control(made.dsn(Role.OWNER))
    return made


@pytest.fixture(scope="session")
def shared_control(postgres: SharedPostgres) -> Iterator[ControlDatabase]:
    """One database for all: making one takes ten times as long as emptying it."""
    with ThreadPoolExecutor(max_workers=1) as thread:  # its event loop must not meet that of the tests
        database = thread.submit(asyncio.run, postgres.create_database()).result()
        yield thread.submit(asyncio.run, _made(database)).result()
        thread.submit(asyncio.run, postgres.drop_database(database)).result()


@pytest.fixture
async def control(shared_control: ControlDatabase) -> ControlDatabase:
    """`control`, empty, as `tocsin migrate` makes it; tests that change its tables' form take `fresh_control`."""
    admin = await asyncpg.connect(shared_control.database.dsn)
    try:
        await admin.execute(EMPTY)
    finally:
        await admin.close()
    return shared_control


@pytest.fixture
async def fresh_control(database: Database) -> ControlDatabase:
    """`control` in a database of the test's own."""
    return await _made(database)


@pytest.fixture
async def owner(control: ControlDatabase) -> AsyncIterator[Connection]:
    """A connection as tocsin_owner: what the CLI has."""
    async with control.connected() as connection:
        yield connection


@pytest.fixture
async def acme(owner: Connection) -> Tenant:
    """One tenant."""
    return await create_tenant(owner, name="acme")


@pytest.fixture(scope="session")
def master_key() -> MasterKey:
    """A master key of the session."""
    return generate_master_key()
