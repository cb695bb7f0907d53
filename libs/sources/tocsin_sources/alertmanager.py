"""Prometheus Alertmanager, webhook format version 4 (SOURCES 1).

Identity and problem: those of the series (`series`). Delivery id: none. Episode: `startsAt`. The status of each alert
decides, the group's only where an alert has none.
"""

from tocsin_contracts.outcome import Reason
from tocsin_sources.series import read_series
from tocsin_sources.shape import as_list, as_object
from tocsin_sources.signature import Basic, Bearer
from tocsin_sources.source import Answer, Delivery, Ignored, Normalized, Source


def read(delivery: Delivery) -> Answer:
    """Map a webhook of Alertmanager, or of whatever speaks its format; a list is the alerts alone."""
    bare = isinstance(delivery.document, list)
    body = {"alerts": delivery.document} if bare else as_object(delivery.document, "")
    pointer = "" if bare else "/alerts"
    listed = body.get("alerts")
    alerts = [] if listed is None and "alerts" in body else as_list(listed, pointer)
    if not alerts:
        return Ignored(reason=Reason.NO_ALERTS, detail=f"{pointer or 'the body'} is an empty list")
    found = read_series(alerts, body, delivery.settings.environment_aliases, pointer)
    return Normalized(alerts=tuple(event for _, event in found))


SOURCE = Source(
    name="alertmanager",
    title="Prometheus Alertmanager",
    read=read,
    schemes=(Bearer(), Basic()),
    trusted_time=True,
)
