"""The gateway's appender: group commit, one round of all partitions in one request for each leader broker.

Whatever came while the last round was under way goes into the next one, so batches grow with the load and an idle
log answers at once. Each lane (leader broker) has its own rounds, so a broker that stalls holds only its own.

A producer that reported any error is replaced and its batch never sent again: the callers were told *maybe stored*,
and a second copy from us would only add to theirs.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Sequence

import structlog

from tocsin_runtime.clock import Clock
from tocsin_runtime.log import (
    DEFAULT_APPEND_LIMITS,
    HEADROOM,
    AppendBusy,
    AppendFailed,
    AppendLimits,
    AppendTimeout,
    AppendTooLarge,
    Entry,
    entry_size,
)
from tocsin_runtime.producer import Opener, Producer, ProducerError

_log = structlog.get_logger()
_UNKNOWN_LANE = -1
_DISCONNECT_S = 2.0


class _Waiting:
    """One call of `append` that has no answer yet."""

    __slots__ = ("entry", "future", "size")

    def __init__(self, entry: Entry, size: int, future: asyncio.Future[int]) -> None:
        self.entry: Entry | None = entry
        self.size = size
        self.future = future


class GroupCommit:
    """An `Appender` over any producer."""

    def __init__(self, opener: Opener, *, clock: Clock, limits: AppendLimits = DEFAULT_APPEND_LIMITS) -> None:
        self._opener = opener
        self._clock = clock
        self._limits = limits
        self._entry_max = limits.message_bytes_max - HEADROOM
        self._queues: defaultdict[int, deque[_Waiting]] = defaultdict(deque)
        self._queued_bytes = 0
        self._lanes: dict[int, asyncio.Task[None]] = {}
        self._in_round: set[int] = set()
        self._producer: Producer | None = None
        self._opening = asyncio.Lock()
        self._sent: defaultdict[int, int] = defaultdict(int)
        self._retiring: set[asyncio.Task[None]] = set()
        self._last_ack = clock.monotonic()
        self._closed = False  # takes no more
        self._ended = False  # sends no more

    @property
    def queued_bytes(self) -> int:
        """Bytes that wait for an answer."""
        return self._queued_bytes

    @property
    def last_ack_age_s(self) -> float:
        """Seconds since the last acknowledgement, or since construction."""
        return self._clock.monotonic() - self._last_ack

    async def start(self) -> None:
        """Connect; raises `AppendFailed` where that fails, and may be used all the same: it keeps trying."""
        try:
            await self._open()
        except ProducerError as error:
            raise AppendFailed(f"cannot reach the log: {error}") from error

    async def append(self, partition: int, entry: Entry) -> int:
        """Store `entry`; see `Appender.append`."""
        size = entry_size(entry)
        if size > self._entry_max:
            raise AppendTooLarge(size, self._entry_max)
        if self._closed or self._queued_bytes + size > self._limits.queued_bytes_max:
            raise AppendBusy("shutting down" if self._closed else None)
        loop = asyncio.get_running_loop()
        waiting = _Waiting(entry, size, loop.create_future())
        queue = self._queues[partition]
        queue.append(waiting)
        self._queued_bytes += size
        timer = loop.call_later(self._limits.deadline_s, _expire, waiting.future)
        self._wake(partition)
        try:
            return await waiting.future
        finally:
            timer.cancel()
            self._queued_bytes -= size
            waiting.entry = None
            # Answered entries must not pile up behind a round that a frozen broker holds.
            while queue and queue[0].future.done():
                queue.popleft()

    async def close(self, *, timeout_s: float = 5.0) -> None:
        """Take no more, wait for what is under way within the bound, disconnect. Never raises."""
        self._closed = True
        loop = asyncio.get_running_loop()  # its clock, not ours: this waits for real
        deadline = loop.time() + timeout_s
        while self._lanes and (left := deadline - loop.time()) > 0:
            await asyncio.wait(self._lanes.values(), timeout=left)
        self._ended = True
        lanes = set(self._lanes.values())
        for task in lanes:
            task.cancel()
        if lanes:  # one that was connecting must disconnect before we are gone
            await asyncio.wait(lanes, timeout=_DISCONNECT_S)
        for queue in self._queues.values():
            _fail(queue, AppendFailed("the process shut down before the broker answered"))
        if self._producer is not None:
            self._retire(self._producer, timeout_s=max(0.0, deadline - loop.time()))
        if self._retiring:
            await asyncio.wait(self._retiring)

    def _wake(self, partition: int) -> None:
        """Make sure that the lane of `partition` runs."""
        lane = _UNKNOWN_LANE if self._producer is None else self._producer.lane(partition)
        if lane not in self._lanes:
            self._lanes[lane] = asyncio.get_running_loop().create_task(self._run(lane), name=f"append lane {lane}")

    async def _run(self, lane: int) -> None:
        try:
            await asyncio.sleep(0)  # let the requests of this turn of the loop join the first round
            while (producer := await self._ready()) is not None:
                partitions = [p for p in self._idle() if producer.lane(p) == lane]
                if not partitions:
                    return
                await self._round(producer, partitions)
                for partition in partitions:
                    if self._queues[partition]:
                        self._wake(partition)  # its leader may have moved to a lane that sleeps
        finally:
            del self._lanes[lane]
            if not self._ended:
                for partition in self._idle():  # their leader is known by now, or moved meanwhile
                    self._wake(partition)

    def _idle(self) -> list[int]:
        """List the partitions that have something to send and nothing under way."""
        return [p for p, queue in self._queues.items() if queue and p not in self._in_round]

    async def _ready(self) -> Producer | None:
        """Give an open producer, trying as long as somebody waits; None when nobody does."""
        while self._producer is None:
            if not any(self._queues.values()):
                return None
            try:
                await self._open()
            except ProducerError as error:
                _log.warning("append.unavailable", reason=str(error))
                await asyncio.sleep(self._limits.retry_s)
        return self._producer

    async def _open(self) -> None:
        async with self._opening:  # one opening for all lanes
            if self._producer is None:
                self._sent.clear()
                self._producer = await self._opener()

    async def _round(self, producer: Producer, partitions: Sequence[int]) -> None:
        """Send one batch of each partition together and wait until all are answered."""
        self._in_round.update(partitions)
        fit = True
        pending: set[asyncio.Future[int]] = set()
        budget = self._limits.round_bytes_max
        try:
            for partition in partitions:
                batch, size = self._take(partition, min(self._entry_max, budget))
                if not batch:
                    continue
                budget -= size
                sent = await self._send(producer, partition, batch)
                if sent is None:
                    fit = False
                else:
                    pending.add(sent)
            if pending:
                done, late = await asyncio.wait(pending, timeout=self._limits.round_s)
                fit = fit and not late and all(not f.cancelled() and f.exception() is None for f in done)
        finally:
            self._in_round.difference_update(partitions)
        if not fit or max(self._sent.values(), default=0) >= self._limits.records_per_producer_max:
            self._retire(producer)

    def _take(self, partition: int, limit: int) -> tuple[list[_Waiting], int]:
        """Take what fits one batch off the queue, leaving out who was answered meanwhile."""
        queue, batch, size = self._queues[partition], [], 0
        while queue:
            waiting = queue[0]
            if waiting.entry is not None and not waiting.future.done():
                if size + waiting.size > limit:
                    break
                size += waiting.size
                batch.append(waiting)
            queue.popleft()
        return batch, size

    async def _send(self, producer: Producer, partition: int, batch: list[_Waiting]) -> asyncio.Future[int] | None:
        entries = [waiting.entry for waiting in batch if waiting.entry is not None]
        try:
            sent = await producer.send(partition, entries)
        except ProducerError as error:
            _log.warning("append.failed", partition=partition, entries=len(batch), reason=str(error))
            _fail(batch, AppendFailed(f"the log did not take the batch: {error}"))
            return None
        self._sent[partition] += len(batch)
        sent.add_done_callback(lambda future: self._settle(partition, batch, future))
        return sent

    def _settle(self, partition: int, batch: list[_Waiting], sent: asyncio.Future[int]) -> None:
        """Answer everybody in the batch."""
        error = asyncio.CancelledError() if sent.cancelled() else sent.exception()
        if error is not None:
            _log.warning("append.failed", partition=partition, entries=len(batch), reason=str(error))
            _fail(batch, AppendFailed(f"the log did not acknowledge: {error}"))
            return
        self._last_ack = self._clock.monotonic()
        for offset, waiting in enumerate(batch, sent.result()):
            if not waiting.future.done():
                waiting.future.set_result(offset)

    def _retire(self, producer: Producer, *, timeout_s: float = 2.0) -> None:
        """Let nothing more reach `producer`, and end it beside the others' work."""
        if self._producer is producer:
            self._producer = None
        task = asyncio.get_running_loop().create_task(producer.close(timeout_s=timeout_s), name="retire producer")
        self._retiring.add(task)
        task.add_done_callback(self._retiring.discard)


def _expire(future: asyncio.Future[int]) -> None:
    if not future.done():
        future.set_exception(AppendTimeout())


def _fail(batch: Sequence[_Waiting] | deque[_Waiting], error: AppendFailed) -> None:
    for waiting in list(batch):
        if not waiting.future.done():
            waiting.future.set_exception(type(error)(str(error)))
