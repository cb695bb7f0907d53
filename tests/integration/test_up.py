"""`tocsin up` starts everything behind one address, and whatever happens to it, nothing is left behind."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.servers import scratch
from tocsin.local.home import Home
from tocsin.local.record import Running, UpRecord, read_record
from tocsin.servers.free_port import free_ports
from tocsin.servers.kafka_runtime import KafkaRuntime
from tocsin.servers.leftover import wait_gone

WAIT_S = 120


class Shell:
    """Runs `tocsin` in a home of its own."""

    def __init__(self, directory: Path) -> None:
        self.home = Home(root=directory / "home")
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("TOCSIN_")}
        if "TOCSIN_CACHE" in os.environ:
            self.environment["TOCSIN_CACHE"] = os.environ["TOCSIN_CACHE"]
        self.environment |= {"TOCSIN_HOME": str(self.home.root), "TOCSIN_PUBLIC_PORT": str(free_ports(1)[0])}
        self.ups: list[subprocess.Popen[str]] = []

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-m", "tocsin", *arguments]
        return subprocess.run(argv, env=self.environment, capture_output=True, text=True, timeout=WAIT_S, check=False, cwd="/")

    def up(self) -> subprocess.Popen[str]:
        """Start `tocsin up` and wait until it says where it answers."""
        argv = [sys.executable, "-m", "tocsin", "up"]
        process = subprocess.Popen(argv, env=self.environment, stderr=subprocess.PIPE, text=True, cwd="/")
        self.ups.append(process)
        assert process.stderr is not None
        said = []
        for line in process.stderr:
            said.append(line)
            if "answers at" in line:
                return process
        raise AssertionError("".join(said))

    def record(self) -> UpRecord:
        record = read_record(self.home)
        assert record is not None
        return record


@pytest.fixture(scope="module")
def shell(kafka_runtime: KafkaRuntime) -> Iterator[Shell]:
    with scratch() as directory:
        made = Shell(directory)
        yield made
        made.run("down")
        for up in made.ups:
            up.kill()
            up.communicate()


def gone(children: tuple[Running, ...]) -> bool:
    """Wait for the end of `children`; tell whether it came."""
    processes = [process for child in children if (process := child.process()) is not None]
    return not wait_gone(processes, WAIT_S)


def listening(child: Running) -> set[str]:
    process = child.process()
    assert process is not None
    found = process.net_connections("tcp")
    return {one.laddr.ip.removeprefix("::ffff:") for one in found if one.status == psutil.CONN_LISTEN}


def test_up_runs_everything_on_the_loopback_address_and_ctrl_c_ends_it(shell: Shell) -> None:
    up = shell.up()
    children = shell.record().children
    names = {"kafka", "postgres", "ingest", "normalizer", "grouper", "query", "forwarder"}
    assert {child.name for child in children} == names
    assert all(listening(child) == {"127.0.0.1"} for child in children)
    assert shell.run("status").returncode == 0
    doctor = shell.run("doctor")
    assert doctor.returncode == 0, doctor.stdout
    second = shell.run("up")
    assert second.returncode == 1
    assert "runs here already" in second.stderr
    up.send_signal(signal.SIGINT)
    assert up.wait(WAIT_S) == 0
    assert gone(children)
    assert read_record(shell.home) is None


def test_nothing_outlives_an_up_that_is_killed_and_the_next_one_starts(shell: Shell) -> None:
    shell.up().kill()
    children = shell.record().children
    assert gone(children)
    assert shell.run("status").returncode == 1
    shell.up()
    ended = shell.run("down")
    assert (ended.returncode, ended.stdout) == (0, "Stopped.\n")
    assert shell.ups[-1].wait(WAIT_S) == 0


def test_a_service_that_is_killed_is_started_again(shell: Shell) -> None:
    up = shell.up()
    assert up.stderr is not None
    victim = next(child for child in shell.record().children if child.name == "query")
    os.kill(victim.pid, signal.SIGKILL)
    said = next(line for line in up.stderr if "query ended" in line)
    assert "starting it again" in said
    assert shell.run("down").returncode == 0


def test_what_others_must_not_read_is_closed_to_them(shell: Shell) -> None:
    home = shell.home
    for path in (home.root, home.kafka, home.logs):
        assert path.stat().st_mode & 0o066 == 0
    for path in (home.master_key, home.roles):
        assert path.stat().st_mode & 0o077 == 0
