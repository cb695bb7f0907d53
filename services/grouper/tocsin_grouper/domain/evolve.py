"""Facts to state: total functions that never refuse. Nothing else makes an `Incident`."""

from dataclasses import replace
from typing import Any, Final, NamedTuple, assert_never

from tocsin_contracts.incident import (
    AlertsCame,
    AlertsLeft,
    AlertsRecorded,
    AnyIncidentFact,
    Commented,
    FieldChanged,
    FlappingBegan,
    FlappingEnded,
    IncidentAction,
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
from tocsin_contracts.severity import highest
from tocsin_contracts.status import IncidentStatus
from tocsin_grouper.domain import policy, spikes
from tocsin_grouper.domain.state import Incident

_UNMERGED: Final[dict[str, Any]] = {"merged_into": None, "merged_by": None}


class Place(NamedTuple):
    """Where a fact stands: what a row keeps of it besides the fact itself."""

    tenant: str
    offset: int
    observed: int
    heard: int
    """Absence time less what the incident's integration is owed: the one thing that facts do not tell."""


def evolve(before: Incident | None, fact: AnyIncidentFact, place: Place) -> Incident:
    """Apply one fact to an incident; only `IncidentOpened` applies to none.

    Raises:
        ValueError: the fact's version is not the next one: versions are gapless (P3), a breach is a bug of ours.
    """
    if fact.version != (0 if before is None else before.version) + 1:
        raise ValueError(f"incident {fact.incident}: fact version {fact.version} does not follow")
    if isinstance(fact, AlertsRecorded) and before is not None:
        return _recorded(before, fact, place)
    if isinstance(fact, IncidentOpened):
        return _opened(fact, place)
    if before is None:
        raise ValueError(f"incident {fact.incident}: {fact.kind} before it was opened")
    changed = _changed(before, fact, place)
    revision = before.revision + 1 if isinstance(fact, IncidentAction) or _by_somebody(fact) else before.revision
    return replace(before, **changed, version=fact.version, revision=revision, updated_at=fact.at, changed_offset=place.offset)


def _by_somebody(fact: AnyIncidentFact) -> bool:
    return isinstance(fact, IncidentReopened) and fact.actor_id is not None


def _changed(before: Incident, fact: AnyIncidentFact, place: Place) -> dict[str, Any]:  # noqa: C901, PLR0912 # one case a fact
    """Say which fields of the incident a fact changes, besides those that every fact does."""
    match fact:
        case SeverityRaised():
            return {"severity": highest(before.severity, fact.after), "worst": highest(before.worst, fact.worst or fact.after)}
        case IncidentResolved():
            return _moved(before, IncidentStatus.RESOLVED, fact.at, place)
        case StatusChanged():
            return _moved(before, fact.after, fact.at, place)
        case IncidentReopened():
            return _restored(fact.after) | {"silent": False, "turned_observed": _reopened_at(before, fact, place)}
        case IncidentRegrouped():
            read = policy.read(fact.policy)
            recent = before.recent if read.spike_s is not None else ()
            return {
                "group_key": fact.group_key,
                "rule": fact.rule,
                "rule_version": fact.rule_version,
                "policy": read,
                "recent": recent,
            }
        case FlappingBegan():
            return {"flapping": True, "turned_observed": place.heard}
        case FlappingEnded():
            return {"flapping": False}
        case FieldChanged():
            return {fact.name: fact.after}
        case SeverityOverridden():
            return {"severity": fact.after}
        case Snoozed():
            return {"snoozed_until": fact.until}
        case Commented() | LinkChanged():
            return {}
        case AlertsLeft():
            return _left(before, fact, place)
        case AlertsCame():
            return _came(before, fact, place)
        case IncidentOpened() | AlertsRecorded():
            raise AssertionError("handled by evolve")
        case _:
            assert_never(fact)


def _reopened_at(before: Incident, fact: IncidentReopened, place: Place) -> int | None:
    """Say since when it is as it is; None, until it turns, for one without an active alert that a person wants open."""
    return None if _by_somebody(fact) and before.firing_count == 0 else place.heard


def _opened(fact: IncidentOpened, place: Place) -> Incident:
    return Incident(
        tenant=place.tenant,
        id=fact.incident,
        group_key=fact.group_key,
        integration=fact.integration,
        rule=fact.rule,
        rule_version=fact.rule_version,
        status=IncidentStatus.OPEN,
        severity=fact.severity,
        worst=fact.severity,
        created_at=fact.at,
        updated_at=fact.at,
        first_seen_at=fact.first_seen_at,
        last_alert_at=fact.first_seen_at,
        team=fact.team,
        category=fact.category,
        version=fact.version,
        policy=policy.read(fact.policy),
        changed_offset=place.offset,
    )


def _recorded(before: Incident, fact: AlertsRecorded, place: Place) -> Incident:
    active = before.firing_count + len(fact.joined) + len(fact.fired) - len(fact.resolved) - len(fact.ended)
    turned = (active > 0) != (before.firing_count > 0) or (active == 0 and bool(fact.confirmed))  # quiet counts from a word
    return Incident(
        tenant=before.tenant,
        id=before.id,
        group_key=before.group_key,
        integration=before.integration,
        rule=before.rule,
        rule_version=before.rule_version,
        status=before.status,
        severity=before.severity,
        worst=before.worst,
        created_at=before.created_at,
        updated_at=fact.at,
        first_seen_at=before.first_seen_at,
        last_alert_at=max(before.last_alert_at, fact.last_alert_at),
        acknowledged_at=before.acknowledged_at,
        resolved_at=before.resolved_at,
        closed_at=before.closed_at,
        snoozed_until=before.snoozed_until,
        assignee=before.assignee,
        team=before.team,
        category=before.category,
        runbook_url=before.runbook_url,
        merged_into=before.merged_into,
        merged_by=before.merged_by,
        alert_count=before.alert_count + len(fact.joined),
        firing_count=active,
        event_count=before.event_count + fact.events,
        version=fact.version,
        revision=before.revision,
        flapping=before.flapping,
        silent=_silent(before, fact, active),
        turned_observed=place.heard if turned else before.turned_observed,
        over_observed=before.over_observed,
        policy=before.policy,
        recent=_recent(before, fact),
        changed_offset=place.offset,
    )


def _silent(before: Incident, fact: AlertsRecorded, active: int) -> bool:
    """Tell whether silence ended the last active alert; a source's word about one that silence ended takes that back."""
    if active > 0 or fact.resolved or fact.confirmed:
        return False
    return before.silent or (fact.silent and before.firing_count > 0)


def _recent(before: Incident, fact: AlertsRecorded) -> spikes.Minutes:
    """Count the events of the last minutes, where the policy asks for it, with those of alerts that waited until now."""
    span_s = before.policy.spike_s
    if span_s is None or fact.events == 0:
        return before.recent
    recent = spikes.together([before.recent, fact.earlier]) if fact.earlier else before.recent
    return spikes.counted(recent, fact.at, fact.events, span_s)


def _moved(before: Incident, after: IncidentStatus, at: int, place: Place) -> dict[str, Any]:
    return {
        "status": after,
        "flapping": before.flapping and not after.is_over,
        "snoozed_until": None if after.is_over else before.snoozed_until,  # a snooze is of an unresolved incident
        "acknowledged_at": _first(before.acknowledged_at, at, after is IncidentStatus.ACKNOWLEDGED),
        "resolved_at": _first(before.resolved_at, at, after is IncidentStatus.RESOLVED),
        "closed_at": _first(before.closed_at, at, after is IncidentStatus.CLOSED),
        "over_observed": _first(before.over_observed, place.observed, after.is_over),
    }


def _restored(status: IncidentStatus) -> dict[str, Any]:
    """Give back a status from which the incident was not over."""
    return _UNMERGED | {"status": status, "resolved_at": None, "closed_at": None, "over_observed": None}


def _left(before: Incident, fact: AlertsLeft, place: Place) -> dict[str, Any]:
    active = before.firing_count - fact.active
    changed: dict[str, Any] = {
        "alert_count": before.alert_count - len(fact.alerts),
        "firing_count": active,
        "event_count": before.event_count - fact.events,
        "silent": fact.silent or (before.silent and fact.closes is not None),
    }
    if (active > 0) != (before.firing_count > 0) or (before.silent and not changed["silent"]):
        changed["turned_observed"] = place.heard
    if fact.closes is not None:
        changed |= _moved(before, IncidentStatus.CLOSED, fact.at, place) | {"merged_into": fact.to, "merged_by": fact.command}
    return changed


def _came(before: Incident, fact: AlertsCame, place: Place) -> dict[str, Any]:
    active = before.firing_count + fact.active
    changed: dict[str, Any] = {
        "alert_count": before.alert_count + len(fact.alerts),
        "firing_count": active,
        "event_count": before.event_count + fact.events,
        "first_seen_at": min(before.first_seen_at, fact.first_seen_at),
        "last_alert_at": max(before.last_alert_at, fact.last_alert_at),
        "silent": (before.silent or fact.silent) and active == 0,
    }
    began = fact.reason == "split" or (fact.restores is not None and fact.alerts)  # all resolved, maybe: quiet counts from here
    if began or fact.silent or (active > 0) != (before.firing_count > 0):
        changed["turned_observed"] = place.heard
    elif fact.restores is not None and not fact.alerts and not before.silent:
        changed["turned_observed"] = None  # a person wants it open: nothing of it can be over, until it turns
    if fact.restores is not None:
        changed |= _reversed(before, fact.restores) | {"snoozed_until": fact.snoozed_until}
    return changed


def _reversed(before: Incident, status: IncidentStatus) -> dict[str, Any]:
    """Take a merge back: the status that the incident had, with its times."""
    if not status.is_over:
        return _restored(status)
    resolved_only = status is IncidentStatus.RESOLVED
    return _UNMERGED | {"status": status, "closed_at": None if resolved_only else before.closed_at}


def _first(before: int | None, value: int, happened: bool) -> int | None:
    return value if happened and before is None else before
