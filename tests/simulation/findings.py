"""What broke in an ordeal."""

from dataclasses import dataclass, field


@dataclass(slots=True, kw_only=True)
class Findings:
    """What broke; empty is what we want."""

    lost: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    invented: list[str] = field(default_factory=list)
    other: list[str] = field(default_factory=list)
    rebuilds: int = 0
    rebuilds_equal: int = 0

    @property
    def clean(self) -> bool:
        """Tell whether nothing broke."""
        return not (self.lost or self.twice or self.invented or self.other) and self.rebuilds == self.rebuilds_equal

    def __str__(self) -> str:
        """List what broke, a few of each."""
        parts = (("lost", self.lost), ("twice", self.twice), ("invented", self.invented), ("wrong", self.other))
        return "\n".join(f"{name}: {item}" for name, items in parts for item in items[:5]) or "nothing"
