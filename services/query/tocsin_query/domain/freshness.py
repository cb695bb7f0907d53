"""How far the fold has come in a tenant's partition, and how old that is: every answer says it (P8)."""

from dataclasses import dataclass
from datetime import datetime

from tocsin_contracts.position import Position


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """What one snapshot of the projection shows of one partition."""

    partition: int | None
    """None: the tenant is gone from `control`."""
    source_next: int | None
    """Offset in `tocsin.log` of the first record that is not folded yet; None before the first."""
    clock: datetime | None
    """What the fold calls now."""
    last_raw: int | None
    """When the last folded record was appended, µs by the broker's clock."""

    @property
    def position(self) -> Position | None:
        """Give the position of the last folded record."""
        if self.partition is None or not self.source_next:
            return None
        return Position(self.partition, self.source_next - 1)

    def age_s(self, now: int) -> float | None:
        """Give the seconds since the last folded record was appended; never negative, clocks differ."""
        return None if self.last_raw is None else round(max(0, now - self.last_raw) / 1_000_000, 3)

    def reaches(self, position: Position) -> bool:
        """Tell whether the record at `position` was folded."""
        return position.partition == self.partition and position.offset < (self.source_next or 0)
