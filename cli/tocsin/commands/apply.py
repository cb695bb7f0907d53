"""`tocsin apply`: integrations as code."""

from typing import Annotated

import typer

from tocsin.commands.declaration_options import DEFAULT_FILE, File, Prune, read_file
from tocsin.commands.owner import Dsn, Json, actor, change, master_key, show_json
from tocsin.declaring.carrying import Made, carry_out, read_present
from tocsin.declaring.plan import IntegrationStep, Plan, plan
from tocsin.declaring.printing import json_of, lines_of
from tocsin_control.integrations import path_with_token
from tocsin_runtime.postgres import Connection


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("apply")(apply)


def apply(
    file: File = DEFAULT_FILE,
    prune: Prune = False,
    show_secrets: Annotated[
        bool, typer.Option("--show-secrets", help="Print the secrets of new integrations, this once; never where a log keeps it.")
    ] = False,
    dsn: Dsn = None,
    as_json: Json = False,
) -> None:
    """Make what is there what the file says: prints the plan, then takes all of its steps or none. Felt within 5 s."""
    declaration = read_file(file)
    key = master_key()

    async def work(connection: Connection) -> tuple[Plan, tuple[Made, ...]]:
        async with connection.transaction():
            found = plan(declaration, await read_present(connection, declaration), prune=prune)
            return found, await carry_out(connection, key, found, actor=actor())

    found, made = change(dsn, work)
    if as_json:
        show_json({"steps": json_of(found), "made": [_shown(each, show_secrets=show_secrets) for each in made]})
        return
    typer.echo("\n".join(lines_of(found)))
    for each in made:
        proof = each.secret.get_secret_value() if show_secrets else f"tocsin integrations rotate {each.id} --overlap 0"
        typer.echo(f"{each.subject}: {each.path}  secret: {proof}")
        if each.url_token is not None:
            shown = path_with_token(each.path, each.url_token) if show_secrets else f"{_rotation(each.id)} --overlap 0"
            typer.echo(f"{each.subject}: URL with a token: {shown}")
    for step in found.steps:
        if isinstance(step, IntegrationStep) and step.opts_in and step.present is not None:
            typer.echo(f"{step.subject}: URL with a token: {_rotation(step.present.id)}")


def _rotation(integration: str) -> str:
    return f"tocsin integrations rotate {integration} --url-token"


def _shown(made: Made, *, show_secrets: bool) -> dict[str, object]:
    shown: dict[str, object] = {"subject": made.subject, "id": made.id, "path": made.path}
    if not show_secrets:
        return shown
    if made.url_token is not None:
        shown["path_with_token"] = path_with_token(made.path, made.url_token)
    return shown | {"secret": made.secret.get_secret_value()}
