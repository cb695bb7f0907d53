"""The list of incidents: its filters and sorts (C2)."""

from collections.abc import Mapping
from typing import Final

from tocsin_contracts.ids import short_code
from tocsin_contracts.severity import Severity
from tocsin_contracts.status import IncidentStatus
from tocsin_query.domain.kind import Choice
from tocsin_query.domain.listing import Key, Listing, Order, any_of, between, text_key, time_key, whether
from tocsin_query.domain.shapes import IncidentRow
from tocsin_query.domain.statement import SNOOZED

_RANKED = ", ".join(f"'{severity.value}'" for severity in sorted(Severity, key=lambda severity: severity.rank))
_ID = text_key("id")
_CREATED = time_key("created_at")
_SEVERITY = Key(
    sql=f"array_position(ARRAY[{_RANKED}], severity)",
    cast="integer",
    of=lambda row: Severity(str(row["severity"])).rank + 1,
    bind=int,
)
STATUSES: Final = Choice(tuple(IncidentStatus))
SEVERITIES: Final = Choice(tuple(Severity))
_STORED: Final = {"worst_severity": "worst AS worst_severity"}
COLUMNS: Final = tuple(_STORED.get(name, name) for name in IncidentRow.model_fields if name != "short_code")

INCIDENTS: Final = Listing(
    table="proj.incidents",
    columns=COLUMNS,
    filters=(
        any_of("status", "Where it stands.", STATUSES),
        any_of("severity", "Its severity: the highest so far, or what somebody set.", SEVERITIES),
        any_of("service", "Exactly this service."),
        any_of("team", "Exactly this team."),
        any_of("assignee", "Given to exactly this person."),
        any_of("category", "What it is about: `availability`, `latency`, `errors` …"),
        any_of("source", "Kind of the sender, like `alertmanager`."),
        any_of("environment", "Exactly this environment, as it was folded: `prod`, `staging` …"),
        whether("snoozed", "Whether it is unresolved and kept quiet until a later time.", SNOOZED),
        whether("flapping", "Whether it opened so often that it is kept open, and quiet.", "flapping"),
        *between("created_at", "Opened"),
        *between("updated_at", "Last changed"),
    ),
    orders=tuple(
        Order(name=sign + name, keys=keys)
        for name, keys in (
            ("created_at", (_CREATED, _ID)),
            ("updated_at", (time_key("updated_at"), _ID)),
            ("last_alert_at", (time_key("last_alert_at"), _ID)),
            ("severity", (_SEVERITY, _CREATED, _ID)),
        )
        for sign in ("-", "")
    ),
    show=lambda row, _tenant: incident_row(row),
)


def incident_row(row: Mapping[str, object]) -> dict[str, object]:
    """Show a stored row: its id, the code that can be said aloud, the rest."""
    incident = str(row["id"])
    return {"id": incident, "short_code": short_code(incident), **row}
