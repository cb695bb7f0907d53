"""One child process: its own group, its own log, and gone when we are gone."""

import ctypes
import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psutil

PR_SET_PDEATHSIG = 1
LOGS_KEPT = 3
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What to run, and how.

    `user` is a system account to become (root only); `orphan_signal` is what the kernel sends the child when the
    thread that started it dies (Linux; elsewhere the next `up` or `down` cleans up).
    """

    name: str
    argv: Sequence[str]
    log: Path
    environment: Mapping[str, str]
    cwd: Path | None = None
    user: str | None = None
    orphan_signal: signal.Signals = signal.SIGKILL


class Child:
    """A process that we started.

    Start it from the main thread: Linux ties `orphan_signal` to the thread that forked, not to the process.
    """

    def __init__(self, command: Command) -> None:
        self.name = command.name
        self.log = command.log
        # Python 3.12 warns of any fork beside threads; ours runs one prctl before exec, and takes no lock.
        with open_log(command.log) as log, warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            self._process = subprocess.Popen(
                list(command.argv),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=dict(command.environment),
                cwd=command.cwd,
                start_new_session=True,
                user=command.user,
                group=command.user,
                extra_groups=None if command.user is None else [],
                preexec_fn=_leash(command.orphan_signal),  # noqa: PLW1509 - see above
            )
        self.started_at = psutil.Process(self._process.pid).create_time()

    @property
    def pid(self) -> int:
        """Give the process id."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """Give the exit code, negative for a signal, or None while it runs."""
        return self._process.poll()

    @property
    def alive(self) -> bool:
        """Tell whether it still runs."""
        return self._process.poll() is None

    def send(self, number: signal.Signals) -> None:
        """Send `number` to the process; nothing happens if it is gone."""
        if self.alive:
            self._process.send_signal(number)

    def wait(self, timeout_s: float) -> bool:
        """Wait up to `timeout_s` for the end; tell whether it came."""
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return False
        return True

    def stop(self, number: signal.Signals = signal.SIGTERM, *, timeout_s: float) -> bool:
        """Ask it to end by `number`, and kill it after `timeout_s`; tell whether it ended by itself."""
        self.send(number)
        if self.wait(timeout_s):
            return True
        self.kill()
        return False

    def kill(self) -> None:
        """End the process and what it started in its group, at once, and reap it."""
        if self.alive:
            try:
                os.killpg(self._process.pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                self._process.kill()
        self._process.wait()

    def tail(self, lines: int = 3) -> str:
        """Give the last lines of the log in one line, for an error message."""
        return tail(self.log, lines)


def open_log(path: Path) -> IO[bytes]:
    """Open a fresh log at `path`; the last `LOGS_KEPT` ones are kept as `.1`, `.2`, …, so disk use is bounded."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size:
        for number in range(LOGS_KEPT, 0, -1):
            older = path.with_name(f"{path.name}.{number}")
            newer = path if number == 1 else path.with_name(f"{path.name}.{number - 1}")
            if newer.exists():
                newer.replace(older)
    return path.open("ab")


def tail(path: Path, lines: int = 3) -> str:
    """Give the last lines of `path` joined by ` | `, without Java's stack frames; empty if there is no file."""
    if not path.exists():
        return ""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 8192))
        text = file.read().decode("utf-8", "replace")
    said = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("\tat ")]
    return " | ".join(said[-lines:])


def _leash(orphan_signal: signal.Signals) -> Callable[[], None] | None:
    """Make the function that ties the child to us; None where the system has no such tie."""
    if _libc is None:
        return None
    prctl, parent = _libc.prctl, os.getpid()

    def tie() -> None:
        prctl(PR_SET_PDEATHSIG, int(orphan_signal), 0, 0, 0)
        if os.getppid() != parent:  # we died between fork and prctl: no signal will come any more
            os._exit(1)

    return tie
