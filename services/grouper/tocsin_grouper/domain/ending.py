"""How an incident ends by itself: every alert resolved, or silence lasted as long as its rule says.

Once every alert resolved it is over at once, or after a quiet time. One timer an incident looks at it when something could
be over. Both waits are absences: counted in ticked time, less what was refused (P10).
"""

from typing import Final

from tocsin_contracts.incident import FlappingEnded, IncidentResolved
from tocsin_contracts.status import AlertStatus
from tocsin_contracts.times import SECOND
from tocsin_grouper.domain.facts import TimerCleared, TimerSet
from tocsin_grouper.domain.keys import IncidentKey, MembersKey, TimerKey
from tocsin_grouper.domain.state import Incident, Timer
from tocsin_grouper.domain.step import Step
from tocsin_grouper.domain.timers import Due

KIND: Final = "incident"
ALL_RESOLVED: Final = "every alert resolved"
STAYED_RESOLVED: Final = "every alert resolved, and stayed so"
STAYED_SILENT: Final = "its sources never resolve, and nothing was heard for as long as its rule says"
CALM: Final = "nothing turned for as long as its rule says"


def end_or_wait(step: Step, incident: Incident, reason: str) -> Incident:
    """Resolve an incident whose last active alert is over, unless it wants quiet first, a person, or a heartbeat."""
    if incident.waits_for_people:
        return incident
    if incident.flapping or incident.policy.quiet_s > 0:
        watch(step, incident)
        return incident
    return _resolve(step, incident, reason)


def resolve_if_done(step: Step, incident: Incident) -> Incident:
    """Resolve an incident whose alerts came or went, if every one that it has is resolved.

    Raises:
        Missing: its alerts are not loaded.
    """
    if incident.status.is_over or incident.firing_count > 0:
        return incident
    members = step.draft.members(MembersKey(incident.tenant, incident.id))
    if not members or any(alert.status is not AlertStatus.RESOLVED for alert in members):
        return incident
    return end_or_wait(step, incident, ALL_RESOLVED)


def watch(step: Step, incident: Incident) -> None:
    """Arm the incident's timer, if anything of it can be over by itself."""
    deadline = _deadline(incident)
    if deadline is not None:
        timer = Timer(kind=KIND, integration=incident.integration, subject=incident.id, due=deadline)
        step.record(TimerSet(key=TimerKey(incident.tenant, f"{KIND}:{incident.id}"), timer=timer))


def require(step: Step, dues: list[Due]) -> None:
    """Ask for all that these timers will look at, in one round.

    Raises:
        Missing: some of it is not loaded.
    """
    step.draft.require([IncidentKey(due.key.tenant, due.timer.subject) for due in dues if due.timer.kind == KIND])


def fire(step: Step, due: Due) -> None:
    """End what is over, else arm the timer for when it could be.

    Raises:
        Missing: the incident is not loaded.
    """
    step.record(TimerCleared(key=due.key))
    incident = step.incident(due.key.tenant, due.timer.subject)
    deadline = None if incident is None else _deadline(incident)
    if incident is None or deadline is None:
        return
    if deadline > due.timer.due:
        watch(step, incident)
    elif incident.flapping:
        _calm(step, incident, due)
    else:
        _resolve(step, incident, STAYED_SILENT if incident.silent else STAYED_RESOLVED)


def _calm(step: Step, incident: Incident, due: Due) -> None:
    fact = FlappingEnded(incident=incident.id, version=incident.version + 1, at=step.now, reason=CALM)
    incident = step.emit(incident.tenant, fact, incident)
    deadline = _deadline(incident)
    if deadline is None:
        return
    if incident.silent or deadline > due.timer.due:
        watch(step, incident)
    else:
        _resolve(step, incident, STAYED_RESOLVED)


def _deadline(incident: Incident) -> int | None:
    """Say when, in absence time before what is owed, something of the incident is over as things stand; None: not by itself."""
    turned, policy = incident.turned_observed, incident.policy
    if incident.status.is_over or turned is None:
        return None
    if incident.flapping:
        return turned + policy.flapping_s * SECOND
    if incident.firing_count > 0 or incident.waits_for_people:
        return None
    if incident.silent:
        return None if policy.silent_s is None else turned + policy.silent_s * SECOND
    return turned + policy.quiet_s * SECOND


def _resolve(step: Step, incident: Incident, reason: str) -> Incident:
    fact = IncidentResolved(
        incident=incident.id, version=incident.version + 1, at=step.now, before=incident.status, reason=reason
    )
    return step.emit(incident.tenant, fact, incident)
