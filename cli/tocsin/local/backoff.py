"""How long to wait before a process that died is started again."""

from dataclasses import dataclass

FIRST_S, LONGEST_S = 0.5, 30.0
STEADY_S = 60.0
"""A process that lived so long has recovered: the next death starts the count anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """The deaths in a row so far."""

    deaths: int = 0

    def after(self, lived_s: float) -> "Backoff":
        """Count a death of a process that lived `lived_s`."""
        return Backoff(deaths=1 if lived_s >= STEADY_S else self.deaths + 1)

    @property
    def delay_s(self) -> float:
        """Give the pause before the next start: half a second, doubled by each death, at most half a minute."""
        return min(LONGEST_S, FIRST_S * 2 ** min(self.deaths - 1, 16)) if self.deaths else 0.0
