"""`tocsin master-key`: another key for everything that is encrypted at rest, while gateways go on."""

from pathlib import Path
from typing import Annotated

import typer

from tocsin.commands.owner import Dsn, Json, actor, change, master_key_path, show, show_all
from tocsin.local.home import find_home
from tocsin_control.master_key import load_master_key
from tocsin_control.master_key_file import add_key, drop_keys, use_key
from tocsin_control.sealing import sealed_under
from tocsin_control.secrets import count_by_master_key, rewrap
from tocsin_runtime.errors import Fatal

_SEALED_HEAD = 17
_MISSING = "missing: its secrets cannot be opened"
_Key = Annotated[str, typer.Argument(metavar="KEY", help="Its id: eight digits.")]


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    commands = typer.Typer(
        help="Change the key that encrypts secrets: add, use, rewrap, retire, in this order.", no_args_is_help=True
    )
    commands.command("show")(show_keys)
    commands.command("add")(add)
    commands.command("use")(use)
    commands.command("rewrap")(rewrap_all)
    commands.command("retire")(retire)
    app.add_typer(commands, name="master-key")


def show_keys(dsn: Dsn = None, as_json: Json = False) -> None:
    """Show which keys the file holds, which one seals, and how many secrets lie under each."""
    key, counts = load_master_key(master_key_path()), change(dsn, count_by_master_key)
    names = [*key.keys, *(name for name in counts if name not in key.keys)]
    roles = dict.fromkeys(key.keys, "opens") | {key.current: "seals"}
    rows = [{"key": name, "role": roles.get(name, _MISSING), "secrets": counts.get(name, 0)} for name in names]
    show_all(rows, ("key", "role", "secrets"), as_json=as_json)


def add(as_json: Json = False) -> None:
    """Write a new key into the file, where it opens and does not seal yet. Bring the file to every gateway, then use it."""
    path = master_key_path()
    show(
        {"key": add_key(path), "file": str(path), "next": "tocsin master-key use, once every gateway has this file"},
        as_json=as_json,
    )


def use(key: _Key, as_json: Json = False) -> None:
    """Let a key of the file seal from now on; the others go on opening."""
    path = master_key_path()
    use_key(path, key)
    show({"key": key, "file": str(path), "next": "tocsin master-key rewrap, once every gateway has this file"}, as_json=as_json)


def rewrap_all(
    batch: Annotated[int, typer.Option("--batch", min=1, max=5_000, help="Secrets of one transaction.")] = 500,
    dsn: Dsn = None,
    as_json: Json = False,
) -> None:
    """Encrypt every secret anew under the key that seals. Stopped in the middle, it goes on where it was."""
    key = load_master_key(master_key_path())
    changed = change(dsn, lambda connection: rewrap(connection, key, actor=actor(), batch=batch, told=_tell))
    show({"key": key.current, "rewrapped": changed, "next": "tocsin master-key retire"}, as_json=as_json)


def retire(dsn: Dsn = None, as_json: Json = False) -> None:
    """Take the keys out of the file under which nothing lies any more; refused while something does."""
    path = master_key_path()
    key, counts = load_master_key(path), change(dsn, count_by_master_key)
    old = [name for name in key.keys if name != key.current]
    for name in old:
        if counts.get(name):
            raise Fatal(f"{counts[name]} secrets lie under key {name} still: run 'tocsin master-key rewrap' first")
    _check_snapshot(find_home().snapshot, old)
    drop_keys(path, old)
    show({"key": key.current, "retired": old, "file": str(path)}, as_json=as_json)


def _check_snapshot(path: Path, old: list[str]) -> None:
    """Refuse while the gateway's snapshot of this machine lies under an old key: a running gateway changes it by itself.

    Raises:
        Fatal: says what to do.
    """
    try:
        with path.open("rb") as file:
            name = sealed_under(file.read(_SEALED_HEAD))
    except OSError:
        return
    if name in old:
        raise Fatal(
            f"the gateway's snapshot {path} lies under key {name}: start the gateway, or delete the snapshot, then retire"
        )


def _tell(so_far: int) -> None:
    typer.echo(f"{so_far} secrets", err=True)
