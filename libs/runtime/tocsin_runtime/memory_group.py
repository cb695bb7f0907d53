"""The twin's consumer groups: eager rebalances, at once, whenever a member comes or goes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

from tocsin_runtime.delivery_window import DeliveryWindow
from tocsin_runtime.log import NotAssigned, ReadFailed, Record

if TYPE_CHECKING:
    from tocsin_runtime.memory_log import MemoryLog


class Group:
    """The members of one group on one topic, and what they committed."""

    def __init__(self, log: MemoryLog, topic: str) -> None:
        self._log = log
        self.topic = topic
        self.members: list[InMemoryGroupReader] = []
        self.offsets: dict[int, tuple[int, str]] = {}

    def join(self, member: InMemoryGroupReader) -> None:
        """Let `member` in."""
        self.members.append(member)
        self.rebalance()

    def leave(self, member: InMemoryGroupReader) -> None:
        """Let `member` go; one that left is passed over."""
        if member in self.members:
            self.members.remove(member)
            self.rebalance()

    def drop(self, member: InMemoryGroupReader) -> None:
        """Expel `member`, hand its partitions to the others, and let it in again."""
        self.leave(member)
        member.window.assign(frozenset(), kept=frozenset())
        self.join(member)

    def rebalance(self) -> None:
        """Deal the partitions out by turns."""
        topic = self._log.topics.get(self.topic)
        numbers = range(len(topic.partitions)) if topic is not None else range(0)
        for place, member in enumerate(self.members):
            dealt = frozenset(number for number in numbers if number % len(self.members) == place)
            member.window.assign(dealt, kept=dealt & member.window.assigned())
        self._log.changed.fire()


class InMemoryGroupReader:
    """A `GroupReader` of the twin."""

    def __init__(self, log: MemoryLog, group: Group) -> None:
        self._log = log
        self.group = group
        self.window = DeliveryWindow()

    async def start(self) -> None:
        """Join the group; see `GroupReader`."""
        if self.group.topic not in self._log.topics:
            raise ReadFailed(f"there is no topic {self.group.topic}")
        self.group.join(self)

    def assigned(self) -> frozenset[int]:
        """Give the partitions that the group gave this member."""
        return self.window.assigned()

    def waiting(self) -> frozenset[int]:
        """Give the assigned partitions that `begin` was not called for since they came."""
        return self.window.waiting()

    async def wait_assignment_change(self) -> None:
        """Wait until the assignment changes; see `GroupReader`."""
        await self.window.wait_change()

    def begin(self, partition: int, offset: int) -> None:
        """Deliver `partition` from `offset` on; see `GroupReader`."""
        self.window.begin(partition, offset)

    async def poll(self, max_records: int, timeout_s: float) -> dict[int, list[Record]]:
        """Give up to `max_records` records; see `GroupReader`."""
        deadline = asyncio.get_running_loop().time() + timeout_s
        seen = self.window.changes
        while True:
            found = self._take(max_records) if self._log.thawed.is_set() else {}
            left = deadline - asyncio.get_running_loop().time()
            if found or left <= 0 or self.window.changes != seen:
                return found
            await self._log.changed.wait(left)

    def pause(self, partition: int) -> None:
        """Deliver nothing of `partition` until `resume`."""
        self.window.pause(partition)

    def resume(self, partition: int) -> None:
        """Undo `pause`."""
        self.window.resume(partition)
        self._log.changed.fire()

    def ends(self) -> dict[int, int]:
        """Give the log's end of begun partitions."""
        return {number: self._log.partition(self.group.topic, number).next for number in self.window.begun()}

    async def commit(self, offsets: Mapping[int, tuple[int, str]]) -> None:
        """Tell the group where this member is; see `GroupReader`."""
        if stray := offsets.keys() - self.assigned():
            raise NotAssigned(f"partitions {sorted(stray)} are not assigned to this member")
        self.group.offsets.update(offsets)

    async def committed(self, partition: int) -> tuple[int, str] | None:
        """Give what was last committed."""
        return self.group.offsets.get(partition)

    async def close(self) -> None:
        """Leave the group at once."""
        self.group.leave(self)
        self.window.assign(frozenset(), kept=frozenset())

    def _take(self, room: int) -> dict[int, list[Record]]:
        found: dict[int, list[Record]] = {}
        for number in sorted(self.window.flowing()):
            held = self._log.partition(self.group.topic, number)
            at = self.window.next(number)
            if room <= 0:
                break
            if not held.earliest <= at <= held.next:
                raise self.window.out_of_range(self.group.topic, number)
            records = held.records[at - held.earliest :][:room]
            if records:
                found[number] = records
                room -= len(records)
                self.window.delivered(number, records[-1].offset + 1)
        return found
