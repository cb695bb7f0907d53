"""Time as DESIGN 3 and ADR 5 and 15 tell it: a clock, absence time, what integrations are owed, what gateways told."""

from dataclasses import dataclass, field

from tocsin_contracts.times import SECOND

GRACE = 60 * SECOND
GAP = 60 * SECOND
DEAD = 900 * SECOND


@dataclass(frozen=True)
class Moment:
    """Absence time at one moment, and what the integration had been owed until then (µs)."""

    observed: int = 0
    integration: str = ""
    owed: tuple[tuple[str, int], ...] = ()


@dataclass
class NaiveTime:
    """What time it is."""

    clock: int = 0
    last: int | None = None
    observed: int = 0
    owed: dict[tuple[str, str], int] = field(default_factory=dict)
    """By tenant and integration; ("", "") is owed to everybody."""
    gateways: dict[str, int] = field(default_factory=dict)

    def record(self, at: int) -> None:
        """Take note of a record that the broker appended at this time."""
        passed = 0 if self.last is None else at - self.last
        if 0 <= passed <= GAP:
            self.observed += passed
        self.last = at
        self.clock = max(self.clock, at)

    def tick(self, process: str, covers: int, refused: list[tuple[str, str]], last: bool) -> None:
        """Take note of what a gateway tells."""
        for name in refused:
            self.owed[name] = self.owed.get(name, 0) + covers
        self.gateways[process] = self.observed
        if last:
            del self.gateways[process]
        self.gateways = {name: told for name, told in self.gateways.items() if self.observed - told <= DEAD}

    @property
    def horizon(self) -> int:
        """Up to when an absence may be judged."""
        return min([self.observed - GRACE, *self.gateways.values()])

    def moment(self, tenant: str, integration: str) -> Moment:
        """Remember this moment."""
        return Moment(self.observed, integration, tuple((key[1], value) for key, value in self.owed.items() if key[0] == tenant))

    def later(self, before: Moment, now: Moment) -> Moment:
        """Give the later of two by what an integration could tell until then: refusals may be owed more than time that passed."""
        ends = [each.observed - dict(each.owed).get(each.integration, 0) for each in (before, now)]
        return before if before.integration == now.integration and ends[0] > ends[1] else now

    def owed_to(self, tenant: str, integration: str) -> int:
        """Say what an integration is owed by now."""
        return self.owed.get((tenant, integration), 0)

    def due(self, tenant: str, since: Moment, wait_s: int) -> int:
        """Say when it will have been absent for so long: what was refused since then does not count."""
        now = {key[1]: value for key, value in self.owed.items() if key[0] == tenant}
        if since.integration:
            owed = now.get(since.integration, 0) - dict(since.owed).get(since.integration, 0)
        else:
            owed = sum(now.values()) - sum(dict(since.owed).values())
        return since.observed + wait_s * SECOND + owed
