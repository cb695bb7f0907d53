"""`tocsin demo`: from nothing to incidents and back, started again with everything still there.

One test, for it starts everything three times.
"""

import asyncio
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path

import orjson
import pytest

from tests.support.servers import scratch
from tocsin.demo.keeping import read_demo
from tocsin.demo.reading import Api
from tocsin.local.home import Home
from tocsin.local.record import read_record
from tocsin.servers.free_port import free_ports
from tocsin.servers.kafka_runtime import KafkaRuntime
from tocsin.servers.leftover import wait_gone
from tocsin.streams.registry import SOURCES

WAIT_S = 180
STAYS = "Ctrl-C stops everything"
STOPPED = "Stopped; the data is kept."


class Shell:
    """Runs `tocsin` in a new user's directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.home = Home(root=directory / ".tocsin")
        ours = {name: value for name, value in os.environ.items() if not name.startswith("TOCSIN_")}
        cache = {name: value for name, value in os.environ.items() if name == "TOCSIN_CACHE"}
        self.environment = ours | cache | {"TOCSIN_PUBLIC_PORT": str(free_ports(1)[0])}

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "tocsin", *arguments],
            env=self.environment,
            cwd=self.directory,
            capture_output=True,
            text=True,
            timeout=WAIT_S,
            check=False,
        )

    def start(self, printed: Path, *arguments: str) -> subprocess.Popen[str]:
        """Start a command that stays; standard output goes to `printed`."""
        with printed.open("w") as out:
            return subprocess.Popen(
                [sys.executable, "-m", "tocsin", *arguments],
                env=self.environment,
                cwd=self.directory,
                stdout=out,
                stderr=subprocess.PIPE,
                text=True,
            )


@pytest.fixture
def shell(kafka_runtime: KafkaRuntime) -> Iterator[Shell]:
    with scratch() as directory:
        made = Shell(directory)
        yield made
        made.run("down")


def codes(text: str) -> list[str]:
    """Give the incidents of the printed table."""
    return re.findall(r"^INC-\w+", text, re.MULTILINE)


def column(text: str, name: str) -> list[str]:
    """Give a column of the printed table, whose words have no spaces."""
    lines = text.splitlines()
    (head,) = [line for line in lines if line.startswith("code")]
    place = head.index(name)
    return [line[place:].split()[0] for line in lines if line.startswith("INC-")]


def curl_line(text: str, holding: str) -> list[str]:
    """Give the printed curl line that holds a text, as a shell would read it."""
    (line,) = [line for line in text.splitlines() if line.strip().startswith("curl") and holding in line]
    return shlex.split(line)


def curl(argv: list[str]) -> bytes:
    """Run a printed curl line; on a machine without curl, do what it says."""
    if shutil.which("curl"):
        return subprocess.run(argv, capture_output=True, check=True, timeout=WAIT_S).stdout
    headers = dict(value.split(": ", 1) for flag, value in pairwise(argv) if flag == "-H")
    body = argv[argv.index("-d") + 1].encode() if "-d" in argv else None
    with urllib.request.urlopen(urllib.request.Request(argv[-1], data=body, headers=headers), timeout=WAIT_S) as answer:
        read: bytes = answer.read()
        return read


async def outcomes(home: Home, deliveries: list[str]) -> Counter[str]:
    """Wait until deliveries are folded; count their outcomes."""
    async with reading(home) as api:
        found = [await api.outcome(delivery) for delivery in deliveries]
    return Counter("unknown" if each is None else str(each["outcome"]) for each in found)


async def total(home: Home) -> int:
    """Count the incidents."""
    async with reading(home) as api:
        return int((await api.incidents(1))["total"])


@asynccontextmanager
async def reading(home: Home) -> AsyncIterator[Api]:
    demo = read_demo(home)
    assert demo is not None
    api = Api(demo.url, demo.api_key, deadline_s=WAIT_S)
    try:
        yield api
    finally:
        await api.close()


def test_demo_shows_incidents_and_a_second_start_shows_them_again(shell: Shell) -> None:
    once = shell.run("demo", "--once")
    assert once.returncode == 0, once.stderr
    first = codes(once.stdout)
    assert len(first) == len(set(first)) >= 10
    assert set(column(once.stdout, "source")) == set(SOURCES)
    assert {"OPEN", "RESOLVED"} <= set(column(once.stdout, "status"))
    assert "✗" not in once.stdout  # nothing was refused, nothing failed
    assert STOPPED in once.stdout
    assert read_record(shell.home) is None  # nothing runs any more
    assert shell.home.demo.stat().st_mode & 0o077 == 0

    printed = shell.directory / "printed"
    demo = shell.start(printed, "demo")
    try:
        assert demo.stderr is not None
        said = []
        for line in demo.stderr:
            said.append(line)
            if STAYS in line:
                break
        text = printed.read_text()
        assert codes(text) == first, "".join(said)
        assert "already there" in text

        page = orjson.loads(curl(curl_line(text, "status=OPEN")))
        assert len(page["items"]) == 3
        sent = orjson.loads(curl(curl_line(text, "MyFirstAlert")))
        assert asyncio.run(outcomes(shell.home, [sent["delivery_id"]])) == {"processed": 1}
        ids = []
        for arguments in (("sentry", "--case", "all"), ("stream", "--count", "30", "--seed", "5")):
            more = shell.run("send", *arguments, "--json")
            assert more.returncode == 0, more.stdout + more.stderr
            ids += [each["delivery_id"] for each in orjson.loads(more.stdout)["deliveries"]]
        assert len(ids) == 36
        assert asyncio.run(outcomes(shell.home, ids)).keys() <= {"processed", "duplicate"}
        unsigned = shell.run("send", "github", "--no-sign")
        assert unsigned.returncode == 1
        assert "401" in unsigned.stderr
        incidents = asyncio.run(total(shell.home))
        assert incidents > len(first)

        record = read_record(shell.home)
        assert record is not None
        demo.send_signal(signal.SIGINT)
        assert demo.wait(WAIT_S) == 0
        assert STOPPED in printed.read_text()
    finally:
        demo.kill()
        demo.communicate()
    assert not wait_gone([process for child in record.children if (process := child.process()) is not None], WAIT_S)

    verified = shell.run("verify", "--json")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    rebuilt = shell.run("rebuild", "--json")
    assert rebuilt.returncode == 0, rebuilt.stderr
    answer = orjson.loads(rebuilt.stdout)
    assert answer["incidents"] == incidents
    assert answer["lost"]["count"] == 0
