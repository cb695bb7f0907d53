"""Grafana: unified and legacy alerts told apart, pairs, and the shapes that differ from the samples."""

from typing import Any

import pytest

from tests.unit.sources.payloads import alert_of, alerts_of, answer, answer_to, body_of, source_of
from tocsin_contracts.severity import Severity
from tocsin_contracts.status import EventStatus
from tocsin_sources.document import parse
from tocsin_sources.schemes.signature_header import SignatureHeader
from tocsin_sources.signature import Accepted, Basic, Bearer, HmacSha256Hex, Rejected, SignedRequest, authenticate
from tocsin_sources.source import Answer, Delivery, Failed, Ignored

NOW = 1_772_446_530_000_000


def sample(name: str) -> dict[str, Any]:
    document = parse(body_of("grafana", name))
    assert isinstance(document, dict)
    return document


def unified(alert: dict[str, object], **group: object) -> Answer:
    body = {"version": "1", "orgId": 1, "status": "firing", "externalURL": "https://g.example.com/sub/", **group}
    return answer("grafana", {**body, "alerts": [{"labels": {"alertname": "A"}, "fingerprint": "f", **alert}]})


def legacy(**members: object) -> Answer:
    return answer("grafana", {"ruleId": 7, "orgId": 1, "ruleName": "CPU", "state": "alerting", **members})


@pytest.mark.parametrize(
    ("firing", "resolved"), [("unified_firing_v11_values", "unified_resolved_v11"), ("legacy_alerting", "legacy_ok")]
)
def test_firing_and_resolve_of_a_pair_are_one_alert(firing: str, resolved: str) -> None:
    opened, closed = (alert_of(answer_to("grafana", name)) for name in (firing, resolved))
    assert (opened.identity, opened.problem, opened.episode_at) == (closed.identity, closed.problem, closed.episode_at)
    assert (opened.status, closed.status) == (EventStatus.FIRING, EventStatus.RESOLVED)
    assert opened.content != closed.content


def test_the_fingerprint_is_taken_as_given() -> None:
    """Grafana hashes labels that it does not send: computing it again would give another."""
    assert alert_of(answer_to("grafana", "unified_firing_v11_values")).identity == "e6349a25f5ef0e9e"


def test_one_problem_of_many_series() -> None:
    pods = alerts_of(answer_to("grafana", "unified_truncated_null_values"))
    assert {pod.problem for pod in pods} == {'Pod restarts{namespace="shop"}'}
    assert len({pod.identity for pod in pods}) == 3
    assert [pod.host for pod in pods] == ["cart-0", "cart-1", "cart-2"]


@pytest.mark.parametrize(
    "alert",
    [{"ruleUID": "u1"}, {"generatorURL": "https://g/alerting/grafana/u1/view?orgId=1"}, {"generatorURL": "/alerting/u1/edit"}],
)
def test_an_alert_whose_name_was_removed_is_a_problem_of_its_rule(alert: dict[str, object]) -> None:
    given = alert_of(unified({**alert, "labels": {"team": "x"}}))
    assert (given.problem, given.metadata["rule_uid"], given.team) == ('{rule="u1"}', "u1", "x")


def test_no_data_and_errors_are_alerts_of_their_own_that_name_their_rule() -> None:
    no_data, error = (alert_of(answer_to("grafana", f"unified_datasource_{kind}")) for kind in ("no_data", "error"))
    assert (no_data.problem, no_data.title) == ('DatasourceNoData{rulename="Queue depth"}', "DatasourceNoData: Queue depth")
    assert (error.problem, error.title) == ('DatasourceError{rulename="Queue depth"}', "DatasourceError: Queue depth")
    assert no_data.identity != error.identity
    assert no_data.metadata["rule_name"] == error.metadata["rule_name"] == "Queue depth"
    assert (error.description or "").startswith("failed to execute query A")


@pytest.mark.parametrize(
    ("alert", "link"),
    [
        ({"generatorURL": "https://g/a", "panelURL": "https://g/p"}, "https://g/a"),
        ({"generatorURL": "?orgId=1"}, "https://g.example.com/sub/?orgId=1"),
        ({"generatorURL": "/alerting/x/view"}, "https://g.example.com/sub/alerting/x/view"),
        ({"generatorURL": "", "panelURL": "https://g/p", "dashboardURL": "https://g/d"}, "https://g/p"),
        ({"generatorURL": "javascript:alert(1)", "dashboardURL": "https://g/d"}, "https://g/d"),
        ({"generatorURL": 7}, None),
        ({}, None),
    ],
)
def test_the_link_is_where_the_alert_is(alert: dict[str, object], link: str | None) -> None:
    assert alert_of(unified(alert)).link == link


def test_a_link_that_is_relative_to_nothing_is_none() -> None:
    assert alert_of(unified({"generatorURL": "?orgId=1"}, externalURL=None)).link is None


@pytest.mark.parametrize(("state", "status"), [("alerting", EventStatus.FIRING), ("ok", EventStatus.RESOLVED)])
def test_the_state_of_a_group_counts_where_nothing_else_says_a_status(state: str, status: EventStatus) -> None:
    assert alert_of(unified({}, status=None, state=state)).status is status
    assert alert_of(unified({"status": "resolved"}, status=None, state=state)).status is EventStatus.RESOLVED


def test_a_test_notification_is_ignored_and_a_rule_of_that_name_is_not() -> None:
    labels = {"alertname": "TestAlert", "instance": "Grafana"}
    for name in ("unified_test_notification_v9", "legacy_pending_test"):
        given = answer_to("grafana", name)
        assert isinstance(given, Ignored)
        assert given.reason == "test-notification"
    assert isinstance(unified({"labels": labels, "generatorURL": "?orgId=1"}), Ignored)
    assert alert_of(unified({"labels": {**labels, "grafana_folder": "Mine"}})).status is EventStatus.FIRING
    assert alert_of(unified({"labels": labels, "ruleUID": "u"})).status is EventStatus.FIRING


def test_an_empty_group_is_ignored() -> None:
    given = answer("grafana", {**sample("unified_firing_v11_values"), "alerts": []})
    assert isinstance(given, Ignored)
    assert given.reason == "no-alerts"


@pytest.mark.parametrize(
    ("state", "status", "severity"),
    [
        ("alerting", EventStatus.FIRING, Severity.CRITICAL),
        ("no_data", EventStatus.FIRING, Severity.MEDIUM),
        ("ok", EventStatus.RESOLVED, Severity.CRITICAL),
        (" ALERTING ", EventStatus.FIRING, Severity.CRITICAL),
    ],
)
def test_each_legacy_state(state: str, status: EventStatus, severity: Severity) -> None:
    given = alert_of(legacy(state=state, tags={"severity": "critical"}))
    assert (given.status, given.severity, given.identity) == (status, severity, "rule:1:7")


def test_no_data_without_a_severity_is_medium_and_never_worse_than_its_rule() -> None:
    assert alert_of(legacy(state="no_data")).severity is Severity.MEDIUM
    assert alert_of(legacy(state="no_data", tags={"severity": "info"})).severity is Severity.INFO
    assert alert_of(legacy()).severity is None


@pytest.mark.parametrize("state", ["paused", "pending"])
def test_a_legacy_state_that_is_none_of_an_alert_is_ignored(state: str) -> None:
    given = legacy(state=state)
    assert isinstance(given, Ignored)
    assert given.reason == "no-change"


def test_a_legacy_rule_is_told_by_its_link_where_it_has_no_id() -> None:
    given = alert_of(legacy(ruleId=None, ruleUrl="https://g/d/1?panelId=2"))
    assert given.identity == given.problem == "rule:https://g/d/1?panelId=2"
    assert alert_of(legacy(orgId=None)).identity == "rule:7"
    assert alert_of(legacy(orgId="2")).identity == "rule:2:7"


def test_legacy_service_and_severity_come_from_tags_alone_and_the_host_from_what_all_series_share() -> None:
    series = [{"metric": "m", "value": 1, "tags": {"job": "node", "instance": "h1", "cpu": each}} for each in "ab"]
    given = alert_of(legacy(evalMatches=series, tags={"env": "PROD", "team": "x"}))
    assert (given.service, given.host, given.environment, given.team) == (None, "h1", "prod", "x")
    assert given.labels == {"job": "node", "instance": "h1", "env": "PROD", "team": "x"}
    assert alert_of(legacy(evalMatches=[{"tags": None}, 7], tags=None)).labels == {}


@pytest.mark.parametrize(
    ("title", "shown"),
    [("[Alerting] CPU", "CPU"), ("[No Data] CPU", "CPU"), ("[OK]", "CPU"), ("CPU [OK]", "CPU [OK]"), (None, "CPU"), ("", "CPU")],
)
def test_a_legacy_title_is_shown_without_its_state(title: str | None, shown: str) -> None:
    assert alert_of(legacy(title=title)).title == shown


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        ([], ""),
        ("x", ""),
        ({}, "/alerts"),
        ({"any": "template of one's own"}, "/alerts"),
        ({"alerts": {}}, "/alerts"),
        ({"alerts": [7]}, "/alerts/0"),
        ({"alerts": [{}], "status": "firing"}, "/alerts/0/labels"),
        ({"alerts": [{"labels": {"a": "b"}, "endsAt": "2026-03-02T10:15:30Z"}]}, "/status"),
        ({"alerts": [{"labels": {"a": "b"}, "status": "odd"}]}, "/alerts/0/status"),
        ({"ruleName": "x", "state": "alerting"}, "/ruleId"),
        ({"ruleId": 7}, "/state"),
        ({"ruleId": 7, "state": "odd"}, "/state"),
    ],
)
def test_another_shape_fails_with_the_pointer_of_what_was_missing(document: object, pointer: str) -> None:
    given = answer("grafana", document)
    assert isinstance(given, Failed)
    assert (given.reason, given.pointer) == ("unknown-shape", pointer)


def test_slacks_format_sent_by_mistake_is_explained() -> None:
    given = answer_to("grafana", "slack_format_sent_by_mistake")
    assert isinstance(given, Failed)
    assert "type Webhook" in given.detail


def test_every_way_that_a_contact_point_offers_is_accepted() -> None:
    """SOURCES 4a: HMAC of the body, HMAC with a time, bearer and basic."""
    schemes, body, secret = source_of("grafana").schemes, body_of("grafana", "unified_firing_v11_values"), b"whsec_grafana"
    header, time = "x-grafana-alerting-signature", "x-grafana-alerting-timestamp"
    forms = (HmacSha256Hex(header), SignatureHeader(header=header, signs="time:body", time_header=time), Bearer(), Basic())
    for form in forms:
        request = SignedRequest(headers=form.sign(body, secret, NOW), body=body, now=NOW)
        assert authenticate(schemes, request, [secret]) == Accepted(0)
        assert isinstance(authenticate(schemes, request, [b"other"]), Rejected)
    late = SignedRequest(headers=forms[1].sign(body, secret, NOW), body=body, now=NOW + 301_000_000)
    assert isinstance(authenticate(schemes, late, [secret]), Rejected)


@pytest.mark.parametrize(
    ("extra", "problem"),
    [
        ({"rulename": "Depth", "grafana_folder": "F"}, 'DatasourceNoData{rulename="Depth"}'),
        ({"grafana_folder": "F"}, 'DatasourceNoData{grafana_folder="F"}'),
        ({}, "DatasourceNoData{}"),
    ],
)
def test_rules_without_data_are_problems_of_their_own(extra: dict[str, str], problem: str) -> None:
    alert = {"status": "firing", "labels": {"alertname": "DatasourceNoData", **extra}}
    mapped = alert_of(source_of("grafana").map(Delivery(document={"alerts": [alert]})))
    assert mapped.problem == problem
    by_uid = {**alert, "labels": {"alertname": "DatasourceNoData"}, "ruleUID": "ae3"}
    mapped = alert_of(source_of("grafana").map(Delivery(document={"alerts": [by_uid]})))
    assert mapped.problem == 'DatasourceNoData{rule="ae3"}'
