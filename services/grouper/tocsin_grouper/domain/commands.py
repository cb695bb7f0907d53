"""What becomes of a command (DESIGN 3, "Commands"): applied, or rejected with what the caller can do about it."""

from typing import NamedTuple

from tocsin_contracts.command import Command, SetStatus
from tocsin_contracts.incident import StatusChanged
from tocsin_contracts.outcome import Reason
from tocsin_contracts.status import TRANSITIONS
from tocsin_grouper.domain.facts import CommandDecided
from tocsin_grouper.domain.state import CommandKey, DecidedCommand, Incident
from tocsin_grouper.domain.step import Step


class Rejection(NamedTuple):
    """Why a command cannot be applied: the HTTP status of the answer, and what it says."""

    status: int
    detail: dict[str, object]


def decide_command(step: Step, command: Command) -> None:
    """Decide one command; one that was decided before is not decided again: the first decision stands.

    Raises:
        Missing: state is needed that is not loaded.
    """
    if step.draft.command(CommandKey(command.tenant, command.id)) is not None:
        return
    incident = step.incident(command.tenant, command.body.incident)
    rejection = _reject(incident, command)
    if rejection is not None or incident is None:
        status, detail = rejection or Rejection(404, {})
        _record(step, command, applied=False, status=status, detail=detail)
        return
    after = _change_status(step, incident, command, command.body)
    _record(step, command, applied=True, status=200, detail=_state_of(after))


def record_fold_error(step: Step, command: Command, error: Exception) -> None:
    """Record that deciding a command raised: it is rejected, nothing else changes."""
    detail: dict[str, object] = {"reason": Reason.FOLD_ERROR.value, "error": type(error).__name__}
    _record(step, command, applied=False, status=500, detail=detail)


def _reject(incident: Incident | None, command: Command) -> Rejection | None:
    if incident is None:
        return Rejection(404, {"reason": "no-such-incident"})
    if command.if_revision is not None and command.if_revision != incident.revision:
        return Rejection(412, {"reason": "revision-changed", **_state_of(incident)})
    allowed = TRANSITIONS[incident.status]
    if command.body.status not in allowed:
        return Rejection(409, {"reason": "transition-not-allowed", "allowed": list(allowed), **_state_of(incident)})
    return None


def _change_status(step: Step, incident: Incident, command: Command, body: SetStatus) -> Incident:
    fact = StatusChanged(
        incident=incident.id,
        version=incident.version + 1,
        at=step.now,
        before=incident.status,
        after=body.status,
        actor_kind=command.actor.kind,
        actor_id=command.actor.id,
        actor_name=command.actor.name,
        command=command.id,
        comment=body.comment,
    )
    return step.emit(incident.tenant, fact, incident)


def _state_of(incident: Incident) -> dict[str, object]:
    return {
        "incident": incident.id,
        "status": incident.status.value,
        "version": incident.version,
        "revision": incident.revision,
    }


def _record(step: Step, command: Command, *, applied: bool, status: int, detail: dict[str, object]) -> None:
    step.draft.put(CommandKey(command.tenant, command.id), DecidedCommand(request_hash=command.request_hash))
    step.record(CommandDecided(command=command, applied=applied, status=status, detail=detail))
