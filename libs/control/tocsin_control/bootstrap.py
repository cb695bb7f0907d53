"""The first steps on an empty PostgreSQL: the database, the roles with their passwords, the migrations."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from enum import StrEnum
from importlib.resources import files
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg

from tocsin_control.errors import Refused
from tocsin_control.scram import verifier
from tocsin_runtime import migrate as migrations
from tocsin_runtime.errors import Fatal
from tocsin_runtime.migrate import Migration
from tocsin_runtime.postgres import Connection, close, connect, translated

PACKAGE = "tocsin_control"
_TRIES = 10
_MAINTENANCE = "postgres"
"""The database that every PostgreSQL has, to make others from."""
_DUPLICATE = (asyncpg.DuplicateDatabaseError, asyncpg.UniqueViolationError)


class Role(StrEnum):
    """PostgreSQL roles: one for each service, and the owner of `control`, who is used to change it only."""

    OWNER = "tocsin_owner"
    INGEST = "tocsin_ingest"
    NORMALIZER = "tocsin_normalizer"
    GROUPER = "tocsin_grouper"
    QUERY = "tocsin_query"
    NOTIFIER = "tocsin_notifier"


async def ensure_database(admin_dsn: str, database: str) -> None:
    """Make the database (UTF-8) if there is none of this name; safe to run again, and twice at once.

    Args:
        admin_dsn: of a role that may make databases; it may name this database, whether or not that exists.
        database: its name.

    Raises:
        Recoverable: PostgreSQL does not answer.
        Fatal: it refuses us.
    """
    connection = await connect(with_database(admin_dsn, _MAINTENANCE), application="tocsin bootstrap")
    try:
        if not await connection.fetchval("SELECT true FROM pg_catalog.pg_database WHERE datname = $1", database):
            name = await connection.fetchval("SELECT pg_catalog.quote_ident($1)", database)
            await connection.execute(f"CREATE DATABASE {name} ENCODING 'UTF8' TEMPLATE template0")
    except _DUPLICATE:
        pass  # somebody else made it at this moment
    except asyncpg.PostgresError as error:
        raise Fatal(f"cannot make the database {database}: {error}") from error
    finally:
        await close(connection)


async def ensure_roles(admin_dsn: str, database: str, passwords: Mapping[str, str]) -> None:
    """Run `sql/roles.sql` on the database and set passwords; safe to run again, and from several databases at once.

    Args:
        admin_dsn: a superuser's, or the database owner's with CREATEROLE; its database does not matter.
        database: which must exist (`ensure_database`).
        passwords: by role name (`Role`); roles that are not named keep theirs. They reach PostgreSQL as SCRAM
            verifiers, so no statement log shows one.

    Raises:
        Recoverable: PostgreSQL does not answer.
        Fatal: it refuses us.
        Refused: a name that is no role of ours, or a password that is not printable ASCII.
    """
    statements = [_password_statement(role, password) for role, password in passwords.items()]
    connection = await connect(with_database(admin_dsn, database), application="tocsin bootstrap")
    try:
        await _run_undisturbed(connection, [roles_sql(), *statements])
    finally:
        await close(connection)


async def migrate_control(dsn: str) -> tuple[Migration, ...]:
    """Apply what is missing of `control`; give what was applied. Safe to run again, and twice at once.

    Args:
        dsn: tocsin_owner's, or an administrator's: what is made belongs to tocsin_owner either way.

    Raises:
        Recoverable: PostgreSQL does not answer.
        Fatal: it refuses us, the roles are missing, or a migration fails; says which and why.
    """
    async with as_owner(dsn, application="tocsin migrate") as connection:
        return await migrations.migrate(connection, PACKAGE, migrations.find(PACKAGE))


@asynccontextmanager
async def as_owner(dsn: str, *, application: str) -> AsyncIterator[Connection]:
    """Connect as the owner of `control`, the only one who changes tenants, integrations and keys.

    Args:
        dsn: tocsin_owner's, or an administrator's, who then acts as tocsin_owner.
        application: shown in `pg_stat_activity`.

    Raises:
        Recoverable: PostgreSQL does not answer, or goes away meanwhile.
        Fatal: it refuses us, or the roles or `control` are missing; says what to run.
    """
    connection = await connect(dsn, application=application)
    try:
        try:
            await connection.execute(f"SET ROLE {Role.OWNER.value}")
        except asyncpg.PostgresError as error:
            raise Fatal(f"cannot act as {Role.OWNER.value}: {error}; run roles.sql first") from error
        async with translated():
            yield connection
    except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError) as error:
        raise Fatal("this database has no schema control yet: run 'tocsin migrate'") from error
    finally:
        await close(connection)


def roles_sql() -> str:
    """Give the text of `sql/roles.sql`, for those who run it by psql."""
    return files(PACKAGE).joinpath("sql/roles.sql").read_text(encoding="utf-8")


def with_database(dsn: str, database: str) -> str:
    """Give the DSN with another database."""
    parts = urlsplit(dsn)
    return urlunsplit(parts._replace(path=f"/{quote(database, safe='')}"))


def with_role(dsn: str, role: str, password: str) -> str:
    """Give the DSN with another user and password: an administrator's becomes a service's."""
    parts = urlsplit(dsn)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{quote(role, safe='')}:{quote(password, safe='')}@{host}"))


def _password_statement(role: str, password: str) -> str:
    if role not in set(Role):
        raise Refused(f"there is no role {role!r}; known are {', '.join(Role)}")
    try:
        return f"ALTER ROLE {role} PASSWORD '{verifier(password)}'"
    except ValueError as error:
        raise Refused(f"{role}: {error}") from error


async def _run_undisturbed(connection: Connection, statements: list[str]) -> None:
    """Run statements again where another bootstrap of the same cluster changed the same role at that moment."""
    for left in range(_TRIES, 0, -1):
        try:
            async with connection.transaction():
                for statement in statements:
                    await connection.execute(statement)
        except asyncpg.PostgresError as error:
            if left > 1 and "concurrently" in str(error):
                continue
            raise Fatal(f"cannot set up the roles: {error}") from error
        return
