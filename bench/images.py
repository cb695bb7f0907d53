"""Records as they stand in the two topics, made in memory from the traffic: what in-process measurements feed on."""

from collections.abc import Iterable, Sequence

from tocsin.streams.entries import entry_of
from tocsin.streams.registry import SOURCES
from tocsin.streams.stream import Sending
from tocsin_contracts.delivery import encode_accepted
from tocsin_contracts.envelope import Kind, log_headers
from tocsin_contracts.integration import IntegrationSettings
from tocsin_normalizer.domain.normalize import Normalizer
from tocsin_runtime.log import Entry, Record

TENANT = "t_bench"
INTEGRATION = "i_bench"
VERSION = 1
FIRST_MS = 1_767_225_600_000
"""2026-01-01T00:00:00Z: when the first record was appended."""
STEP_MS = 200
"""Between two records: a group comes back after 13 minutes, so it opens anew and is not taken for one that flaps."""
SETTINGS = {
    (integration, VERSION): IntegrationSettings() for integration in (INTEGRATION, *(f"{TENANT}-{source}" for source in SOURCES))
}


def log_entries(bodies: Iterable[bytes], *, tenant: str = TENANT, integration: str = INTEGRATION) -> list[Entry]:
    """Give deliveries as ingest appends them."""
    return [
        Entry(tenant.encode(), body, log_headers(Kind.DELIVERY, _envelope(number, tenant, integration)))
        for number, body in enumerate(bodies)
    ]


def log_records(bodies: Iterable[bytes], *, first: int = 0) -> list[Record]:
    """Give deliveries as the normalizer reads them, of partition 0."""
    return [
        Record(0, first + number, FIRST_MS + (first + number) * STEP_MS, entry.key, entry.value, entry.headers)
        for number, entry in enumerate(log_entries(bodies))
    ]


def mixed_records(sendings: Sequence[Sending]) -> list[Record]:
    """Give a mixed stream's deliveries as the normalizer reads them, of partition 0; they were appended when they left."""
    return [Record(0, number, sending.leaves_at // 1000, *entry_of(sending, number)) for number, sending in enumerate(sendings)]


def image_records(records: Sequence[Record]) -> list[Record]:
    """Give the same deliveries as the grouper reads them."""
    normalizer = Normalizer(release="bench")
    made = [normalizer.normalize(record, SETTINGS) for record in records]
    return [
        Record(0, record.offset, record.appended_at_ms, image.key, image.value, image.headers)
        for record, image in zip(records, made, strict=True)
    ]


def _envelope(number: int, tenant: str, integration: str) -> bytes:
    return encode_accepted(
        tenant=tenant,
        integration=integration,
        source="alertmanager",
        integration_version=VERSION,
        request_id=f"bench{number:012d}",
        received_at=FIRST_MS * 1000,
        content_type="application/json",
        encoding="",
        headers={},
        query={},
    )
