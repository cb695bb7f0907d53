"""The list of alerts: its filters and sorts (C5)."""

from typing import Final

from tocsin_contracts.severity import Severity
from tocsin_contracts.status import AlertStatus
from tocsin_query.domain.kind import Choice
from tocsin_query.domain.listing import Listing, Order, any_of, between, text_key, time_key
from tocsin_query.domain.shapes import AlertRow

_ID = text_key("id")

ALERTS: Final = Listing(
    table="proj.alerts",
    columns=tuple(AlertRow.model_fields),
    filters=(
        any_of("status", "Where it stands.", Choice(tuple(AlertStatus))),
        any_of("severity", "Its severity.", Choice(tuple(Severity))),
        any_of("service", "Exactly this service."),
        any_of("source", "Kind of the sender, like `sentry`."),
        any_of("environment", "Exactly this environment, as it was folded: `prod`, `staging` …"),
        any_of("incident_id", "Of this incident: its whole id."),
        *between("created_at", "First seen"),
    ),
    orders=tuple(
        Order(name=sign + name, keys=(time_key(name), _ID))
        for name in ("created_at", "updated_at", "last_seen_at")
        for sign in ("-", "")
    ),
)
