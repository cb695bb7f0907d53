"""The loop of one worker: assignments, recoveries, polls and batches, turn by turn, from one task.

Whatever fails sends its partition back to the output's tail; nothing else is remembered. Two workers may write one
partition for a moment around a rebalance: each writes an unbroken run that begins at or before the other's end, so the
output then holds repeats and never a gap, and the grouper drops repeats (DESIGN 3).
"""

import asyncio
from dataclasses import dataclass

import structlog

from tocsin_normalizer.handler.lane import BatchLimits
from tocsin_normalizer.handler.lanes import Lanes
from tocsin_normalizer.handler.pipeline import Pipeline
from tocsin_normalizer.handler.recovery import Recovery
from tocsin_normalizer.metrics import NormalizerMetrics
from tocsin_runtime.clock import Clock
from tocsin_runtime.errors import Recoverable
from tocsin_runtime.log import GroupReader, LogReader, NotAssigned

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerLimits:
    """What bounds a worker's batches and waits."""

    batch: BatchLimits
    poll_s: float
    commit_s: float


class Worker:
    """Normalizes the partitions that the group gives it, until told to stop."""

    def __init__(
        self,
        *,
        group: GroupReader,
        log: LogReader,
        lanes: Lanes,
        recovery: Recovery,
        pipeline: Pipeline,
        metrics: NormalizerMetrics,
        clock: Clock,
        limits: WorkerLimits,
    ) -> None:
        self._group = group
        self._log = log
        self._started = False
        self._lanes = lanes
        self._recovery = recovery
        self._pipeline = pipeline
        self._metrics = metrics
        self._clock = clock
        self._limits = limits
        self._stopping = asyncio.Event()
        self._failures = 0
        self._trouble: str | None = "not started"
        self._committed: dict[int, int] = {}
        self._committed_at = clock.monotonic()

    async def run(self) -> None:
        """Work until `stop`; then say where it stands and leave the group.

        Raises:
            Fatal: going on would do harm.
        """
        try:
            while not self._stopping.is_set():
                try:
                    await self._turn()
                    self._trouble, self._failures = None, 0
                except Recoverable as error:
                    await self._wait_after(error)
            await self._commit()
        finally:
            await self._group.close()

    def stop(self) -> None:
        """Take no more batches; the one under way is finished."""
        self._stopping.set()

    def trouble(self) -> str | None:
        """Say why this worker, or any of its partitions, does not advance; None when all do."""
        waiting = [f"partition {lane.partition}: {lane.reason}" for lane in self._lanes if lane.reason is not None]
        return self._trouble or ("; ".join(waiting) or None)

    def standings(self) -> dict[int, int]:
        """Give the next offset of each partition that flows, for the watchdog."""
        return {lane.partition: lane.next for lane in self._lanes if lane.start is not None and lane.reason is None}

    async def _turn(self) -> None:
        if not self._started:
            await self._log.start()
            await self._group.start()
            self._started = True
        await self._pipeline.ready()
        self._lanes.follow()
        await self._recover()
        runnable = self._lanes.runnable()
        if not runnable:
            await self._poll()
            self._lanes.follow()
            runnable = self._lanes.runnable()
        if runnable:
            await self._pipeline.run(runnable)
        self._show()
        if self._clock.monotonic() - self._committed_at >= self._limits.commit_s:
            await self._commit()

    async def _recover(self) -> None:
        """Find where lanes go on whose time has come."""
        for lane in self._lanes.due():
            try:
                with self._metrics.stage.labels("recover").time():
                    start = await self._recovery.find(lane.partition)
                self._group.begin(lane.partition, start.next)
            except NotAssigned:
                continue  # the next turn follows the assignment
            except Recoverable as error:
                self._lanes.delay(lane, "recover", str(error))
                continue
            self._group.resume(lane.partition)
            lane.begin(start, singles=self._limits.batch.records)
            _log.info("partition.begun", partition=lane.partition, next=start.next, mode=start.mode.value, deaths=start.deaths)

    async def _poll(self) -> None:
        """Wait for records, or until a lane falls due."""
        polled = await self._group.poll(self._limits.batch.records, self._lanes.next_due_s(self._limits.poll_s))
        for partition, records in polled.items():
            lane = self._lanes.get(partition)
            if lane is not None and lane.start is not None:
                lane.pending.extend(records)

    async def _wait_after(self, error: Recoverable) -> None:
        """Wait after the log failed us, unless told to stop meanwhile."""
        self._failures += 1
        self._trouble = str(error)
        self._metrics.troubles.labels("log").inc()
        _log.warning("worker.waits", reason=str(error), failures=self._failures)
        try:
            async with asyncio.timeout(self._lanes.wait_s(self._failures)):
                await self._stopping.wait()
        except TimeoutError:
            pass

    def _show(self) -> None:
        ends = self._group.ends()
        for lane in self._lanes:
            if lane.start is not None:
                self._metrics.next.labels(str(lane.partition)).set(lane.next)
                self._metrics.lag.labels(str(lane.partition)).set(max(0, ends.get(lane.partition, lane.next) - lane.next))

    async def _commit(self) -> None:
        """Tell the group where each partition stands: a hint, so a failure costs nothing."""
        self._committed_at = self._clock.monotonic()
        moved = {
            lane.partition: (lane.next, "")
            for lane in self._lanes
            if lane.start is not None and lane.next != self._committed.get(lane.partition) and lane.next > lane.start.next
        }
        if not moved:
            return
        try:
            await self._group.commit(moved)
        except Recoverable as error:
            _log.info("commit.skipped", reason=str(error))
            return
        self._committed.update({partition: following for partition, (following, _) in moved.items()})
