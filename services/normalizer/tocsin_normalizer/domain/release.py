"""The release guard: a release that suddenly fails what the former one understood stops before it writes.

Everything it knows comes from the output, so a restart knows the same: outcomes that other releases wrote are the
history of a source, those that this release wrote are its first sample. A sample is judged record by record *before*
its batch is written: the guard trips as soon as more than half of a full sample has failed. At the start the backlog is
judged ahead of any writing (the rehearsal, `handler/recovery.py`), so that with a backlog nothing is written at all. A
source that is too quiet to fill its sample is never waited for: at most `sample × trip` failures of it can be written
before the guard trips, and those can be redriven.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from tocsin_contracts.outcome import Mapped


class Judged(NamedTuple):
    """One outcome: of which source, and whether it failed."""

    source: str
    failed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardLimits:
    """The numbers of DESIGN 3; each is a setting."""

    history: int = 1000
    """Outcomes of other releases that are remembered for a source."""
    history_min: int = 20
    """With less history than this a source is not judged: there is nothing to compare with."""
    sample: int = 100
    """First outcomes of this release that are judged."""
    healthy: float = 0.05
    """A source is judged only if less than this share of its history failed."""
    trip: float = 0.5
    """The guard trips when more than this share of the sample failed."""


class Regression(NamedTuple):
    """What made the guard trip."""

    source: str
    failed: int
    seen: int
    history_failed: int
    history_seen: int


@dataclass(slots=True)
class _Source:
    history: deque[bool]
    seen: int = 0
    failed: int = 0


@dataclass(slots=True)
class ReleaseGuard:
    """Outcomes of one partition by source: other releases' history and this release's first sample."""

    release: str
    limits: GuardLimits = field(default_factory=GuardLimits)
    _sources: dict[str, _Source] = field(default_factory=dict)

    def remember(self, release: str, source: str, mapped: Mapped) -> None:
        """Take one outcome of the output, oldest first."""
        failed = mapped is Mapped.FAILED
        if release == self.release:
            self._count(Judged(source, failed))
        else:
            self._of(source).history.append(failed)

    def judge(self, outcomes: Iterable[Judged]) -> Regression | None:
        """Count outcomes that are about to be written; tell when they must not be."""
        for outcome in outcomes:
            state = self._count(outcome)
            if state is not None and state.failed > self.limits.trip * self.limits.sample and self._was_healthy(state):
                return Regression(outcome.source, state.failed, state.seen, sum(state.history), len(state.history))
        return None

    def watching(self) -> bool:
        """Tell whether any source with a healthy history still has an unfinished sample."""
        return any(state.seen < self.limits.sample and self._was_healthy(state) for state in self._sources.values())

    def fork(self) -> "ReleaseGuard":
        """Give a copy that can count outcomes that will not be written: the dry pass."""
        sources = {name: _Source(state.history, state.seen, state.failed) for name, state in self._sources.items()}
        return ReleaseGuard(self.release, self.limits, sources)

    def _of(self, source: str) -> _Source:
        state = self._sources.get(source)
        if state is None:
            state = self._sources[source] = _Source(deque(maxlen=self.limits.history))
        return state

    def _count(self, outcome: Judged) -> _Source | None:
        """Count an outcome of this release; None once the source's sample is full."""
        state = self._of(outcome.source)
        if state.seen >= self.limits.sample:
            return None
        state.seen += 1
        state.failed += outcome.failed
        return state

    def _was_healthy(self, state: _Source) -> bool:
        seen = len(state.history)
        return seen >= self.limits.history_min and sum(state.history) < self.limits.healthy * seen
