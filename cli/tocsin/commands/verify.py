"""`tocsin verify`."""

import sys
from collections.abc import Sequence
from dataclasses import asdict

import typer
from rich.console import Console
from rich.table import Table

from tocsin.commands.owner import Json, show
from tocsin.commands.projection import at_projection
from tocsin.rebuilding import Place, shown_progress
from tocsin_grouper.rebuild import Compared


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("verify")(verify)


def verify(as_json: Json = False) -> None:
    """Rebuild beside the projection and compare every table at the same position; exit code 1 if one differs.

    The projection is only read.
    """
    tables = at_projection(_verify)
    equal = all(table.equal for table in tables)
    if as_json:
        rows = [{**asdict(table), "equal": table.equal} for table in tables]
        show({"equal": equal, "tables": rows}, as_json=True)
    else:
        Console(file=sys.stdout, highlight=False).print(_laid_out(tables))
        typer.echo("Equal." if equal else "Different: make it anew with 'tocsin rebuild', and please report what differed.")
    raise typer.Exit(0 if equal else 1)


async def _verify(place: Place) -> list[Compared]:
    with shown_progress("Verifying") as progress:
        return await place.rebuild(progress).verify()


def _laid_out(tables: Sequence[Compared]) -> Table:
    laid = Table("table", box=None, pad_edge=False, header_style="dim")
    for name in ("live rows", "rebuilt rows"):
        laid.add_column(name, justify="right")
    laid.add_column("equal")
    for table in tables:
        mark = "[green]yes[/green]" if table.equal else "[bold red]no[/bold red]"
        laid.add_row(table.table, str(table.live.rows), str(table.rebuilt.rows), mark)
    return laid
