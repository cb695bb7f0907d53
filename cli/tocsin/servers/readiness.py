"""Wait for a child to serve, and say why when it does not."""

import time
from collections.abc import Callable

from tocsin.servers.child import Child
from tocsin_runtime.errors import Fatal

POLL_S = 0.05


def wait_until(probe: Callable[[], bool], child: Child, *, what: str, timeout_s: float) -> None:
    """Ask `probe` again and again until it says yes.

    Raises:
        Fatal: `child` ended, or `timeout_s` passed; the message has the last words of its log.
    """
    deadline = time.monotonic() + timeout_s
    while not probe():
        if child.wait(POLL_S):
            raise Fatal(f"{what} ended while starting (exit code {child.exit_code}): {child.tail()}. Log: {child.log}")
        if time.monotonic() > deadline:
            raise Fatal(f"{what} did not serve within {timeout_s:.0f} s: {child.tail()}. Log: {child.log}")
