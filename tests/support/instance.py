"""One service as a real process: started, asked, told to stop, killed. Everything that waits, waits here and is bounded."""

import asyncio
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import aiohttp

from tocsin.servers.child import Child, Command, tail

T = TypeVar("T")
READY_S = 60.0
STOP_S = 40.0
POLL_S = 0.02


class TooLateError(AssertionError):
    """Something that should come did not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a process ended after SIGTERM."""

    code: int
    seconds: float


async def eventually(probe: Callable[[], Awaitable[T | None]], *, what: str, within_s: float = READY_S) -> T:
    """Ask `probe` until it gives something true, and give that; `TooLateError` says what did not come."""
    deadline = time.monotonic() + within_s
    while True:
        found = await probe()
        if found:
            return found
        if time.monotonic() > deadline:
            raise TooLateError(f"{what}: not within {within_s:.0f} s")
        await asyncio.sleep(POLL_S)


class Instance:
    """`python -m <module>` on a port of its own, which it keeps over restarts; the last logs are kept beside the newest."""

    def __init__(self, name: str, module: str, port: int, environment: Mapping[str, str], log: Path) -> None:
        self.name = name
        self.url = f"http://127.0.0.1:{port}"
        self.log = log
        self._module = module
        self._environment = environment
        self._child: Child | None = None

    @property
    def running(self) -> bool:
        return self._child is not None and self._child.alive

    @property
    def pid(self) -> int:
        assert self._child is not None, f"{self.name} was not started"
        return self._child.pid

    @property
    def exit_code(self) -> int | None:
        """Give how it ended by itself; None while it runs or was never started."""
        return None if self._child is None else self._child.exit_code

    def start(self) -> None:
        """Start the process; from the main thread, so that it dies with us."""
        assert not self.running, f"{self.name} runs already"
        argv = (sys.executable, "-m", self._module)
        self._child = Child(Command(name=self.name, argv=argv, log=self.log, environment=self._environment))

    def kill(self) -> None:
        """Kill -9."""
        if self._child is not None:
            self._child.kill()
            self._child = None

    def send(self, number: signal.Signals) -> None:
        """Send a signal, SIGSTOP for example."""
        assert self._child is not None, f"{self.name} was not started"
        self._child.send(number)

    async def stop(self) -> Ending:
        """Send SIGTERM and wait for the end."""
        child, began = self._child, time.monotonic()
        assert child is not None, f"{self.name} was not started"
        child.send(signal.SIGTERM)
        ended = await asyncio.to_thread(child.wait, STOP_S)
        if not ended:
            raise TooLateError(f"{self.name} did not end within {STOP_S:.0f} s of SIGTERM: {self.tail()}")
        self._child = None
        return Ending(code=child.exit_code or 0, seconds=time.monotonic() - began)

    async def ready(self, within_s: float = READY_S) -> None:
        """Wait until `/-/ready` answers 200; fails at once if the process ends."""

        async def answers() -> bool:
            if not self.running:
                raise TooLateError(f"{self.name} ended with {self.exit_code}: {self.tail()}")
            return await self.probe("/-/ready") == 200

        await eventually(answers, what=f"{self.name} is ready", within_s=within_s)

    async def probe(self, path: str) -> int:
        """Give the status with which a path is answered, 0 while nobody listens."""
        try:
            async with aiohttp.ClientSession() as session, session.get(self.url + path) as answer:
                return answer.status
        except (aiohttp.ClientError, OSError):
            return 0

    async def metrics(self) -> str:
        """Give the page of metrics."""
        async with aiohttp.ClientSession() as session, session.get(self.url + "/metrics") as answer:
            return await answer.text()

    def tail(self, lines: int = 3) -> str:
        """Give the last lines of its log."""
        return tail(self.log, lines)
