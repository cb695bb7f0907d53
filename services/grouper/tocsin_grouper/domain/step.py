"""One record's step: what is being decided, and the state as it is in the middle of it.

A step reads the state of before and keeps its own changes; the fold merges them when the whole record could be decided.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from tocsin_contracts.image import Image
from tocsin_contracts.incident import AlertsCame, AlertsLeft, AnyIncidentFact, IncidentOpened, Snoozed
from tocsin_contracts.position import Position
from tocsin_grouper.domain.clock import owed
from tocsin_grouper.domain.evolve import Place, evolve
from tocsin_grouper.domain.facts import Fact, IncidentChanged
from tocsin_grouper.domain.keys import ActionKey, IncidentKey, Key, OpeningKey
from tocsin_grouper.domain.lately import Lately
from tocsin_grouper.domain.rules import DEFAULT_RULES, Judged, Judgements, Rules, RulesByTenant, judge_all
from tocsin_grouper.domain.state import Incident, PartitionClock, Value
from tocsin_grouper.domain.view import Draft

_UNDOABLE = frozenset({Snoozed, AlertsLeft, AlertsCame})
FOLLOWED_MAX: Final = 20
"""Merges of merges that a group's next alert follows; behind more of them it opens an incident of its own."""


class Step:
    """Collects facts and evolves the draft with each, so that a later decision of the record sees the earlier ones."""

    __slots__ = ("_adopted", "_rules", "clock", "draft", "facts", "judgements", "now", "position", "refusals")

    def __init__(
        self,
        *,
        position: Position,
        clock: PartitionClock,
        loaded: Mapping[Key, Value | None],
        refusals: Mapping[tuple[str, str], int],
        rules: RulesByTenant,
        judgements: Judgements,
        lately: Lately,
    ) -> None:
        self.position = position
        self.clock = clock
        self.now = clock.clock
        """The fold's clock, µs."""
        self.refusals = refusals
        self.judgements = judgements
        self._rules = rules
        self._adopted: dict[str, Rules] = {}
        self.draft = Draft(loaded, lately)
        self.facts: list[Fact] = []

    def observed_for(self, tenant: str, integration: str) -> int:
        """Give absence time as an integration counts it: less what it is owed."""
        return self.clock.observed - owed(self.refusals, tenant, integration) if self.refusals else self.clock.observed

    def incident(self, tenant: str, incident: str) -> Incident | None:
        """Read an incident as the step left it so far."""
        return self.draft.incident(IncidentKey(tenant, incident))

    def followed(self, tenant: str, incident: str) -> Incident | None:
        """Read the incident that has this one's alerts now: itself, or what it was merged into, and that in its turn.

        Raises:
            Missing: one on the way is not loaded; `require_followed` asks for those of many at once.
        """
        found = self.incident(tenant, incident)
        for _ in range(FOLLOWED_MAX):
            if found is None or found.merged_into is None:
                break
            found = self.incident(tenant, found.merged_into)
        return found

    def require_followed(self, keys: Sequence[IncidentKey]) -> None:
        """Ask for incidents, and for what they were merged into, in as many rounds as the longest way has merges.

        Raises:
            Missing: one of them is not loaded.
        """
        for _ in range(FOLLOWED_MAX + 1):
            self.draft.require(keys)
            found = [incident for key in keys if (incident := self.draft.incident(key)) is not None]
            keys = [IncidentKey(incident.tenant, incident.merged_into) for incident in found if incident.merged_into is not None]
            if not keys:
                return

    def rules_of(self, tenant: str) -> Rules:
        """Give the rules that are in force for a tenant here."""
        return self._adopted.get(tenant) or self._rules.get(tenant, DEFAULT_RULES)

    def adopt(self, tenant: str, rules: Rules) -> None:
        """Let later decisions of this record go by other rules."""
        self._adopted[tenant] = rules

    def judged(self, image: Image) -> tuple[Judged, ...]:
        """Say what the rules in force make of a delivery's alerts, in their order."""
        return judge_all(self.rules_of(image.tenant), image, self.position.offset, self.judgements)

    def emit(self, tenant: str, fact: AnyIncidentFact, before: Incident | None) -> Incident:
        """Record an incident's fact and give the incident behind it."""
        integration = fact.integration if isinstance(fact, IncidentOpened) else "" if before is None else before.integration
        heard = self.observed_for(tenant, integration)
        after = evolve(before, fact, Place(tenant, self.position.offset, self.clock.observed, heard))
        self.draft.put(IncidentKey(tenant, after.id), after)
        if isinstance(fact, IncidentOpened):
            self.draft.put(OpeningKey(tenant, after.id), fact)
        elif type(fact) in _UNDOABLE:
            self.draft.put(ActionKey(tenant, after.id, fact.version), fact)
        self.facts.append(IncidentChanged(tenant=tenant, fact=fact))
        return after

    def record(self, fact: Fact) -> None:
        """Record a fact that has rows of its own; its state was put by the caller."""
        self.facts.append(fact)
