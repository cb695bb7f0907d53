"""`tocsin migrate`."""

import asyncio
from typing import Annotated

import typer

from tocsin.commands.owner import Dsn, Json, owner_dsn, show
from tocsin.local.bootstrap import database_of
from tocsin_control.bootstrap import ensure_database, ensure_roles, migrate_control
from tocsin_runtime.migrate import Migration


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("migrate")(migrate)


def migrate(
    dsn: Dsn = None,
    roles: Annotated[
        bool, typer.Option("--roles", help="Make the database and its roles first (as an administrator); sets no password.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Bring schema control up to this release; safe to run again, and twice at once."""
    applied = asyncio.run(_migrate(dsn or owner_dsn(), roles=roles))
    names = [f"{migration.number:04d}_{migration.name}" for migration in applied]
    show({"applied": names if names or as_json else "nothing: it is up to date"}, as_json=as_json)


async def _migrate(dsn: str, *, roles: bool) -> tuple[Migration, ...]:
    if roles:
        database = database_of(dsn)
        await ensure_database(dsn, database)
        await ensure_roles(dsn, database, {})
    return await migrate_control(dsn)
