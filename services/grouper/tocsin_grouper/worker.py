"""The grouper's loop: partitions come and go with the consumer group; the fence alone decides who writes."""

import asyncio
from collections.abc import Callable

import structlog

from tocsin_grouper.metrics import GrouperMetrics
from tocsin_grouper.ownership import Connect, Ownership, take
from tocsin_runtime import postgres
from tocsin_runtime.clock import Clock
from tocsin_runtime.errors import Recoverable
from tocsin_runtime.fence import Fenced
from tocsin_runtime.log import GroupReader, NotAssigned, ReadFailed, Record
from tocsin_runtime.retry import FOREVER

_log = structlog.get_logger()


class Worker:
    """Folds every partition that is assigned to it; each has a connection of its own, so their writes overlap."""

    def __init__(
        self,
        *,
        reader: GroupReader,
        topic_id: str,
        connect: Connect,
        metrics: GrouperMetrics,
        clock: Clock,
        batch_records: int,
        cached_records: int,
        retention_days: int,
        claim_backoff_s: float,
        draw: Callable[[], float],
    ) -> None:
        """Wire a worker; `draw` gives numbers of 0..1 for random waits."""
        self._reader = reader
        self._topic_id = topic_id
        self._connect = connect
        self._metrics = metrics
        self._clock = clock
        self._batch_records = batch_records
        self._cached_records = cached_records
        self._retention_days = retention_days
        self._claim_backoff_s = claim_backoff_s
        self._draw = draw
        self._owned: dict[int, Ownership] = {}
        self._unclaimed: set[int] = set()  # lost while assigned: claimed anew at the next turn
        self._told: dict[int, int] = {}
        self._failures = 0
        self._stopping = asyncio.Event()
        self.trouble: str | None = None
        """Why nothing moves, if nothing does; for readiness."""

    @property
    def owned(self) -> frozenset[int]:
        """Partitions that this worker claimed."""
        return frozenset(self._owned)

    def next_offsets(self) -> dict[int, int]:
        """Give the next image of each partition that this worker claimed."""
        return {partition: ownership.handler.claim.next for partition, ownership in self._owned.items()}

    def stop(self) -> None:
        """Finish the batches at hand, then return from `run`."""
        self._stopping.set()

    async def run(self) -> None:
        """Fold until told to stop.

        Raises:
            Fatal: a gap, an unknown record, a projection of another release, a constraint that our own row broke.
        """
        while not self._stopping.is_set():
            try:
                await self._turn()
                self._failures, self.trouble = 0, None
            except (Recoverable, ReadFailed) as error:
                await self._rest(error)
        await self.release()

    async def release(self) -> None:
        """Give every partition up."""
        for partition in list(self._owned):
            await self._drop(partition)

    async def _turn(self) -> None:
        """Claim what waits, fold what came, tell the group how far."""
        for partition in self._owned.keys() - self._reader.assigned():
            await self._drop(partition)
        self._unclaimed &= self._reader.assigned()
        for partition in sorted(self._reader.waiting() | self._unclaimed):
            await self._claim(partition)
        batches = await self._reader.poll(self._batch_records, 1.0)
        results = await asyncio.gather(*(self._fold(p, records) for p, records in batches.items()), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result
        await self._tell()

    async def _claim(self, partition: int) -> None:
        """Take a partition over, behind a random wait longer than a batch: its former owner may be in the middle of one."""
        await self._drop(partition)
        await self._pause(self._claim_backoff_s * (0.5 + self._draw() / 2))
        if self._stopping.is_set() or partition not in self._reader.assigned():
            return
        ownership = await take(
            self._connect, partition, self._topic_id, cached_max=self._cached_records, retention_days=self._retention_days
        )
        self._owned[partition] = ownership
        self._unclaimed.discard(partition)
        claim = ownership.handler.claim
        _log.info("partition.claimed", partition=partition, next=claim.next, source_next=claim.source_next, epoch=claim.epoch)
        self._begin(partition, claim.next)

    async def _fold(self, partition: int, records: list[Record]) -> None:
        """Fold one partition's records; whatever fails, its memory goes and the partition is claimed anew."""
        ownership = self._owned.get(partition)
        if ownership is None:
            return
        started = self._clock.monotonic()
        try:
            async with postgres.translated():
                changes = await ownership.handler.handle(records)
        except Fenced as error:
            _log.warning("partition.fenced", partition=partition, reason=str(error))
            self._metrics.errors.labels("fenced").inc()
            await self._reclaim(partition)
            return
        except Recoverable:
            self._metrics.errors.labels("recoverable").inc()
            await self._reclaim(partition)
            raise
        self._metrics.count(changes, len(records), self._clock.now())
        self._metrics.batch_seconds.observe(self._clock.monotonic() - started)
        self._metrics.timers.labels(str(partition)).set(len(ownership.handler.state.timers))

    async def _reclaim(self, partition: int) -> None:
        """Drop a partition and take it over anew, from what PostgreSQL says; trouble is left to the next turn."""
        await self._drop(partition)
        self._reader.pause(partition)
        self._unclaimed.add(partition)

    async def _drop(self, partition: int) -> None:
        ownership = self._owned.pop(partition, None)
        if ownership is not None:
            await ownership.release()

    def _begin(self, partition: int, offset: int) -> None:
        try:
            self._reader.begin(partition, offset)
            self._reader.resume(partition)
        except NotAssigned:
            _log.info("partition.gone", partition=partition)

    async def _tell(self) -> None:
        """Tell the group how far we are: a hint for tools."""
        nexts = self.next_offsets()
        hints = {p: (n, "") for p, n in nexts.items() if self._told.get(p) != n}
        if hints:
            await self._reader.commit(hints)
            self._told.update({partition: offset for partition, (offset, _) in hints.items()})

    async def _rest(self, error: Exception) -> None:
        """Wait before the next try, longer each time up to a bound."""
        self._failures += 1
        if self.trouble is None:
            _log.warning("grouper.waiting", reason=str(error))
        self.trouble = str(error)
        wait = FOREVER.wait_s(attempt=self._failures, started=0.0, now=0.0, jitter=self._draw())
        await self._pause(wait or 0.0)

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return
