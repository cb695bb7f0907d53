"""Alertmanager: who is the same alert, what is the same problem, and the shapes that differ from the samples."""

import copy
from collections.abc import Mapping
from typing import Any

import orjson
import pytest

from tests.unit.sources.payloads import alert_of, alerts_of, answer, answer_to, body_of
from tocsin_contracts.severity import Severity
from tocsin_contracts.status import EventStatus
from tocsin_contracts.times import to_rfc3339
from tocsin_sources.document import parse
from tocsin_sources.fingerprint import label_fingerprint
from tocsin_sources.source import ALERTS_MAX, Answer, Failed, Ignored, Normalized

ZERO = "0001-01-01T00:00:00Z"


def webhook(*alerts: Mapping[str, object], **group: object) -> dict[str, object]:
    return {"version": "4", "status": "firing", "groupKey": "{}:{}", "alerts": list(alerts), **group}


def an_alert(labels: Mapping[str, object] | None = None, **members: object) -> dict[str, object]:
    return {
        "status": "firing",
        "labels": {"alertname": "HighErrorRate", "service": "api", "instance": "api-1", **(labels or {})},
        "annotations": {"summary": "errors"},
        "startsAt": "2026-03-02T10:00:00Z",
        "endsAt": ZERO,
        **members,
    }


def mapped(*alerts: Mapping[str, object], **group: object) -> Answer:
    return answer("alertmanager", webhook(*alerts, **group))


@pytest.mark.parametrize(
    ("firing", "resolved"),
    [
        ("firing_container_restarted", "resolved_container_restarted"),
        ("firing_container_restarted_again", "resolved_container_restarted"),
        ("mixed_group_firing_and_resolved", "resolved_group_all"),
    ],
)
def test_firing_and_resolve_of_a_pair_are_one_alert(firing: str, resolved: str) -> None:
    opened, closed = alerts_of(answer_to("alertmanager", firing)), alerts_of(answer_to("alertmanager", resolved))
    assert [alert.identity for alert in opened] == [alert.identity for alert in closed]
    assert [alert.problem for alert in opened] == [alert.problem for alert in closed]
    assert {alert.status for alert in closed} == {EventStatus.RESOLVED}


def test_a_repeat_says_the_same_and_another_reason_does_not_matter() -> None:
    """`notification_reason` and the group around an alert are not what the sender said about the alert (P4)."""
    first, repeat = (alert_of(answer_to("alertmanager", f"firing_container_restarted{end}")) for end in ("", "_repeat"))
    assert first == repeat


def test_a_later_start_is_another_episode_with_other_content() -> None:
    first, again = (alert_of(answer_to("alertmanager", f"firing_container_restarted{end}")) for end in ("", "_again"))
    assert first.identity == again.identity
    assert first.content != again.content
    assert first.episode_at is not None
    assert again.episode_at is not None
    assert first.episode_at < again.episode_at


def test_each_alerts_own_status_decides() -> None:
    statuses = [alert.status for alert in alerts_of(answer_to("alertmanager", "mixed_group_firing_and_resolved"))]
    assert statuses == [EventStatus.FIRING, EventStatus.RESOLVED, EventStatus.FIRING]


def test_firing_happened_at_its_start_and_a_resolve_at_its_end() -> None:
    resolved = alert_of(mapped(an_alert(status="resolved", endsAt="2026-03-02T10:05:00Z")))
    firing = alert_of(mapped(an_alert()))
    assert resolved.occurred_at is not None
    assert to_rfc3339(resolved.occurred_at) == "2026-03-02T10:05:00.000000Z"
    assert resolved.episode_at == firing.episode_at == firing.occurred_at
    assert firing.trusted
    assert resolved.trusted


def test_a_future_end_does_not_end_a_firing_alert() -> None:
    """Old versions and relays send one while it fires: status decides, and its start stays its time."""
    alert = alert_of(mapped(an_alert(endsAt="2099-01-01T00:00:00Z")))
    assert alert.status is EventStatus.FIRING
    assert alert.occurred_at == alert.episode_at


def test_a_resolve_without_an_end_has_no_time_that_could_order_it() -> None:
    alert = alert_of(mapped(an_alert(status="resolved")))
    assert alert.occurred_at is None
    assert not alert.trusted


@pytest.mark.parametrize("member", ["version", "groupKey", "receiver", "truncatedAlerts"])
def test_the_group_may_lack_what_old_senders_lack(member: str) -> None:
    body = webhook(an_alert(fingerprint="0123456789abcdef"), receiver="x", truncatedAlerts=0)
    del_body = {name: value for name, value in body.items() if name != member}
    assert alert_of(answer("alertmanager", del_body)).identity == "0123456789abcdef"


@pytest.mark.parametrize("member", ["status", "generatorURL", "startsAt", "endsAt", "annotations"])
def test_an_alert_may_lack_all_but_its_labels(member: str) -> None:
    alert = an_alert(fingerprint="0123456789abcdef", generatorURL="http://p/graph")
    del alert[member]
    assert alert_of(mapped(alert)).identity == "0123456789abcdef"


def test_an_alert_without_a_status_has_that_of_its_group() -> None:
    alert = an_alert()
    del alert["status"]
    assert alert_of(mapped(alert, status="resolved")).status is EventStatus.RESOLVED


def test_without_a_fingerprint_the_labels_are_the_identity() -> None:
    alert = an_alert()
    assert alert_of(mapped(alert)).identity == label_fingerprint(alert["labels"])  # type: ignore[arg-type] # all are strings
    without, given = (
        alert_of(answer_to("alertmanager", f"resolved_disk_space_{name}")) for name in ("no_fingerprint", "minimal")
    )
    assert without.identity == "d7639280ae704875"
    assert given.identity == "dd19ae3d4e06ac55"


def test_alerts_that_look_the_same_but_have_other_fingerprints_are_two() -> None:
    """A relay may hide labels that tell them apart."""
    one, two = alerts_of(mapped(an_alert(fingerprint="a" * 16), an_alert(fingerprint="b" * 16)))
    assert (one.identity, two.identity) == ("a" * 16, "b" * 16)


def test_many_alerts_that_share_a_fingerprint_are_told_apart_by_their_labels() -> None:
    alerts = alerts_of(
        mapped(*(an_alert({"instance": f"api-{n}"}, fingerprint="a" * 16) for n in range(5)), an_alert(fingerprint="c" * 16))
    )
    assert len({alert.identity for alert in alerts}) == 6
    assert "a" * 16 not in {alert.identity for alert in alerts}
    assert alerts[-1].identity == "c" * 16


def test_the_same_alert_twice_in_one_body_keeps_its_fingerprint() -> None:
    """Fired and resolved inside of one body: one alert, and no reason to distrust the sender's fingerprint."""
    alerts = alerts_of(mapped(an_alert(fingerprint="a" * 16), an_alert(status="resolved", fingerprint="a" * 16)))
    assert [alert.identity for alert in alerts] == ["a" * 16] * 2


@pytest.mark.parametrize(
    ("labels", "problem"),
    [
        ({}, 'HighErrorRate{service="api"}'),
        ({"service": None, "app": "shop"}, 'HighErrorRate{service="shop"}'),
        ({"service": None, "job": "node"}, 'HighErrorRate{job="node"}'),
        ({"service": None, "namespace": "team-a"}, 'HighErrorRate{namespace="team-a"}'),
        ({"service": None, "job": "node", "namespace": "team-a"}, 'HighErrorRate{job="node"}'),
        ({"service": None}, "HighErrorRate{}"),
        ({"service": 'a"b'}, 'HighErrorRate{service="a\\"b"}'),
    ],
)
def test_the_problem_is_the_alertname_with_service_else_job_else_namespace(labels: Mapping[str, object], problem: str) -> None:
    assert alert_of(mapped(an_alert(labels))).problem == problem


def test_two_hundred_pods_down_are_one_problem_of_two_hundred_alerts() -> None:
    alerts = alerts_of(mapped(*(an_alert({"instance": f"api-{n}", "pod": f"api-{n}"}) for n in range(200))))
    assert len({alert.identity for alert in alerts}) == 200
    assert {alert.problem for alert in alerts} == {'HighErrorRate{service="api"}'}


def test_an_alert_without_a_name_is_a_problem_of_its_own() -> None:
    one, two = alerts_of(mapped(an_alert({"alertname": None}), an_alert({"alertname": None, "instance": "api-2"})))
    assert one.problem != two.problem


@pytest.mark.parametrize("labels", [{"alertname": "Watchdog"}, {"severity": "none"}, {"severity": " None "}])
def test_a_sign_of_life_is_marked(labels: Mapping[str, object]) -> None:
    assert alert_of(mapped(an_alert(labels))).heartbeat
    assert not alert_of(mapped(an_alert({"severity": "info"}))).heartbeat


@pytest.mark.parametrize(
    ("annotations", "title", "description"),
    [
        ({"summary": "s", "title": "t", "message": "m", "description": "d"}, "s", "d"),
        ({"title": "t", "message": "m"}, "t", "m"),
        ({"message": "m"}, "m", None),
        ({"summary": "<no value>", "info": "i"}, "HighErrorRate on api-1", "i"),
        ({}, "HighErrorRate on api-1", None),
        ({"summary": "<b>s</b>\n2"}, "s 2", None),
    ],
)
def test_title_and_description_come_from_the_annotations(
    annotations: Mapping[str, str], title: str, description: str | None
) -> None:
    alert = alert_of(mapped(an_alert(annotations=annotations)))
    assert (alert.title, alert.description) == (title, description)


def test_a_sender_that_says_no_severity_has_none_and_an_unknown_word_is_kept() -> None:
    """The default is the fold's (E6); SOURCES 0.2 keeps the word."""
    assert alert_of(mapped(an_alert())).severity is None
    odd = alert_of(mapped(an_alert({"severity": "sev-zero"})))
    assert odd.severity is Severity.MEDIUM
    assert odd.labels["severity_raw"] == "sev-zero"


def test_the_integrations_settings_fill_only_what_the_sender_left_open() -> None:
    settings: dict[str, Any] = {"default_service": "legacy", "default_environment": "prod", "never_resolves": True}
    bare = an_alert({"service": None})
    filled = alert_of(answer("alertmanager", webhook(bare), **settings))
    said = alert_of(answer("alertmanager", webhook(an_alert({"env": "QA"})), **settings))
    assert (filled.service, filled.environment, filled.severity) == ("legacy", "prod", None)
    assert (said.service, said.environment) == ("api", "qa")
    assert filled.never_resolves
    assert filled.problem == alert_of(mapped(bare)).problem


def test_a_default_service_never_changes_who_an_alert_is() -> None:
    plain, filled = (
        alert_of(answer_to("alertmanager", "firing_legacy_demo_no_fingerprint", **settings))
        for settings in ({}, {"default_service": "x"})
    )
    assert (plain.identity, plain.problem, plain.content) == (filled.identity, filled.problem, filled.content)


def test_raw_is_the_alerts_own_json_compact_and_in_the_senders_order() -> None:
    body = parse(body_of("alertmanager", "firing_legacy_demo_no_fingerprint"))
    alert = alert_of(answer("alertmanager", body))
    assert alert.raw == orjson.dumps(body["alerts"][0]).decode()  # type: ignore[index] # the sample is an object with alerts
    assert "amixr_demo" in alert.raw


def test_an_alert_above_64_kb_has_no_raw_json() -> None:
    alert = alert_of(mapped(an_alert(annotations={"summary": "s", "long": "x" * 66_000})))
    assert alert.raw is None
    assert alert.title == "s"


def test_nul_becomes_a_replacement_character_and_the_alert_says_so() -> None:
    """PostgreSQL refuses NUL in text and, even as an escape, in jsonb (security.md 0.4)."""
    alert = alert_of(mapped(an_alert({"pod": "a\x00b"}, annotations={"summary": "x\x00y"})))
    assert alert.sanitized
    assert alert.title == "x\ufffdy"
    assert alert.labels["pod"] == "a\ufffdb"
    assert alert.raw is not None
    assert "\\u0000" not in alert.raw
    assert not alert_of(mapped(an_alert(annotations={"summary": "x\\u0000y 漢字"}))).sanitized


def test_nul_in_text_that_is_not_shown_is_replaced_too() -> None:
    alert = alert_of(mapped(an_alert(extra={"k\x00": ["\x00"]})))
    assert alert.sanitized
    assert alert.raw is not None
    assert orjson.loads(alert.raw)["extra"] == {"k\ufffd": ["\ufffd"]}


def test_content_does_not_depend_on_the_order_of_keys() -> None:
    alert = an_alert({"a": "1", "b": "2"})
    reordered = dict(reversed(alert.items())) | {"labels": dict(reversed(list(alert["labels"].items())))}  # type: ignore[attr-defined] # a dict
    assert alert_of(mapped(alert)).content == alert_of(mapped(reordered)).content
    assert alert_of(mapped(alert)).content != alert_of(mapped(an_alert({"a": "1", "b": "3"}))).content


def test_the_receiver_is_shown_as_it_was_configured() -> None:
    alert = alert_of(answer_to("alertmanager", "firing_nested_route_no_grouping_receiver_escaped"))
    assert alert.metadata["receiver"] == "prod.webhook+sre"


def test_an_empty_list_is_accepted_and_nothing_is_made_of_it() -> None:
    given = answer_to("alertmanager", "empty_alerts_list")
    assert isinstance(given, Ignored)
    assert given.reason == "no-alerts"


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        ([{"labels": {}}], "/0/labels"),
        ([{"labels": {"a": "b"}, "status": "odd"}], "/0/status"),
        ("text", ""),
        (7, ""),
        (None, ""),
        ({}, "/alerts"),
        ({"text": "a user's own payload template"}, "/alerts"),
        ({"alerts": {}}, "/alerts"),
        ({"alerts": ["x"]}, "/alerts/0"),
        ({"status": "firing", "alerts": [{}]}, "/alerts/0/labels"),
        ({"status": "firing", "alerts": [{"labels": []}]}, "/alerts/0/labels"),
        ({"status": "firing", "alerts": [{"labels": {}}]}, "/alerts/0/labels"),
        ({"status": "firing", "alerts": [{"labels": {"a": "b"}}, {"labels": "x"}]}, "/alerts/1/labels"),
        ({"alerts": [{"labels": {"a": "b"}, "endsAt": "2026-03-02T10:15:30Z"}]}, "/status"),
        ({"alerts": [{"labels": {"a": "b"}, "status": "odd"}]}, "/alerts/0/status"),
        ({"alerts": [{"labels": {"a": "b"}, "status": {"state": 7}}]}, "/alerts/0/status"),
    ],
)
def test_another_shape_fails_with_the_pointer_of_what_was_missing(document: object, pointer: str) -> None:
    """The body may be replaced by a user's template: then any JSON arrives (SOURCES 1)."""
    given = answer("alertmanager", document)
    assert isinstance(given, Failed)
    assert (given.reason, given.pointer) == ("unknown-shape", pointer)
    assert given.detail.startswith(pointer or "(document)")


def test_a_failure_repeats_nothing_of_the_body() -> None:
    given = answer("alertmanager", {"alerts": [{"labels": {"a": "b"}, "status": "hunter2"}]})
    assert isinstance(given, Failed)
    assert "hunter2" not in given.detail


def test_more_alerts_than_are_read_fail_as_a_whole() -> None:
    alert = an_alert()
    given = mapped(*([alert] * (ALERTS_MAX + 1)))
    assert isinstance(given, Failed)
    assert given.reason == "too-many-alerts"


def test_a_full_group_of_thousands_of_alerts_fits() -> None:
    alert = orjson.loads(body_of("alertmanager", "firing_sixty_alerts"))["alerts"][0]
    alerts = [copy.deepcopy(alert) | {"fingerprint": f"{n:016x}"} for n in range(2_400)]
    body = orjson.dumps(webhook(*alerts))
    assert 900_000 < len(body) <= 1_048_576
    given = answer("alertmanager", parse(body))
    assert isinstance(given, Normalized)
    assert len({each.identity for each in given.alerts}) == 2_400


@pytest.mark.parametrize(
    ("document", "status"),
    [
        ([{"labels": {"alertname": "X"}}], EventStatus.FIRING),
        ({"alerts": [{"labels": {"alertname": "X"}, "endsAt": "0001-01-01T00:00:00Z"}]}, EventStatus.FIRING),
        ({"alerts": [{"labels": {"alertname": "X"}, "status": {"state": "active"}}]}, EventStatus.FIRING),
        ({"alerts": [{"labels": {"alertname": "X"}, "status": "Alerting"}]}, EventStatus.FIRING),
        ({"alerts": [{"labels": {"alertname": "X"}, "status": "RESOLVED", "endsAt": None}]}, EventStatus.RESOLVED),
        ({"alerts": [{"labels": {"alertname": "X"}, "status": None}], "status": "resolved"}, EventStatus.RESOLVED),
        ({"alerts": [{}], "status": "firing", "commonLabels": {"alertname": "X"}}, EventStatus.FIRING),
    ],
)
def test_relays_that_leave_things_out_are_understood(document: object, status: EventStatus) -> None:
    """SOURCES, "Shapes that differ": receivers in general send no version, no group key, no status of each alert."""
    alert = alert_of(answer("alertmanager", document))
    assert (alert.status, alert.title, alert.identity) == (status, "X", label_fingerprint({"alertname": "X"}))


def test_a_relay_that_says_null_for_no_alerts_is_accepted() -> None:
    assert isinstance(answer("alertmanager", {"status": "resolved", "alerts": None}), Ignored)
    assert isinstance(answer("alertmanager", []), Ignored)


def test_common_annotations_stand_in_for_those_of_an_alert_that_has_none() -> None:
    group = {"status": "firing", "commonAnnotations": {"summary": "All of it"}}
    bare, own = alerts_of(
        answer(
            "alertmanager", {**group, "alerts": [{"labels": {"a": "b"}}, {"labels": {"a": "c"}, "annotations": {"info": "x"}}]}
        )
    )
    assert (bare.title, own.title, own.description) == ("All of it", "Alert", "x")
