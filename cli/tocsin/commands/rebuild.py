"""`tocsin rebuild`."""

from typing import Annotated

import typer

from tocsin.commands.owner import Json, show
from tocsin.commands.projection import at_projection
from tocsin.rebuilding import Place, describe, shown_progress
from tocsin_grouper.rebuild import Loss

REFUSED = 2


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("rebuild")(rebuild)


def rebuild(
    yes: Annotated[bool, typer.Option("--yes", help="Go on though incidents are lost whose images are gone.")] = False,
    as_json: Json = False,
) -> None:
    """Make the projection anew from the log and put it in place; readers and the grouper go on meanwhile.

    Exit code 2 if incidents would be lost and --yes was not said.
    """
    loss, records, incidents = at_projection(lambda place: _rebuild(place, yes=yes))
    lost: dict[str, object] = {"count": loss.count, "examples": list(loss.examples)}
    if records is None:
        if as_json:
            show({"rebuilt": False, "would_lose": lost}, as_json=True)
        else:
            _warn(loss)
        raise typer.Exit(REFUSED)
    if as_json:
        show({"rebuilt": True, "records": records, "incidents": incidents, "lost": lost}, as_json=True)
        return
    without = f", without {loss.count} whose images are gone" if loss.count else ""
    typer.echo(f"Rebuilt from {records} records: {incidents} incidents{without}.")


async def _rebuild(place: Place, *, yes: bool) -> tuple[Loss, int | None, int]:
    """Rebuild, unless something would be lost that nobody agreed to; records are None then."""
    with shown_progress("Rebuilding") as progress:
        work = place.rebuild(progress)
        loss = await work.find_loss()
        if loss.count and not yes:
            return loss, None, 0
        records = await work.run()
    return loss, records, await place.count_incidents()


def _warn(loss: Loss) -> None:
    typer.echo(f"Nothing was changed: {describe(loss)}:", err=True)
    for incident in loss.examples:
        typer.echo(f"  {incident}", err=True)
    if loss.count > len(loss.examples):
        typer.echo(f"  … and {loss.count - len(loss.examples)} more", err=True)
    typer.echo("To go on without them: tocsin rebuild --yes", err=True)
