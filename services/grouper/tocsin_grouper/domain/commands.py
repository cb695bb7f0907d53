"""What becomes of a command (DESIGN 3, "Commands"): applied, or rejected with what the caller can do about it."""

from tocsin_contracts.command import Bulk, Command, Deed, Merge, Reopen, SetRules, Split, Undo
from tocsin_contracts.outcome import Reason
from tocsin_grouper.domain import adopting, deeds, merging
from tocsin_grouper.domain.facts import CommandDecided
from tocsin_grouper.domain.keys import CommandKey, IncidentKey
from tocsin_grouper.domain.rejection import Rejection, no_such_incident, state_of
from tocsin_grouper.domain.state import DecidedCommand, Incident
from tocsin_grouper.domain.step import Step

Detail = dict[str, object]


def decide_command(step: Step, command: Command) -> None:
    """Decide one command; one that was decided before is not decided again: the first decision stands.

    Raises:
        Missing: state is needed that is not loaded.
    """
    if step.draft.command(CommandKey(command.tenant, command.id)) is not None:
        return
    match command.body:
        case Bulk() as bulk:
            outcome: Detail | Rejection = _decide_bulk(step, command, bulk)
        case SetRules() as rules:
            outcome = adopting.adopt(step, command, rules)
        case deed:
            outcome = _decide_one(step, command, deed)
    if isinstance(outcome, Rejection):
        _record(step, command, applied=False, status=outcome.status, detail=outcome.detail)
    else:
        _record(step, command, applied=True, status=200, detail=outcome)


def record_fold_error(step: Step, command: Command, error: Exception) -> None:
    """Record that deciding a command raised: it is rejected, nothing else changes."""
    detail: Detail = {"reason": Reason.FOLD_ERROR.value, "error": type(error).__name__}
    _record(step, command, applied=False, status=500, detail=detail)


def _decide_one(step: Step, command: Command, deed: Deed) -> Detail | Rejection:
    incident = step.incident(command.tenant, deed.incident)
    if incident is None:
        return no_such_incident()
    if command.if_revision is not None and command.if_revision != incident.revision:
        return Rejection(412, {"reason": "revision-changed", **state_of(incident)})
    match deed:
        case Merge():
            after: Incident | Rejection = merging.merge(step, incident, command, deed)
        case Split():
            halves = merging.split(step, incident, command, deed)
            return halves if isinstance(halves, Rejection) else {**state_of(halves[0]), "new": state_of(halves[1])}
        case Undo():
            after = merging.undo(step, incident, command, deed)
        case _:
            after = deeds.do(step, incident, command, deed)
    return after if isinstance(after, Rejection) else state_of(after)


def _decide_bulk(step: Step, command: Command, bulk: Bulk) -> Detail:
    """Do the same to each incident by itself; one that does not take it stops no other."""
    names = list(dict.fromkeys(bulk.incidents))
    step.draft.require([IncidentKey(command.tenant, name) for name in names])
    if isinstance(bulk.deed, Reopen):
        deeds.require_holders(step, command.tenant, names)
    results = [_decide_each(step, command, bulk.deed.model_copy(update={"incident": name})) for name in names]
    applied = sum(result["status"] == 200 for result in results)
    return {"applied": applied, "rejected": len(results) - applied, "results": results}


def _decide_each(step: Step, command: Command, deed: Deed) -> Detail:
    outcome = _decide_one(step, command, deed)
    if isinstance(outcome, Rejection):
        return {"incident": deed.incident, "status": outcome.status, "reason": outcome.detail.get("reason")}
    return {"incident": deed.incident, "status": 200, "revision": outcome["revision"], "version": outcome["version"]}


def _record(step: Step, command: Command, *, applied: bool, status: int, detail: Detail) -> None:
    step.draft.put(CommandKey(command.tenant, command.id), DecidedCommand(request_hash=command.request_hash))
    step.record(CommandDecided(command=command, applied=applied, status=status, detail=detail))
