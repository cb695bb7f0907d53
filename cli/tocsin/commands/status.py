"""`tocsin status`."""

import asyncio

import typer
from rich.console import Console
from rich.table import Table

from tocsin.local.environment import HOST, SERVICES
from tocsin.local.home import find_home
from tocsin.local.ports import read_ports
from tocsin.local.record import read_record
from tocsin.local.unit import answer_of


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("status")(status)


def status() -> None:
    """Show what runs here; exit code 1 if nothing does, or not all of it."""
    home = find_home()
    record, ports = read_record(home), read_ports(home)
    if record is None or ports is None or record.up.process() is None:
        left = [] if record is None else [child.name for child in record.children if child.process() is not None]
        typer.echo(f"A killed run left {', '.join(left)}. End them: tocsin down" if left else "Nothing runs here.")
        raise typer.Exit(1)
    table = Table("process", "pid", "port", "state", box=None)
    answers = asyncio.run(_answers({name: getattr(ports, name) for name in SERVICES}))
    well = True
    for child in record.children:
        state = "gone" if child.process() is None else _state(answers.get(child.name))
        well = well and state in {"ready", "runs"}
        port = getattr(ports, "public" if child.name == "forwarder" else child.name)
        table.add_row(child.name, str(child.pid), str(port), state)
    console = Console()
    console.print(f"Tocsin answers at {record.public_url}", highlight=False)
    console.print(table)
    raise typer.Exit(0 if well else 1)


async def _answers(ports: dict[str, int]) -> dict[str, int]:
    found = await asyncio.gather(*(answer_of(f"http://{HOST}:{port}/-/ready") for port in ports.values()))
    return dict(zip(ports, found, strict=True))


def _state(answer: int | None) -> str:
    if answer is None:
        return "runs"
    return "ready" if answer == 200 else "does not answer" if answer == 0 else "not ready"
