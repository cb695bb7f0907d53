"""Keeps the processes of `up` running, and stops them in order."""

import asyncio
import json
import time
from collections.abc import Callable, Iterable
from typing import Any

from tocsin.local.backoff import Backoff
from tocsin.local.record import Running
from tocsin.local.unit import Unit
from tocsin.servers.child import Child, tail
from tocsin_runtime.errors import Fatal

POLL_S = 0.1
START_TIMEOUT_S = 60.0
DEATHS_WHILE_STARTING = 3
LINE_MAX = 200


class Supervisor:
    """Owns the children of one `up`. Use it from the main thread's event loop only (see `Child`).

    Args:
        say: takes one line for the person who watches.
        changed: told after every start and end of a child.
    """

    def __init__(self, say: Callable[[str], None], changed: Callable[[], None]) -> None:
        self._say = say
        self._changed = changed
        self._children: dict[str, Child] = {}
        self._keepers: dict[str, asyncio.Task[None]] = {}
        self._deaths: dict[str, int] = {}
        self._hurry = asyncio.Event()

    def running(self) -> tuple[Running, ...]:
        """Describe the children that run, in the order of their first start."""
        return tuple(
            Running(name=name, pid=child.pid, started_at=round(child.started_at * 1e6))
            for name, child in self._children.items()
            if child.alive
        )

    def begin(self, unit: Unit) -> None:
        """Start `unit` now and again whenever it dies, until it is stopped."""
        self._deaths[unit.name] = 0
        child = self._spawn(unit)
        self._keepers[unit.name] = asyncio.get_running_loop().create_task(self._keep(unit, child), name=unit.name)

    async def wait_ready(self, units: Iterable[Unit], *, timeout_s: float = START_TIMEOUT_S) -> None:
        """Wait until every unit works.

        Raises:
            Fatal: one died three times, or did not work in time; says which and its last words.
        """
        waits = {asyncio.ensure_future(self._until_ready(unit)): unit for unit in units}
        try:
            done, late = await asyncio.wait(waits, timeout=timeout_s, return_when=asyncio.FIRST_EXCEPTION)
        finally:
            for wait in waits:
                wait.cancel()
        for wait in done:
            wait.result()
        if late:
            names = ", ".join(waits[wait].name for wait in late)
            logs = ", ".join(str(waits[wait].log) for wait in late)
            raise Fatal(f"not ready after {timeout_s:.0f} s: {names}. See {logs}")

    async def stop(self, units: Iterable[Unit]) -> None:
        """Stop `units` together, each within its own time; kill those that overrun, or all after `hurry`."""
        await asyncio.gather(*(self._stop(unit) for unit in units))

    def hurry(self) -> None:
        """Wait no longer for anybody who was asked to stop."""
        self._hurry.set()

    async def _keep(self, unit: Unit, child: Child) -> None:
        backoff = Backoff()
        while True:
            started = time.monotonic()
            while child.alive:  # noqa: ASYNC110 - the end of a Popen is no event of the loop
                await asyncio.sleep(POLL_S)
            backoff = backoff.after(time.monotonic() - started)
            self._deaths[unit.name] += 1
            self._changed()
            why = last_words(unit) if (child.exit_code or 0) >= 0 else ""  # who is killed says nothing about it
            self._say(f"{unit.name} ended ({ending(child)}){why}; starting it again in {backoff.delay_s:.1f} s")
            await asyncio.sleep(backoff.delay_s)
            child = self._spawn(unit)

    def _spawn(self, unit: Unit) -> Child:
        child = unit.spawn()
        self._children[unit.name] = child
        self._changed()
        return child

    async def _until_ready(self, unit: Unit) -> None:
        while not await unit.probe():
            if self._deaths[unit.name] >= DEATHS_WHILE_STARTING:
                raise Fatal(f"{unit.name} does not start{last_words(unit)}. See {unit.log}")
            await asyncio.sleep(POLL_S / 2)

    async def _stop(self, unit: Unit) -> None:
        keeper = self._keepers.pop(unit.name, None)
        if keeper is not None:
            keeper.cancel()
            await asyncio.wait({keeper})
        child = self._children.get(unit.name)
        if child is None:
            return
        child.send(unit.stop_signal)
        deadline = time.monotonic() + unit.stop_timeout_s
        late = False
        while child.alive and not late:
            late = time.monotonic() > deadline or self._hurry.is_set()
            await asyncio.sleep(POLL_S / 4)
        if child.alive:
            self._say(f"{unit.name} did not stop by itself: killed")
        child.kill()
        del self._children[unit.name]
        self._changed()


def ending(child: Child) -> str:
    """Say how `child` ended."""
    code = child.exit_code
    return f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"


def last_words(unit: Unit) -> str:
    """Give the reason that the unit's log ends with, as `: reason`; nothing if it says nothing."""
    line = tail(unit.log, 1)
    if not line:
        return ""
    try:
        event: Any = json.loads(line)
        return f": {event.get('reason') or event.get('event') or line}"
    except (ValueError, AttributeError):
        return f": {line[:LINE_MAX]}"
