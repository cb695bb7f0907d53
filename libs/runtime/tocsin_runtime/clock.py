"""Where the time comes from: the only module that reads the machine's clocks."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Tells the time; handed to whoever needs it, so tests can move it."""

    def now(self) -> int:
        """Give the wall clock in microseconds since the epoch, UTC; it may step."""

    def monotonic(self) -> float:
        """Give seconds from an arbitrary start that never go backwards; for durations."""


class SystemClock:
    """The machine's own clocks."""

    def now(self) -> int:
        """Give the wall clock in microseconds since the epoch, UTC."""
        return time.time_ns() // 1_000

    def monotonic(self) -> float:
        """Give the monotonic clock in seconds."""
        return time.monotonic()


class ManualClock:
    """A clock that moves only when told to; both hands move together."""

    def __init__(self, now: int = 1_700_000_000_000_000) -> None:
        self._now = now
        self._monotonic = 0.0

    def now(self) -> int:
        """Give the set time in microseconds since the epoch, UTC."""
        return self._now

    def monotonic(self) -> float:
        """Give the seconds advanced since construction."""
        return self._monotonic

    def advance(self, seconds: float) -> None:
        """Move both clocks forward by `seconds`."""
        self._now += round(seconds * 1_000_000)
        self._monotonic += seconds

    def step(self, seconds: float) -> None:
        """Step the wall clock alone, as NTP does; backwards too."""
        self._now += round(seconds * 1_000_000)
