"""Every failure is one line on standard error and an exit code, never a traceback."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import typer

from tocsin import __main__ as cli
from tocsin import commands
from tocsin_runtime.errors import Fatal


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TOCSIN_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def failing_with(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    def work() -> None:
        raise error

    def build(_: Sequence[str]) -> typer.Typer:
        app = typer.Typer()
        app.command("work")(work)
        return app

    monkeypatch.setattr(cli, "application", build)


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (Fatal("the disk is full.\nFree some"), 1, "tocsin: the disk is full. Free some\n"),
        (KeyboardInterrupt(), 130, ""),
        (typer.Abort(), 130, "tocsin: stopped\n"),
    ],
)
def test_an_error_is_one_line_and_a_code(
    error: BaseException, code: int, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failing_with(error, monkeypatch)
    assert cli.main([]) == code
    assert capsys.readouterr().err == said


def test_a_fault_of_ours_is_one_line_that_names_the_file_with_the_traceback(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failing_with(ZeroDivisionError("oops"), monkeypatch)
    assert cli.main([]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert str(home / "crash.log") in said
    assert "Traceback" in (home / "crash.log").read_text()


@pytest.mark.parametrize("arguments", [["nonsense"], ["up", "--nonsense"], ["up", "nonsense"]])
def test_a_wrong_call_is_one_line_and_code_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(arguments) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "--help" in said


def test_without_a_command_the_help_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 0
    shown = capsys.readouterr().out
    for name in ("up", "down", "status", "doctor"):
        assert f"  {name} " in shown


def test_the_overview_says_of_each_command_what_its_own_help_begins_with() -> None:
    """The overview imports no command, so that it comes at once; what it says of them is written beside their names."""
    for command in cli.COMMANDS:
        app = typer.Typer(callback=lambda: None)
        command.register(app)
        group = typer.main.get_command(app)
        assert isinstance(group, typer.core.TyperGroup)
        assert list(group.commands) == [command.name]
        said = group.commands[command.name].help or ""
        assert " ".join(said.split("\n\n")[0].split()) == command.summary


def test_every_command_has_its_place_in_the_overview() -> None:
    folder = Path(commands.__file__).parent
    ours = {path.stem for path in folder.glob("*.py") if "\ndef register(app: typer.Typer)" in path.read_text()}
    assert ours == {command.name.replace("-", "_") for command in cli.COMMANDS}


def test_the_overview_loads_neither_a_service_nor_a_client() -> None:
    """`tocsin --help` answers at once: what takes long to import is for the command that needs it."""
    program = "import sys; from tocsin.__main__ import main; main(['--help']); print(*sys.modules)"
    said = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    loaded = {name.split(".")[0] for name in said.splitlines()[-1].split()}
    slow = {"aiohttp", "aiokafka", "asyncpg", "pydantic", "structlog", "tocsin_control", "tocsin_grouper", "tocsin_sources"}
    assert not loaded & slow


def test_status_of_nothing_is_code_1_and_down_of_nothing_is_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["status"]) == 1
    assert cli.main(["down"]) == 0
    assert capsys.readouterr().out == "Nothing runs here.\nNothing runs here.\n"


def test_external_without_its_addresses_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("TOCSIN_KAFKA", raising=False)
    monkeypatch.delenv("TOCSIN_ADMIN_POSTGRES", raising=False)
    assert cli.main(["up", "--external"]) == 1
    assert "TOCSIN_KAFKA" in capsys.readouterr().err


def test_a_home_that_cannot_be_made_is_one_line(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    home.write_text("a file, and no directory")
    monkeypatch.setenv("TOCSIN_HOME", str(home / "within"))
    assert cli.main(["up"]) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"tocsin: cannot write to {home / 'within'}")
    assert said.count("\n") == 1
