"""Datadog: whatever the user's template is called and holds, the same monitor and scope are the same alert."""

from typing import Any
from urllib.parse import urlencode

import orjson
import pytest

from tests.unit.sources.payloads import alert_of, answer, answer_to, body_of, source_of
from tocsin_contracts.severity import Severity
from tocsin_contracts.status import EventStatus
from tocsin_sources.document import NotJson, parse
from tocsin_sources.schemes.header import SecretHeader
from tocsin_sources.signature import Accepted, Basic, Bearer, SignedRequest, authenticate
from tocsin_sources.source import Answer, Failed, Normalized

FORM = "application/x-www-form-urlencoded; charset=UTF-8"


def sample(name: str) -> dict[str, Any]:
    document = parse(body_of("datadog", name))
    assert isinstance(document, dict)
    return document


def mapped(**members: object) -> Answer:
    return answer("datadog", {"alert_id": "12", "title": "CPU", **members})


@pytest.mark.parametrize(
    ("firing", "resolved"),
    [
        ("triggered_keep_template", "recovered_keep_template"),
        ("renotify_keep_template", "recovered_keep_template"),
        ("triggered_cycle_key_template", "recovered_cycle_key_template"),
        ("default_payload_triggered", "default_payload_recovered"),
    ],
)
def test_firing_and_resolve_of_a_pair_are_one_alert(firing: str, resolved: str) -> None:
    opened, closed = (alert_of(answer_to("datadog", name)) for name in (firing, resolved))
    assert (opened.identity, opened.problem, opened.title) == (closed.identity, closed.problem, closed.title)
    assert (opened.status, closed.status) == (EventStatus.FIRING, EventStatus.RESOLVED)


@pytest.mark.parametrize(
    ("members", "identity", "problem"),
    [
        ({"alert_cycle_key": "c", "alert_scope": "host:a", "aggreg_key": "g"}, "cycle:c", "monitor:12"),
        ({"alert_scope": "host:a", "aggreg_key": "g"}, "monitor:12:host:a", "monitor:12"),
        ({"alert_scope": "b:2, a:1,b:2"}, "monitor:12:a:1,b:2", "monitor:12"),
        ({"alert_scope": "*"}, "monitor:12", "monitor:12"),
        ({"title": "[Triggered on {host:a}] CPU"}, "monitor:12:host:a", "monitor:12"),
        ({"link": "https://app.datadoghq.com/monitors/12?group=host%3Aa%2Cenv%3Ap"}, "monitor:12:env:p,host:a", "monitor:12"),
        ({"alert_id": "$ALERT_ID", "link": "https://app.datadoghq.com/monitors/77"}, "monitor:77", "monitor:77"),
        ({"alert_id": "", "aggreg_key": "g", "alert_scope": "host:a"}, "aggregation:g", "aggregation:g"),
        ({"alert_id": None, "title": "[P1] [Warn on {host:a}] CPU"}, "title:CPU:host:a", "title:CPU"),
        ({"alert_id": None, "title": None, "alert_cycle_key": "c"}, "cycle:c", "cycle:c"),
        ({"alert_id": "", "incident_public_id": "42"}, "incident:42", "incident:42"),
    ],
)
def test_the_identity_is_the_best_that_the_template_has(members: dict[str, object], identity: str, problem: str) -> None:
    given = alert_of(mapped(**members))
    assert (given.identity, given.problem) == (identity, problem)


@pytest.mark.parametrize(
    "body",
    [
        {"ALERT_ID": 12, "ALERT_SCOPE": "host:a", "ALERT_TRANSITION": "Recovered", "EVENT_TITLE": "CPU"},
        {"alertId": "12", "alertScope": "host:a", "alertTransition": "recovered", "eventTitle": "CPU"},
        {"monitor-id": "12", "scopes": "host:a", "transition": "RECOVERED", "title": "CPU"},
        {"alert": {"id": "12", "scope": "host:a", "transition": "Recovered", "title": "CPU"}},
    ],
)
def test_members_are_found_however_they_are_spelt(body: dict[str, object]) -> None:
    given = alert_of(answer("datadog", body))
    assert (given.identity, given.status, given.title) == ("monitor:12:host:a", EventStatus.RESOLVED, "CPU")


@pytest.mark.parametrize(
    ("members", "status"),
    [
        *(({"alert_transition": word}, EventStatus.FIRING) for word in ("Triggered", "Re-Triggered", "No Data", "Re-No Data")),
        *(({"alert_transition": word}, EventStatus.FIRING) for word in ("Warn", "Re-Warn", "Renotify", "Something new")),
        ({"alert_transition": "Recovered", "alert_type": "error"}, EventStatus.RESOLVED),
        ({"alert_transition": "Triggered", "alert_type": "success"}, EventStatus.FIRING),
        ({"alert_transition": "Null", "alert_type": "success"}, EventStatus.RESOLVED),
        ({"alert_transition": "$ALERT_TRANSITION", "title": "[Recovered] CPU"}, EventStatus.RESOLVED),
        ({"title": "[P2] [Recovered on {host:a}] CPU"}, EventStatus.RESOLVED),
        ({"title": "CPU [Recovered]"}, EventStatus.FIRING),
        ({"incident_status": "resolved"}, EventStatus.RESOLVED),
        ({"incident_status": "stable"}, EventStatus.FIRING),
        ({"event_type": "resolve"}, EventStatus.RESOLVED),
        ({}, EventStatus.FIRING),
    ],
)
def test_the_transition_decides_then_the_type_then_the_title(members: dict[str, object], status: EventStatus) -> None:
    assert alert_of(mapped(**members)).status is status


@pytest.mark.parametrize(
    ("members", "severity"),
    [
        *(({"alert_priority": f"P{n}"}, level) for n, level in enumerate(Severity, start=1)),
        ({"title": "[P1] [Triggered] CPU"}, Severity.CRITICAL),
        ({"alert_type": "error"}, Severity.HIGH),
        ({"alert_type": "warning"}, Severity.MEDIUM),
        ({"alert_type": "info"}, Severity.INFO),
        ({"alert_priority": "P4", "alert_type": "error"}, Severity.LOW),
        ({"priority": "normal"}, None),
        ({"priority": "low", "alert_type": "error"}, Severity.HIGH),
        ({"priority": "high"}, Severity.HIGH),
        ({"alert_transition": "Warn", "alert_priority": "P1"}, Severity.MEDIUM),
        ({"alert_transition": "Re-Warn", "alert_priority": "P5"}, Severity.INFO),
        ({"alert_transition": "No Data", "alert_type": "error"}, Severity.MEDIUM),
        ({"alert_transition": "Recovered", "alert_type": "success"}, None),
        ({"alert_transition": "Recovered", "alert_priority": "P1"}, Severity.CRITICAL),
        ({"incident_public_id": "1", "alert_id": "", "title": "SEV-1: all is down"}, Severity.CRITICAL),
        ({}, None),
    ],
)
def test_severity(members: dict[str, object], severity: Severity | None) -> None:
    assert alert_of(mapped(**members)).severity is severity


def test_a_word_that_we_do_not_know_is_medium_and_kept() -> None:
    given = alert_of(mapped(severity="urgent!"))
    assert (given.severity, given.labels["severity_raw"]) == (Severity.MEDIUM, "urgent!")


@pytest.mark.parametrize(
    "tags", ["env:Production,service:web,host:a,host:b,vip", ["env:Production", "service:web", "host:a", "host:b", "vip"]]
)
def test_tags_may_be_a_comma_list_or_a_list_with_bare_and_repeated_ones(tags: object) -> None:
    given = alert_of(mapped(tags=tags))
    assert (given.environment, given.service, given.host) == ("prod", "web", "a")
    assert given.labels == {"env": "Production", "service": "web", "host": "a,b", "tags": "vip"}


def test_where_tags_and_scope_differ_the_scope_counts_and_members_come_last() -> None:
    given = alert_of(mapped(tags="host:a,env:dev,service:web", alert_scope="host:b", hostname="c", team="x"))
    assert (given.host, given.environment, given.service, given.team) == ("b", "dev", "web", "x")
    assert alert_of(mapped(hostname="c")).host == "c"


def test_placeholders_and_words_for_nothing_are_absent() -> None:
    """SOURCES 0.4."""
    given = alert_of(answer_to("datadog", "uppercase_variables_retriggered"))
    assert "snapshot_url" not in given.metadata
    failed = answer_to("datadog", "uppercase_variables_unrendered")
    assert isinstance(failed, Failed)
    assert (failed.reason, failed.pointer) == ("unknown-shape", "/title")


@pytest.mark.parametrize(
    ("number", "known"),
    [
        ("7300000000000000001", True),
        (7300000000000000001, True),
        ("12345678", False),
        ("generic-alert-id", False),
        ("$ID", False),
    ],
)
def test_only_an_events_id_is_a_delivery_id(number: object, known: bool) -> None:
    """A template that puts the monitor's id there would else lose its recovery as a duplicate."""
    given = mapped(id=number)
    assert isinstance(given, Normalized)
    assert given.sender_id == (str(number) if known else None)


def test_the_description_is_without_datadogs_markers() -> None:
    given = alert_of(mapped(body="%%%\n\nIt is <b>high</b>\n\n@webhook-x @jane@example.com\n\nsee **this**\n\n%%%"))
    assert given.description == "It is high\n\nsee **this**"
    assert alert_of(mapped(body="mail me@example.com", text_only_msg="plain")).description == "plain"
    assert alert_of(mapped(body="CPU")).description is None


@pytest.mark.parametrize("date", ["1772446530000", 1772446530000, "1772446530", "2026-03-02T10:15:30.000000000Z"])
def test_times_are_read_in_every_form(date: object) -> None:
    given = alert_of(mapped(date=date))
    assert (given.occurred_at, given.trusted, given.episode_at) == (1_772_446_530_000_000, True, None)


def test_without_a_time_the_logs_order_counts() -> None:
    assert not alert_of(answer_to("datadog", "triggered_cycle_key_template")).trusted


@pytest.mark.parametrize("document", [[], "x", 7, None])
def test_what_is_no_object_fails(document: object) -> None:
    given = answer("datadog", document)
    assert isinstance(given, Failed)
    assert (given.reason, given.pointer) == ("unknown-shape", "")


@pytest.mark.parametrize("document", [{}, {"a": 1}, {"title": ""}, {"title": "[Triggered]"}, {"alert_id": "$ALERT_ID"}])
def test_what_names_nothing_fails_with_the_pointer_of_what_was_missing(document: object) -> None:
    given = answer("datadog", document)
    assert isinstance(given, Failed)
    assert (given.reason, given.pointer) == ("unknown-shape", "/title")


def test_a_form_says_what_the_json_would() -> None:
    flat = {name: value for name, value in sample("triggered_keep_template").items() if isinstance(value, str)}
    source = source_of("datadog")
    read = [
        source.parse(orjson.dumps(flat), "application/json"),
        source.parse(urlencode(flat).encode(), FORM),
        source.parse(urlencode({"payload": orjson.dumps(flat).decode()}).encode(), FORM),
    ]
    assert read[0] == read[1] == read[2] == flat


@pytest.mark.parametrize("body", [b'{"title": "a "quoted" word"}', b'{"priority": }'])
def test_a_template_that_makes_no_json_is_the_normalizers_to_fail(body: bytes) -> None:
    """A 400 would lose the alert: the gateway takes any body of this source."""
    source = source_of("datadog")
    assert not source.fixed_format
    with pytest.raises(NotJson):
        source.parse(body, "application/json")


def test_line_breaks_that_a_template_left_in_texts_are_read() -> None:
    body = b'{"alert_id": "5", "alert_transition": "Triggered", "title": "CPU",\n "body": "first\nsecond"}'
    document = source_of("datadog").parse(body, "application/json")
    assert alert_of(answer("datadog", document)).description == "first\nsecond"


def test_every_way_that_datadog_offers_is_accepted() -> None:
    for scheme in (SecretHeader(), Bearer(), Basic()):
        request = SignedRequest(headers=scheme.sign(b"{}", b"whsec_datadog"), body=b"{}")
        assert authenticate(source_of("datadog").schemes, request, [b"whsec_datadog"]) == Accepted(0)
