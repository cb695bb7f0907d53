"""A switch that ends the process from outside the event loop: a loop that never ends cannot be cancelled from within."""

import faulthandler
from collections.abc import Iterator
from contextlib import contextmanager


class DeadManSwitch:
    """`DeadMan` by faulthandler, whose watchdog thread needs no GIL: it writes where the process hung, and ends it.

    The crash guard then finds the death at the next start.
    """

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s

    @contextmanager
    def armed(self) -> Iterator[None]:
        """Give a block that must end within the limit."""
        faulthandler.dump_traceback_later(self._limit_s, exit=True)
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()


class NoDeadMan:
    """Waits for ever: for tests and for replays in the foreground."""

    @contextmanager
    def armed(self) -> Iterator[None]:
        """Give a block that may take as long as it likes."""
        yield
