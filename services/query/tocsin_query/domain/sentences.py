"""What happened to an incident, in a sentence for people: written when it is read, from the recorded fact alone."""

from typing import Final

from tocsin_contracts.ids import short_code
from tocsin_contracts.incident import (
    AlertsCame,
    AlertsLeft,
    AlertsRecorded,
    AnyIncidentFact,
    Commented,
    FieldChanged,
    FlappingBegan,
    FlappingEnded,
    IncidentOpened,
    IncidentRegrouped,
    IncidentReopened,
    IncidentResolved,
    LinkChanged,
    SeverityOverridden,
    SeverityRaised,
    Snoozed,
    StatusChanged,
)
from tocsin_query.domain.details import moment

_FIELDS: Final = {"assignee": "assignee", "team": "team", "category": "category", "runbook_url": "runbook"}
_UNKNOWN: Final = "Something that this release does not know; a newer one recorded it."


def sentence_of(fact: AnyIncidentFact | None) -> str:  # noqa: C901, PLR0912 # one case a fact
    """Tell a fact."""
    match fact:
        case None:
            return _UNKNOWN
        case IncidentOpened():
            return _opened(fact)
        case AlertsRecorded(ended=ended) if ended:
            return _ended(fact)
        case AlertsRecorded():
            return f"{_counted(fact.events, 'alert event')} came."
        case SeverityRaised(worst=worst) if worst is not None:
            return f"It stays {fact.after}, as somebody set it; {worst} is the worst that it had by itself: {fact.reason}."
        case SeverityRaised():
            return f"Its severity rose from {fact.before} to {fact.after}: {fact.reason}."
        case IncidentResolved():
            return f"It resolved by itself: {fact.reason}."
        case IncidentRegrouped():
            return _regrouped(fact)
        case FlappingBegan():
            return f"It flaps: it opened {fact.openings} times within {fact.within_s} s. It is kept open, and quiet."
        case FlappingEnded():
            return f"It flaps no more: {fact.reason}."
        case IncidentReopened():
            who = f"{fact.actor_name} opened it again" if fact.actor_name else "It opened again"
            return f"{who}." if fact.actor_name else f"{who}: {fact.reason}."
        case StatusChanged():
            return f"{fact.actor_name} moved it from {fact.before} to {fact.after}."
        case FieldChanged():
            return _set(fact.actor_name, _FIELDS.get(fact.name, fact.name), fact.before or "none", fact.after or "none")
        case SeverityOverridden():
            return _set(fact.actor_name, "severity", fact.before, fact.after)
        case Snoozed():
            return _snoozed(fact)
        case Commented():
            return f"{fact.actor_name} wrote a comment."
        case LinkChanged():
            other = short_code(fact.other)
            return f"{fact.actor_name} linked it to {other}." if fact.linked else f"{fact.actor_name} unlinked it from {other}."
        case AlertsLeft():
            return _left(fact)
        case AlertsCame():
            return _came(fact)


def _opened(fact: IncidentOpened) -> str:
    if fact.split_from is not None:
        return f"It began with alerts of {short_code(fact.split_from)}: {fact.reason}."
    if fact.alert is None:
        return f"It began with an absence: {fact.reason}."
    return f"An alert fired that no incident of its group could take, and opened it: {fact.reason}."


def _ended(fact: AlertsRecorded) -> str:
    alerts = _counted(len(fact.ended), "alert")
    if fact.silent:
        return f"Silence ended {alerts}: {fact.why}." if fact.why else f"Silence ended {alerts}."
    return f"{alerts} ended without a resolve: {fact.why or 'a newer episode began'}."


def _set(actor: str, what: str, before: str, after: str) -> str:
    if before == after:
        return f"{actor} set its {what} to {after}, which it was."
    return f"{actor} changed its {what} from {before} to {after}."


def _regrouped(fact: IncidentRegrouped) -> str:
    told = f"Version {fact.rule_version} of the rules is in force: it goes on under rule {fact.rule}"
    told += ", with the key that it had" if fact.group_key == fact.before else ", with another key"
    competing = fact.why.get("competing")
    if isinstance(competing, dict):
        told += f"; alerts of that key go to {short_code(competing['incident'])}: {competing['because']}"
    return f"{told}."


def _snoozed(fact: Snoozed) -> str:
    until = "ended its snooze" if fact.until is None else f"snoozed it until {moment(fact.until)}"
    if fact.undoes is not None and fact.until is None:
        return f"{fact.actor_name} took back the snooze of version {fact.undoes}."
    if fact.undoes is not None:  # a snooze that took the place of one, or the end of one
        told = f"what version {fact.undoes} did to its snooze: it is snoozed until {moment(fact.until)}, as before"
        return f"{fact.actor_name} took back {told}."
    return f"{fact.actor_name} {until}."


def _left(fact: AlertsLeft) -> str:
    alerts, other = _counted(len(fact.alerts), "alert"), short_code(fact.to)
    match fact.reason:
        case "merge":
            return f"{fact.actor_name} merged it into {other}: {alerts} went there."
        case "split":
            return f"{fact.actor_name} split {alerts} off into {other}."
        case "undo-merge":
            return f"{fact.actor_name} took back the merge of {other}: {alerts} went back there."
        case _:
            return f"{fact.actor_name} took back the split from {other}: {alerts} went back there."


def _came(fact: AlertsCame) -> str:
    alerts, other = _counted(len(fact.alerts), "alert"), short_code(fact.origin)
    match fact.reason:
        case "merge":
            return f"{fact.actor_name} merged {other} into it: {alerts} came."
        case "split":
            return f"{fact.actor_name} split {alerts} off {other} into it."
        case "undo-merge":
            return f"{fact.actor_name} took back its merge into {other}: {alerts} came back."
        case _:
            return f"{fact.actor_name} took back the split of {other}: {alerts} came back."


def _counted(number: int, what: str) -> str:
    return f"1 {what}" if number == 1 else f"{number} {what}s"
