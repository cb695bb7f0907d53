"""Duplicates (P4): the same delivery sent again opens, counts and pages nothing."""

from collections.abc import Sequence

from tocsin_contracts.alert import AlertEvent
from tocsin_contracts.image import Image
from tocsin_contracts.status import AlertStatus, EventStatus
from tocsin_contracts.times import DAY
from tocsin_grouper.domain.state import Alert, SenderDelivery

SENDER_ID_HORIZON = 7 * DAY
"""A sender's delivery id makes a duplicate for this long (µs), by the fold's clock (D3)."""


def same_sender_id(known: SenderDelivery | None, clock: int) -> bool:
    """Tell whether a delivery with this sender's id was processed inside the horizon; failed ones never count."""
    return known is not None and clock - known.logged_at <= SENDER_ID_HORIZON


def same_content(image: Image, alerts: Sequence[Alert | None], clock: int) -> bool:
    """Tell whether *every* alert of the delivery repeats its own last event that was not a duplicate.

    Inside the integration's window, with no change of status in between: down, up, down are three deliveries, not one (D3).
    """
    window = image.settings.dedup_window
    return bool(image.alerts) and all(
        alert is not None and _repeats(alert, event, clock, window) for alert, event in zip(alerts, image.alerts, strict=True)
    )


def _repeats(alert: Alert, event: AlertEvent, clock: int, window: int) -> bool:
    return (
        alert.content == event.content
        and alert.content_status is event.status
        and clock - alert.content_at <= window
        and _status_still_stands(alert.status, event.status)
    )


def _status_still_stands(status: AlertStatus, said: EventStatus) -> bool:
    """Tell whether the alert is still what the event says: a timer may have ended its episode in between."""
    return status.is_active if said is not EventStatus.RESOLVED else status is AlertStatus.RESOLVED
