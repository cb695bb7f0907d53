"""A database with roles and `control`, for the tests beside."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from tests.support.servers import Database
from tocsin_control.bootstrap import Role, ensure_roles, migrate_control
from tocsin_control.master_key import MasterKey, generate_master_key
from tocsin_control.tenants import Tenant, create_tenant
from tocsin_runtime.postgres import Connection, Pool, create_pool

PASSWORDS = {role.value: f"test-{role.value}" for role in Role}
"""Roles belong to the cluster, so every test gives them the same passwords."""


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


@pytest.fixture
async def control(database: Database) -> ControlDatabase:
    """`control`, empty, as `tocsin migrate` makes it."""
    await ensure_roles(database.dsn, database.name, PASSWORDS)
    made = ControlDatabase(database)
    await migrate_control(made.dsn(Role.OWNER))
    return made


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
