"""Whom this gateway turned away since its last tick: what ticks say, so that no absence is our own doing (P10)."""

from dataclasses import dataclass, field

from tocsin_contracts.tick import REFUSED_MAX, Refused, Tick

LATE_MS = 5_000
"""A tick that comes so much (ms) behind its interval was written by a process that stood still: frozen, starved, or waiting
for the log. Whom it kept waiting it cannot know, so it says: everybody."""


@dataclass(slots=True)
class _Partition:
    """What is to be said at the next tick of one partition."""

    since_ms: int
    integrations: dict[tuple[str, str], None] = field(default_factory=dict)
    everything: bool = False


class Refusals:
    """Collects refusals of each partition until a tick that says them was appended.

    Bounded: above `most` integrations of one partition its tick says that everything was refused.

    The first tick of a process says that everything was refused for one interval: a process that was killed may have
    refused, and its memory is gone. Absence is then counted a little later than it could be, never sooner.
    """

    def __init__(self, *, gateway: str, process: str, now_ms: int, interval_ms: int, most: int = REFUSED_MAX) -> None:
        """Start at `now_ms` of a clock that never goes backwards; `process` names this run of the gateway, and no other."""
        self._gateway = gateway
        self._process = process
        self._start_ms = now_ms - interval_ms
        self._late_ms = interval_ms + LATE_MS
        self._most = most
        self._partitions: dict[int, _Partition] = {}

    def note(self, partition: int, tenant: str, integration: str) -> None:
        """Remember that a request of this integration was answered 429 or 503."""
        place = self._place(partition)
        if len(place.integrations) >= self._most and (tenant, integration) not in place.integrations:
            place.everything = True
            return
        place.integrations[tenant, integration] = None

    def note_all(self) -> None:
        """Remember that requests were refused of which it is not known whose they were."""
        for place in self._partitions.values():
            place.everything = True

    def tick(self, partition: int, now_ms: int, *, last: bool = False) -> "Pending":
        """Make the tick of one partition; hand it back to `told`, `untold` or `interrupted`."""
        place = self._place(partition)
        covers_ms = max(0, now_ms - place.since_ms)
        place.everything = place.everything or covers_ms > self._late_ms
        refused = tuple(place.integrations)
        tick = Tick(
            gateway=self._gateway,
            process=self._process,
            covers_ms=covers_ms,
            refused=[Refused(tenant=tenant, integration=integration) for tenant, integration in refused],
            all_refused=place.everything,
            last=last,
        )
        place.integrations.clear()
        place.everything = False
        return Pending(partition=partition, tick=tick, made_ms=now_ms, refused=refused)

    def told(self, pending: "Pending") -> None:
        """Let the next tick cover the time since this one was made: it was appended."""
        self._place(pending.partition).since_ms = pending.made_ms

    def untold(self, pending: "Pending") -> None:
        """Keep what a failed tick would have said, and more: nothing could be appended, so everything was refused."""
        self._place(pending.partition).everything = True
        self.interrupted(pending)

    def interrupted(self, pending: "Pending") -> None:
        """Keep what a tick said of which nobody waited to hear whether it was appended: said twice is late, and safe."""
        place = self._place(pending.partition)
        place.everything = place.everything or pending.tick.all_refused
        for tenant, integration in pending.refused:
            self.note(pending.partition, tenant, integration)

    def _place(self, partition: int) -> _Partition:
        place = self._partitions.get(partition)
        if place is None:
            place = self._partitions[partition] = _Partition(since_ms=self._start_ms, everything=True)
        return place


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A tick on its way."""

    partition: int
    tick: Tick
    made_ms: int
    refused: tuple[tuple[str, str], ...]
