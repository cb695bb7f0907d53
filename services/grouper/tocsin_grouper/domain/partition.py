"""The state of one partition: its clock, what its integrations are owed, its timers, and the loaded records."""

from collections.abc import MutableMapping
from dataclasses import dataclass, field

from tocsin_grouper.domain.facts import ClockAdvanced, Fact, RefusalCounted, TimerCleared, TimerSet
from tocsin_grouper.domain.state import Key, PartitionClock, Value
from tocsin_grouper.domain.timers import Timers
from tocsin_grouper.domain.view import Draft


@dataclass(slots=True, kw_only=True)
class PartitionState:
    """What the fold of one partition stands on. The handler owns it; a step reads it, `absorb` moves it."""

    loaded: MutableMapping[Key, Value | None] = field(default_factory=dict)
    """Records by key; None: loaded and absent. A key that is not there is not loaded."""
    clock: PartitionClock | None = None
    refusals: dict[tuple[str, str], int] = field(default_factory=dict)
    timers: Timers = field(default_factory=Timers)

    def absorb(self, facts: list[Fact], draft: Draft) -> None:
        """Make a step's facts the state."""
        draft.merge_into(self.loaded)
        for fact in facts:
            match fact:
                case ClockAdvanced(clock=clock):
                    self.clock = clock
                case TimerSet(key=key, timer=timer):
                    self.timers.put(key, timer)
                case TimerCleared(key=key):
                    self.timers.drop(key)
                case RefusalCounted(tenant=tenant, integration=integration, owed=owed):
                    self.refusals[(tenant, integration)] = owed
                case _:
                    pass
