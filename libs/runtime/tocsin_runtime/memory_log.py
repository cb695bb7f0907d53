"""The in-memory twin of the log: the same promises in one process, with faults on demand.

    log = MemoryLog(clock, {"tocsin.log": 3})
    log.fail_next_appends(1, stored=True)   # the broker stored it, the acknowledgement was lost
    log.freeze() ... log.thaw()             # a broker that stops answering
    log.drop_member(reader)                 # a member whose session ended without it knowing

Records get their append time from the clock, as topics with `LogAppendTime` do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tocsin_runtime.clock import Clock
from tocsin_runtime.errors import Invalid
from tocsin_runtime.group_commit import GroupCommit
from tocsin_runtime.log import (
    DEFAULT_APPEND_LIMITS,
    DEFAULT_WRITE_LIMITS,
    AppendLimits,
    Entry,
    Record,
    TopicInfo,
    TopicSpec,
    WriteLimits,
)
from tocsin_runtime.memory_group import Group, InMemoryGroupReader
from tocsin_runtime.memory_producer import InMemoryProducer
from tocsin_runtime.memory_reader import InMemoryReader
from tocsin_runtime.ordered_writer import OrderedWriter


class Signal:
    """Wakes everybody who waits, each time it is fired."""

    def __init__(self) -> None:
        self._waiting: set[asyncio.Future[None]] = set()

    def fire(self) -> None:
        """Wake all."""
        for future in self._waiting:
            if not future.done():
                future.set_result(None)
        self._waiting.clear()

    async def wait(self, timeout_s: float | None = None) -> None:
        """Wait for the next `fire`, or for `timeout_s`."""
        future = asyncio.get_running_loop().create_future()
        self._waiting.add(future)
        try:
            await asyncio.wait({future}, timeout=timeout_s)
        finally:
            self._waiting.discard(future)


@dataclass(slots=True, kw_only=True)
class Partition:
    """The records of one partition, from `earliest` on."""

    earliest: int = 0
    records: list[Record] = field(default_factory=list)

    @property
    def next(self) -> int:
        """The offset of the next record."""
        return self.earliest + len(self.records)


@dataclass(slots=True, kw_only=True)
class Topic:
    """One topic and its settings."""

    topic_id: str
    partitions: list[Partition]
    config: dict[str, str] = field(default_factory=dict)


class MemoryLog:
    """A `Log` in this process's memory."""

    def __init__(self, clock: Clock, topics: Mapping[str, int] | None = None) -> None:
        """Make a log with `topics` (name and number of partitions)."""
        self.clock = clock
        self.topics: dict[str, Topic] = {}
        self.changed = Signal()
        self.thawed = asyncio.Event()
        self.thawed.set()
        self._groups: dict[tuple[str, str], Group] = {}
        self._failures: list[bool] = []
        self._made = 0
        for name, partitions in (topics or {}).items():
            self.make_topic(TopicSpec(name=name, partitions=partitions))

    def appender(self, topic: str, limits: AppendLimits = DEFAULT_APPEND_LIMITS) -> GroupCommit:
        """Make an appender: the same group commit as over Kafka."""

        async def opened() -> InMemoryProducer:
            return InMemoryProducer(self, topic)

        return GroupCommit(opened, clock=self.clock, limits=limits)

    def writer(self, topic: str, limits: WriteLimits = DEFAULT_WRITE_LIMITS) -> OrderedWriter:
        """Make a batch writer: the same as over Kafka."""

        async def opened() -> InMemoryProducer:
            return InMemoryProducer(self, topic)

        return OrderedWriter(opened, limits=limits)

    def group_reader(self, topic: str, group: str) -> InMemoryGroupReader:
        """Make a member of `group` on `topic`."""
        known = self._groups.setdefault((topic, group), Group(self, topic))
        return InMemoryGroupReader(self, known)

    def reader(self) -> InMemoryReader:
        """Make a reader without a group."""
        return InMemoryReader(self)

    def admin(self) -> InMemoryAdmin:
        """Make an admin."""
        return InMemoryAdmin(self)

    # What tests do to it.

    def fail_next_appends(self, count: int = 1, *, stored: bool = False) -> None:
        """Refuse the next `count` batches; with `stored` they are kept and only the answer is lost."""
        self._failures += [stored] * count

    def freeze(self) -> None:
        """Answer nobody until `thaw`."""
        self.thawed.clear()

    def thaw(self) -> None:
        """Answer again, those who waited first."""
        self.thawed.set()
        self.changed.fire()

    def drop_member(self, reader: InMemoryGroupReader) -> None:
        """End the session of `reader`: the others get its partitions, then it joins anew."""
        reader.group.drop(reader)

    # What the parts do with it.

    def make_topic(self, spec: TopicSpec) -> None:
        """Make or widen a topic."""
        topic = self.topics.get(spec.name)
        if topic is None:
            self._made += 1
            topic = self.topics[spec.name] = Topic(topic_id=f"memory-{self._made}", partitions=[])
        topic.config.update(spec.config)
        topic.partitions += [Partition() for _ in range(spec.partitions - len(topic.partitions))]
        for (name, _), group in self._groups.items():
            if name == spec.name:
                group.rebalance()

    def partition(self, topic: str, number: int) -> Partition:
        """Find a partition; raises `LookupError`."""
        return self.topics[topic].partitions[number]

    def take_failure(self) -> bool | None:
        """Say whether the next batch fails, and if so whether it is stored."""
        return self._failures.pop(0) if self._failures else None

    def store(self, topic: str, number: int, entries: Sequence[Entry]) -> int:
        """Append `entries` now and give the first one's offset."""
        partition = self.partition(topic, number)
        base = partition.next
        at_ms = self.clock.now() // 1_000
        for offset, entry in enumerate(entries, base):
            partition.records.append(Record(number, offset, at_ms, entry.key, entry.value, list(entry.headers)))
        self.changed.fire()
        return base


class InMemoryAdmin:
    """A `LogAdmin` of the twin."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log

    async def start(self) -> None:
        """Connect to nothing."""

    async def ensure_topics(self, specs: Sequence[TopicSpec]) -> None:
        """Make what is missing; see `LogAdmin`."""
        for spec in specs:
            self._log.make_topic(spec)

    async def describe(self, topic: str) -> TopicInfo:
        """Describe `topic`; see `LogAdmin`."""
        known = self._log.topics.get(topic)
        if known is None:
            raise Invalid("no-such-topic", f"there is no topic {topic}")
        return TopicInfo(topic_id=known.topic_id, partitions=len(known.partitions))

    async def truncate(self, topic: str, partition: int, before: int) -> None:
        """Delete the records below `before`; see `LogAdmin`."""
        held = self._log.partition(topic, partition)
        gone = max(0, min(before, held.next) - held.earliest)
        del held.records[:gone]
        held.earliest += gone

    async def delete_topic(self, topic: str) -> None:
        """Delete `topic`; see `LogAdmin`."""
        self._log.topics.pop(topic, None)

    async def close(self) -> None:
        """Disconnect from nothing."""
