"""`tocsin diff`: what `apply` would change."""

import typer

from tocsin.commands.declaration_options import DEFAULT_FILE, File, Prune, read_file
from tocsin.commands.owner import Dsn, Json, change, show_json
from tocsin.declaring.carrying import read_present
from tocsin.declaring.plan import Plan, plan
from tocsin.declaring.printing import json_of, lines_of
from tocsin_runtime.postgres import Connection

DIFFERS = 2


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("diff")(diff)


def diff(file: File = DEFAULT_FILE, prune: Prune = False, dsn: Dsn = None, as_json: Json = False) -> None:
    """Show what apply would change, and change nothing; exit code 2 if anything would."""
    declaration = read_file(file)

    async def work(connection: Connection) -> Plan:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            return plan(declaration, await read_present(connection, declaration), prune=prune)

    found = change(dsn, work)
    if as_json:
        show_json(json_of(found))
    else:
        typer.echo("\n".join(lines_of(found)))
    raise typer.Exit(DIFFERS if found.differs else 0)
