"""The list of alerts: its filters and sorts (C5)."""

from collections.abc import Mapping
from typing import Any, Final

import orjson

from tocsin_contracts.severity import Severity
from tocsin_contracts.status import AlertStatus
from tocsin_query.domain.kind import Choice, IncidentName
from tocsin_query.domain.listing import Filter, Listing, Order, any_of, between, text_key, time_key
from tocsin_query.domain.parameter import Parameter
from tocsin_query.domain.shapes import AlertRow
from tocsin_query.domain.statement import HELD_WHY

_ID = text_key("id")
_OF_INCIDENT: Final = Filter(
    parameter=Parameter(
        name="incident_id",
        meaning="Of this incident: its id, its short code, or the beginning of its id.",
        kind=IncidentName(),
        many=True,
    ),
    predicate="incident_id = ANY({}::text[])",
    names_incidents=True,
)


def alert_row(row: Mapping[str, object]) -> dict[str, object]:
    """Show a stored row: with what it waits for, in place of where that is stored."""
    body = {name: value for name, value in row.items() if name not in {"held", "held_why"}}
    return body | {"waiting_for": waiting_for(row.get("held"), row.get("held_why"))}


def waiting_for(group: object, why: object) -> dict[str, object] | None:
    """Say what an alert waits for.

    Args:
        group: the key of the group in which it waits; None: it does not.
        why: the stored JSON of what decided so; None where that was dropped.
    """
    if group is None:
        return None
    told: Mapping[str, Any] = {} if why is None else orjson.loads(str(why))
    threshold = told.get("threshold") or {}
    counts = {name: threshold.get(name) for name in ("alerts", "within_s", "counted")}
    return {"group_key": group, "rule": told.get("rule"), **counts}


ALERTS: Final = Listing(
    table="proj.alerts",
    columns=(*(name for name in AlertRow.model_fields if name != "waiting_for"), "held", HELD_WHY),
    filters=(
        any_of("status", "Where it stands.", Choice(tuple(AlertStatus))),
        any_of("severity", "Its severity.", Choice(tuple(Severity))),
        any_of("service", "Exactly this service."),
        any_of("source", "Kind of the sender, like `sentry`."),
        any_of("environment", "Exactly this environment, as it was folded: `prod`, `staging` …"),
        _OF_INCIDENT,
        *between("created_at", "First seen"),
    ),
    orders=tuple(
        Order(name=sign + name, keys=(time_key(name), _ID))
        for name in ("created_at", "updated_at", "last_seen_at")
        for sign in ("-", "")
    ),
    show=lambda row, _tenant: alert_row(row),
)
