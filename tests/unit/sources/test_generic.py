"""What is particular to our own format: names, text, doubles, delivery ids; and CloudEvents and Standard Webhooks in it."""

from typing import Any

import pytest

from tests.unit.sources.payloads import alert_of, alerts_of, answer, answer_to, source_of
from tocsin_contracts.status import EventStatus
from tocsin_contracts.times import SECOND
from tocsin_sources.document import NotJson, NotJsonCode
from tocsin_sources.schemes.header import SecretHeader
from tocsin_sources.schemes.standard_webhooks import StandardWebhooks
from tocsin_sources.signature import Accepted, Basic, Bearer, Scheme, SignedRequest, authenticate
from tocsin_sources.source import Failed, Ignored, Normalized

JSON = "application/json"


@pytest.mark.parametrize(
    ("opens", "closes"), [("native_firing", "native_resolved"), ("formatted_webhook_alerting", "formatted_webhook_ok")]
)
def test_a_pair_is_one_alert(opens: str, closes: str) -> None:
    first, last = alert_of(answer_to("generic", opens)), alert_of(answer_to("generic", closes))
    assert (first.status, last.status) == (EventStatus.FIRING, EventStatus.RESOLVED)
    assert first.identity == last.identity


@pytest.mark.parametrize(
    "body",
    [
        b'{"title": "x", "severity": "low", "severity": "critical"}',
        b'{"title": "x", "labels": {"a": "1", "a": "2"}}',
        b'{"alerts": [{"title": "x", "title": "y"}]}',
        b'[{"title": "x"}, {"title": "y", "title": "z"}]',
        b' \n{"title": "x", "\\u0074itle": "y"}',
    ],
)
def test_s31_a_member_that_stands_twice_in_our_format_is_refused(body: bytes) -> None:
    with pytest.raises(NotJson) as refused:
        source_of("generic").parse(body, JSON)
    assert refused.value.code is NotJsonCode.DUPLICATE_KEY


def test_s31_in_the_json_of_others_the_last_one_counts() -> None:
    assert source_of("generic").parse(b'{"check": 1, "check": 2, "title": "x"}', JSON) == {"check": 2, "title": "x"}
    assert source_of("cloudevents").parse(b'{"title": 1, "title": 2}', JSON) == {"title": 2}


@pytest.mark.parametrize("content_type", [JSON, "", "text/plain", "application/x-www-form-urlencoded", "x"])
def test_json_is_json_whatever_it_is_called(content_type: str) -> None:
    """`curl -d` calls everything a form."""
    assert source_of("generic").parse(b'{"title": "x"}', content_type) == {"title": "x"}


def test_a_form_is_an_object_of_its_fields_and_plain_text_is_text() -> None:
    parse = source_of("generic").parse
    assert parse(b"title=Disk+full&status=firing", "application/x-www-form-urlencoded") == {
        "title": "Disk full",
        "status": "firing",
    }
    assert parse("Disk full é\n".encode(), "text/plain; charset=utf-8") == "Disk full é\n"
    for body, content_type in (
        (b"Disk full", JSON),
        (b"", "text/plain"),
        (b'{"title": ', JSON),
        (b"x" * 2_000_000, "text/plain"),
    ):
        with pytest.raises(NotJson):
            parse(body, content_type)


def test_the_first_line_of_a_text_is_its_title() -> None:
    alert = alert_of(answer("generic", "Disk full on web-3\n90 % at noon"))
    assert (alert.title, alert.description, alert.identity) == ("Disk full on web-3", "90 % at noon", "Disk full on web-3")
    assert (alert.status, alert.never_resolves) == (EventStatus.FIRING, True)


@pytest.mark.parametrize(
    ("headers", "body", "sender_id"),
    [
        ({}, {"delivery_id": "d"}, "d"),
        ({"idempotency-key": "i", "webhook-id": "w"}, {}, "i"),
        ({"webhook-id": "w"}, {}, "w"),
        ({"webhook-id": "w"}, {"delivery_id": "d"}, "d"),
        ({}, {}, None),
    ],
)
def test_the_delivery_id_is_the_bodys_then_the_headers(
    headers: dict[str, str], body: dict[str, Any], sender_id: str | None
) -> None:
    given = answer("generic", {"title": "x", **body}, headers)
    assert isinstance(given, Normalized)
    assert given.sender_id == sender_id


def test_alerts_without_identity_differ_by_title_service_and_host() -> None:
    bodies = [{"title": "x"}, {"title": "x", "host": "a"}, {"title": "x", "host": "b"}, {"title": "x", "service": "s"}]
    assert len({alert.identity for alert in alerts_of(answer("generic", {"alerts": bodies}))}) == 4


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        ({}, "/title"),
        ({"check": 1}, "/title"),
        ([{"x": 1}], "/0/title"),
        ({"alerts": [{"title": "x"}, {}]}, "/alerts/1/title"),
        ({"alerts": {}}, "/alerts"),
        ({"title": "x", "status": "purple"}, "/status"),
        ({"title": "x", "state": "purple"}, "/state"),
        (7, "/title"),
        ("null", ""),
        ({"type": "a.failed", "timestamp": "x", "data": 7}, "/data"),
    ],
)
def test_what_is_missing_is_named(document: object, pointer: str) -> None:
    given = answer("generic", document)
    assert isinstance(given, Failed)
    assert given.pointer == pointer


@pytest.mark.parametrize("document", [[], {"alerts": []}])
def test_an_empty_list_is_ignored(document: object) -> None:
    assert isinstance(answer("generic", document), Ignored)


def test_the_type_of_a_standard_webhook_says_the_status_where_the_data_does_not() -> None:
    def sent(kind: str, **data: str) -> Any:
        return {"type": kind, "timestamp": "2026-03-02T10:15:30Z", "data": data}

    fired, over = (alert_of(answer("generic", sent(f"disk.full.{word}"))) for word in ("triggered", "resolved"))
    assert (fired.status, over.status) == (EventStatus.FIRING, EventStatus.RESOLVED)
    assert fired.identity == over.identity == "disk.full"
    assert alert_of(answer("generic", sent("disk.full.triggered", status="ok"))).status is EventStatus.RESOLVED


@pytest.mark.parametrize("scheme", [Bearer(), Basic(), SecretHeader(), StandardWebhooks()], ids=lambda scheme: scheme.name)
def test_a_sender_may_prove_itself_in_any_of_four_ways(scheme: Scheme) -> None:
    now, secret = 1_772_446_530 * SECOND, b"whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
    request = SignedRequest(headers=scheme.sign(b"{}", secret, now), body=b"{}", now=now)
    for source in ("generic", "cloudevents"):
        assert authenticate(source_of(source).schemes, request, [secret]) == Accepted(0)
