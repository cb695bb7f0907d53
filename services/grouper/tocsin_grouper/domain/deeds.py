"""What people do to one incident: each deed checks the incident as it is, and becomes one fact or a rejection."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypedDict

from tocsin_contracts.command import (
    Assign,
    Command,
    Comment,
    Deed,
    Link,
    Reopen,
    SetCategory,
    SetRunbook,
    SetSeverity,
    SetStatus,
    SetTeam,
    Snooze,
    Unlink,
    Unsnooze,
)
from tocsin_contracts.incident import (
    Commented,
    FieldChanged,
    IncidentReopened,
    LinkChanged,
    SeverityOverridden,
    Snoozed,
    StatusChanged,
)
from tocsin_contracts.status import TRANSITIONS, IncidentStatus
from tocsin_grouper.domain import regrouping
from tocsin_grouper.domain.collecting import collect_again
from tocsin_grouper.domain.keys import GroupKey, IncidentKey, OpeningKey
from tocsin_grouper.domain.rejection import Rejection, conflict, no_such_incident
from tocsin_grouper.domain.state import Incident
from tocsin_grouper.domain.step import Step


class _Head(TypedDict):
    """What each fact of a deed begins with."""

    incident: str
    version: int
    at: int
    actor_kind: str
    actor_id: str
    actor_name: str
    command: str
    comment: str | None


def head(step: Step, incident: Incident, command: Command, comment: str | None) -> _Head:
    """Say of which incident, when, and by whom: what the facts of deeds have in common."""
    return {
        "incident": incident.id,
        "version": incident.version + 1,
        "at": step.now,
        "actor_kind": command.actor.kind,
        "actor_id": command.actor.id,
        "actor_name": command.actor.name,
        "command": command.id,
        "comment": comment,
    }


def do(step: Step, incident: Incident, command: Command, deed: Deed) -> Incident | Rejection:
    """Do one thing to one incident that exists; gives the incident behind it.

    Raises:
        Missing: state is needed that is not loaded.
        KeyError: a deed that is not of this module (`merging` has the others).
    """
    return _DEEDS[type(deed)](step, incident, command, deed)


def _set_status(step: Step, incident: Incident, command: Command, deed: SetStatus) -> Incident | Rejection:
    if incident.merged_into is not None:
        return _elsewhere(incident)
    allowed = TRANSITIONS[incident.status]
    if deed.status not in allowed:
        return conflict(incident, "transition-not-allowed", allowed=list(allowed))
    fact = StatusChanged(**head(step, incident, command, deed.comment), before=incident.status, after=deed.status)
    return step.emit(incident.tenant, fact, incident)


def _assign(step: Step, incident: Incident, command: Command, deed: Assign) -> Incident | Rejection:
    return _change_field(step, incident, command, deed, "assignee", deed.assignee)


def _set_team(step: Step, incident: Incident, command: Command, deed: SetTeam) -> Incident | Rejection:
    return _change_field(step, incident, command, deed, "team", deed.team)


def _set_category(step: Step, incident: Incident, command: Command, deed: SetCategory) -> Incident | Rejection:
    return _change_field(step, incident, command, deed, "category", deed.category)


def _set_runbook(step: Step, incident: Incident, command: Command, deed: SetRunbook) -> Incident | Rejection:
    return _change_field(step, incident, command, deed, "runbook_url", deed.url)


def _change_field(
    step: Step,
    incident: Incident,
    command: Command,
    deed: Assign | SetTeam | SetCategory | SetRunbook,
    name: str,
    after: str | None,
) -> Incident:
    """Change a field; the value that it has already is told of as well: somebody asked for it."""
    before: str | None = getattr(incident, name)
    fact = FieldChanged(**head(step, incident, command, deed.comment), name=name, before=before, after=after)
    return step.emit(incident.tenant, fact, incident)


def _set_severity(step: Step, incident: Incident, command: Command, deed: SetSeverity) -> Incident | Rejection:
    fact = SeverityOverridden(**head(step, incident, command, deed.comment), before=incident.severity, after=deed.severity)
    return step.emit(incident.tenant, fact, incident)


def _snooze(step: Step, incident: Incident, command: Command, deed: Snooze) -> Incident | Rejection:
    if incident.merged_into is not None:
        return _elsewhere(incident)
    if incident.status.is_over:
        return conflict(incident, "over")
    if deed.until <= step.now:
        return Rejection(422, {"reason": "until-has-passed"})
    fact = Snoozed(**head(step, incident, command, deed.comment), until=deed.until, before=snoozed(incident, step.now))
    return step.emit(incident.tenant, fact, incident)


def _unsnooze(step: Step, incident: Incident, command: Command, deed: Unsnooze) -> Incident | Rejection:
    before = snoozed(incident, step.now)
    if before is None:
        return conflict(incident, "not-snoozed")
    fact = Snoozed(**head(step, incident, command, deed.comment), until=None, before=before)
    return step.emit(incident.tenant, fact, incident)


def snoozed(incident: Incident, now: int) -> int | None:
    """Give the time until which an incident is snoozed; None: it is not, or not any more."""
    until = incident.snoozed_until
    return until if until is not None and until > now else None


def _comment(step: Step, incident: Incident, command: Command, deed: Comment) -> Incident | Rejection:
    fact = Commented(**head(step, incident, command, deed.comment), text=deed.text)
    return step.emit(incident.tenant, fact, incident)


def _link(step: Step, incident: Incident, command: Command, deed: Link) -> Incident | Rejection:
    if deed.other == incident.id:
        return conflict(incident, "same-incident")
    if step.incident(incident.tenant, deed.other) is None:
        return no_such_incident(deed.other)
    fact = LinkChanged(**head(step, incident, command, deed.comment), other=deed.other, linked=True)
    return step.emit(incident.tenant, fact, incident)


def _unlink(step: Step, incident: Incident, command: Command, deed: Unlink) -> Incident | Rejection:
    if step.incident(incident.tenant, deed.other) is None:
        return no_such_incident(deed.other)
    fact = LinkChanged(**head(step, incident, command, deed.comment), other=deed.other, linked=False)
    return step.emit(incident.tenant, fact, incident)


def _reopen(step: Step, incident: Incident, command: Command, deed: Reopen) -> Incident | Rejection:
    if incident.merged_into is not None:
        return _elsewhere(incident)
    if not incident.status.is_over:
        return conflict(incident, "not-over")
    fact = IncidentReopened(
        **head(step, incident, command, deed.comment), before=incident.status, after=IncidentStatus.OPEN, reason="by a command"
    )
    opened = regrouping.catch_up(step, step.emit(incident.tenant, fact, incident))
    collect_again(step, opened)
    return opened


def _elsewhere(incident: Incident) -> Rejection:
    """Say where the incident's alerts are: reopening, which opens what is over, does not open this one."""
    return conflict(incident, "merged-elsewhere", merged_into=incident.merged_into)


def require_holders(step: Step, tenant: str, names: Sequence[str]) -> None:
    """Ask for all that opening these incidents again looks at, in a few rounds instead of two for each.

    Raises:
        Missing: some of it is not loaded.
    """
    incidents = [incident for name in names if (incident := step.incident(tenant, name)) is not None]
    behind = [incident for incident in incidents if regrouping.is_behind(step, incident)]
    step.draft.require([OpeningKey(tenant, incident.id) for incident in behind])
    facts = [regrouping.wanted(step, incident, step.rules_of(tenant)) for incident in behind]
    keys = [GroupKey(tenant, incident.group_key) for incident in incidents]
    keys += [GroupKey(tenant, fact.group_key) for fact in facts if fact is not None]
    step.draft.require(keys)
    groups = [group for key in keys if (group := step.draft.group(key)) is not None]
    step.require_followed([IncidentKey(tenant, group.incident) for group in groups if group.incident is not None])


_DEEDS: Final[Mapping[type[Any], Callable[[Step, Incident, Command, Any], Incident | Rejection]]] = {
    SetStatus: _set_status,
    Assign: _assign,
    SetTeam: _set_team,
    SetCategory: _set_category,
    SetRunbook: _set_runbook,
    SetSeverity: _set_severity,
    Snooze: _snooze,
    Unsnooze: _unsnooze,
    Comment: _comment,
    Link: _link,
    Unlink: _unlink,
    Reopen: _reopen,
}
