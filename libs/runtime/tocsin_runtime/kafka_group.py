"""A group member in two halves: one consumer is told what to look after, another fetches exactly what was asked.

aiokafka publishes an assignment before its listener can seek, delivers from the committed offset meanwhile, and only
logs an exception of the listener. So the member never delivers: it is paused, holds the session by its heartbeat and
carries the commits. The fetching consumer is in no group; its partitions and offsets are the ones `begin` gave.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError, OffsetOutOfRangeError
from aiokafka.structs import OffsetAndMetadata

from tocsin_runtime.delivery_window import DeliveryWindow
from tocsin_runtime.errors import Fatal
from tocsin_runtime.kafka_bootstrap import closing_bootstrap
from tocsin_runtime.kafka_producer import said
from tocsin_runtime.log import MIB, NotAssigned, ReadFailed, Record

START_S = 15.0
ANSWER_S = 5.0
SESSION_S = 6.0
"""The shortest that a broker with default settings allows (`group.min.session.timeout.ms`)."""
HEARTBEAT_MS = 500
_NEVER_MS = 2**31 - 1
_TROUBLE = (KafkaError, OSError, TimeoutError)


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]
    """Hears of rebalances; does no I/O and never waits, else the member would be expelled.

    The ignore: aiokafka has no types, so its base class is Any.
    """

    def __init__(self, reader: KafkaGroupReader) -> None:
        self._reader = reader

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Hold still until the new assignment is known."""
        del revoked
        self._reader.rebalancing()

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Take the new assignment."""
        self._reader.rebalanced(frozenset(assigned))


class KafkaGroupReader:
    """A `GroupReader` on Kafka."""

    def __init__(self, bootstrap: str, topic: str, group: str, *, session_s: float = SESSION_S) -> None:
        """Prepare a member; one that dies is missed after `session_s`, and its partitions wait for so long."""
        self._bootstrap = bootstrap
        self._topic = topic
        self._group = group
        self._session_ms = round(session_s * 1000)
        self._window = DeliveryWindow()
        self._stirred = asyncio.Event()
        self._member: Any = None
        self._fetcher: Any = None
        self._fetching: frozenset[int] = frozenset()
        self._stale = True
        self._holding = True
        self._session: tuple[str, int] = ("", -1)
        self._strayed: set[int] = set()

    async def start(self) -> None:
        """Join the group; see `GroupReader`."""
        self._fetcher = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap,
            auto_offset_reset="none",
            enable_auto_commit=False,
            max_partition_fetch_bytes=MIB,
            fetch_max_bytes=16 * MIB,
            retry_backoff_ms=50,
            request_timeout_ms=10_000,
            metadata_max_age_ms=30_000,
        )
        self._member = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap,
            group_id=self._group,
            auto_offset_reset="latest",  # what it would fetch is never delivered
            enable_auto_commit=False,
            session_timeout_ms=self._session_ms,
            heartbeat_interval_ms=min(HEARTBEAT_MS, self._session_ms // 4),
            max_poll_interval_ms=_NEVER_MS,  # it is never polled; `tocsin_runtime.watchdog` sees a stuck loop
            max_partition_fetch_bytes=1,
            retry_backoff_ms=50,
            request_timeout_ms=10_000,
            metadata_max_age_ms=30_000,
        )
        self._member.subscribe([self._topic], listener=_Listener(self))
        try:
            async with asyncio.timeout(START_S):
                with closing_bootstrap():
                    await self._fetcher.start()
                    await self._member.start()
        except _TROUBLE as error:
            await self.close()
            raise ReadFailed(f"cannot join group {self._group} at {self._bootstrap}: {said(error)}") from error

    def assigned(self) -> frozenset[int]:
        """Give the partitions that the group gave this member."""
        return self._window.assigned()

    def waiting(self) -> frozenset[int]:
        """Give the assigned partitions that `begin` was not called for since they came."""
        return self._window.waiting()

    async def wait_assignment_change(self) -> None:
        """Wait until the assignment changes; see `GroupReader`."""
        await self._window.wait_change()

    def begin(self, partition: int, offset: int) -> None:
        """Deliver `partition` from `offset` on; see `GroupReader`."""
        self._window.begin(partition, offset)
        self._strayed.discard(partition)
        self._stale = True

    async def poll(self, max_records: int, timeout_s: float) -> dict[int, list[Record]]:
        """Give up to `max_records` records; see `GroupReader`."""
        self._stirred.clear()
        if not self._holding:
            self._follow()
        flowing = self._window.flowing()
        if self._holding or not flowing:
            await _within(self._stirred.wait(), timeout_s)
            return {}
        return self._deliver(await self._fetch(max_records, timeout_s))

    def pause(self, partition: int) -> None:
        """Deliver nothing of `partition` until `resume`."""
        self._window.pause(partition)
        if partition in self._fetching:
            self._fetcher.pause(self._at(partition))

    def resume(self, partition: int) -> None:
        """Undo `pause`."""
        self._window.resume(partition)
        if partition in self._fetching:
            self._fetcher.resume(self._at(partition))

    def ends(self) -> dict[int, int]:
        """Give the log's end of begun partitions, as the last fetch told."""
        ends = {number: self._fetcher.highwater(self._at(number)) for number in self._fetching & self._window.begun()}
        return {number: int(end) for number, end in ends.items() if end is not None}

    async def commit(self, offsets: Mapping[int, tuple[int, str]]) -> None:
        """Tell the group where this member is; see `GroupReader`."""
        if self._member is None:
            raise NotAssigned("this member has left the group")
        hints = {self._at(number): OffsetAndMetadata(*hint) for number, hint in offsets.items()}
        try:
            async with asyncio.timeout(ANSWER_S):
                await self._member.commit(hints)
        except IllegalStateError as error:
            raise NotAssigned(said(error)) from error
        except _TROUBLE as error:
            raise ReadFailed(f"group {self._group} took no commit: {said(error)}") from error

    async def committed(self, partition: int) -> tuple[int, str] | None:
        """Give what was last committed."""
        wanted = self._at(partition)
        try:
            async with asyncio.timeout(ANSWER_S):
                # The public call gives the offset without its metadata.
                found = await self._member._coordinator.fetch_committed_offsets([wanted])  # noqa: SLF001
        except _TROUBLE as error:
            raise ReadFailed(f"group {self._group} told no offset: {said(error)}") from error
        hint = found.get(wanted)
        return None if hint is None or hint.offset < 0 else (int(hint.offset), hint.metadata or "")

    async def close(self) -> None:
        """Leave the group at once."""
        member, self._member = self._member, None
        fetcher, self._fetcher = self._fetcher, None
        self._fetching = frozenset()
        self._window.assign(frozenset(), kept=frozenset())
        for consumer in (member, fetcher):
            if consumer is not None:
                await _within(consumer.stop(), ANSWER_S)

    # Called by the listener, inside aiokafka's coordinator.

    def rebalancing(self) -> None:
        """Deliver nothing until the new assignment is known."""
        self._holding = True
        self._stirred.set()

    def rebalanced(self, partitions: frozenset[TopicPartition]) -> None:
        """Take the new assignment; what stayed here in two generations in a row goes on."""
        self._member.pause(*partitions)
        numbers = frozenset(partition.partition for partition in partitions)
        coordinator = self._member._coordinator  # noqa: SLF001 - the generation is told nowhere else
        session = (str(coordinator.member_id), int(coordinator.generation))
        unbroken = session == (self._session[0], self._session[1] + 1)
        kept = numbers & self._window.assigned() if unbroken else frozenset()
        self._session = session
        self._window.assign(numbers, kept=kept)
        self._holding = False
        self._stale = True
        self._stirred.set()

    def _follow(self) -> None:
        """Let the fetcher fetch what has begun, each from where the last delivery ended."""
        if not self._stale:
            return
        self._stale = False
        begun = self._window.begun()
        self._fetching = begun
        if not begun:
            return
        self._fetcher.assign([self._at(number) for number in sorted(begun)])
        for number in begun:
            self._fetcher.seek(self._at(number), self._window.next(number))
        if paused := self._window.paused():
            self._fetcher.pause(*map(self._at, paused))

    async def _fetch(self, max_records: int, timeout_s: float) -> dict[TopicPartition, list[Any]]:
        """Wait for records, or for a rebalance."""
        loop = asyncio.get_running_loop()
        wait_ms = max(1, round(timeout_s * 1000))
        fetch = loop.create_task(self._fetcher.getmany(timeout_ms=wait_ms, max_records=max_records))
        stir = loop.create_task(self._stirred.wait())
        try:
            await asyncio.wait({fetch, stir}, return_when=asyncio.FIRST_COMPLETED)
            if not fetch.done():
                return {}
            return await self._fetched(fetch)
        finally:
            stir.cancel()
            if not fetch.done():
                fetch.cancel()
            await asyncio.wait({fetch, stir})

    async def _fetched(self, fetch: asyncio.Task[Any]) -> dict[TopicPartition, list[Any]]:
        try:
            found: dict[TopicPartition, list[Any]] = await fetch
        except OffsetOutOfRangeError as error:
            self._stale = True
            lost = next(iter(error.args[0]), None) if error.args and isinstance(error.args[0], dict) else None
            if lost is not None and lost.partition in self._window.begun():
                raise self._window.out_of_range(self._topic, lost.partition) from error
            return {}
        except _TROUBLE as error:
            self._stale = True
            raise ReadFailed(f"{self._topic}: {said(error)}") from error
        return found

    def _deliver(self, fetched: Mapping[TopicPartition, list[Any]]) -> dict[int, list[Record]]:
        """Pass on what continues each partition exactly; anything else is fetched again."""
        out: dict[int, list[Record]] = {}
        if self._holding:
            self._stale = True  # a rebalance began while they were on their way
            return out
        for at, records in fetched.items():
            number = at.partition
            if number not in self._window.flowing():
                self._stale = True  # taken from the fetcher and not delivered: seek back to it
                continue
            wanted = self._window.next(number)
            fresh = [record for record in records if record.offset >= wanted]
            if not fresh:
                continue
            if fresh[0].offset != wanted:
                self._stray(number, wanted, fresh[0].offset)
                continue
            self._strayed.discard(number)
            self._window.delivered(number, fresh[-1].offset + 1)
            out[number] = [Record(number, r.offset, r.timestamp, r.key, r.value or b"", list(r.headers)) for r in fresh]
        return out

    def _stray(self, partition: int, wanted: int, got: int) -> None:
        """Seek back once; if the records are still not there, they are gone."""
        if partition in self._strayed:
            raise Fatal(
                f"{self._topic} partition {partition} goes from offset {wanted} to {got}: records are missing. "
                "Restore the log, or rebuild from what it holds"
            )
        self._strayed.add(partition)
        self._stale = True

    def _at(self, partition: int) -> TopicPartition:
        return TopicPartition(self._topic, partition)


async def _within(work: Any, timeout_s: float) -> None:
    """Run `work` within the bound; give up silently: it only waits, or ends what is to be left anyway."""
    try:
        async with asyncio.timeout(timeout_s):
            await work
    except _TROUBLE:
        return
