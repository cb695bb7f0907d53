"""The list of deliveries, and their counts by what they share: filters, sorts, groups."""

from typing import Final

from tocsin_contracts.outcome import Outcome
from tocsin_query.domain.grouping import Grouping
from tocsin_query.domain.kind import Choice
from tocsin_query.domain.listing import OFFSET_KEY, Listing, Order, any_of, between, time_key, whether
from tocsin_query.domain.rendering import delivery_row
from tocsin_query.domain.statement import DISCARDED

DELIVERIES: Final = Listing(
    table="proj.deliveries",
    columns=(
        *("id", "outcome", "reason", "detail", "source", "integration_id", "integration_version", "sender_id", "duplicate_of"),
        *("redrive_of", "redriven_to", "partition", '"offset"', "received_at", "logged_at", "size", "alert_count"),
        *("incident_ids", "request_id", "release", f"{DISCARDED} AS discarded"),
    ),
    filters=(
        any_of("outcome", "What became of it.", Choice(tuple(Outcome))),
        any_of("reason", "Exactly this reason, like `unknown-shape`."),
        any_of("source", "Kind of the sender, like `alertmanager`."),
        any_of("integration_id", "Of this integration: its whole id."),
        any_of("sender_id", "The sender's own id of the delivery."),
        whether("attempt", "Whether it was a redrive: `false` leaves every delivery once.", "(redrive_of IS NOT NULL)"),
        whether("discarded", "Whether somebody looked at it and let it be.", DISCARDED),
        *between("received_at", "Received by a gateway"),
        *between("logged_at", "Appended to the log"),
    ),
    orders=tuple(Order(name=f"{sign}logged_at", keys=(time_key("logged_at"), OFFSET_KEY)) for sign in ("-", "")),
    show=delivery_row,
)
GROUPS: Final = Grouping(
    listing=DELIVERIES,
    columns=("outcome", "reason", "source", "integration_id"),
    default=("outcome", "reason", "source", "integration_id"),
)
