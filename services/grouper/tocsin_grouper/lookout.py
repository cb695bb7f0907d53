"""Watches the worker from outside: how far behind it is, and whether it still moves."""

import asyncio

from tocsin_contracts.topics import ALERTS
from tocsin_grouper.metrics import GrouperMetrics
from tocsin_grouper.worker import Worker
from tocsin_runtime.log import LogReader, ReadFailed
from tocsin_runtime.watchdog import Standing, Watchdog


class Lookout:
    """Looks every few seconds, with a reader of its own: a member that hangs would report an old end, and so no lag."""

    def __init__(self, *, worker: Worker, reader: LogReader, watchdog: Watchdog, metrics: GrouperMetrics, every_s: float) -> None:
        """Wire a lookout; `every_s` is well below the watchdog's patience."""
        self._worker = worker
        self._reader = reader
        self._watchdog = watchdog
        self._metrics = metrics
        self._every_s = every_s

    async def run(self) -> None:
        """Look until cancelled.

        Raises:
            Fatal: a partition has lag and does not move, though nothing that it needs is away.
        """
        while True:
            await self.look()
            await asyncio.sleep(self._every_s)

    async def look(self) -> None:
        """Look once; what is known to be away is no lack of progress."""
        try:
            standings = {
                partition: Standing(next=offset, end=(await self._reader.bounds(ALERTS, partition)).next)
                for partition, offset in self._worker.next_offsets().items()
            }
        except ReadFailed:
            self._watchdog.excuse()
            return
        for partition, standing in standings.items():
            self._metrics.lag.labels(str(partition)).set(max(0, standing.end - standing.next))
        if self._worker.trouble is not None:
            self._watchdog.excuse()
        self._watchdog.look(standings)
