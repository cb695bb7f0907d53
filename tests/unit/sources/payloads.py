"""The sample webhooks of `tests/payloads`, as a delivery that their source reads."""

from collections.abc import Mapping
from pathlib import Path

from tests.unit.sources.payload_headers import CONTENT_TYPES, HEADERS
from tocsin_contracts.alert import AlertEvent
from tocsin_contracts.integration import IntegrationSettings
from tocsin_sources import registry
from tocsin_sources.source import Answer, Delivery, Normalized, Source

PAYLOADS = Path(__file__).parents[2] / "payloads"
HOOK_TIMESTAMP = "1772449200"
"""2026-03-02T11:00:00Z: the time that Sentry's header carries in these tests."""
_RESOURCES = ("issue", "event_alert", "metric_alert", "error", "installation", "comment")


def source_of(name: str) -> Source:
    found = registry.get(name)
    assert found is not None
    return found


def all_payloads() -> list[tuple[str, str]]:
    return [(name, path.stem) for name in registry.names() for path in sorted((PAYLOADS / name).glob("*.json"))]


def body_of(source: str, name: str) -> bytes:
    return (PAYLOADS / source / f"{name}.json").read_bytes()


def headers_of(source: str, name: str) -> Mapping[str, str]:
    """Give the headers that ORIGIN.md tells a test to send, as far as the source keeps them."""
    if source in HEADERS:
        return HEADERS[source](name)
    resource = next((resource for resource in _RESOURCES if name.startswith(resource)), None)
    if source != "sentry" or resource is None:
        return {}
    return {"sentry-hook-resource": resource, "sentry-hook-timestamp": HOOK_TIMESTAMP}


def answer(source: str, document: object, headers: Mapping[str, str] | None = None, **settings: object) -> Answer:
    delivery = Delivery(document=document, headers=headers or {}, settings=IntegrationSettings.model_validate(settings))
    return source_of(source).map(delivery)


def answer_to(source: str, name: str, **settings: object) -> Answer:
    content_type = CONTENT_TYPES.get(source, "application/json")
    document = source_of(source).parse(body_of(source, name), content_type)
    return answer(source, document, headers_of(source, name), **settings)


def alerts_of(given: Answer) -> tuple[AlertEvent, ...]:
    assert isinstance(given, Normalized), given
    return given.alerts


def alert_of(given: Answer) -> AlertEvent:
    (alert,) = alerts_of(given)
    return alert
