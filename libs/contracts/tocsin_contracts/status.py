"""Statuses of incidents, alerts and alert events, and which change may follow which."""

from enum import StrEnum


class IncidentStatus(StrEnum):
    """Where an incident stands (REQUIREMENTS, conflicts): forward only, CLOSED from RESOLVED alone."""

    OPEN = "OPEN"
    ACKNOWLEDGED = "ACKNOWLEDGED"
    INVESTIGATING = "INVESTIGATING"
    RESOLVED = "RESOLVED"
    CLOSED = "CLOSED"

    is_over: bool
    """Whether nobody is needed any more: RESOLVED or CLOSED. An attribute: a property is asked five times an alert."""

    def __init__(self, name: str) -> None:
        self.is_over = name in ("RESOLVED", "CLOSED")


class AlertStatus(StrEnum):
    """Where an alert stands: OPEN while it fires, ACKNOWLEDGED at its source, RESOLVED by its source.

    CLOSED: its episode ended without a resolve (window of a source that never resolves, or silence after its incident was over).
    """

    OPEN = "OPEN"
    ACKNOWLEDGED = "ACKNOWLEDGED"
    RESOLVED = "RESOLVED"
    CLOSED = "CLOSED"

    is_active: bool
    """Whether its episode still runs."""

    def __init__(self, name: str) -> None:
        self.is_active = name in ("OPEN", "ACKNOWLEDGED")


class EventStatus(StrEnum):
    """What one notification of an alert says."""

    FIRING = "firing"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


TRANSITIONS: dict[IncidentStatus, tuple[IncidentStatus, ...]] = {
    IncidentStatus.OPEN: (IncidentStatus.ACKNOWLEDGED, IncidentStatus.INVESTIGATING, IncidentStatus.RESOLVED),
    IncidentStatus.ACKNOWLEDGED: (IncidentStatus.INVESTIGATING, IncidentStatus.RESOLVED),
    IncidentStatus.INVESTIGATING: (IncidentStatus.RESOLVED,),
    IncidentStatus.RESOLVED: (IncidentStatus.CLOSED,),
    IncidentStatus.CLOSED: (),
}
"""The changes a status command may make. Reopen and undo are facts of their own, never transitions."""
