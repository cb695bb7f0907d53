"""What `up` and `demo` show a person: steps as they pass, bars for downloads, plain lines elsewhere."""

import time

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn
from rich.status import Status

BYTES = 1 << 16
"""Totals above this are bytes, below it steps."""


class Display:
    """Writes to standard error, so that standard output stays for results."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True, highlight=False)
        self._status: Status | None = None
        self._bar: Progress | None = None
        self._began = 0.0
        self._step: str | None = None

    def step(self, text: str) -> None:
        """Show that `text` is under way; ends the step before."""
        self.done()
        self._began, self._step = time.monotonic(), text
        if self.console.is_terminal:
            self._status = self.console.status(f"{text} …")
            self._status.start()

    def done(self) -> None:
        """End the step that is under way, with the time it took."""
        self._hide()
        if self._step is not None:
            self.console.print(f"[green]✓[/green] {self._step} [dim]({time.monotonic() - self._began:.1f} s)[/dim]")
            self._step = None

    def failed(self) -> None:
        """End the step that is under way without success."""
        self._hide()
        if self._step is not None:
            self.console.print(f"[red]✗[/red] {self._step}")
            self._step = None

    def line(self, text: str) -> None:
        """Show one line, above what is under way."""
        self.console.print(text, markup=False, soft_wrap=True)

    def progress(self, step: str, done: int, total: int) -> None:
        """Show how far `step` is: a bar for downloads, else the step alone."""
        if step != self._step:
            self.step(step)
        if total > BYTES and self.console.is_terminal:
            self._advance(step, done, total)
        if done >= total:
            self.done()

    def _advance(self, step: str, done: int, total: int) -> None:
        if self._bar is None:
            self._hide()
            columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeElapsedColumn())
            self._bar = Progress(*columns, console=self.console, transient=True)
            self._bar.add_task(step, total=total)
            self._bar.start()
        self._bar.update(self._bar.task_ids[0], completed=done)

    def _hide(self) -> None:
        if self._status is not None:
            self._status.stop()
            self._status = None
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
