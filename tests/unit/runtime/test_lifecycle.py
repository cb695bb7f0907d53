"""A process starts, is supervised and stops; every way out is one line and an exit code."""

import asyncio
import os
import signal
from collections.abc import Callable

import pytest
import structlog
from structlog.testing import capture_logs

from tocsin_runtime.errors import Fatal, Recoverable
from tocsin_runtime.lifecycle import Tasks, main, run
from tocsin_runtime.settings import Settings


class Scripted:
    """A service that does what its test says and notes what was asked of it."""

    def __init__(
        self,
        *,
        start: Callable[[], None] = lambda: None,
        work: Callable[[], None] = lambda: None,
        forever: bool = False,
        stop: Callable[[], None] = lambda: None,
        stuck: bool = False,
    ) -> None:
        self._start, self._work, self._forever, self._stop, self._stuck = start, work, forever, stop, stuck
        self.asked: list[str] = []

    async def start(self) -> None:
        self.asked.append("start")
        self._start()

    async def wait(self) -> None:
        self.asked.append("wait")
        self._work()
        if self._forever:
            await asyncio.Event().wait()

    async def stop(self) -> None:
        self.asked.append("stop")
        self._stop()
        if self._stuck:
            await asyncio.Event().wait()


def failing(error: Exception) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail


@pytest.fixture(autouse=True)
def _logs() -> None:
    structlog.reset_defaults()


def test_work_that_ends_stops_the_service() -> None:
    service = Scripted()
    assert run(service) == 0
    assert service.asked == ["start", "wait", "stop"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_service_gracefully(number: signal.Signals) -> None:
    service = Scripted(work=lambda: os.kill(os.getpid(), number), forever=True)
    assert run(service) == 0
    assert service.asked == ["start", "wait", "stop"]


@pytest.mark.parametrize("error", [Fatal("upgrade consumers first"), Recoverable("Kafka does not answer")])
def test_a_failed_start_is_one_line_and_exit_code_1(error: Exception) -> None:
    service = Scripted(start=failing(error))
    with capture_logs() as lines:
        assert run(service) == 1
    [failed] = [line for line in lines if line["event"] == "service.failed"]
    assert failed["reason"] == str(error)
    assert "exc_info" not in failed
    assert service.asked == ["start", "stop"]


def test_an_error_that_is_not_ours_keeps_its_traceback() -> None:
    with capture_logs() as lines:
        assert run(Scripted(work=failing(KeyError("oops")))) == 1
    assert [line["kind"] for line in lines if "exc_info" in line] == ["KeyError"]


def test_a_stop_that_hangs_is_left_behind() -> None:
    with capture_logs() as lines:
        assert run(Scripted(stuck=True), stop_timeout_s=0.05) == 1
    assert "service.stop_overran" in [line["event"] for line in lines]


def test_a_stop_that_fails_is_exit_code_1() -> None:
    assert run(Scripted(stop=failing(Recoverable("lost the connection")))) == 1


async def test_the_first_task_that_dies_ends_the_wait() -> None:
    tasks = Tasks()

    async def forever() -> None:
        await asyncio.Event().wait()

    async def die() -> None:
        raise Fatal("a gap")

    endless = tasks.spawn("endless", forever())
    tasks.spawn("dying", die())
    with pytest.raises(Fatal, match="a gap"):
        await tasks.wait()
    await tasks.cancel()
    assert endless.cancelled()


async def test_the_wait_ends_when_all_tasks_have() -> None:
    tasks = Tasks()
    done: list[int] = []

    async def note(number: int) -> None:
        done.append(number)
        if number < 3:
            tasks.spawn("next", note(number + 1))

    tasks.spawn("first", note(1))
    await tasks.wait()
    assert done == [1, 2, 3]


class OneSettings(Settings):
    service = "ingest"


def test_help_and_strange_arguments_need_no_service(capsys: pytest.CaptureFixture[str]) -> None:
    def build(_settings: OneSettings) -> Scripted:
        raise AssertionError

    assert main("tocsin_ingest", OneSettings, build, ["--help"]) == 0
    assert "TOCSIN_KAFKA" in capsys.readouterr().out
    assert main("tocsin_ingest", OneSettings, build, ["--port=3"]) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_a_wrong_setting_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("TOCSIN_INGEST_NONSENSE", "1")
    assert main("tocsin_ingest", OneSettings, lambda _settings: Scripted(), []) == 1
    assert capsys.readouterr().err.count("\n") == 1
