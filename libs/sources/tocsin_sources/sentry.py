"""Sentry: the integration platform and the legacy WebHooks plugin (SOURCES 3)."""

from tocsin_sources.shape import Unfit
from tocsin_sources.signature import HmacSha256Hex
from tocsin_sources.source import Answer, Delivery, Source


def read(delivery: Delivery) -> Answer:
    """Map a webhook of Sentry."""
    raise Unfit("", "a Sentry webhook", delivery.document)


SOURCE = Source(
    name="sentry",
    title="Sentry",
    read=read,
    schemes=(HmacSha256Hex("sentry-hook-signature"),),
    trusted_time=True,
    signature_optional=True,
    headers=frozenset({"sentry-hook-resource", "sentry-hook-timestamp", "request-id"}),
)
