"""A child is ended with what it started, never outlives us, and keeps a bounded number of logs."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tocsin.servers.child import LOGS_KEPT, Child, Command, open_log, tail
from tocsin.servers.leftover import wait_gone

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="only Linux ties a child to its parent's life")


def command(tmp_path: Path, code: str) -> Command:
    return Command(name="x", argv=[sys.executable, "-c", code], log=tmp_path / "x.log", environment={"PATH": os.defpath})


def first_line(child: Child) -> str:
    """Wait for the first line of the child's log."""
    while not tail(child.log) and not child.wait(0.01):
        pass
    return tail(child.log, 1)


def test_a_child_that_ends_tells_its_code_and_its_last_words(tmp_path: Path) -> None:
    child = Child(command(tmp_path, "print('one'); print('two'); raise SystemExit(3)"))
    assert child.wait(30)
    assert child.exit_code == 3
    assert child.tail(1) == "two"


def test_a_child_that_ignores_the_request_is_killed(tmp_path: Path) -> None:
    code = "import signal; signal.signal(15, signal.SIG_IGN); print('up', flush=True); signal.pause()"
    child = Child(command(tmp_path, code))
    first_line(child)
    assert not child.stop(timeout_s=0.05)
    assert child.exit_code == -signal.SIGKILL


def test_a_kill_takes_along_what_the_child_started(tmp_path: Path) -> None:
    code = (
        "import subprocess, sys, signal;"
        "p = subprocess.Popen([sys.executable, '-c', 'import signal; signal.pause()']);"
        "print(p.pid, flush=True); signal.pause()"
    )
    child = Child(command(tmp_path, code))
    grandchild = psutil.Process(int(first_line(child)))
    child.kill()
    assert not wait_gone([grandchild], 30)


@LINUX
def test_a_child_dies_with_the_process_that_started_it(tmp_path: Path) -> None:
    """As after kill -9 of `tocsin up`."""
    code = (
        "import signal, sys; from pathlib import Path; from tocsin.servers.child import Child, Command\n"
        "child = Child(Command(name='x', argv=[sys.executable, '-c', 'import signal; signal.pause()'],"
        f" log=Path({str(tmp_path / 'y.log')!r}), environment={{}}))\n"
        "print(child.pid, flush=True); signal.pause()"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    orphan = psutil.Process(int(parent.stdout.readline()))
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert not wait_gone([orphan], 30)


def test_old_logs_are_kept_up_to_a_number(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    for number in range(LOGS_KEPT + 3):
        with open_log(path) as log:
            log.write(f"{number}\n".encode())
    assert sorted(p.name for p in tmp_path.iterdir()) == ["x.log", "x.log.1", "x.log.2", "x.log.3"]
    assert tail(path) == str(LOGS_KEPT + 2)
    assert tail(tmp_path / "x.log.1") == str(LOGS_KEPT + 1)


def test_last_words_leave_out_javas_stack(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    log.write_text("Exception: the reason\n\tat some.Class\n\tat other.Class\n\n")
    assert tail(log) == "Exception: the reason"
