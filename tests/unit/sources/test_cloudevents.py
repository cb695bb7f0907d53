"""What is particular to CloudEvents: three modes that say the same, identities, delivery ids, mappings of events."""

from dataclasses import replace
from typing import Any
from urllib.parse import quote

import orjson
import pytest

from tests.unit.sources.payloads import alert_of, alerts_of, answer_to, body_of, source_of
from tocsin_contracts.integration import IntegrationSettings
from tocsin_contracts.status import EventStatus
from tocsin_sources.document import NotJson
from tocsin_sources.source import Answer, Delivery, Failed, Ignored, Normalized

EVENT: dict[str, Any] = {"specversion": "1.0", "id": "1", "source": "/m", "type": "acme.disk.full.fired"}


def given(
    document: object, headers: dict[str, str] | None = None, content_type: str = "", source: str = "cloudevents", **settings: Any
) -> Answer:
    delivery = Delivery(
        document=document, headers=headers or {}, content_type=content_type, settings=IntegrationSettings.model_validate(settings)
    )
    return source_of(source).map(delivery)


def structured(name: str) -> dict[str, Any]:
    document: dict[str, Any] = orjson.loads(body_of("cloudevents", name))
    return document


def test_binary_mode_says_what_structured_mode_says() -> None:
    event = structured("alert_event")
    data = event.pop("data")
    content_type = event.pop("datacontenttype")
    headers = {f"ce-{name}": quote(value, safe="/:") for name, value in event.items()}
    binary = given(data, headers, content_type)
    whole = answer_to("cloudevents", "alert_event")
    assert isinstance(binary, Normalized)
    assert isinstance(whole, Normalized)
    assert binary.sender_id == whole.sender_id
    assert binary.alerts == tuple(replace(alert, raw=binary.alerts[0].raw) for alert in whole.alerts)
    assert headers.keys() <= source_of("cloudevents").headers


def test_values_of_headers_are_percent_decoded() -> None:
    headers = {
        "ce-specversion": "1.0",
        "ce-id": "1",
        "ce-source": "/m",
        "ce-type": "t.fired",
        "ce-subject": "Z%C3%BCrich%20%E2%82%AC",
    }
    assert alert_of(given({}, headers)).labels["ce_subject"] == "Zürich €"


@pytest.mark.parametrize("name", ["alert_event", "batch_two", "structured_no_data"])
def test_the_generic_source_reads_them_too(name: str) -> None:
    document = orjson.loads(body_of("cloudevents", name))
    assert given(document, source="generic") == given(document)


def test_a_firing_and_its_resolve_are_one_alert_by_subject_and_by_type() -> None:
    first, last = (alert_of(answer_to("cloudevents", name)) for name in ("alert_event", "alert_event_resolved"))
    assert (first.identity, first.status, last.status) == (last.identity, EventStatus.FIRING, EventStatus.RESOLVED)
    by_type = [alert_of(given({**EVENT, "id": word, "type": f"acme.disk.full.{word}"})) for word in ("fired", "resolved")]
    assert [alert.identity for alert in by_type] == ["/m#acme.disk.full"] * 2
    assert by_type[0].status is not by_type[1].status


def test_the_datas_own_identity_goes_before_the_subject_and_its_title_does_not() -> None:
    both = {**EVENT, "subject": "s", "data": {"title": "t", "identity": "i"}}
    assert alert_of(given(both)).identity == "/m#i"
    both["data"].pop("identity")
    assert alert_of(given(both)).identity == "/m#s"


def test_the_datas_status_goes_before_the_types() -> None:
    assert alert_of(given({**EVENT, "data": {"status": "ok"}})).status is EventStatus.RESOLVED


def test_a_type_that_says_no_status_fires_and_never_resolves() -> None:
    alert = alert_of(answer_to("cloudevents", "structured_json_data"))
    assert (alert.status, alert.never_resolves, alert.title) == (EventStatus.FIRING, True, "com.example.someevent")


def test_the_delivery_id_is_source_and_id_and_a_batchs_is_all_of_them() -> None:
    def sender_id(document: object) -> str | None:
        answer = given(document)
        assert isinstance(answer, Normalized)
        return answer.sender_id

    assert sender_id(EVENT) == sender_id([EVENT]) == "/m 1"
    two = [EVENT, {**EVENT, "id": "2"}]
    assert sender_id(two) == sender_id(orjson.loads(orjson.dumps(two)))
    assert sender_id(two) != sender_id(two[::-1])
    assert sender_id([{**EVENT, "id": "1x"}, EVENT]) != sender_id([EVENT, {**EVENT, "id": "x1"}])


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        ({**EVENT, "id": ""}, "/id"),
        ({**EVENT, "source": None}, "/source"),
        ([EVENT, {}], "/1/id"),
        ([EVENT, 7], "/1"),
        ({**EVENT, "data": {"status": "purple"}}, "/data/status"),
        ({}, "/id"),
        ("text", ""),
    ],
)
def test_what_is_missing_is_named(document: object, pointer: str) -> None:
    failed = given(document, content_type="application/cloudevents+json")
    assert isinstance(failed, Failed)
    assert failed.pointer == pointer


def test_an_empty_batch_is_ignored() -> None:
    assert isinstance(given([], content_type="application/cloudevents-batch+json"), Ignored)


@pytest.mark.parametrize("base64", ["eyJ0aXRsZSI6", "!", 7, None, "AAAA", ""])
def test_data_that_is_no_json_in_base64_is_no_data(base64: object) -> None:
    assert alert_of(given({**EVENT, "data_base64": base64})).title == "acme.disk.full.fired"


def test_a_mapping_reads_attributes_and_data_of_each_event_and_keeps_the_delivery_id() -> None:
    mapping = {
        "identity": "data.disk",
        "title": "type",
        "status": {"path": "data.full", "values": {"true": "firing"}},
        "service": "source",
    }
    batch = [{**EVENT, "id": str(n), "data": {"disk": f"d{n}", "full": True}} for n in range(2)]
    answer = given(batch, mapping=mapping)
    assert [(alert.identity, alert.service) for alert in alerts_of(answer)] == [("d0", "/m"), ("d1", "/m")]
    assert isinstance(answer, Normalized)
    assert (answer.sender_id or "").startswith("batch ")
    assert alert_of(given(batch[0], mapping=mapping)).identity == "d0"


BINARY = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/m", "ce-type": "acme.disk.full.fired"}
OPAQUE = {
    "none": (b"", "", None, "acme.disk.full.fired"),
    "none, called JSON": (b"", "application/json", None, "acme.disk.full.fired"),
    "text": (b"disk is full", "text/plain", "disk is full", "disk is full"),
    "text of no type": ("Zürich voll".encode(), "", "Zürich voll", "Zürich voll"),
    "xml": (b"<full/>", "application/xml", "<full/>", "acme.disk.full.fired"),
    "bytes": (b"\xff\x00\x01", "application/octet-stream", None, "acme.disk.full.fired"),
    "JSON by no name": (b'{"title": "Full"}', "application/octet-stream", {"title": "Full"}, "Full"),
}


@pytest.mark.parametrize("source", ["cloudevents", "generic"])
@pytest.mark.parametrize("case", OPAQUE)
def test_an_event_in_binary_mode_may_hold_any_data(case: str, source: str) -> None:
    body, content_type, data, title = OPAQUE[case]
    document = source_of(source).document_of(body, content_type, BINARY)

    assert document == data
    alert = alert_of(given(document, BINARY, content_type, source))
    assert (alert.identity, alert.title) == ("/m#acme.disk.full", title)


@pytest.mark.parametrize("source", ["cloudevents", "generic"])
@pytest.mark.parametrize(
    ("body", "content_type", "headers"),
    [
        (b"{", "application/json", BINARY),
        (b"{", "application/acme+json; charset=utf-8", BINARY),
        (b"{", "application/cloudevents+json", BINARY),
        (b"", "application/octet-stream", {}),
        (b"[" * 100 + b"]" * 100, "application/octet-stream", BINARY),
    ],
)
def test_what_was_said_to_be_json_or_is_no_event_is_refused(
    body: bytes, content_type: str, headers: dict[str, str], source: str
) -> None:
    with pytest.raises(NotJson):
        source_of(source).document_of(body, content_type, headers)


def test_an_event_in_json_is_read_as_one_whatever_headers_say() -> None:
    answer = given({**EVENT, "id": "7"}, BINARY, "application/cloudevents+json")
    assert isinstance(answer, Normalized)
    assert answer.sender_id == "/m 7"
