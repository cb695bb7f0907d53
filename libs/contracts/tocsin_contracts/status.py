"""Statuses of incidents, alerts and alert events, and which change may follow which."""

from enum import StrEnum


class IncidentStatus(StrEnum):
    """Where an incident stands (REQUIREMENTS, conflicts): forward only, CLOSED from RESOLVED alone."""

    OPEN = "OPEN"
    ACKNOWLEDGED = "ACKNOWLEDGED"
    INVESTIGATING = "INVESTIGATING"
    RESOLVED = "RESOLVED"
    CLOSED = "CLOSED"

    @property
    def is_over(self) -> bool:
        """Tell whether nobody is needed any more: RESOLVED or CLOSED."""
        return self in _OVER


class AlertStatus(StrEnum):
    """Where an alert stands: OPEN while it fires, ACKNOWLEDGED at its source, RESOLVED by its source.

    CLOSED: its episode ended without a resolve (window of a source that never resolves, or silence after its incident was over).
    """

    OPEN = "OPEN"
    ACKNOWLEDGED = "ACKNOWLEDGED"
    RESOLVED = "RESOLVED"
    CLOSED = "CLOSED"

    @property
    def is_active(self) -> bool:
        """Tell whether its episode still runs."""
        return self in _ACTIVE


class EventStatus(StrEnum):
    """What one notification of an alert says."""

    FIRING = "firing"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


_OVER = frozenset({IncidentStatus.RESOLVED, IncidentStatus.CLOSED})
_ACTIVE = frozenset({AlertStatus.OPEN, AlertStatus.ACKNOWLEDGED})

TRANSITIONS: dict[IncidentStatus, tuple[IncidentStatus, ...]] = {
    IncidentStatus.OPEN: (IncidentStatus.ACKNOWLEDGED, IncidentStatus.INVESTIGATING, IncidentStatus.RESOLVED),
    IncidentStatus.ACKNOWLEDGED: (IncidentStatus.INVESTIGATING, IncidentStatus.RESOLVED),
    IncidentStatus.INVESTIGATING: (IncidentStatus.RESOLVED,),
    IncidentStatus.RESOLVED: (IncidentStatus.CLOSED,),
    IncidentStatus.CLOSED: (),
}
"""The changes a status command may make. Reopen and undo are facts of their own, never transitions."""
