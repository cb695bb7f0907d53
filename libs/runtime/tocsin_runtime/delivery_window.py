"""What a group member may deliver: the bookkeeping behind every `GroupReader`."""

from __future__ import annotations

import asyncio

from tocsin_runtime.errors import Fatal
from tocsin_runtime.log import NotAssigned


class DeliveryWindow:
    """Assigned partitions, which of them have begun, and the next offset of each."""

    def __init__(self) -> None:
        self._assigned: frozenset[int] = frozenset()
        self._next: dict[int, int] = {}
        self._paused: set[int] = set()
        self._changed = asyncio.Event()
        self.changes = 0
        """How often the assignment changed."""

    def assign(self, partitions: frozenset[int], *, kept: frozenset[int]) -> None:
        """Take a new assignment; only `kept` partitions go on without a new `begin`."""
        self._assigned = partitions
        self._next = {number: at for number, at in self._next.items() if number in kept}
        self._paused &= self._next.keys()
        self.changes += 1
        self._changed.set()

    def begin(self, partition: int, offset: int) -> None:
        """Let `partition` flow from `offset`; raises `NotAssigned`."""
        if partition not in self._assigned:
            raise NotAssigned(f"partition {partition} is not assigned to this member")
        self._next[partition] = offset

    def delivered(self, partition: int, next_offset: int) -> None:
        """Remember that everything before `next_offset` went out."""
        self._next[partition] = next_offset

    def next(self, partition: int) -> int:
        """Give the offset to deliver next of a begun partition."""
        return self._next[partition]

    def assigned(self) -> frozenset[int]:
        """Give what the group gave."""
        return self._assigned

    def begun(self) -> frozenset[int]:
        """Give what `begin` was called for."""
        return frozenset(self._next)

    def waiting(self) -> frozenset[int]:
        """Give what is assigned and has not begun."""
        return self._assigned - self._next.keys()

    def flowing(self) -> frozenset[int]:
        """Give what has begun and is not paused."""
        return frozenset(self._next.keys() - self._paused)

    def paused(self) -> frozenset[int]:
        """Give what has begun and is paused."""
        return frozenset(self._paused)

    def pause(self, partition: int) -> None:
        """Hold `partition` back; an unknown one is passed over."""
        if partition in self._next:
            self._paused.add(partition)

    def resume(self, partition: int) -> None:
        """Undo `pause`."""
        self._paused.discard(partition)

    async def wait_change(self) -> None:
        """Wait for an assignment since the last return."""
        await self._changed.wait()
        self._changed.clear()

    def out_of_range(self, topic: str, partition: int) -> Fatal:
        """Say what to do about an offset that the log does not hold."""
        return Fatal(
            f"{topic} partition {partition} does not hold offset {self._next[partition]}: retention deleted it before "
            "it was read, or the log was restored to an older state. Restore the log, or rebuild from what it holds"
        )
