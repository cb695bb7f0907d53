"""Leaving a process that has stopped moving: position must advance while there is lag."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tocsin_runtime.clock import Clock
from tocsin_runtime.errors import Fatal


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where one partition stands: the next offset to handle and the log's end."""

    next: int
    end: int


class Watchdog:
    """Notices a partition that has lag and does not move.

    aiokafka gives no health signal of its own and can hang silently; a restarted process recovers by
    claiming again, so leaving is the cure. Feed `look` regularly, from another task than the one watched, with
    ends asked by a `LogReader`: a group member that hangs would tell an old end, and no lag.
    """

    def __init__(self, *, clock: Clock, patience_s: float = 60.0) -> None:
        """Allow `patience_s` seconds without progress; longer than the longest outage that retries ride out."""
        self._clock = clock
        self._patience_s = patience_s
        self._moved: dict[int, tuple[int, float]] = {}

    def look(self, standings: Mapping[int, Standing]) -> None:
        """Compare with the last look.

        Raises:
            Fatal: a partition has had lag and no progress for longer than the patience.
        """
        now = self._clock.monotonic()
        for partition in self._moved.keys() - standings.keys():
            del self._moved[partition]
        for partition, standing in standings.items():
            before = self._moved.get(partition)
            if standing.end <= standing.next:
                self._moved.pop(partition, None)  # the patience starts when there is something to do
            elif before is None or before[0] != standing.next:
                self._moved[partition] = (standing.next, now)
            elif now - before[1] > self._patience_s:
                lag = standing.end - standing.next
                raise Fatal(
                    f"partition {partition} stands at offset {standing.next} with {lag} records behind it for "
                    f"{now - before[1]:.0f} s: leaving, so that a fresh process claims it"
                )

    def excuse(self) -> None:
        """Forget how long partitions have stood still, e.g. while a dependency is known to be down."""
        self._moved.clear()
