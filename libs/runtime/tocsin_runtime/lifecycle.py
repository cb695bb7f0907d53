"""Starting, supervising and stopping a process, the same way for every service."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

import structlog
import uvloop

from tocsin_runtime import logs
from tocsin_runtime.errors import Fatal, TocsinError
from tocsin_runtime.settings import S, help_text, load

_log = structlog.get_logger()


class Service(Protocol):
    """What `run` drives: start, then run until told to stop, then stop."""

    async def start(self) -> None:
        """Open what is needed; raise `Fatal` or `Recoverable` with one clear line where that fails."""

    async def wait(self) -> None:
        """Work until `stop` is called; return early only when the work is done; raise `Fatal` to leave."""

    async def stop(self) -> None:
        """Take no more work, finish and commit what was taken, close; also after a failed `start`."""


class Tasks:
    """The long-lived tasks of one service: each is owned, and the first that dies ends the service.

    Build it in `start`, add the loops with `spawn`, let the service's `wait` be `await tasks.wait()`, and
    call `cancel` in `stop` after the loops were told to finish.
    """

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()

    def spawn(self, name: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run `work` under `name` until it ends or `cancel` is called."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(lambda _task: self._changed.set())
        self._changed.set()
        return task

    async def wait(self) -> None:
        """Wait until all tasks have ended; raise the first one's error as soon as it dies."""
        while self._tasks:
            self._changed.clear()
            for task in [task for task in self._tasks if task.done()]:
                self._tasks.discard(task)
                if not task.cancelled() and (error := task.exception()) is not None:
                    raise error
            if self._tasks and not self._changed.is_set():
                await self._changed.wait()

    async def cancel(self) -> None:
        """Cancel what still runs and wait for it; errors were raised by `wait` or are logged here."""
        tasks, self._tasks = self._tasks, set()
        for task in tasks:
            task.cancel()
        for task, result in zip(tasks, await asyncio.gather(*tasks, return_exceptions=True), strict=True):
            if isinstance(result, Exception):
                _log.warning("task.failed", task=task.get_name(), reason=str(result))


def run(service: Service, *, stop_timeout_s: float = 25.0) -> int:
    """Run `service` on uvloop until SIGTERM, SIGINT or its own end.

    Returns:
        The exit code: 0 after a clean stop, 1 after a failure or a stop that overran `stop_timeout_s`.
        A failure is one log line (`service.failed`); a traceback only for an error that is not ours.
    """
    return uvloop.run(_supervise(service, stop_timeout_s))


def main(prog: str, settings: type[S], build: Callable[[S], Service], arguments: list[str] | None = None) -> int:
    """Be a service's whole `__main__`: `--help`, settings, logs, run; gives the exit code.

    Use it as `sys.exit(main("tocsin_ingest", IngestSettings, build))`.
    """
    given = sys.argv[1:] if arguments is None else arguments
    if given and given[0] in {"-h", "--help"}:
        sys.stdout.write(help_text(settings, f"python -m {prog}"))
        return 0
    if given:
        sys.stderr.write(f"{prog}: unknown argument {given[0]!r}; settings come from the environment, see --help\n")
        return 2
    try:
        loaded = load(settings, prog)
        logs.configure(level=loaded.log_level, form=loaded.log_format)
        service = build(loaded)
    except TocsinError as error:
        sys.stderr.write(f"{prog}: {error}\n" if prog not in str(error) else f"{error}\n")
        return 1
    return run(service, stop_timeout_s=loaded.stop_timeout_s)


async def _supervise(service: Service, stop_timeout_s: float) -> int:
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    failure = await _work(service, told)
    if failure is not None:
        _say(failure)
    try:
        async with asyncio.timeout(stop_timeout_s):
            await service.stop()
    except TimeoutError:
        _log.error("service.stop_overran", limit_s=stop_timeout_s)
        return 1
    except Exception as error:  # noqa: BLE001 - the process ends here; the line is the report
        _say(error)
        return 1
    _log.info("service.stopped")
    return 0 if failure is None else 1


async def _work(service: Service, told: asyncio.Event) -> BaseException | None:
    """Start and wait until told to stop; give what went wrong, if anything did."""
    stop = asyncio.create_task(told.wait(), name="signal")
    work = asyncio.create_task(_start_and_wait(service), name="service")
    try:
        await asyncio.wait({stop, work}, return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            return work.exception()
        return None
    finally:
        stop.cancel()
        if not work.done():
            # `stop` of the service must see a world in which nothing else still starts it.
            work.cancel()
            await asyncio.wait({work})


async def _start_and_wait(service: Service) -> None:
    await service.start()
    _log.info("service.started")
    await service.wait()


def _say(error: BaseException) -> None:
    if isinstance(error, TocsinError):
        _log.error("service.failed", kind=type(error).__name__, reason=str(error), fatal=isinstance(error, Fatal))
    else:
        _log.error("service.failed", kind=type(error).__name__, reason=str(error), exc_info=error)
