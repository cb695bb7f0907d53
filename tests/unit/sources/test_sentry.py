"""Sentry: one key for everything about an issue, its own for metric alerts, the event's id for a delivery."""

from collections.abc import Mapping

import orjson
import pytest

from tests.unit.sources.payloads import HOOK_TIMESTAMP, alert_of, answer, answer_to, body_of
from tocsin_contracts.severity import Severity
from tocsin_contracts.status import EventStatus
from tocsin_sources.document import parse
from tocsin_sources.source import Failed, Ignored, Normalized

HOOK_AT = int(HOOK_TIMESTAMP) * 1_000_000


def issue(action: str, data: Mapping[str, object] | None = None, **members: object) -> dict[str, object]:
    subject = {
        "id": "7",
        "title": "T",
        "level": "error",
        "project": {"slug": "shop"},
        "firstSeen": "2026-03-02T10:00:00Z",
        **members,
    }
    return {"action": action, "data": {"issue": subject, **(data or {})}}


def sample(name: str) -> dict[str, object]:
    document = parse(body_of("sentry", name))
    assert isinstance(document, dict)
    return document


def with_headers(resource: str) -> dict[str, str]:
    return {"sentry-hook-resource": resource, "sentry-hook-timestamp": HOOK_TIMESTAMP}


@pytest.mark.parametrize(
    ("opens", "follows"),
    [
        ("issue_created", "error_created"),
        ("issue_ignored", "issue_resolved"),
        ("issue_created_current_fields", "issue_resolved_in_next_release"),
        ("issue_created_current_fields", "issue_archived_until_condition"),
        ("issue_created_current_fields", "issue_unresolved_regressed"),
        ("metric_alert_critical", "metric_alert_warning"),
        ("metric_alert_critical", "metric_alert_resolved_pair"),
        ("legacy_plugin_browser_timeout", "legacy_plugin_current_empty_message"),
    ],
)
def test_what_is_about_one_problem_shares_identity_and_problem(opens: str, follows: str) -> None:
    first, second = alert_of(answer_to("sentry", opens)), alert_of(answer_to("sentry", follows))
    assert (first.identity, first.problem) == (second.identity, second.problem)


def test_issue_event_alert_error_and_plugin_of_one_issue_are_one_alert() -> None:
    event = {"issue_id": "7", "event_id": "e" * 32, "title": "T"}
    documents: list[object] = [
        issue("created"),
        issue("created", id=7),
        {"action": "triggered", "data": {"event": event}},
        {"action": "created", "data": {"error": event}},
        {"action": "triggered", "data": {"event": {"title": "T", "issue_url": "https://sentry.io/api/0/issues/7/"}}},
        {"id": "7", "project_slug": "shop", "message": "T", "event": {"event_id": "e" * 32}},
    ]
    assert {alert_of(answer("sentry", document)).identity for document in documents} == {"issue:7"}


def test_issues_and_metric_alerts_with_one_number_never_meet() -> None:
    metric = {"action": "critical", "data": {"metric_alert": {"id": "7", "alert_rule": {"id": "7"}}}}
    alert, other = alert_of(answer("sentry", metric)), alert_of(answer("sentry", issue("created")))
    assert alert.identity != other.identity
    assert alert.problem != other.problem


def test_two_incidents_of_one_rule_are_two_alerts_of_one_problem() -> None:
    """The rule is the monitor that somebody set up; its incidents come and go (SOURCES 0.1b)."""
    one, two = (
        alert_of(answer("sentry", {"action": "critical", "data": {"metric_alert": {"id": number, "alert_rule": {"id": "7"}}}}))
        for number in ("44", "45")
    )
    assert one.identity != two.identity
    assert one.problem == two.problem == "metric-rule:7"


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("issue_created", EventStatus.FIRING),
        ("issue_created_outage_uptime", EventStatus.FIRING),
        ("issue_unresolved_regressed", EventStatus.FIRING),
        ("issue_assigned_to_user", EventStatus.ACKNOWLEDGED),
        ("issue_ignored", EventStatus.ACKNOWLEDGED),
        ("issue_archived_until_condition", EventStatus.ACKNOWLEDGED),
        ("issue_resolved", EventStatus.RESOLVED),
        ("event_alert_triggered", EventStatus.FIRING),
        ("error_created", EventStatus.FIRING),
        ("metric_alert_critical", EventStatus.FIRING),
        ("metric_alert_warning", EventStatus.FIRING),
        ("metric_alert_resolved", EventStatus.RESOLVED),
        ("legacy_plugin_v9", EventStatus.FIRING),
    ],
)
def test_the_action_is_the_status(name: str, status: EventStatus) -> None:
    assert alert_of(answer_to("sentry", name)).status is status


@pytest.mark.parametrize(
    ("document", "status"),
    [
        (issue("assigned", status="resolved"), EventStatus.RESOLVED),
        (issue("assigned", status="ignored"), EventStatus.ACKNOWLEDGED),
        (issue("archived"), EventStatus.ACKNOWLEDGED),
        (issue("an_action_of_next_year", status="resolved"), EventStatus.RESOLVED),
        (issue("an_action_of_next_year", status="unresolved"), EventStatus.FIRING),
    ],
)
def test_an_assignment_or_a_new_action_never_contradicts_the_issues_own_status(document: object, status: EventStatus) -> None:
    assert alert_of(answer("sentry", document)).status is status


@pytest.mark.parametrize(
    ("level", "severity"),
    [
        ("fatal", Severity.CRITICAL),
        ("error", Severity.HIGH),
        ("warning", Severity.MEDIUM),
        ("info", Severity.LOW),
        ("debug", Severity.INFO),
    ],
)
def test_levels_map_as_the_requirement_says(level: str, severity: Severity) -> None:
    """E6: fatal→critical, error→high, warning→medium, info→low, debug→info."""
    plugin = {"id": "7", "level": level, "message": "T", "event": {}}
    event = {"action": "triggered", "data": {"event": {"issue_id": "7", "level": level}}}
    for document in (issue("created", level=level), plugin, event):
        assert alert_of(answer("sentry", document)).severity is severity


def test_without_a_level_the_priority_says_how_bad_it_is() -> None:
    assert alert_of(answer("sentry", issue("created", level=None, priority="low"))).severity is Severity.LOW
    assert alert_of(answer("sentry", issue("created", level=None))).severity is None


@pytest.mark.parametrize(
    ("action", "severity"),
    [("critical", Severity.CRITICAL), ("open", Severity.HIGH), ("warning", Severity.MEDIUM), ("resolved", None)],
)
def test_a_metric_alerts_action_is_its_severity(action: str, severity: Severity | None) -> None:
    assert alert_of(answer("sentry", {"action": action, "data": {"metric_alert": {"id": "1"}}})).severity is severity


def test_a_resolve_leaves_the_severity_that_the_alert_had() -> None:
    assert alert_of(answer_to("sentry", "issue_resolved")).severity is None


@pytest.mark.parametrize(
    ("name", "sender_id"),
    [
        ("event_alert_triggered", "e4874d664c3540c1a32eab185f12c5ab"),
        ("error_created", "bb78c1407cea4519aa397afc059c793d"),
        ("legacy_plugin_v9", "2c02659ec60b48f3b31f8de77e1a2510"),
        ("issue_created", None),
        ("metric_alert_critical", None),
    ],
)
def test_the_delivery_id_is_the_events_and_never_the_request_id(name: str, sender_id: str | None) -> None:
    """Request-ID is new on every attempt: a retry would be news (DESIGN 3, duplicates)."""
    given = answer("sentry", sample(name), {"request-id": "f" * 32})
    assert isinstance(given, Normalized)
    assert given.sender_id == sender_id


def test_only_the_legacy_plugin_never_resolves() -> None:
    assert alert_of(answer_to("sentry", "legacy_plugin_v9")).never_resolves
    assert not alert_of(answer_to("sentry", "event_alert_triggered")).never_resolves


def test_an_issues_resolve_lacks_the_environment_that_its_firing_had() -> None:
    """Why membership is sticky in the fold: identity joins them, the environment cannot."""
    event = {"action": "triggered", "data": {"event": {"issue_id": "7", "environment": "Production", "tags": []}}}
    firing, resolve = alert_of(answer("sentry", event)), alert_of(answer("sentry", issue("resolved")))
    assert (firing.environment, resolve.environment) == ("prod", None)
    assert firing.identity == resolve.identity


def test_environment_host_and_team_come_from_tags() -> None:
    tags = [
        ["environment", "STG"],
        ["server_name", "web-1"],
        ["team", "payments"],
        ["odd"],
        "x",
        ["n", None],
        {"key": "k", "value": 5},
    ]
    alert = alert_of(answer("sentry", {"action": "triggered", "data": {"event": {"issue_id": "7", "tags": tags}}}))
    assert (alert.environment, alert.host, alert.team) == ("staging", "web-1", "payments")
    assert alert.labels["k"] == "5"


@pytest.mark.parametrize(
    ("name", "project"),
    [
        ("issue_created", "front-end"),
        ("event_alert_triggered", "front-end"),
        ("error_created", "front-end"),
        ("metric_alert_critical", "checkout"),
        ("legacy_plugin_v9", "internal"),
    ],
)
def test_service_and_project_are_the_projects_slug(name: str, project: str) -> None:
    alert = alert_of(answer_to("sentry", name))
    assert (alert.service, alert.project) == (project, project)


@pytest.mark.parametrize("action", ["resolved", "assigned", "ignored", "unresolved"])
def test_what_was_done_to_an_issue_has_the_time_of_the_hook(action: str) -> None:
    """`lastSeen` is the time of the last event, which lags: a resolve would look older than the firing that it ends."""
    document = issue(action, lastSeen="2026-03-02T09:00:00Z")
    assert alert_of(answer("sentry", document, with_headers("issue"))).occurred_at == HOOK_AT
    without = alert_of(answer("sentry", document))
    assert without.occurred_at is None
    assert not without.trusted


def test_issues_have_no_episode_hint_and_a_metric_incident_has_its_start() -> None:
    assert alert_of(answer_to("sentry", "issue_unresolved_regressed")).episode_at is None
    firing, resolved = (alert_of(answer_to("sentry", f"metric_alert_{end}")) for end in ("critical", "resolved_pair"))
    assert firing.episode_at == resolved.episode_at == firing.occurred_at
    assert resolved.occurred_at is not None
    assert firing.occurred_at is not None
    assert resolved.occurred_at > firing.occurred_at


@pytest.mark.parametrize(
    ("event", "title"),
    [
        ({"title": "a"}, "a"),
        ({"message": "m"}, "m"),
        ({"metadata": {"type": "TypeError", "value": "v"}}, "TypeError: v"),
        ({"metadata": {"title": "t"}}, "t"),
        ({}, "Sentry issue:7"),
    ],
)
def test_an_event_always_has_a_title(event: Mapping[str, object], title: str) -> None:
    assert alert_of(answer("sentry", {"action": "triggered", "data": {"event": {"issue_id": "7", **event}}})).title == title
    assert alert_of(answer("sentry", {"id": 7, "message": "", "event": {**event, "message": None}})).title in {
        title,
        "Sentry issue:7",
    }


def test_a_literal_backslash_n_of_a_metric_alert_is_a_line_break() -> None:
    assert (
        alert_of(answer_to("sentry", "metric_alert_resolved")).description
        == "1000 events in the last 10 minutes\nFilter: level:error"
    )


def test_only_links_for_people_are_links() -> None:
    """`url` and `issue_url` of issues and events lead to the API."""
    assert alert_of(answer_to("sentry", "issue_created")).link is None
    assert (
        alert_of(answer("sentry", issue("created", permalink="https://a.sentry.io/issues/7/"))).link
        == "https://a.sentry.io/issues/7/"
    )
    assert alert_of(answer("sentry", issue("created", web_url="javascript:alert(1)"))).link is None


@pytest.mark.parametrize("resource", ["installation", "comment", "seer", "preprod_artifact"])
def test_what_is_about_no_alert_is_ignored_with_its_reason(resource: str) -> None:
    given = answer("sentry", {"action": "created", "data": {}}, with_headers(resource))
    assert isinstance(given, Ignored)
    assert given.reason == "not-an-alert"
    assert resource in given.detail


def test_an_unknown_resource_is_told_by_its_keys() -> None:
    assert alert_of(answer("sentry", issue("created"), with_headers("activity_alert"))).identity == "issue:7"


@pytest.mark.parametrize(
    ("document", "headers", "pointer"),
    [
        ([], {}, ""),
        ("x", {}, ""),
        ({}, {}, "/data"),
        ({"data": []}, {}, "/data"),
        ({"data": {}}, {}, "/data"),
        ({"data": {}}, with_headers("issue"), "/data/issue"),
        ({"data": {"issue": "x"}}, with_headers("issue"), "/data/issue"),
        ({"action": "created", "data": {"issue": {}}}, {}, "/data/issue/id"),
        ({"action": "created", "data": {"issue": {"id": True}}}, {}, "/data/issue/id"),
        ({"data": {"issue": {"id": "7"}}}, {}, "/action"),
        ({"action": "odd", "data": {"issue": {"id": "7"}}}, {}, "/action"),
        ({"action": "odd", "data": {"issue": {"id": "7", "status": []}}}, {}, "/action"),
        ({"action": "triggered", "data": {"event": {}}}, {}, "/data/event/issue_id"),
        ({"action": "created", "data": {"error": {"issue_url": "x"}}}, {}, "/data/error/issue_id"),
        ({"action": "odd", "data": {"metric_alert": {"id": "1"}}}, {}, "/action"),
        ({"action": "critical", "data": {"metric_alert": {}}}, {}, "/data/metric_alert/id"),
        ({"event": {}}, {}, "/id"),
        ({"id": "7", "event": "x"}, {}, "/event"),
    ],
)
def test_another_shape_fails_with_the_pointer_of_what_was_missing(
    document: object, headers: Mapping[str, str], pointer: str
) -> None:
    given = answer("sentry", document, headers)
    assert isinstance(given, Failed)
    assert (given.reason, given.pointer) == ("unknown-shape", pointer)


def test_raw_is_what_was_said_about_the_issue() -> None:
    document = sample("issue_resolved")
    assert alert_of(answer("sentry", document)).raw == orjson.dumps(document["data"]).decode()


def test_a_retry_with_a_new_request_id_says_the_same() -> None:
    one, two = (alert_of(answer("sentry", sample("issue_created"), {"request-id": each})) for each in ("a", "b"))
    assert one == two


def test_a_service_hook_is_about_the_same_issue() -> None:
    """SOURCES 3c: {project, group, event}, not collected; an own scheme signs it."""
    body = {
        "project": {"slug": "web", "name": "Web"},
        "group": {"id": "1", "title": "It broke", "url": "https://sentry.example/issues/1/", "level": "fatal"},
        "event": {"eventID": "e1", "environment": "Production"},
    }
    given = answer("sentry", body)
    alert = alert_of(given)
    assert isinstance(given, Normalized)
    assert given.sender_id == "e1"
    assert (alert.identity, alert.title, alert.severity) == ("issue:1", "It broke", Severity.CRITICAL)
    assert (alert.service, alert.environment, alert.link) == ("web", "prod", "https://sentry.example/issues/1/")


def test_tags_may_be_an_object() -> None:
    event = {"event_id": "e", "issue_id": 1, "title": "T", "tags": {"environment": "Production", "team": "web", "none": None}}
    alert = alert_of(answer("sentry", {"action": "triggered", "data": {"event": event}}))
    assert (alert.environment, alert.team) == ("prod", "web")
