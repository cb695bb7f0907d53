"""Uptime Kuma: monitors, certificates, and the three ways in which a body may come."""

from typing import Any
from urllib.parse import urlencode

import orjson
import pytest

from tests.unit.sources.payloads import alert_of, answer, answer_to, body_of, source_of
from tocsin_contracts.severity import Severity
from tocsin_contracts.status import EventStatus
from tocsin_sources.document import NotJson
from tocsin_sources.source import Failed, Ignored

DOWN: dict[str, Any] = orjson.loads(body_of("uptimekuma", "down"))


def with_heartbeat(**members: object) -> dict[str, Any]:
    return {**DOWN, "heartbeat": {**DOWN["heartbeat"], **members}}


def test_down_and_up_are_one_alert() -> None:
    down, up = (alert_of(answer_to("uptimekuma", name)) for name in ("down", "up"))
    assert (down.identity, down.problem) == (up.identity, up.problem) == ("1", "1")
    assert (down.status, up.status) == (EventStatus.FIRING, EventStatus.RESOLVED)
    assert not down.trusted, "its time has no zone"
    assert not down.never_resolves


@pytest.mark.parametrize(("code", "reason"), [(2, "pending"), (3, "maintenance"), ("2", "pending")])
def test_a_monitor_that_is_tried_again_or_maintained_is_no_alert(code: object, reason: str) -> None:
    given = answer("uptimekuma", with_heartbeat(status=code))
    assert isinstance(given, Ignored)
    assert given.reason == reason


def test_a_certificate_is_the_same_alert_on_each_day() -> None:
    text = "[Marketing][https://www.example.com/] server certificate www.example.com will expire in {} days"
    first, second = (
        alert_of(answer("uptimekuma", {"heartbeat": None, "monitor": None, "msg": text.format(days)})) for days in (14, 7)
    )
    assert first.identity == second.identity
    assert first.content != second.content
    assert (first.status, first.never_resolves) == (EventStatus.FIRING, True)


def test_an_older_body_without_tags_or_monitor_is_read() -> None:
    """Uptime Kuma 1.x: `monitor_id`, no tags, no ping."""
    alert = alert_of(answer("uptimekuma", {"heartbeat": {"monitor_id": 7, "status": 0, "msg": "timeout"}, "msg": "x"}))
    assert (alert.identity, alert.title, alert.labels) == ("7", "Monitor 7 is down", {})


def test_tags_say_where_and_how_bad() -> None:
    tags = [{"name": "severity", "value": "critical"}, {"name": "team", "value": "web"}, {"name": None}, 7]
    alert = alert_of(answer("uptimekuma", {**DOWN, "monitor": {**DOWN["monitor"], "tags": tags, "url": "https://"}}))
    assert (alert.severity, alert.team, alert.link) == (Severity.CRITICAL, "web", None)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/msg"),
        (with_heartbeat(status=9), "/heartbeat/status"),
        ({"heartbeat": {"status": 0}, "monitor": None}, "/monitor/id"),
    ],
)
def test_what_is_missing_is_named(body: object, pointer: str) -> None:
    given = answer("uptimekuma", body)
    assert isinstance(given, Failed)
    assert given.pointer == pointer


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (urlencode({"data": orjson.dumps(DOWN).decode()}).encode(), "application/x-www-form-urlencoded"),
        (
            b'--xyz\r\nContent-Disposition: form-data; name="other"\r\n\r\n{}\r\n--xyz\r\n'
            b'Content-Disposition: form-data; name="data"\r\n\r\n' + orjson.dumps(DOWN) + b"\r\n--xyz--\r\n",
            "multipart/form-data; boundary=xyz",
        ),
    ],
)
def test_a_form_holds_the_same_json(body: bytes, content_type: str) -> None:
    assert source_of("uptimekuma").parse(body, content_type) == DOWN


@pytest.mark.parametrize("content_type", ["multipart/form-data", "multipart/form-data; boundary=xyz", "application/json"])
@pytest.mark.parametrize("body", [b"", b"--xyz", b"\xff\x00", b"--xyz\r\n\r\n\r\n--xyz--", b"--xyz\r\n" * 1_000])
def test_a_broken_form_is_no_json(content_type: str, body: bytes) -> None:
    with pytest.raises(NotJson):
        source_of("uptimekuma").parse(body, content_type)
