"""Timers of a partition: what waits for an absence, found again by due time."""

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from tocsin_grouper.domain.clock import GRACE, owed
from tocsin_grouper.domain.facts import Fact, TimerCleared, TimerSet
from tocsin_grouper.domain.keys import TimerKey
from tocsin_grouper.domain.state import Timer


class Due(NamedTuple):
    """A timer whose time has come: due times first, then keys, so that every replay fires in the same order."""

    due: int
    """Absence time, with what its integration is owed."""
    key: TimerKey
    timer: Timer


_SLACK = 1000


class Timers:
    """All timers of a partition, by tenant. Finding what is due costs as much as there is due.

    A key has one entry in its tenant's heap, at or before its deadline; arming it later or disarming it leaves the entry,
    which is put right when its time comes. So an alert that flaps a thousand times a day costs one entry, not a thousand.
    """

    __slots__ = ("_heaps", "_queued", "_timers")

    def __init__(self, timers: Mapping[TimerKey, Timer] | None = None) -> None:
        self._timers: dict[TimerKey, Timer] = {}
        self._queued: dict[TimerKey, int] = {}  # where the heap's entry of a key stands; other entries of it are dead
        self._heaps: dict[str, list[tuple[int, TimerKey]]] = {}
        for key, timer in (timers or {}).items():
            self.put(key, timer)

    def __len__(self) -> int:
        """Count armed timers."""
        return len(self._timers)

    def items(self) -> Iterable[tuple[TimerKey, Timer]]:
        """List armed timers in no order that matters."""
        return self._timers.items()

    def put(self, key: TimerKey, timer: Timer) -> None:
        """Arm a timer, in place of one of the same key."""
        self._timers[key] = timer
        queued = self._queued.get(key)
        if queued is None or timer.due < queued:
            self._queue(key, timer.due)

    def drop(self, key: TimerKey) -> None:
        """Disarm a timer; its entry in the heap is skipped when its time comes."""
        self._timers.pop(key, None)
        if len(self._queued) > 2 * len(self._timers) + _SLACK:
            self._sweep()

    def due(self, tenants: Iterable[str], observed: int, refusals: Mapping[tuple[str, str], int], *, most: int) -> list[Due]:
        """List the timers of these tenants whose deadline lies at least `GRACE` back, in firing order; `most` of each tenant.

        The heap is ordered by due time before what is owed: a lower bound. Entries that are not due yet go back with what
        they are owed now; so a refusal moves a deadline without touching its timer.
        """
        latest = observed - GRACE
        found: list[Due] = []
        for tenant in tenants:
            if dues := self._due_of(tenant, latest, refusals):
                found += sorted(dues)[:most]
        return sorted(found)

    def forget(self, tenant: str) -> None:
        """Disarm every timer of a tenant."""
        self._heaps.pop(tenant, None)
        for key in [key for key in self._timers if key.tenant == tenant]:
            del self._timers[key]
        for key in [key for key in self._queued if key.tenant == tenant]:
            del self._queued[key]

    def tenants(self) -> list[str]:
        """List tenants that have timers, in name order."""
        return sorted(self._heaps)

    def _due_of(self, tenant: str, latest: int, refusals: Mapping[tuple[str, str], int]) -> list[Due]:
        heap = self._heaps.get(tenant)
        if heap is None or heap[0][0] > latest:
            return []
        waiting: list[Due] = []
        while heap and heap[0][0] <= latest:
            at, key = heapq.heappop(heap)
            if self._queued.get(key) != at:
                continue
            del self._queued[key]
            timer = self._timers.get(key)
            if timer is not None:
                waiting.append(Due(timer.due + owed(refusals, tenant, timer.integration), key, timer))
        for due, key, _ in waiting:
            self._queue(key, due)
        if not heap:
            del self._heaps[tenant]
        return [due for due in waiting if due.due <= latest]

    def _queue(self, key: TimerKey, at: int) -> None:
        self._queued[key] = at
        heapq.heappush(self._heaps.setdefault(key.tenant, []), (at, key))

    def _sweep(self) -> None:
        """Forget the entries of disarmed timers, once they are the most."""
        self._heaps.clear()
        self._queued.clear()
        for key, timer in self._timers.items():
            self._queue(key, timer.due)


class Firing:
    """The timers that one record fires: those that are due, and those that they arm, if these are due as well.

    A timer is armed for the earliest time at which something could be over, and armed anew when it was not. Were what it is
    armed for then left to the next record, this one would still count for an episode that had ended before it came.
    """

    def __init__(self, dues: Sequence[Due], latest: int, refusals: Mapping[tuple[str, str], int], *, most: int) -> None:
        """Take what is due, in firing order, and up to when (absence time) what it arms is due too.

        Args:
            dues: at most `most` of each tenant.
            latest: the last deadline that counts.
            refusals: what integrations are owed.
            most: a tenant with so many had more, maybe: none of these is overtaken.
        """
        self._pending = {due.key: due for due in dues}
        self._queue = [(due.due, due.key) for due in dues]  # sorted: a heap already
        self._refusals = refusals
        self._latest = latest
        counts = Counter(due.key.tenant for due in dues)
        self._last = {due.key.tenant: due.due for due in dues if counts[due.key.tenant] >= most}

    def __iter__(self) -> Iterator[Due]:
        """Give what is to fire next, as long as there is something; `heed` may add to it meanwhile."""
        while self._queue:
            at, key = heapq.heappop(self._queue)
            due = self._pending.get(key)
            if due is not None and due.due == at:
                del self._pending[key]
                yield due

    def heed(self, facts: Iterable[Fact]) -> None:
        """Take note of what a timer that fired armed and cleared."""
        for fact in facts:
            if isinstance(fact, TimerCleared):
                self._pending.pop(fact.key, None)
            elif isinstance(fact, TimerSet):
                self._arm(fact.key, fact.timer)

    def _arm(self, key: TimerKey, timer: Timer) -> None:
        self._pending.pop(key, None)
        due = Due(timer.due + owed(self._refusals, key.tenant, timer.integration), key, timer)
        if due.due <= self._last.get(key.tenant, self._latest):
            self._pending[key] = due
            heapq.heappush(self._queue, (due.due, key))
