"""The `tocsin` command: subcommands from a list, and every failure as one line."""

import logging
import sys
import traceback
from types import ModuleType

import typer

from tocsin.commands import (
    apply,
    deliveries,
    demo,
    diff,
    doctor,
    down,
    incidents,
    integrations,
    keys,
    master_key,
    migrate,
    rebuild,
    rules,
    send,
    status,
    tenants,
    up,
    verify,
)
from tocsin.local.home import find_home
from tocsin_runtime.errors import TocsinError

COMMANDS: tuple[ModuleType, ...] = (
    up,
    down,
    status,
    demo,
    send,
    incidents,
    deliveries,
    doctor,
    migrate,
    rebuild,
    verify,
    tenants,
    integrations,
    keys,
    master_key,
    diff,
    apply,
    rules,
)
"""Modules of `tocsin.commands` in the order of `--help`; each has `register(app: typer.Typer) -> None`."""
INTERRUPTED = 130


def application() -> typer.Typer:
    """Build the command-line application."""
    app = typer.Typer(
        name="tocsin",
        help="Turns webhooks from monitoring tools into incidents, and never forgets one.",
        add_completion=False,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    for module in COMMANDS:
        module.register(app)
    return app


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and give the exit code: 0, 1 for a failure, 2 for a wrong call, 130 for Ctrl-C.

    A failure is one line on standard error. A fault of our own also leaves its traceback in a file, which the
    line names.
    """
    # Libraries log what we report ourselves, in one line; without a handler Python would print it too.
    logging.getLogger().addHandler(logging.NullHandler())
    try:
        result = typer.main.get_command(application()).main(arguments, prog_name="tocsin", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except TocsinError as error:
        return _fail(str(error))
    except typer.TyperException as error:
        return _usage(error.format_message())
    except (KeyboardInterrupt, typer.Abort):
        return _fail("stopped", code=INTERRUPTED)
    except BrokenPipeError:
        return 1
    except Exception as error:  # noqa: BLE001 - the last wall: a person gets a line, we get the traceback
        return _fail(f"this is a fault of ours: {type(error).__name__}: {error}{_keep_traceback()}")


def _usage(message: str) -> int:
    """Answer a wrong call with a line; a group without a subcommand comes with its whole help, shown as it is."""
    if "\n" in message:
        sys.stdout.write(message + "\n")
        return 0
    return _fail(f"{message.rstrip('.')}; see tocsin --help", code=2)


def _fail(message: str, code: int = 1) -> int:
    line = " ".join(message.split())
    sys.stderr.write(f"{'' if line.startswith('tocsin') else 'tocsin: '}{line}\n")
    return code


def _keep_traceback() -> str:
    """Write the traceback where somebody can find it; say where."""
    path = find_home().root / "crash.log"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(traceback.format_exc())
    except OSError:
        return ""
    return f" (details in {path})"


if __name__ == "__main__":
    sys.exit(main())
