"""What a fact changed, in one form for all kinds: field, before and after, the other incident, the alerts that moved."""

from collections.abc import Sequence
from typing import Any, Final

from tocsin_contracts.ids import short_code
from tocsin_contracts.incident import (
    AlertsCame,
    AlertsLeft,
    AlertsRecorded,
    AnyIncidentFact,
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
from tocsin_contracts.status import IncidentStatus
from tocsin_contracts.times import to_datetime
from tocsin_query.domain.shapes import Detail

ALERTS_SHOWN: Final = 100
_NOTHING: Final[dict[str, Any]] = {
    name: 0 if name == "alerts_total" else [] if name == "alerts" else None for name in Detail.model_fields
}


def detail_of(fact: AnyIncidentFact | None) -> dict[str, Any]:
    """Say what a fact changed; nothing, where this release does not know it."""
    return _NOTHING if fact is None else {**_NOTHING, **_said(fact)}


def moment(at: int | None) -> str | None:
    """Write a time as answers do: RFC 3339, UTC."""
    return None if at is None else to_datetime(at).isoformat().replace("+00:00", "Z")


def _said(fact: AnyIncidentFact) -> dict[str, Any]:  # noqa: C901, PLR0912 # one case a fact
    match fact:
        case StatusChanged():
            return _field("status", fact.before, fact.after)
        case IncidentReopened():
            return {**_field("status", fact.before, fact.after), "reason": fact.reason, **_alerts(_one(fact.alert))}
        case IncidentResolved():
            return {**_field("status", fact.before, IncidentStatus.RESOLVED), "reason": fact.reason}
        case SeverityRaised():
            return {**_field("severity", fact.before, fact.after), "reason": fact.reason, **_alerts(_one(fact.alert))}
        case SeverityOverridden():
            return _field("severity", fact.before, fact.after)
        case FieldChanged():
            return _field(fact.name, fact.before, fact.after)
        case Snoozed():
            return {**_field("snoozed_until", moment(fact.before), moment(fact.until)), "undoes": fact.undoes}
        case LinkChanged():
            return {**_other(fact.other), "linked": fact.linked}
        case AlertsLeft():
            closed = {} if fact.closes is None else _field("status", fact.closes, IncidentStatus.CLOSED)
            return {**closed, **_other(fact.to), **_moved(fact)}
        case AlertsCame():
            restored = {} if fact.restores is None else _field("status", IncidentStatus.CLOSED, fact.restores)
            return {**restored, **_other(fact.origin), **_moved(fact)}
        case IncidentRegrouped():
            return {**_field("group_key", fact.before, fact.group_key), "reason": fact.reason}
        case FlappingBegan():
            return _field("flapping", "false", "true")
        case FlappingEnded():
            return {**_field("flapping", "true", "false"), "reason": fact.reason}
        case IncidentOpened():
            return {"reason": fact.reason, **_alerts(_one(fact.alert)), **_other(fact.split_from)}
        case AlertsRecorded(ended=ended) if ended:
            return {"reason": fact.why, **_alerts(ended)}
        case _:  # a comment, whose words stand elsewhere; alerts that were counted
            return {}


def _field(name: str, before: str | None, after: str | None) -> dict[str, Any]:
    return {"field": name, "before": before, "after": after}


def _other(incident: str | None) -> dict[str, Any]:
    return {"other_id": incident, "other_short_code": None if incident is None else short_code(incident)}


def _moved(fact: AlertsLeft | AlertsCame) -> dict[str, Any]:
    undoes = fact.undoes if isinstance(fact, AlertsLeft) else None
    return {"reason": fact.reason, "undoes": undoes, **_alerts(fact.alerts)}


def _alerts(names: Sequence[str]) -> dict[str, Any]:
    return {"alerts": list(names[:ALERTS_SHOWN]), "alerts_total": len(names)}


def _one(alert: str | None) -> tuple[str, ...]:
    return () if alert is None else (alert,)
