"""`.tocsin/up.json`: which processes run, so that `status` and `down` find them, also after a crash."""

import json
import signal
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import psutil

from tocsin.local.home import Home
from tocsin.servers.cache import write_atomically
from tocsin.servers.leftover import runs, wait_gone

SAME_START_S = 5.0
"""Start times come from ticks since boot plus a boot time that the clock's steps move a little."""

KILL_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """One process: a process id alone may be somebody else's by now, with its start time it is ours."""

    name: str
    pid: int
    started_at: int
    """Microseconds since the epoch, as the system tells it."""

    def process(self) -> psutil.Process | None:
        """Give the process if it still runs and is the one that was recorded."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.started_at / 1e6) < SAME_START_S
            return process if same and runs(process) else None
        except psutil.Error:
            return None


@dataclass(frozen=True, slots=True, kw_only=True)
class UpRecord:
    """What one `up` started: itself, then its children in the order of their start."""

    up: Running
    public_url: str
    external: bool
    children: tuple[Running, ...]


def running(name: str, pid: int) -> Running:
    """Describe the live process `pid`."""
    return Running(name=name, pid=pid, started_at=round(psutil.Process(pid).create_time() * 1e6))


def write_record(home: Home, record: UpRecord) -> None:
    """Keep `record`, readable by the owner only."""
    write_atomically(home.record, json.dumps(asdict(record), indent=2) + "\n", mode=0o600)


def read_record(home: Home) -> UpRecord | None:
    """Give what the last `up` recorded, or None if there is nothing or nothing that can be read."""
    try:
        kept = json.loads(home.record.read_text())
        children = tuple(Running(**child) for child in kept["children"])
        return UpRecord(up=Running(**kept["up"]), public_url=kept["public_url"], external=kept["external"], children=children)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def remove_record(home: Home) -> None:
    """Forget the record: nothing runs any more."""
    home.record.unlink(missing_ok=True)


def end_orphans(record: UpRecord, *, timeout_s: float = 25.0) -> list[str]:
    """Stop what still runs of a dead `up`, the last started first; give the names of what was found.

    Each is asked in the way that it understands (PostgreSQL by SIGINT) and killed after `timeout_s`.
    """
    found = [(one, process) for one in reversed(record.children) if (process := one.process()) is not None]
    servers = [(one, process) for one, process in found if one.name in {"kafka", "postgres"}]
    others = [(one, process) for one, process in found if one.name not in {"kafka", "postgres"}]
    _end(others, timeout_s)
    for server in servers:
        _end([server], timeout_s)
    return [one.name for one, _process in found]


def _end(found: Sequence[tuple[Running, psutil.Process]], timeout_s: float) -> None:
    for one, process in found:
        _send(process, signal.SIGINT if one.name == "postgres" else signal.SIGTERM)
    left = wait_gone([process for _one, process in found], timeout_s)
    for process in left:
        _send(process, signal.SIGKILL)
    wait_gone(left, KILL_S)


def _send(process: psutil.Process, number: signal.Signals) -> None:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return
