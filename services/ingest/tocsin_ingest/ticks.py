"""Ticks: every gateway tells every partition what time it is, and whom it turned away (DESIGN 3, "Time")."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from tocsin_contracts.envelope import Kind, log_headers
from tocsin_contracts.tick import encode_tick
from tocsin_ingest.domain.refusals import Refusals
from tocsin_ingest.metrics import IngestMetrics
from tocsin_runtime.clock import Clock
from tocsin_runtime.errors import Invalid, Recoverable
from tocsin_runtime.log import Appender, Entry

_log = structlog.get_logger()
_RETRY_S = 1.0


class Ticker:
    """Writes ticks; `run` it as a task until cancelled."""

    def __init__(
        self,
        *,
        appender: Appender,
        partitions: Callable[[], Awaitable[int]],
        refusals: Refusals,
        metrics: IngestMetrics,
        clock: Clock,
        interval_s: float,
    ) -> None:
        """Write to as many partitions as `partitions` says at each round; they can be added while we run."""
        self._appender = appender
        self._partitions = partitions
        self._refusals = refusals
        self._metrics = metrics
        self._clock = clock
        self._interval_s = interval_s
        self._count = 0
        self._fault: str | None = "nothing was acknowledged yet"

    def fault(self) -> str | None:
        """Say why the last round failed; None while the log acknowledges ticks."""
        return self._fault

    async def run(self) -> None:
        """Tick at once, then every interval; sooner again while the log does not take ticks."""
        while True:
            began = self._clock.monotonic()
            await self.tick()
            pause = self._interval_s if self._fault is None else min(_RETRY_S, self._interval_s)
            await asyncio.sleep(max(0.0, began + pause - self._clock.monotonic()))

    async def tick(self) -> None:
        """Write one tick to every partition; what a failed one would have said is kept for the next."""
        try:
            self._count = await self._partitions()
        except (Recoverable, Invalid) as error:
            self._note(str(error))
            if not self._count:
                return
        results = await asyncio.gather(*(self._tick(partition) for partition in range(self._count)))
        self._note(next((fault for fault in results if fault is not None), None))

    async def leave(self) -> None:
        """Say goodbye to every partition that was ticked, once nothing more is accepted or refused; `run` has ended.

        A goodbye that the log does not take is one the fold does without: then this gateway fell silent, as one that was killed.
        """
        goodbyes = (self._tick(partition, last=True) for partition in range(self._count))
        for result in await asyncio.gather(*goodbyes, return_exceptions=True):
            if result is not None:
                _log.warning("goodbye.failed", reason=str(result))  # and the stop goes on

    async def _tick(self, partition: int, *, last: bool = False) -> str | None:
        """Write the tick of one partition; give what went wrong."""
        pending = self._refusals.tick(partition, round(self._clock.monotonic() * 1000), last=last)
        try:
            await self._appender.append(partition, Entry(None, encode_tick(pending.tick), log_headers(Kind.TICK)))
        except (Recoverable, Invalid) as error:
            self._refusals.untold(pending)
            self._metrics.ticked("failed")
            return str(error)
        except asyncio.CancelledError:
            self._refusals.interrupted(pending)
            raise
        self._refusals.told(pending)
        self._metrics.ticked("appended")
        return None

    def _note(self, fault: str | None) -> None:
        """Log once each time that ticks begin to fail, and once when they work again."""
        if fault is not None and self._fault is None:
            _log.warning("ticks.failed", reason=fault)
        elif fault is None and self._fault is not None:
            _log.info("ticks.appended", partitions=self._count)
        self._fault = fault
