"""PagerDuty: webhooks of three versions and the Events API, who is the same alert in each, and what never reaches the log."""

import copy
from collections.abc import Mapping
from typing import Any

import orjson
import pytest

from tests.unit.sources.payloads import alert_of, alerts_of, answer, answer_to, body_of, source_of
from tocsin_contracts.severity import Severity
from tocsin_contracts.status import EventStatus
from tocsin_contracts.times import to_rfc3339
from tocsin_sources.document import parse
from tocsin_sources.schemes.body_key import REDACTED, redacted
from tocsin_sources.schemes.signature_header import SignatureHeader
from tocsin_sources.signature import Accepted, Rejected, SignedRequest, authenticate
from tocsin_sources.source import Answer, Failed, Ignored, Normalized

FIRING, ACKNOWLEDGED, RESOLVED = EventStatus.FIRING, EventStatus.ACKNOWLEDGED, EventStatus.RESOLVED
KEY = "0123456789abcdef0123456789abcdef"


def sample(name: str) -> dict[str, Any]:
    document = parse(body_of("pagerduty", name))
    assert isinstance(document, dict)
    return document


def webhook(kind: str = "incident.triggered", event: dict[str, object] | None = None, **data: object) -> Answer:
    body = copy.deepcopy(sample("v3_incident_priority_updated"))
    body["event"] |= {"event_type": kind, **(event or {})}
    body["event"]["data"] |= data
    return answer("pagerduty", body)


def event(action: str = "trigger", payload: Mapping[str, object] | None = None, **members: object) -> Answer:
    given = {"summary": "Disk is full", "source": "db-1", "severity": "error", **(payload or {})}
    return answer("pagerduty", {"routing_key": KEY, "event_action": action, "dedup_key": "k", "payload": given, **members})


def test_trigger_acknowledge_and_resolve_are_one_alert() -> None:
    names = ("v3_incident_triggered", "v3_incident_acknowledged_pair", "v3_incident_resolved_pair")
    alerts = [alert_of(answer_to("pagerduty", name)) for name in names]
    assert {(alert.identity, alert.problem) for alert in alerts} == {("incident:PFQZPSY", "incident:PFQZPSY")}
    assert [alert.status for alert in alerts] == [FIRING, ACKNOWLEDGED, RESOLVED]
    assert [alert.occurred_at for alert in alerts] == sorted(alert.occurred_at or 0 for alert in alerts)


def test_trigger_acknowledge_and_resolve_of_the_events_api_are_one_alert() -> None:
    alerts = [alert_of(answer_to("pagerduty", f"events_v2_{action}")) for action in ("trigger", "acknowledge", "resolve")]
    assert {(alert.identity, alert.problem) for alert in alerts} == {("event:srv01/mysql", "event:srv01/mysql")}
    assert [alert.status for alert in alerts] == [FIRING, ACKNOWLEDGED, RESOLVED]


def test_the_delivery_id_is_the_events_and_else_the_webhooks() -> None:
    given = webhook()
    assert isinstance(given, Normalized)
    assert given.sender_id == "5ac64822-4adc-4fda-ade0-410becf0de4f"
    body = sample("v3_incident_triggered")
    del body["event"]["id"]
    named = answer("pagerduty", body, {"x-webhook-id": "w1"})
    assert isinstance(named, Normalized)
    assert named.sender_id == "w1"
    assert "x-webhook-id" in source_of("pagerduty").headers
    reported = event()
    assert isinstance(reported, Normalized)
    assert reported.sender_id is None


@pytest.mark.parametrize("kind", ["escalated", "delegated", "reassigned", "priority_updated", "service_updated", "of_tomorrow"])
def test_most_events_say_what_their_incident_says(kind: str) -> None:
    for word, status in (("triggered", FIRING), ("acknowledged", ACKNOWLEDGED), ("resolved", RESOLVED), ("Triggered", FIRING)):
        assert alert_of(webhook(f"incident.{kind}", status=word)).status is status


@pytest.mark.parametrize(
    ("kind", "status"),
    [("triggered", FIRING), ("reopened", FIRING), ("unacknowledged", FIRING), ("acknowledged", ACKNOWLEDGED)],
)
def test_an_incident_without_a_status_has_that_of_its_event(kind: str, status: EventStatus) -> None:
    assert alert_of(webhook(f"incident.{kind}", status=None)).status is status


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("incident.annotated", {"type": "incident_note", "id": "N1", "content": "x"}),
        ("incident.responder.added", {"type": "incident_responder", "state": "pending"}),
        ("incident.responder.replied", {"type": "incident_responder", "status": "accepted"}),
        ("incident.status_update_published", {"type": "incident_status_update", "id": "S1", "message": "x"}),
        ("incident.workflow.started", {"type": "incident_workflow_instance", "id": "W1"}),
        ("incident.conference_bridge.updated", {"type": "incident_conference_bridge"}),
        ("incident.custom_field_values.updated", {"type": "incident_field_values", "custom_fields": []}),
    ],
)
def test_what_happens_around_an_incident_changes_no_status(kind: str, data: dict[str, object]) -> None:
    """SOURCES 6b: `data` is another object there, whose own status is not the incident's."""
    inner = {**data, "incident": {"id": "P1", "type": "incident_reference"}}
    given = answer("pagerduty", {"event": {"id": "e", "event_type": kind, "resource_type": "incident", "data": inner}})
    assert isinstance(given, Ignored)
    assert given.reason == "no-change"


@pytest.mark.parametrize(("kind", "reason"), [("service.created", "not-an-alert"), ("pagey.ping", "test-notification")])
def test_what_is_no_incident_is_ignored_whatever_it_carries(kind: str, reason: str) -> None:
    given = answer("pagerduty", {"event": {"event_type": kind, "data": None}})
    assert isinstance(given, Ignored)
    assert given.reason == reason


@pytest.mark.parametrize(
    ("priority", "urgency", "severity", "raw"),
    [
        *(({"summary": f"P{n}"}, "low", level, None) for n, level in enumerate(Severity, start=1)),
        ({"summary": "SEV-1"}, "low", Severity.CRITICAL, None),
        ({"summary": "Sev 2: major"}, "low", Severity.HIGH, None),
        ({"name": "Major"}, "low", Severity.HIGH, None),
        ({"summary": "Banana"}, "low", Severity.LOW, "Banana"),
        (None, "high", Severity.HIGH, None),
        (None, "low", Severity.LOW, None),
        (None, None, None, None),
    ],
)
def test_severity_is_the_priority_else_the_urgency(
    priority: object, urgency: str | None, severity: Severity | None, raw: str | None
) -> None:
    given = alert_of(webhook(priority=priority, urgency=urgency))
    assert (given.severity, given.labels.get("severity_raw")) == (severity, raw)


def test_a_reopened_incident_is_another_episode() -> None:
    first, again = alert_of(webhook(reopened_at=None)), alert_of(webhook())
    assert to_rfc3339(first.episode_at or 0) == "2020-04-09T15:16:27.000000Z"
    assert to_rfc3339(again.episode_at or 0) == "2020-10-02T18:45:22.000000Z"
    assert alert_of(answer_to("pagerduty", "v3_incident_triggered")).episode_at is None


def test_members_that_other_captures_have_otherwise() -> None:
    """SOURCES, shapes that differ: `incident_type`, `client: null`, empty `teams`."""
    given = alert_of(webhook(incident_type={"name": "major_incident"}, teams=[], service=None, assignees=None))
    assert (given.labels["incident_type"], given.team, given.service) == ("major_incident", None, None)
    assert alert_of(webhook(title=None, summary="[#2] A bump")).title == "[#2] A bump"


def test_webhooks_may_order_events_and_the_tools_behind_the_events_api_may_not() -> None:
    assert alert_of(webhook()).trusted
    reported = alert_of(event(payload={"timestamp": "2015-07-17T08:42:58.315+0000"}))
    assert to_rfc3339(reported.occurred_at or 0) == "2015-07-17T08:42:58.315000Z"
    assert not reported.trusted


def test_older_webhooks_may_hold_several_messages() -> None:
    given = answer_to("pagerduty", "v1_webhook_two_messages")
    assert [alert.status for alert in alerts_of(given)] == [ACKNOWLEDGED, RESOLVED]
    assert {alert.identity for alert in alerts_of(given)} == {"incident:PIJ90N7"}
    assert {alert.service for alert in alerts_of(given)} == {"checkout"}
    assert isinstance(given, Normalized)
    assert given.sender_id is not None
    body = sample("v1_webhook_two_messages")
    del body["messages"][0]["id"]
    unnamed = answer("pagerduty", body)
    assert isinstance(unnamed, Normalized)
    assert unnamed.sender_id is None


def test_one_incident_is_the_same_in_every_version_of_the_webhooks() -> None:
    newer = alert_of(webhook(id="PRORDTY"))
    older = alert_of(answer_to("pagerduty", "v2_webhook_incident_trigger"))
    assert newer.identity == older.identity
    assert (older.severity, older.team, older.service) == (Severity.HIGH, "Storage", "Production XDB Cluster")


@pytest.mark.parametrize(
    ("word", "severity"),
    [("critical", Severity.CRITICAL), ("error", Severity.HIGH), ("warning", Severity.MEDIUM), ("info", Severity.INFO)],
)
def test_severity_of_the_events_api(word: str, severity: Severity) -> None:
    assert alert_of(event(payload={"severity": word})).severity is severity


def test_service_is_the_component_else_the_group_else_the_source() -> None:
    named = {"component": "c", "group": "g", "class": "k"}
    assert alert_of(event(payload=named)).service == "c"
    assert alert_of(event(payload={**named, "component": ""})).service == "g"
    assert alert_of(event()).service == alert_of(event()).host == "db-1"


def test_custom_details_are_labels_where_they_are_short_and_text_where_they_are_long() -> None:
    details = {"env": "PRD", "team": "data", "free": 1, "list": [1], "firing": "a\nb", "runbook_url": "https://r/1"}
    given = alert_of(event(payload={"custom_details": details}))
    assert given.labels == {"env": "PRD", "team": "data", "free": "1", "runbook_url": "https://r/1"}
    assert (given.environment, given.team, given.description) == ("prod", "data", "a\nb")
    assert given.metadata["runbook_url"] == "https://r/1"
    assert alert_of(event(payload={"custom_details": "all of it"})).description == "all of it"


def test_a_trigger_without_a_key_is_told_by_what_it_says_and_never_resolves() -> None:
    one, same, other = (alert_of(event(dedup_key=None, payload={"summary": each})) for each in ("a", "a", "b"))
    assert one.identity == same.identity != other.identity
    assert one.never_resolves
    assert not alert_of(event()).never_resolves


def test_the_key_of_the_integration_is_no_part_of_what_is_kept() -> None:
    """It is a credential, and changes when it is renewed."""
    one, renewed = alert_of(event()), alert_of(event(routing_key="another"))
    assert one == renewed
    assert KEY not in (one.raw or "")
    source, body = source_of("pagerduty"), body_of("pagerduty", "events_v2_trigger")
    clean = redacted(body, source.redact)
    assert KEY.encode() not in clean
    assert REDACTED.encode() in clean
    assert alert_of(answer("pagerduty", parse(clean))) == alert_of(answer("pagerduty", parse(body)))
    assert KEY.encode() not in redacted(body_of("pagerduty", "events_v1_trigger"), source.redact)


def test_a_change_event_is_about_no_alert() -> None:
    given = answer_to("pagerduty", "change_event")
    assert isinstance(given, Ignored)
    assert given.reason == "not-an-alert"


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        ([], ""),
        ("x", ""),
        ({}, "/event"),
        ({"payload": {"summary": "x", "severity": "error"}}, "/event"),
        ({"event": "x"}, "/event"),
        ({"event": {}}, "/event/event_type"),
        ({"event": {"event_type": "incident.triggered"}}, "/event/data"),
        ({"event": {"event_type": "incident.triggered", "data": {"type": "incident"}}}, "/event/data/id"),
        ({"event": {"event_type": "incident.odd", "data": {"type": "incident", "id": "P"}}}, "/event/data/status"),
        ({"event": {"event_type": "incident.odd", "data": {"id": "P", "status": "odd"}}}, "/event/data/status"),
        ({"messages": {}}, "/messages"),
        ({"messages": [7]}, "/messages/0"),
        ({"messages": [{}]}, "/messages/0/event"),
        ({"messages": [{"event": "incident.trigger", "incident": 7}]}, "/messages/0/incident"),
        ({"messages": [{"type": "incident.trigger"}]}, "/messages/0/data/incident"),
        ({"messages": [{"type": "incident.trigger", "data": {"incident": {}}}]}, "/messages/0/data/incident/id"),
        ({"event_action": "odd"}, "/event_action"),
        ({"event_action": "trigger"}, "/payload/summary"),
        ({"event_action": "resolve"}, "/dedup_key"),
        ({"service_key": "x"}, "/event_type"),
        ({"event_type": "trigger"}, "/description"),
        ({"event_type": "resolve"}, "/incident_key"),
    ],
)
def test_another_shape_fails_with_the_pointer_of_what_was_missing(document: object, pointer: str) -> None:
    given = answer("pagerduty", document)
    assert isinstance(given, Failed)
    assert (given.reason, given.pointer) == ("unknown-shape", pointer)


def test_an_empty_list_of_messages_is_ignored() -> None:
    given = answer("pagerduty", {"messages": []})
    assert isinstance(given, Ignored)
    assert given.reason == "no-alerts"


def test_a_webhook_is_signed_and_an_event_carries_its_key() -> None:
    source, secret = source_of("pagerduty"), KEY.encode()
    body = body_of("pagerduty", "v3_incident_triggered")
    signed = SignatureHeader(header="x-pagerduty-signature", prefix="v1=", several=True).sign(body, secret)
    rotated = {"x-pagerduty-signature": f"v1={'0' * 64},{signed['x-pagerduty-signature']}"}
    for headers in (signed, rotated):
        assert authenticate(source.schemes, SignedRequest(headers=headers, body=body), [secret]) == Accepted(0)
    assert isinstance(authenticate(source.schemes, SignedRequest(headers={}, body=body), [secret]), Rejected)
    reported = orjson.dumps({**sample("events_v2_resolve"), "routing_key": KEY})
    assert authenticate(source.schemes, SignedRequest(headers={}, body=reported), [b"other", secret]) == Accepted(1)
    assert isinstance(authenticate(source.schemes, SignedRequest(headers={}, body=reported), [b"other"]), Rejected)
