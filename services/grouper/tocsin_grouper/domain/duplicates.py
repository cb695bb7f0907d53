"""Duplicates (P4): the same delivery sent again opens, counts and pages nothing."""

from collections.abc import Sequence

from tocsin_contracts.alert import AlertEvent
from tocsin_contracts.image import Image
from tocsin_contracts.status import AlertStatus, EventStatus
from tocsin_contracts.times import DAY
from tocsin_grouper.domain.episodes import Verdict, judge
from tocsin_grouper.domain.state import Alert, SenderDelivery

SENDER_ID_HORIZON = 7 * DAY
"""A sender's delivery id makes a duplicate for this long (µs), by the fold's clock (D3)."""


def same_sender_id(known: SenderDelivery | None, clock: int) -> bool:
    """Tell whether a delivery with this sender's id was processed inside the horizon; failed ones never count."""
    return known is not None and clock - known.logged_at <= SENDER_ID_HORIZON


def repeats_of(image: Image, alerts: Sequence[Alert | None], clock: int) -> list[bool] | None:
    """Tell for each alert whether it repeats its own last event; None: the delivery is no duplicate by content.

    It is one only if *every* alert repeats its last event that was not a duplicate, inside the integration's window, with no
    change of status in between: down, up, down are three deliveries, not one (D3). An event that came late counts nothing
    and changes nothing, so it does not tell a delivery from the copy of it that the other Alertmanager of a pair sends.
    """
    window = image.settings.dedup_window
    repeats = [
        alert is not None and alert.content == event.content and _repeats(alert, event, clock, window)
        for alert, event in zip(alerts, image.alerts, strict=True)
    ]
    if True not in repeats:
        return None
    for alert, event, repeated in zip(alerts, image.alerts, repeats, strict=True):
        if not repeated and judge(alert, event, clock, window) is not Verdict.LATE:
            return None
    return repeats


def _repeats(alert: Alert, event: AlertEvent, clock: int, window: int) -> bool:
    """Tell whether an event of the same content says its alert's last one again."""
    return (
        alert.content_status is event.status
        and clock - alert.content_at <= window
        and _status_still_stands(alert.status, event.status)
    )


def _status_still_stands(status: AlertStatus, said: EventStatus) -> bool:
    """Tell whether the alert is still what the event says: a timer may have ended its episode in between."""
    return status.is_active if said is not EventStatus.RESOLVED else status is AlertStatus.RESOLVED
