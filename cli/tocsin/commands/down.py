"""`tocsin down`."""

import typer

from tocsin.local.down import stop_system


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("down")(down)


def down() -> None:
    """Stop what `up` or `demo` runs here, or left running."""
    ended = stop_system()
    if ended.up:
        typer.echo("Stopped.")
    if ended.orphans:
        typer.echo(f"Ended what a killed run left: {', '.join(ended.orphans)}.")
    if not ended.up and not ended.orphans:
        typer.echo("Nothing runs here.")
