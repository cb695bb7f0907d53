"""Find where a partition goes on: the output's tail, the group's metadata, the release guard's history."""

import asyncio
from dataclasses import dataclass

import orjson

from tocsin_contracts.envelope import Kind, SourceStamp, kind_of, source_of
from tocsin_contracts.outcome import Mapped
from tocsin_contracts.topics import ALERTS, LOG
from tocsin_normalizer.domain.attempts import Announcement, Mode, mode
from tocsin_normalizer.domain.release import GuardLimits, ReleaseGuard
from tocsin_normalizer.domain.resume import CannotResume, Held, next_offset
from tocsin_normalizer.handler.batch import BatchMapper, judged, open_batch, refusal
from tocsin_normalizer.handler.crash_guard import CrashGuard
from tocsin_normalizer.handler.lane import BatchLimits, Start
from tocsin_runtime.errors import Fatal, Invalid, Recoverable, TocsinError
from tocsin_runtime.log import LogReader, Record


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardReach:
    """How far the release guard looks back and ahead."""

    limits: GuardLimits
    scan_records: int
    ahead_records: int
    ahead_bytes: int


class Recovery:
    """Reads what a lane needs to begin; writes nothing but announcements."""

    def __init__(
        self, *, log: LogReader, crashes: CrashGuard, mapper: BatchMapper, batch: BatchLimits, guard: GuardReach | None
    ) -> None:
        """Take the parts; `guard` is None where the release guard is off."""
        self._log = log
        self._crashes = crashes
        self._mapper = mapper
        self._batch = batch
        self._guard = guard

    async def find(self, partition: int) -> Start:
        """Find where an assigned partition goes on; see DESIGN 3, "Normalizer".

        Raises:
            Recoverable: the log or the settings do not answer; try again.
            Fatal: going on would skip records or write a broken release's failures; says what to do.
        """
        try:
            return await self._find(partition)
        except Invalid as error:
            raise Recoverable(f"partition {partition} changed while it was read: {error}") from error

    async def _find(self, partition: int) -> Start:
        # In this order a write in between can only be seen, never be missed.
        output = await self._log.bounds(ALERTS, partition)
        last = await self._log.last(ALERTS, partition)
        held = await self._log.bounds(LOG, partition)
        stamp = None if last is None else _stamp(partition, last)
        try:
            following = next_offset(partition, log=Held(*held), output=Held(*output), tail=stamp)
        except CannotResume as error:
            raise Fatal(str(error)) from error
        tail = -1 if stamp is None else stamp.position.offset
        deaths = await self._crashes.deaths(partition, tail)
        how = mode(deaths)
        guard = await self._history(partition, output.earliest, output.next, stamp)
        start = Start(next=following, tail=tail, deaths=deaths, mode=how, guard=guard)
        if guard is not None and how is Mode.NORMAL and guard.watching():
            await self._announced_rehearsal(partition, start, guard)
        return start

    async def _history(self, partition: int, earliest: int, following: int, stamp: SourceStamp | None) -> ReleaseGuard | None:
        """Remember the output's last outcomes, if another release wrote any of them."""
        reach = self._guard
        if reach is None or stamp is None:
            return None
        first = max(earliest, following - reach.scan_records)
        oldest = await self._log.read(ALERTS, partition, first, max_records=1)
        if {_release(record) for record in oldest} | {stamp.release} == {self._mapper.release}:
            return None
        guard = ReleaseGuard(self._mapper.release, reach.limits)
        async for records in self._log.scan(ALERTS, partition, first, following):
            for record in records:
                outcome = _outcome(record)
                if outcome is not None:
                    guard.remember(_release(record), self._mapper.known(outcome[0]), outcome[1])
        return guard

    async def _announced_rehearsal(self, partition: int, start: Start, guard: ReleaseGuard) -> None:
        """Rehearse under an announcement, as a batch is mapped.

        After a death the rehearsal is left out: it may reach a record far behind the tail that kills, and the crash
        guard would blame the one at the tail. Batches are judged before they are written all the same.
        """
        announcement = {partition: Announcement(start.tail, start.deaths + 1)}
        await self._crashes.announce(announcement)
        try:
            await self._rehearse(partition, start.next, guard.fork())
        except (TocsinError, asyncio.CancelledError):  # anything else ends the process: a death
            await self._crashes.take_back(announcement)
            raise
        await self._crashes.take_back(announcement)

    async def _rehearse(self, partition: int, start: int, guard: ReleaseGuard) -> None:
        """Judge the backlog before anything is written; ends at the log's end, or at a bound, and never waits for records."""
        assert self._guard is not None  # noqa: S101 - `guard` was made from it
        at, size = start, 0
        stop = start + self._guard.ahead_records
        while guard.watching() and at < stop and size < self._guard.ahead_bytes:
            most = min(self._batch.records, stop - at)
            records = await self._log.read(LOG, partition, at, max_records=most, max_bytes=self._batch.bytes)
            if not records:
                return
            opened = open_batch(records)
            regression = guard.judge(judged(self._mapper.map(opened, await self._mapper.settings(opened))))
            if regression is not None:
                raise refusal(partition, self._mapper.release, regression)
            at = records[-1].offset + 1
            size += sum(len(record.value) for record in records)


def _stamp(partition: int, last: Record) -> SourceStamp:
    try:
        return source_of(last.headers)
    except ValueError as error:
        raise Fatal(
            f"{ALERTS} partition {partition} ends at offset {last.offset} with a record that no normalizer wrote: "
            "find what else writes there and stop it, then restore the topic from before that record"
        ) from error


def _release(record: Record) -> str:
    try:
        return source_of(record.headers).release
    except ValueError:
        return ""


def _outcome(record: Record) -> tuple[str, Mapped] | None:
    """Read source and outcome of an image; None for what is none, or is none of this release's."""
    if kind_of(record.headers) != Kind.DELIVERY:
        return None
    try:
        document = orjson.loads(record.value)
        return document["source"], Mapped(document["mapped"])
    except (ValueError, KeyError, TypeError):
        return None
