"""The log seam: what Tocsin asks of Kafka, and nothing more.

A log is topics of partitions of records. Offsets of a partition are 0, 1, 2 … without gaps (no transactions, no
compaction); `next` always means the offset after the last one. Two implementations pass one contract suite
(`tests/contract`): `tocsin_runtime.kafka_log.KafkaLog` and `tocsin_runtime.memory_log.MemoryLog`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from tocsin_runtime.errors import Invalid, Recoverable

MIB = 1 << 20
HEADROOM = 1_024
"""Bytes kept free below a topic's `max.message.bytes` for the batch's own header and rounding."""

Headers = list[tuple[str, bytes]]


class Record(NamedTuple):
    """One stored record. A named tuple because millions are made: immutable, and the cheapest to build."""

    partition: int
    offset: int
    appended_at_ms: int
    """The broker's append time, milliseconds since the epoch, where the topic has `LogAppendTime`."""
    key: bytes | None
    value: bytes
    headers: Headers


class Entry(NamedTuple):
    """One record to be stored."""

    key: bytes | None
    value: bytes
    headers: Headers


def entry_size(entry: Entry | Record) -> int:
    """Give an upper bound of the bytes that `entry` takes in a batch, uncompressed."""
    size = 64 + len(entry.value) + (len(entry.key) if entry.key is not None else 0)
    for name, value in entry.headers:
        size += 16 + 4 * len(name) + len(value)  # a character is at most four bytes
    return size


class AppendFailed(Recoverable):
    """The broker did not acknowledge: the entry may be stored or not."""


class AppendTimeout(AppendFailed):
    """No acknowledgement within the deadline: the entry may be stored or not."""


class AppendBusy(Recoverable):
    """Too much is waiting already: nothing was stored."""


class AppendTooLarge(Invalid):
    """The entry exceeds what the topic takes: nothing was stored, and trying again is useless."""

    def __init__(self, size: int, limit: int) -> None:
        super().__init__("too-large", f"the record takes {size} bytes, the topic takes {limit}")
        self.size = size
        self.limit = limit


class WriteFailed(Recoverable):
    """A batch failed: what it held may be stored or not; `reopen`, read the tail, go on behind it."""


class Interleaved(WriteFailed):
    """Somebody else writes this partition too: `reopen`, read the tail, go on behind it."""


class NotAssigned(Recoverable):
    """The partition is no longer assigned to this member: forget it."""


class ReadFailed(Recoverable):
    """The broker did not give the records."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AppendLimits:
    """What bounds an appender."""

    deadline_s: float = 4.0
    """From `append` to its answer; below the sender's patience and the promise of 5 s."""
    queued_bytes_max: int = 64 * MIB
    message_bytes_max: int = 2 * MIB
    """The topic's `max.message.bytes`; entries and batches stay `HEADROOM` below it."""
    round_bytes_max: int = 32 * MIB
    """Bytes of one request; below the broker's `socket.request.max.bytes`."""
    round_s: float = 20.0
    """After so long without an answer the producer is thrown away."""
    retry_s: float = 0.2
    """Between two attempts to open a producer."""
    records_per_producer_max: int = 2_000_000_000
    """Records of one partition after which a fresh producer is used: aiokafka's sequence breaks at 2^31."""


DEFAULT_APPEND_LIMITS = AppendLimits()


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteLimits:
    """What bounds a batch writer."""

    batch_s: float = 15.0
    """Longest wait for one batch's acknowledgement."""
    message_bytes_max: int = 8 * MIB
    """The topic's `max.message.bytes`; entries and batches stay `HEADROOM` below it."""


DEFAULT_WRITE_LIMITS = WriteLimits()


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicSpec:
    """A topic as it should be; `config` are Kafka's topic settings, e.g. `{"retention.ms": "86400000"}`."""

    name: str
    partitions: int
    config: Mapping[str, str] = field(default_factory=dict)
    replication: int = -1
    """Copies of each partition; -1 is the broker's default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicInfo:
    """A topic as it is. `topic_id` is new when the topic is deleted and made again under the same name."""

    topic_id: str
    partitions: int


class Bounds(NamedTuple):
    """What a partition holds: `earliest` is the first offset still there, `next` the one after the last."""

    earliest: int
    next: int


class Appender(Protocol):
    """Stores single entries for many concurrent callers, each answered when its own entry is safe."""

    async def start(self) -> None:
        """Connect; raises `AppendFailed` where that fails, and may be used all the same: it keeps trying."""

    async def append(self, partition: int, entry: Entry) -> int:
        """Store `entry` and give its offset once all in-sync replicas have it.

        Returns or raises within `deadline_s`. Entries of one partition are stored in the order of their calls.
        A cancelled call is as one that timed out: maybe stored.

        Raises:
            AppendTooLarge, AppendBusy: surely not stored.
            AppendTimeout, AppendFailed: maybe stored.
        """

    @property
    def queued_bytes(self) -> int:
        """Bytes that wait for an answer."""

    @property
    def last_ack_age_s(self) -> float:
        """Seconds since the last acknowledgement, or since construction."""

    async def close(self, *, timeout_s: float = 5.0) -> None:
        """Take no more, wait for what is under way within the bound, disconnect. Never raises."""


class BatchWriter(Protocol):
    """Stores batches for a single caller a partition, strictly in order."""

    async def start(self) -> None:
        """Connect; raises `WriteFailed` where that fails."""

    async def write(self, partition: int, entries: Sequence[Entry]) -> int:
        """Store all `entries` side by side and give the offset of the first.

        More than one Kafka batch may be needed; they go one after the other and the first failure stops the rest.
        Different partitions may be written at the same time.

        Raises:
            AppendTooLarge: an entry is too large; nothing was stored.
            WriteFailed: a part may be stored; nothing more is taken until `reopen`.
            Interleaved: all may be stored, and so is somebody else's.
        """

    async def reopen(self) -> None:
        """Throw the producer away and connect anew; raises `WriteFailed` where that fails."""

    async def close(self, *, timeout_s: float = 5.0) -> None:
        """Disconnect. Never raises."""


class GroupReader(Protocol):
    """A member of a consumer group, which spreads partitions and is never trusted for correctness.

    The group only says what to look after (`assigned`). Nothing is delivered from a partition until `begin` says
    where from; after a rebalance a partition that stayed with this member all along goes on, every other one is
    `waiting` again. Offsets committed to the group are hints for tools. Use from one task.
    """

    async def start(self) -> None:
        """Join the group; raises `ReadFailed` where the broker does not answer."""

    def assigned(self) -> frozenset[int]:
        """Give the partitions that the group gave this member."""

    def waiting(self) -> frozenset[int]:
        """Give the assigned partitions that `begin` was not called for since they came."""

    async def wait_assignment_change(self) -> None:
        """Wait until the assignment changes; returns at once if it changed since the last return."""

    def begin(self, partition: int, offset: int) -> None:
        """Deliver `partition` from `offset` on; again to move. Raises `NotAssigned`."""

    async def poll(self, max_records: int, timeout_s: float) -> dict[int, list[Record]]:
        """Give up to `max_records` records, as soon as there are any; else nothing, after `timeout_s`.

        Only of begun partitions that are still assigned; each list is in offset order, without gap or repeat, from
        where the last one ended. Returns early, maybe empty, when the assignment changes.

        Raises:
            ReadFailed: the broker has trouble; poll again.
            Fatal: the offset asked for is gone from the log, or beyond its end.
        """

    def pause(self, partition: int) -> None:
        """Deliver nothing of `partition` until `resume`; unknown partitions are passed over."""

    def resume(self, partition: int) -> None:
        """Undo `pause`."""

    def ends(self) -> dict[int, int]:
        """Give the log's end (next offset to be written) as last seen, of begun partitions; for lag."""

    async def commit(self, offsets: Mapping[int, tuple[int, str]]) -> None:
        """Tell the group `{partition: (next offset, metadata)}`: a hint. Raises `ReadFailed`, `NotAssigned`."""

    async def committed(self, partition: int) -> tuple[int, str] | None:
        """Give what was last committed for an assigned partition by any member. Raises `ReadFailed`."""

    async def close(self) -> None:
        """Leave the group at once, so that others take over. Never raises."""


class LogReader(Protocol):
    """Reads any part of any topic, outside of groups; safe for concurrent use."""

    async def start(self) -> None:
        """Connect; raises `ReadFailed` where that fails."""

    async def read(
        self, topic: str, partition: int, offset: int, *, max_records: int = 500, max_bytes: int = MIB
    ) -> list[Record]:
        """Give records from `offset` on, what is there now: none at the end, at least one before it.

        Raises:
            Invalid: `offset-out-of-range`: below the earliest or above the end.
            ReadFailed: the broker did not answer.
        """

    async def bounds(self, topic: str, partition: int) -> Bounds:
        """Give the offsets that the partition holds. Raises `ReadFailed`."""

    async def last(self, topic: str, partition: int) -> Record | None:
        """Give the last record, or None when the partition holds none. Raises `ReadFailed`."""

    def scan(self, topic: str, partition: int, start: int, stop: int) -> AsyncIterator[list[Record]]:
        """Give every record of `start` ≤ offset < `stop` in order, in lists, the next one read ahead.

        Raises as `read` does; `Invalid` (`gap`) where a record is missing.
        """

    async def close(self) -> None:
        """Disconnect. Never raises."""


class LogAdmin(Protocol):
    """Makes and describes topics."""

    async def start(self) -> None:
        """Connect; raises `ReadFailed` where that fails."""

    async def ensure_topics(self, specs: Sequence[TopicSpec]) -> None:
        """Make what is missing, add missing partitions, set `config` where it differs; never removes anything.

        Returns when every partition has a leader. Raises `Fatal` where the broker refuses, `ReadFailed` where it
        does not answer.
        """

    async def describe(self, topic: str) -> TopicInfo:
        """Describe `topic`. Raises `Invalid` (`no-such-topic`), `ReadFailed`."""

    async def truncate(self, topic: str, partition: int, before: int) -> None:
        """Delete the records below offset `before` for good, as retention does. Raises `ReadFailed`."""

    async def delete_topic(self, topic: str) -> None:
        """Delete `topic` with all that it holds. Raises `ReadFailed`."""

    async def close(self) -> None:
        """Disconnect. Never raises."""


class Log(Protocol):
    """Makes the parts above for one cluster; composition roots take this, and tests give the twin."""

    def appender(self, topic: str, limits: AppendLimits = DEFAULT_APPEND_LIMITS) -> Appender:
        """Make an appender for the gateway."""

    def writer(self, topic: str, limits: WriteLimits = DEFAULT_WRITE_LIMITS) -> BatchWriter:
        """Make a writer for a map from one topic to another."""

    def group_reader(self, topic: str, group: str) -> GroupReader:
        """Make a member of `group` on `topic`."""

    def reader(self) -> LogReader:
        """Make a reader without a group."""

    def admin(self) -> LogAdmin:
        """Make an admin."""
