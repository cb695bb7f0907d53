"""Plain forward migrations: numbered SQL files, applied once, in order, under a lock.

A package keeps them in `sql/migrations/NNNN_name.sql`. Each runs in its own transaction together with its
record, so a failed one leaves nothing behind. There is no way back but a backup.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from importlib.resources import files

import asyncpg

from tocsin_runtime.errors import Fatal
from tocsin_runtime.postgres import Connection
from tocsin_runtime.queries import load

_QUERIES = load("tocsin_runtime", "sql/migrate.sql")
_LOCK = _QUERIES["lock"]
_UNLOCK = _QUERIES["unlock"]
_PREPARE = _QUERIES["prepare"]
_APPLIED = _QUERIES["applied"]
_RECORD = _QUERIES["record"]
_NAME = re.compile(r"(?P<number>\d{4})_(?P<name>[a-z0-9_]+)\.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One file: its number, name, SQL and the SHA-256 of its bytes."""

    number: int
    name: str
    sql: str
    checksum: str


def find(package: str, path: str = "sql/migrations") -> tuple[Migration, ...]:
    """Read every migration of `package` in order.

    Raises:
        Fatal: a file is misnamed, or numbers are not 1, 2, 3 … without a gap.
    """
    found = []
    for file in sorted(files(package).joinpath(path).iterdir(), key=lambda entry: entry.name):
        if not file.name.endswith(".sql"):
            continue
        match = _NAME.fullmatch(file.name)
        if match is None:
            raise Fatal(f"{package}/{path}/{file.name} is not named NNNN_name.sql")
        content = file.read_bytes()
        checksum = hashlib.sha256(content).hexdigest()
        number = int(match["number"])
        found.append(Migration(number=number, name=match["name"], sql=content.decode(), checksum=checksum))
    if [migration.number for migration in found] != list(range(1, len(found) + 1)):
        raise Fatal(f"the migrations of {package} are not numbered 0001, 0002 … without a gap")
    return tuple(found)


async def pending(connection: Connection, package: str, migrations: tuple[Migration, ...]) -> tuple[Migration, ...]:
    """List what `migrate` would apply; reads only. Raises as `migrate` does."""
    if await connection.fetchval("SELECT to_regclass('public.tocsin_migrations')") is None:
        return migrations
    return _remaining(package, migrations, await _applied(connection, package))


async def migrate(connection: Connection, package: str, migrations: tuple[Migration, ...]) -> tuple[Migration, ...]:
    """Apply what is missing and give it; two migrators at once are safe, the second finds nothing to do.

    Raises:
        Fatal: an applied file was changed or is gone, or one fails; says which and why.
    """
    await connection.execute("SET lock_timeout = 0")  # the second migrator waits for the first
    await connection.execute("SET statement_timeout = 0")
    await connection.execute(_LOCK)
    try:
        await connection.execute(_PREPARE)
        missing = _remaining(package, migrations, await _applied(connection, package))
        for migration in missing:
            await _apply(connection, package, migration)
        return missing
    finally:
        if not connection.is_closed():
            await connection.execute(_UNLOCK)
            await connection.execute("RESET lock_timeout")
            await connection.execute("RESET statement_timeout")


async def _apply(connection: Connection, package: str, migration: Migration) -> None:
    try:
        async with connection.transaction():
            await connection.execute(migration.sql)
            await connection.execute(_RECORD, package, migration.number, migration.name, migration.checksum)
    except asyncpg.PostgresError as error:
        raise Fatal(f"migration {migration.number:04d}_{migration.name} of {package} failed: {error}") from error


async def _applied(connection: Connection, package: str) -> dict[int, str]:
    return {row["number"]: row["checksum"] for row in await connection.fetch(_APPLIED, package)}


def _remaining(package: str, migrations: tuple[Migration, ...], applied: dict[int, str]) -> tuple[Migration, ...]:
    for migration in migrations:
        if applied.get(migration.number, migration.checksum) != migration.checksum:
            raise Fatal(
                f"migration {migration.number:04d}_{migration.name} of {package} was changed after it was applied: "
                "restore the file, and put the change into a new one"
            )
    if applied and max(applied) > len(migrations):
        raise Fatal(f"the database has migration {max(applied):04d} of {package}, this release does not: upgrade first")
    return tuple(migration for migration in migrations if migration.number not in applied)
