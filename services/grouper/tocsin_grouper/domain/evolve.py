"""Facts to state: total functions that never refuse. Nothing else makes an `Incident`."""

from dataclasses import replace
from typing import NamedTuple, assert_never

from tocsin_contracts.incident import (
    AlertsRecorded,
    AnyIncidentFact,
    IncidentOpened,
    IncidentResolved,
    SeverityRaised,
    StatusChanged,
)
from tocsin_contracts.status import IncidentStatus
from tocsin_grouper.domain.state import Incident


class Place(NamedTuple):
    """Where a fact stands: what a row keeps of it besides the fact itself."""

    tenant: str
    offset: int
    observed: int


def evolve(before: Incident | None, fact: AnyIncidentFact, place: Place) -> Incident:
    """Apply one fact to an incident; only `IncidentOpened` applies to none.

    Raises:
        ValueError: the fact's version is not the next one: versions are gapless (P3), a breach is a bug of ours.
    """
    if fact.version != (0 if before is None else before.version) + 1:
        raise ValueError(f"incident {fact.incident}: fact version {fact.version} does not follow")
    if isinstance(fact, IncidentOpened):
        return _opened(fact, place)
    if before is None:
        raise ValueError(f"incident {fact.incident}: {fact.kind} before it was opened")
    match fact:
        case AlertsRecorded():
            return _recorded(before, fact, place)
        case SeverityRaised():
            return replace(before, severity=fact.after, version=fact.version, updated_at=fact.at, changed_offset=place.offset)
        case IncidentResolved():
            return _moved(before, IncidentStatus.RESOLVED, fact, place)
        case StatusChanged():
            moved = _moved(before, fact.after, fact, place)
            return replace(moved, revision=before.revision + 1)
        case _:
            assert_never(fact)


def _opened(fact: IncidentOpened, place: Place) -> Incident:
    return Incident(
        tenant=place.tenant,
        id=fact.incident,
        group_key=fact.group_key,
        status=IncidentStatus.OPEN,
        severity=fact.severity,
        created_at=fact.at,
        updated_at=fact.at,
        first_seen_at=fact.first_seen_at,
        last_alert_at=fact.first_seen_at,
        version=fact.version,
        changed_offset=place.offset,
    )


def _recorded(before: Incident, fact: AlertsRecorded, place: Place) -> Incident:
    active = before.firing_count + len(fact.joined) + len(fact.fired) - len(fact.resolved) - len(fact.ended)
    return Incident(
        tenant=before.tenant,
        id=before.id,
        group_key=before.group_key,
        status=before.status,
        severity=before.severity,
        created_at=before.created_at,
        updated_at=fact.at,
        first_seen_at=before.first_seen_at,
        last_alert_at=max(before.last_alert_at, fact.last_alert_at),
        acknowledged_at=before.acknowledged_at,
        resolved_at=before.resolved_at,
        closed_at=before.closed_at,
        alert_count=before.alert_count + len(fact.joined),
        firing_count=active,
        event_count=before.event_count + fact.events,
        version=fact.version,
        revision=before.revision,
        over_observed=before.over_observed,
        changed_offset=place.offset,
    )


def _moved(before: Incident, after: IncidentStatus, fact: IncidentResolved | StatusChanged, place: Place) -> Incident:
    return replace(
        before,
        status=after,
        acknowledged_at=_first(before.acknowledged_at, fact.at, after is IncidentStatus.ACKNOWLEDGED),
        resolved_at=_first(before.resolved_at, fact.at, after is IncidentStatus.RESOLVED),
        closed_at=_first(before.closed_at, fact.at, after is IncidentStatus.CLOSED),
        over_observed=_first(before.over_observed, place.observed, after.is_over),
        version=fact.version,
        updated_at=fact.at,
        changed_offset=place.offset,
    )


def _first(before: int | None, value: int, happened: bool) -> int | None:
    return value if happened and before is None else before
