"""Every failure is one line on standard error and an exit code, never a traceback."""

from pathlib import Path

import pytest
import typer

from tocsin import __main__ as cli
from tocsin_runtime.errors import Fatal


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TOCSIN_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def failing_with(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    def work() -> None:
        raise error

    def build() -> typer.Typer:
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
