"""`tocsin doctor`."""

import asyncio

import typer
from rich.console import Console

from tocsin.doctor.examination import examine


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("doctor")(doctor)


def doctor() -> None:
    """Check everything that Tocsin needs, and say what to do about each failure; exit code 1 if there is one."""
    console = Console(highlight=False, soft_wrap=True)
    failures = 0
    for finding in asyncio.run(examine()):
        failures += not finding.well
        mark = "[green]✓[/green]" if finding.well else "[red]✗[/red]"
        console.print(mark, f"[bold]{finding.what}[/bold]", end=" ")
        console.print(finding.detail, markup=False)
        if finding.advice:
            console.print(f"    → {finding.advice}", markup=False)
    raise typer.Exit(1 if failures else 0)
