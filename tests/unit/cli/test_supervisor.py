"""The supervisor starts again what dies, says so in one line, and stops everything it started."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.support.instance import eventually
from tocsin.local.backoff import Backoff
from tocsin.local.supervisor import Supervisor
from tocsin.local.unit import Unit
from tocsin.servers.child import Child, Command
from tocsin_runtime.errors import Fatal

PAUSE = "import signal; signal.pause()"


class Watcher:
    """Hears what the supervisor says, and lets a test wait for it."""

    def __init__(self) -> None:
        self.lines: asyncio.Queue[str] = asyncio.Queue()
        self.children: list[Child] = []
        self._spawned = asyncio.Event()

    async def spawned(self, count: int) -> None:
        """Wait until so many children were started in all."""
        while len(self.children) < count:
            self._spawned.clear()
            await self._spawned.wait()

    def unit(self, tmp_path: Path, code: str, probe: Callable[[], Awaitable[bool]] | None = None, name: str = "thing") -> Unit:
        log = tmp_path / f"{name}.log"

        def spawn() -> Child:
            argv = [sys.executable, "-c", code]
            child = Child(Command(name=name, argv=argv, log=log, environment={"PATH": os.defpath}))
            self.children.append(child)
            self._spawned.set()
            return child

        async def yes() -> bool:
            return True

        return Unit(name=name, spawn=spawn, probe=probe or yes, log=log, stop_timeout_s=10)


async def test_what_dies_is_started_again_and_said_in_one_line(tmp_path: Path) -> None:
    watcher = Watcher()
    supervisor = Supervisor(watcher.lines.put_nowait, lambda: None)
    unit = watcher.unit(tmp_path, PAUSE)
    supervisor.begin(unit)
    watcher.children[0].send(signal.SIGKILL)
    said = await watcher.lines.get()
    assert said.startswith("thing ended (signal 9)")
    assert "starting it again in 0.5 s" in said
    await watcher.spawned(2)
    await supervisor.stop([unit])
    assert all(not child.alive for child in watcher.children)
    assert supervisor.running() == ()


async def test_what_cannot_start_ends_the_wait_with_its_reason(tmp_path: Path) -> None:
    async def never() -> bool:
        return False

    watcher = Watcher()
    supervisor = Supervisor(watcher.lines.put_nowait, lambda: None)
    code = 'print(\'{"event": "service.failed", "reason": "no such file"}\'); raise SystemExit(1)'
    unit = watcher.unit(tmp_path, code, never)
    supervisor.begin(unit)
    with pytest.raises(Fatal, match=r"thing does not start: no such file\. See .*thing\.log"):
        await supervisor.wait_ready([unit])
    await supervisor.stop([unit])


async def test_what_never_becomes_ready_is_named(tmp_path: Path) -> None:
    async def never() -> bool:
        return False

    watcher = Watcher()
    supervisor = Supervisor(watcher.lines.put_nowait, lambda: None)
    units = [watcher.unit(tmp_path, PAUSE, name="well"), watcher.unit(tmp_path, PAUSE, never, name="ill")]
    for unit in units:
        supervisor.begin(unit)
    with pytest.raises(Fatal, match=r"not ready after .* s: ill"):
        await supervisor.wait_ready(units, timeout_s=0.2)
    await supervisor.stop(units)


async def test_a_second_request_to_stop_waits_for_nobody(tmp_path: Path) -> None:
    watcher = Watcher()
    supervisor = Supervisor(watcher.lines.put_nowait, lambda: None)
    started = tmp_path / "started"
    code = f"import signal, pathlib; signal.signal(15, signal.SIG_IGN);pathlib.Path({str(started)!r}).touch(); signal.pause()"
    unit = watcher.unit(tmp_path, code)
    supervisor.begin(unit)

    async def touched() -> bool:
        return started.exists()

    await eventually(touched, what="the child ignores SIGTERM")
    supervisor.hurry()
    await supervisor.stop([unit])
    assert watcher.children[0].exit_code == -signal.SIGKILL
    assert "killed" in await watcher.lines.get()


def test_pauses_grow_to_a_bound_and_start_anew_after_a_steady_life() -> None:
    backoff = Backoff()
    pauses = []
    for _ in range(10):
        backoff = backoff.after(lived_s=1)
        pauses.append(backoff.delay_s)
    assert pauses[:4] == [0.5, 1, 2, 4]
    assert pauses[-1] == 30
    assert backoff.after(lived_s=3600).delay_s == 0.5
