"""The lanes of one worker: which partitions it looks after, and when each may be tried again."""

from collections.abc import Iterator

import structlog

from tocsin_normalizer.handler.lane import Lane
from tocsin_normalizer.metrics import NormalizerMetrics
from tocsin_normalizer.ports import Jitter
from tocsin_runtime.clock import Clock
from tocsin_runtime.log import GroupReader
from tocsin_runtime.retry import RetryPolicy

_log = structlog.get_logger()


class Lanes:
    """Assigned partitions, each with its lane; follows the group's assignment."""

    def __init__(
        self,
        *,
        group: GroupReader,
        metrics: NormalizerMetrics,
        clock: Clock,
        jitter: Jitter,
        retry: RetryPolicy,
        claim_wait_s_max: float,
    ) -> None:
        self._group = group
        self._metrics = metrics
        self._clock = clock
        self._jitter = jitter
        self._retry = retry
        self._claim_wait_s_max = claim_wait_s_max
        self._lanes: dict[int, Lane] = {}

    def __iter__(self) -> Iterator[Lane]:
        """Give the lanes, as they are now."""
        return iter(list(self._lanes.values()))

    def get(self, partition: int) -> Lane | None:
        """Give the lane of a partition that is looked after."""
        return self._lanes.get(partition)

    def holds(self, lane: Lane) -> bool:
        """Tell whether this lane may still write: its partition was neither taken away nor started anew."""
        return self._lanes.get(lane.partition) is lane and self._holds_partition(lane)

    def follow(self) -> None:
        """Take the group's assignment: drop what went, claim what came after a random wait.

        The wait lets a last write of the former owner land before the tail is read; only repeats hang on it.
        """
        for partition in self._lanes.keys() - self._group.assigned():
            del self._lanes[partition]
            self._metrics.forget(partition)
            _log.info("partition.dropped", partition=partition)
        for partition in sorted(self._group.waiting()):
            lane = self._lanes.get(partition)
            if lane is None or lane.start is not None:
                wait = self._jitter() * self._claim_wait_s_max
                self._lanes[partition] = Lane(partition=partition, due=self._clock.monotonic() + wait, reason="just assigned")
                self._metrics.restarts.labels("assigned").inc()

    def restart(self, lane: Lane, cause: str, reason: str) -> None:
        """Send a partition back to the output's tail, after a wait."""
        self._group.pause(lane.partition)
        fresh = Lane(partition=lane.partition, due=0.0, reason=None, failures=lane.failures)
        self.delay(fresh, cause, reason)
        if self._lanes.get(lane.partition) is lane:
            self._lanes[lane.partition] = fresh
        self._metrics.restarts.labels(cause).inc()

    def delay(self, lane: Lane, what: str, reason: str) -> None:
        """Let a lane wait before it is tried again, longer each time."""
        lane.failures += 1
        lane.reason = reason
        lane.due = self._clock.monotonic() + self.wait_s(lane.failures)
        self._metrics.troubles.labels(what).inc()
        _log.warning("partition.waits", partition=lane.partition, what=what, reason=reason, failures=lane.failures)

    def wait_s(self, failures: int) -> float:
        """Say how long to wait after so many failures in a row."""
        now = self._clock.monotonic()
        wait = self._retry.wait_s(attempt=failures, started=now, now=now, jitter=self._jitter())
        return self._retry.wait_max_s if wait is None else wait

    def due(self) -> list[Lane]:
        """Give the lanes that have to read their tail now."""
        now = self._clock.monotonic()
        return [lane for lane in self._lanes.values() if lane.start is None and lane.due <= now]

    def runnable(self) -> list[Lane]:
        """Give the lanes that have a batch to map now."""
        now = self._clock.monotonic()
        return [lane for lane in self._lanes.values() if lane.runnable(now)]

    def next_due_s(self, at_most: float) -> float:
        """Say for how long nothing falls due, at most `at_most` seconds."""
        now = self._clock.monotonic()
        waits = [lane.due - now for lane in self._lanes.values() if lane.start is None or lane.pending]
        return max(0.0, min([*waits, at_most]))

    def _holds_partition(self, lane: Lane) -> bool:
        return lane.partition in self._group.assigned() and lane.partition not in self._group.waiting()
