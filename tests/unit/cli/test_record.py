"""What a dead `up` left is found by process id and start time, and ended."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from tocsin.local.home import Home
from tocsin.local.record import UpRecord, end_orphans, read_record, running, write_record
from tocsin.local.up import only_one
from tocsin.servers.leftover import runs
from tocsin_runtime.errors import Fatal


def a_record(*children: subprocess.Popen[bytes]) -> UpRecord:
    return UpRecord(
        up=running("up", os.getpid()),
        public_url="http://127.0.0.1:1",
        external=False,
        children=tuple(running(f"service-{number}", child.pid) for number, child in enumerate(children)),
    )


def sleeper() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])


def reap(*children: subprocess.Popen[bytes]) -> None:
    for child in children:
        child.kill()
        child.wait()


def test_a_record_reads_back_and_is_closed_to_others(tmp_path: Path) -> None:
    home = Home(root=tmp_path)
    record = a_record()
    write_record(home, record)
    assert read_record(home) == record
    assert home.record.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("text", ["", "{", "[]", '{"up": {}}'])
def test_a_record_that_cannot_be_read_is_none(tmp_path: Path, text: str) -> None:
    home = Home(root=tmp_path)
    home.record.write_text(text)
    assert read_record(home) is None


def test_orphans_are_ended_the_last_started_first() -> None:
    children = [sleeper(), sleeper()]
    assert end_orphans(a_record(*children)) == ["service-1", "service-0"]
    assert not any(runs(psutil.Process(child.pid)) for child in children)
    reap(*children)


def test_a_process_that_took_over_the_id_is_left_alone() -> None:
    """The recorded start time is another: it is somebody else's."""
    child = sleeper()
    record = a_record(child)
    stranger = replace(record.children[0], started_at=record.children[0].started_at - 60_000_000)
    assert end_orphans(replace(record, children=(stranger,))) == []
    assert child.poll() is None
    reap(child)


def test_only_one_up_runs_in_a_home(tmp_path: Path) -> None:
    home = Home(root=tmp_path)
    with only_one(home), pytest.raises(Fatal, match=r"runs here already.*tocsin down"), only_one(home):
        pass
    with only_one(home):
        pass
