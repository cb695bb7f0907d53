"""What the commands that change `control` share: where it is, who asks, how answers are printed."""

import asyncio
import getpass
import json
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from tocsin.harmless import escaped, harmless
from tocsin.local.home import find_home
from tocsin.local.system import find_system
from tocsin_control.bootstrap import as_owner
from tocsin_control.master_key import MasterKey, load_master_key
from tocsin_runtime.postgres import Connection

T = TypeVar("T")
Dsn = Annotated[
    str | None,
    typer.Option(
        "--dsn",
        help="PostgreSQL, as tocsin_owner or an administrator; else TOCSIN_ADMIN_POSTGRES, else the Tocsin of `tocsin up`.",
        show_default=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def change(dsn: str | None, work: Callable[[Connection], Awaitable[T]]) -> T:
    """Run `work` on a connection that acts as tocsin_owner, and give its result.

    Raises:
        TocsinError: one line for the person.
    """

    async def connected() -> T:
        async with as_owner(dsn or owner_dsn(), application="tocsin cli") as connection:
            return await work(connection)

    return asyncio.run(connected())


def owner_dsn() -> str:
    """Find the database: `TOCSIN_ADMIN_POSTGRES`, else that of the Tocsin in `.tocsin`.

    Raises:
        Fatal: neither is there.
    """
    return os.environ.get("TOCSIN_ADMIN_POSTGRES") or find_system().owner_dsn


def master_key() -> MasterKey:
    """Read the master key: `TOCSIN_MASTER_KEY_FILE`, else that of the Tocsin in `.tocsin`.

    Raises:
        MasterKeyUnfit: there is none, or others can read it.
    """
    return load_master_key(master_key_path())


def master_key_path() -> Path:
    """Find the master key's file."""
    named = os.environ.get("TOCSIN_MASTER_KEY_FILE")
    return Path(named) if named else find_home().master_key


def actor() -> str:
    """Say who asks, for the audit."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):  # a container's user may have no name
        return f"cli:uid-{os.getuid()}"


def show(answer: dict[str, object], *, as_json: bool) -> None:
    """Print one thing: `name: value` lines for a person, an object for a program."""
    if as_json:
        show_json(answer)
        return
    width = max(len(name) for name in answer)
    for name, value in answer.items():
        typer.echo(f"{name:<{width}}  {_text(value)}")


def show_all(answers: Sequence[dict[str, object]], columns: Sequence[str], *, as_json: bool, none: str = "") -> None:
    """Print a list: a table for a person, an array for a program; of an empty one a person is told `none`."""
    if as_json:
        show_json(list(answers))
        return
    if not answers and none:
        typer.echo(none, err=True)
        return
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, no_wrap=column != columns[-1])  # ids stay in one piece, however narrow the terminal
    for answer in answers:
        table.add_row(*(_text(answer[column]) for column in columns))
    # Ids are copied from here, and a pipe has no width: cut none.
    Console(file=sys.stdout, width=None if sys.stdout.isatty() else 400, markup=False, highlight=False).print(table)


def say(line: str) -> None:
    """Print a line that holds text of others."""
    typer.echo(harmless(line))


def show_json(answer: object) -> None:
    """Print JSON for a program."""
    typer.echo(escaped(json.dumps(answer, indent=2, ensure_ascii=False)))


def _text(value: object) -> str:
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case list():
            return " ".join(_text(item) for item in value)
        case dict():
            return json.dumps(value, ensure_ascii=False)  # as it can be given back: --settings takes it
        case _:
            return harmless(str(value))
