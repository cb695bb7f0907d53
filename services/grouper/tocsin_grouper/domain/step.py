"""One record's step: what is being decided, and the state as it is in the middle of it.

A step reads the state of before and keeps its own changes; the fold merges them when the whole record could be decided.
"""

from collections.abc import Mapping

from tocsin_contracts.incident import AnyIncidentFact
from tocsin_contracts.position import Position
from tocsin_grouper.domain.clock import owed
from tocsin_grouper.domain.evolve import Place, evolve
from tocsin_grouper.domain.facts import Fact, IncidentChanged
from tocsin_grouper.domain.state import Incident, IncidentKey, Key, PartitionClock, Value
from tocsin_grouper.domain.view import Draft


class Step:
    """Collects facts and evolves the draft with each, so that a later decision of the record sees the earlier ones."""

    __slots__ = ("clock", "draft", "facts", "position", "refusals")

    def __init__(
        self,
        *,
        position: Position,
        clock: PartitionClock,
        loaded: Mapping[Key, Value | None],
        refusals: Mapping[tuple[str, str], int],
    ) -> None:
        self.position = position
        self.clock = clock
        self.refusals = refusals
        self.draft = Draft(loaded)
        self.facts: list[Fact] = []

    @property
    def now(self) -> int:
        """The fold's clock, µs."""
        return self.clock.clock

    def observed_for(self, tenant: str, integration: str) -> int:
        """Give absence time as an integration counts it: less what it is owed."""
        return self.clock.observed - owed(self.refusals, tenant, integration)

    def incident(self, tenant: str, incident: str) -> Incident | None:
        """Read an incident as the step left it so far."""
        return self.draft.incident(IncidentKey(tenant, incident))

    def emit(self, tenant: str, fact: AnyIncidentFact, before: Incident | None) -> Incident:
        """Record an incident's fact and give the incident behind it."""
        after = evolve(before, fact, Place(tenant, self.position.offset, self.clock.observed))
        self.draft.put(IncidentKey(tenant, after.id), after)
        self.facts.append(IncidentChanged(tenant, fact))
        return after

    def record(self, fact: Fact) -> None:
        """Record a fact that has rows of its own; its state was put by the caller."""
        self.facts.append(fact)
