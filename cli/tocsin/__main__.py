"""The `tocsin` command: subcommands from a list, and every failure as one line."""

import importlib
import logging
import sys
import traceback
from collections.abc import Sequence
from typing import NamedTuple

import typer

from tocsin.local.home import find_home
from tocsin_runtime.errors import TocsinError


class Command(NamedTuple):
    """A subcommand, as the overview shows it; its module of `tocsin.commands` is not imported until it is called."""

    name: str
    summary: str
    """The first sentences of its own help."""

    def register(self, app: typer.Typer) -> None:
        """Import the module, which has `register(app: typer.Typer) -> None`, and add it to `app`."""
        importlib.import_module(f"tocsin.commands.{self.name.replace('-', '_')}").register(app)


COMMANDS: tuple[Command, ...] = (
    Command("up", "Start Kafka, PostgreSQL and every service; stay until Ctrl-C."),
    Command("down", "Stop what `up` or `demo` runs here, or left running."),
    Command("status", "Show what runs here; exit code 1 if nothing does, or not all of it."),
    Command("demo", "Start everything, send an hour of webhooks from ten sources, show the incidents; stay until Ctrl-C."),
    Command("send", "Send sample webhooks, or a generated stream of them; exit code 1 if any was not answered 202."),
    Command("incidents", "Look at incidents, and do something about them."),
    Command("deliveries", "Look at deliveries; try failed ones, send them again, let them be."),
    Command("doctor", "Check everything that Tocsin needs, and say what to do about each failure; exit code 1 if there is one."),
    Command("migrate", "Bring schema control up to this release; safe to run again, and twice at once."),
    Command("rebuild", "Make the projection anew from the log and put it in place; readers and the grouper go on meanwhile."),
    Command("verify", "Rebuild beside the projection and compare every table at the same position; exit code 1 if one differs."),
    Command("tenants", "Create, list, limit, disable and erase tenants."),
    Command("integrations", "Create, change, try and delete integrations, rotate their secrets."),
    Command("keys", "Create, list and revoke API keys."),
    Command("master-key", "Change the key that encrypts secrets: add, use, rewrap, retire, in this order."),
    Command("diff", "Show what apply would change, and change nothing; exit code 2 if anything would."),
    Command(
        "apply", "Make what is there what the file says: prints the plan, then takes all of its steps or none. Felt within 5 s."
    ),
    Command("rules", "Check rules, try them on alerts, compare them, put them in force."),
)
"""In the order of `--help`."""
INTERRUPTED = 130


def application(arguments: Sequence[str]) -> typer.Typer:
    """Build the command-line application for one call: importing what all commands need takes a second."""
    app = typer.Typer(
        name="tocsin",
        help="Turns webhooks from monitoring tools into incidents, and never forgets one.",
        add_completion=False,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    called = next((argument for argument in arguments if not argument.startswith("-")), None)
    for command in COMMANDS:
        if command.name == called:
            command.register(app)
        else:
            app.command(command.name, help=command.summary)(_not_called)
    return app


def _not_called() -> None:
    """Stand for a command in the overview, and among the names that a mistyped one may have meant."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and give the exit code: 0, 1 for a failure, 2 for a wrong call, 130 for Ctrl-C.

    A failure is one line on standard error. A fault of our own also leaves its traceback in a file, which the
    line names.
    """
    # Libraries log what we report ourselves, in one line; without a handler Python would print it too.
    logging.getLogger().addHandler(logging.NullHandler())
    called = sys.argv[1:] if arguments is None else arguments
    try:
        result = typer.main.get_command(application(called)).main(called, prog_name="tocsin", standalone_mode=False)
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
