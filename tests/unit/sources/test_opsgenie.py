"""Opsgenie: actions, aliases, exact times, and the body of its API."""

import copy
from typing import Any

import orjson
import pytest

from tests.unit.sources.payloads import alert_of, answer, answer_to, body_of, source_of
from tocsin_contracts.severity import Severity
from tocsin_contracts.status import EventStatus
from tocsin_contracts.times import to_rfc3339
from tocsin_sources.document import parse
from tocsin_sources.schemes.header import SecretHeader
from tocsin_sources.signature import Accepted, Basic, Bearer, SignedRequest, authenticate
from tocsin_sources.source import Answer, Failed, Ignored


def webhook(action: object = "Create", **members: object) -> Answer:
    body: dict[str, Any] = copy.deepcopy(orjson.loads(body_of("opsgenie", "webhook_create_current")))
    body["action"] = action
    body["alert"] |= members
    return answer("opsgenie", body)


def test_create_acknowledge_and_close_are_one_alert() -> None:
    alerts = [alert_of(answer_to("opsgenie", f"webhook_{action}_current")) for action in ("create", "acknowledge", "close")]
    assert {(alert.identity, alert.problem) for alert in alerts} == {("alias:checkout-high-error-rate",) * 2}
    assert len({alert.episode_at for alert in alerts}) == 1
    assert [alert.status for alert in alerts] == [EventStatus.FIRING, EventStatus.ACKNOWLEDGED, EventStatus.RESOLVED]
    assert [alert.occurred_at for alert in alerts] == sorted(alert.occurred_at or 0 for alert in alerts)


@pytest.mark.parametrize(
    ("action", "status"),
    [
        ("Create", EventStatus.FIRING),
        ("UnAcknowledge", EventStatus.FIRING),
        ("Acknowledge", EventStatus.ACKNOWLEDGED),
        ("Close", EventStatus.RESOLVED),
        ("Delete", EventStatus.RESOLVED),
        ("close", EventStatus.RESOLVED),
    ],
)
def test_each_action_that_changes_a_status(action: str, status: EventStatus) -> None:
    assert alert_of(webhook(action)).status is status


@pytest.mark.parametrize(
    "action",
    ["AddNote", "AddTags", "AddTeam", "AssignOwnership", "TakeOwnership", "Escalate", "UpdatePriority", "Snooze", "Restart"],
)
def test_any_other_action_changes_none(action: str) -> None:
    """SOURCES 7: custom actions, whose names users choose, are among them."""
    given = webhook(action)
    assert isinstance(given, Ignored)
    assert given.reason == "no-change"


def test_times_in_ms_and_ns_are_exact() -> None:
    """Nanoseconds are above 2**53: a float would move them."""
    given = alert_of(answer_to("opsgenie", "webhook_acknowledge"))
    assert to_rfc3339(given.occurred_at or 0) == "2015-01-05T10:03:44.764002Z"
    assert to_rfc3339(given.episode_at or 0) == "2015-01-05T10:03:11.104000Z"
    assert given.trusted


def test_the_same_alias_again_is_another_episode_of_the_same_alert() -> None:
    first = alert_of(webhook())
    again = alert_of(webhook(alertId="other", createdAt=1_772_450_130_000, updatedAt=1_772_450_130_000_000_000))
    assert first.identity == again.identity
    assert (first.episode_at or 0) < (again.episode_at or 0)


def test_a_late_create_happened_when_the_alert_was_created() -> None:
    """It is sent again to a team that was added (SOURCES 7)."""
    given = alert_of(webhook(updatedAt=1_772_450_130_000_000_000))
    assert given.occurred_at == given.episode_at
    returned = alert_of(webhook("UnAcknowledge", updatedAt=1_772_450_130_000_000_000))
    assert (returned.episode_at or 0) < (returned.occurred_at or 0)
    assert alert_of(webhook("Close", updatedAt=None)).occurred_at is None


@pytest.mark.parametrize(
    ("priority", "severity"),
    [
        *((f"P{n}", level) for n, level in enumerate(Severity, start=1)),
        *((n, level) for n, level in enumerate(Severity, start=1)),
        (None, None),
        ("", None),
        ("odd", Severity.MEDIUM),
    ],
)
def test_priorities_are_words_or_numbers(priority: object, severity: Severity | None) -> None:
    assert alert_of(webhook(priority=priority)).severity is severity


def test_an_acknowledgement_says_no_severity_and_so_changes_none() -> None:
    assert alert_of(answer_to("opsgenie", "webhook_acknowledge_current")).severity is None


def test_fields_come_from_details_then_tags() -> None:
    tags = ["env:staging", "service:web", "team:x", "host:h", "vip", "Critical"]
    given = alert_of(webhook(tags=tags, details={"env": "PRODUCTION", "runbook_url": "https://r/1"}, team=None))
    assert (given.environment, given.service, given.team, given.host) == ("prod", "web", "x", "h")
    assert given.labels["tags"] == "vip,Critical"
    assert given.metadata["runbook_url"] == "https://r/1"


def test_service_is_else_the_entity_and_team_the_first_that_responds() -> None:
    responders = [{"type": "user", "name": "jane"}, {"type": "team", "id": "1"}, {"type": "team", "name": "noc"}]
    given = alert_of(webhook(team="", teams=["4513b7ea"], responders=responders, details={}, tags=None))
    assert (given.service, given.team, given.labels) == ("checkout", "noc", {"entity": "checkout"})
    assert alert_of(webhook(entity="")).service is None


def test_without_an_alias_the_id_tells_the_alert() -> None:
    assert alert_of(webhook(alias=None)).identity == "alert:ec03dad6-62c8-4c94-b38b-d88f398e900f"


def test_an_alert_of_the_api_has_no_end() -> None:
    given = alert_of(answer_to("opsgenie", "api_create_alert"))
    assert (given.status, given.never_resolves, given.trusted) == (EventStatus.FIRING, True, False)
    assert alert_of(answer("opsgenie", {"message": "m"})).identity == "message:m"
    assert not alert_of(webhook()).never_resolves


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        ([], ""),
        (7, ""),
        ({}, "/action"),
        ({"message": ""}, "/action"),
        ({"alert": {}}, "/action"),
        ({"action": None, "alert": {}}, "/action"),
        ({"action": "Create"}, "/alert"),
        ({"action": "Create", "alert": []}, "/alert"),
        ({"action": "Create", "alert": {}}, "/alert/alias"),
        ({"action": "Close", "alert": {"alias": {}, "alertId": True}}, "/alert/alias"),
    ],
)
def test_another_shape_fails_with_the_pointer_of_what_was_missing(document: object, pointer: str) -> None:
    given = answer("opsgenie", document)
    assert isinstance(given, Failed)
    assert (given.reason, given.pointer) == ("unknown-shape", pointer)


def test_every_way_that_opsgenie_and_its_clients_have_is_accepted() -> None:
    body = body_of("opsgenie", "api_create_alert")
    for scheme in (SecretHeader(), Bearer(), Basic(), Bearer(word="GenieKey")):
        request = SignedRequest(headers=scheme.sign(body, b"whsec_opsgenie"), body=body)
        assert authenticate(source_of("opsgenie").schemes, request, [b"whsec_opsgenie"]) == Accepted(0)


def test_the_raw_json_is_the_alerts_own() -> None:
    document = parse(body_of("opsgenie", "webhook_create"))
    assert isinstance(document, dict)
    assert alert_of(answer("opsgenie", document)).raw == orjson.dumps(document["alert"]).decode()


def test_tags_may_be_text_with_commas() -> None:
    alert = alert_of(
        answer("opsgenie", {"action": "Create", "alert": {"alertId": "a", "message": "m", "tags": "env:prod, web,,db"}})
    )
    assert (alert.environment, alert.labels["tags"]) == ("prod", "web,db")
