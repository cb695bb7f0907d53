"""`tocsin demo`."""

from typing import Annotated

import typer

from tocsin.demo.showing import program
from tocsin.demo.tour import tour
from tocsin.local.display import Display
from tocsin.local.system import System
from tocsin.local.up import run_system

INTERRUPTED = 130
NOT_ALL_WELL = 1
"""A delivery was refused or failed: the output says which."""


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("demo")(demo)


def demo(
    once: Annotated[bool, typer.Option("--once", help="Stop by itself once the incidents were shown.")] = False,
    external: Annotated[
        bool,
        typer.Option("--external", help="Use the Kafka and PostgreSQL of TOCSIN_KAFKA and TOCSIN_ADMIN_POSTGRES."),
    ] = False,
) -> None:
    """Start everything, send an hour of webhooks from ten sources, show the incidents; stay until Ctrl-C."""
    shown = well = False

    async def work(system: System, display: Display) -> None:
        nonlocal shown, well
        well = await tour(system, display)
        shown = True

    code = run_system(work=work, external=external, stay=not once)
    typer.echo(f"Stopped; the data is kept. Start it again: {program()} demo")
    if not shown:
        raise typer.Exit(INTERRUPTED)
    raise typer.Exit(code if well else NOT_ALL_WELL)
