"""Databases with the roles and `control`, copied from one template a session: making one costs a file copy."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from tests.support.servers import Database, SharedPostgres
from tocsin_control.bootstrap import Role, ensure_roles, migrate_control
from tocsin_grouper.adapters.codec import Connection
from tocsin_grouper.adapters.connecting import open_connection

PASSWORDS = {role.value: f"test-{role.value}" for role in Role}
"""The same in every test: roles belong to the whole server, so another password would lock others out."""
_TEMPLATES: dict[str, Database] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class MigratedDatabase:
    """A database as `tocsin migrate` leaves it: `control` is there, the projection is not."""

    database: Database

    @property
    def dsn(self) -> str:
        """The superuser's DSN."""
        return self.database.dsn

    def dsn_of(self, role: Role) -> str:
        """Give a service's DSN."""
        return self.database.dsn_as(role, PASSWORDS[role])

    async def grouper(self) -> Connection:
        """Connect as the grouper does: times as µs."""
        return await open_connection(self.dsn_of(Role.GROUPER))


@pytest.fixture
async def migrated(postgres: SharedPostgres) -> AsyncIterator[MigratedDatabase]:
    """A fresh migrated database; dropped after the test."""
    template = _TEMPLATES.get(postgres.admin_dsn)
    if template is None:
        template = await postgres.create_database()
        await prepare(template)
        _TEMPLATES[postgres.admin_dsn] = template
    made = await postgres.create_database(template.name)
    await _grant_create(made)
    yield MigratedDatabase(database=made)
    await postgres.drop_database(made)


async def prepare(database: Database) -> None:
    """Make roles with the tests' password, and migrate `control`."""
    await ensure_roles(database.dsn, database.name, PASSWORDS)
    await migrate_control(database.dsn)


async def _grant_create(database: Database) -> None:
    """Give the grouper its right on this database: rights on databases are not copied with a template."""
    await ensure_roles(database.dsn, database.name, {})
