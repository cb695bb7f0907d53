"""Deliveries of a stream as they would stand in `tocsin.log`, for whoever works without a gateway."""

from tocsin.streams.stream import Sending
from tocsin_contracts.delivery import encode_accepted
from tocsin_contracts.envelope import Kind, log_headers
from tocsin_runtime.log import Entry
from tocsin_sources import registry

VERSION = 1
"""Of every integration's settings."""


def entry_of(sending: Sending, number: int) -> Entry:
    """Write what ingest appends for a delivery; its integration has the source's name, the clock is the stream's.

    Args:
        sending: the delivery.
        number: its place in the stream, which names the request.
    """
    sample = sending.sample
    source = registry.get(sample.source)
    kept = frozenset[str]() if source is None else source.headers
    envelope = encode_accepted(
        tenant=sending.tenant,
        integration=f"{sending.tenant}-{sample.source}",
        source=sample.source,
        integration_version=VERSION,
        request_id=f"stream{number:012d}",
        received_at=sending.leaves_at,
        content_type=sample.headers.get("content-type", ""),
        encoding="",
        headers={name: value for name, value in sample.headers.items() if name in kept},
        query={},
    )
    return Entry(sending.tenant.encode(), sample.body, log_headers(Kind.DELIVERY, envelope))
