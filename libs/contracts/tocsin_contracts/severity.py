"""Severity, as every source is mapped to it (D4, SOURCES 0.2)."""

from enum import StrEnum


class Severity(StrEnum):
    """How bad it is; `rank` orders them."""

    CRITICAL = "CRITICAL"
    HIGH = "HIGH"
    MEDIUM = "MEDIUM"
    LOW = "LOW"
    INFO = "INFO"

    @property
    def rank(self) -> int:
        """Order severities: 0 for INFO up to 4 for CRITICAL."""
        return _RANKS[self]


DEFAULT_SEVERITY = Severity.MEDIUM
_RANKS = {severity: rank for rank, severity in enumerate(reversed(Severity))}


def highest(left: Severity, right: Severity) -> Severity:
    """Give the worse of two severities."""
    return left if _RANKS[left] >= _RANKS[right] else right
