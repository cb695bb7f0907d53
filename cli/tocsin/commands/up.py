"""`tocsin up`."""

from typing import Annotated

import typer

from tocsin.local.up import run_system


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("up")(up)


def up(
    external: Annotated[
        bool,
        typer.Option("--external", help="Use the Kafka and PostgreSQL of TOCSIN_KAFKA and TOCSIN_ADMIN_POSTGRES."),
    ] = False,
) -> None:
    """Start Kafka, PostgreSQL and every service; stay until Ctrl-C."""
    raise typer.Exit(run_system(external=external))
