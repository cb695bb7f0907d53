"""Log records and a source of the tests' own, small enough to see what is in them."""

from collections.abc import Sequence

import orjson

from tocsin_contracts.alert import AlertEvent
from tocsin_contracts.delivery import DeliveryEnvelope
from tocsin_contracts.envelope import Kind, log_headers
from tocsin_contracts.integration import IntegrationSettings
from tocsin_contracts.status import EventStatus
from tocsin_normalizer.domain.normalize import Normalizer
from tocsin_runtime.log import Entry, Record
from tocsin_sources.signature import Bearer
from tocsin_sources.source import Answer, Delivery, Failed, Ignored, Normalized, Source

TENANT, INTEGRATION, VERSION = "tenant-1", "integration-1", 3
SETTINGS = IntegrationSettings(dedup_window_s=60)
KNOWN = {(INTEGRATION, VERSION): SETTINGS}
RELEASE = "1.2.3"


class Killed(BaseException):
    """The process died: nothing of ours may catch it."""


def read(delivery: Delivery) -> Answer:
    """Map the tests' own format: `{"alerts": [name, …]}`, or `{"do": …}` for everything that can go wrong."""
    document = delivery.document
    assert isinstance(document, dict)
    match document.get("do"):
        case "raise":
            raise RuntimeError("body says: hunter2")
        case "die":
            raise Killed
        case "ignore":
            return Ignored(reason="not-an-alert", detail="nothing to see")
        case "fail":
            return Failed(reason="unknown-shape", detail="/alerts: a list expected, found nothing", pointer="/alerts")
        case "unwritable":
            return Normalized(alerts=(event("x", metadata={"n": 2**70}),))
        case _:
            alerts = tuple(event(name, description=document.get("text")) for name in document["alerts"])
            return Normalized(alerts=alerts, sender_id=document.get("id"))


def event(identity: str, *, description: str | None = None, metadata: dict[str, object] | None = None) -> AlertEvent:
    return AlertEvent(
        identity=identity,
        problem="problem",
        status=EventStatus.FIRING,
        title=identity,
        content="content",
        description=description,
        metadata=metadata or {},
        raw=description,
    )


SOURCE = Source(name="tests", title="Tests", read=read, schemes=(Bearer(),), trusted_time=True)


def source_of(name: str) -> Source | None:
    return SOURCE if name == SOURCE.name else None


def normalizer(release: str = RELEASE, *, alerts_max: int = 100, image_max_bytes: int = 6 << 20) -> Normalizer:
    return Normalizer(release=release, alerts_max=alerts_max, image_max_bytes=image_max_bytes, source_of=source_of)


def envelope(**changes: object) -> DeliveryEnvelope:
    fields: dict[str, object] = {
        "tenant": TENANT,
        "integration": INTEGRATION,
        "source": SOURCE.name,
        "integration_version": VERSION,
        "request_id": "request-1",
        "received_at": 1_700_000_000_000_000,
    }
    return DeliveryEnvelope.model_validate(fields | changes)


def delivery(*alerts: str, do: str | None = None, body: bytes | None = None, **changes: object) -> Entry:
    """Make a delivery as ingest appends it."""
    document = {"alerts": alerts} if do is None else {"do": do}
    value = orjson.dumps(document) if body is None else body
    return Entry(TENANT.encode(), value, log_headers(Kind.DELIVERY, envelope(**changes).encode()))


def tick() -> Entry:
    return Entry(None, b'{"v":1,"gateway":"g","covers_ms":15000}', log_headers(Kind.TICK))


def record(entry: Entry, offset: int = 0, *, partition: int = 0) -> Record:
    return Record(partition, offset, 1_700_000_000_123, entry.key, entry.value, entry.headers)


def records(entries: Sequence[Entry]) -> list[Record]:
    return [record(entry, offset) for offset, entry in enumerate(entries)]
