"""One process of `up` as the supervisor sees it: how to start it, ask it, stop it."""

import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from tocsin.servers.child import Child, Command

PROBE_TIMEOUT_S = 2.0
SERVICE_STOP_S = 25.0
NOT_FOUND = 404

Probe = Callable[[], Awaitable[bool]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A process to keep running.

    `spawn` starts it (in the main thread, see `Child`) and `probe` tells whether it works; `log` is shown when it
    does not.
    """

    name: str
    spawn: Callable[[], Child]
    probe: Probe
    log: Path
    stop_signal: signal.Signals = signal.SIGTERM
    stop_timeout_s: float = SERVICE_STOP_S


def python_unit(
    name: str, module: str, *, environment: Mapping[str, str], logs: Path, port: int, probe: Probe | None = None
) -> Unit:
    """Make the unit of `python -m module`, ready when `/-/ready` on `port` says so (or as `probe` says)."""
    log = logs / f"{name}.log"

    def spawn() -> Child:
        argv = (sys.executable, "-m", module)
        # SIGKILL for an orphan: with its servers going too, a graceful stop would only wait for them.
        return Child(Command(name=name, argv=argv, log=log, environment=environment, cwd=Path(os.sep)))

    async def ready() -> bool:
        return await answer_of(f"http://127.0.0.1:{port}/-/ready") == 200

    return Unit(name=name, spawn=spawn, probe=probe or ready, log=log)


async def answer_of(url: str) -> int:
    """Give the status with which `url` answers, or 0 if nobody does."""
    timeout = aiohttp.ClientTimeout(total=PROBE_TIMEOUT_S)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url) as response:
            return response.status
    except (aiohttp.ClientError, TimeoutError, OSError):
        return 0


async def forwarder_answers(port: int) -> bool:
    """Tell whether the public address works: it answers 404 where nothing public lies."""
    return await answer_of(f"http://127.0.0.1:{port}/-/ready") == NOT_FOUND
