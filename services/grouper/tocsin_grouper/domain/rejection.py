"""Why a command cannot be applied: the HTTP status of the answer, and what it says."""

from typing import NamedTuple

from tocsin_grouper.domain.state import Incident


class Rejection(NamedTuple):
    """A refused command; `detail` holds codes and numbers of ours only."""

    status: int
    detail: dict[str, object]


def no_such_incident(other: str | None = None) -> Rejection:
    """Say that there is no such incident of this tenant.

    Args:
        other: its id, where the command names several.
    """
    named: dict[str, object] = {} if other is None else {"incident": other}
    return Rejection(404, {"reason": "no-such-incident", **named})


def conflict(incident: Incident, reason: str, **more: object) -> Rejection:
    """Say that the incident, as it is, does not take this."""
    return Rejection(409, {"reason": reason, **more, **state_of(incident)})


def state_of(incident: Incident) -> dict[str, object]:
    """Say how the incident stands."""
    return {
        "incident": incident.id,
        "status": incident.status.value,
        "version": incident.version,
        "revision": incident.revision,
    }
