"""Prometheus Alertmanager, webhook format version 4 (SOURCES 1)."""

from tocsin_sources.shape import Unfit
from tocsin_sources.signature import Basic, Bearer
from tocsin_sources.source import Answer, Delivery, Source


def read(delivery: Delivery) -> Answer:
    """Map a webhook of Alertmanager."""
    raise Unfit("", "an Alertmanager webhook", delivery.document)


SOURCE = Source(
    name="alertmanager",
    title="Prometheus Alertmanager",
    read=read,
    schemes=(Bearer(), Basic()),
    trusted_time=True,
)
