"""Rebuild and verify from the command line, and what `up` does when the projection is not this release's."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tocsin.local.display import Display
from tocsin_grouper.adapters import guard
from tocsin_grouper.adapters.connecting import open_connection
from tocsin_grouper.ownership import Connect
from tocsin_grouper.rebuild import Loss, Rebuild
from tocsin_runtime import postgres
from tocsin_runtime.errors import Fatal
from tocsin_runtime.kafka_log import KafkaLog
from tocsin_runtime.log import Log

SAY_EVERY_S = 2.0
_COUNT = "SELECT count(*) FROM proj.incidents"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the images and the projection are."""

    log: Log
    connect: Connect
    """Opens a connection as the grouper, who owns the projection."""

    @classmethod
    def at(cls, *, kafka: str, dsn: str) -> "Place":
        """Name a place by Kafka's address and the grouper's DSN."""
        return cls(log=KafkaLog(kafka), connect=partial(open_connection, dsn, application="tocsin rebuild"))

    async def count_incidents(self) -> int:
        """Count the incidents of the live projection, of all tenants."""
        connection = await self.connect()
        try:
            async with postgres.translated():
                return int(await connection.fetchval(_COUNT))
        finally:
            await postgres.close(connection)

    def rebuild(self, progress: Callable[[int, int], None]) -> Rebuild:
        """Make a rebuild of this place."""
        return Rebuild(self.log, self.connect, progress=progress)


async def rebuild_if_needed(place: Place, display: Display) -> None:
    """Make the live projection fit this release: create it, leave it, or rebuild it; before the grouper starts.

    Raises:
        Fatal: the rebuild would lose incidents; names the command that accepts it.
        Recoverable: Kafka or PostgreSQL does not answer.
    """
    difference = await find_difference(place)
    if difference is None:
        return
    display.done()
    display.line(f"Making the projection anew from the log, because {difference}")
    with shown_progress("Rebuilding", display.console) as progress:
        rebuild = place.rebuild(progress)
        loss = await rebuild.find_loss()
        if loss.count:
            raise Fatal(
                f"{difference}, and {describe(loss)}. See which: tocsin rebuild. Go on without them: tocsin rebuild --yes"
            )
        records = await rebuild.run()
    display.line(f"Rebuilt from {records} records: {await place.count_incidents()} incidents")


async def find_difference(place: Place) -> str | None:
    """Say why the live projection is not this release's; None if it is, or was just made for the first time."""
    connection = await place.connect()
    try:
        async with postgres.translated():
            await guard.ensure(connection)
    except guard.ProjectionDiffers as error:
        return str(error).partition(";")[0]
    finally:
        await postgres.close(connection)
    return None


def describe(loss: Loss) -> str:
    """Say what a rebuild would lose."""
    noun = "incident" if loss.count == 1 else "incidents"
    return f"a rebuild would lose {loss.count} {noun} whose first images are gone by retention"


@contextmanager
def shown_progress(what: str, console: Console | None = None) -> Iterator[Callable[[int, int], None]]:
    """Give a function that shows records done and records in all: a bar on a terminal, else a line now and then."""
    console = console or Console(stderr=True, highlight=False)
    if not console.is_terminal:
        lines = Lines(what, time.monotonic, lambda line: console.print(line, markup=False))
        yield lines
        lines.finish()
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("records"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


class Lines:
    """Progress as plain lines: the first, one every `SAY_EVERY_S`, and where it ended."""

    def __init__(self, what: str, now: Callable[[], float], say: Callable[[str], None]) -> None:
        self._what = what
        self._now = now
        self._say = say
        self._said_at: float | None = None
        self._waiting = self._said = ""

    def __call__(self, done: int, total: int) -> None:
        """Take the state of the work."""
        self._waiting = f"{self._what}: {done} of {total} records"
        at = self._now()
        if self._said_at is None or at - self._said_at >= SAY_EVERY_S:
            self._said_at = at
            self.finish()

    def finish(self) -> None:
        """Say the last state, if it was not said."""
        if self._waiting != self._said:
            self._said = self._waiting
            self._say(self._said)
