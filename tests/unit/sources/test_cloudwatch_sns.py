"""What is particular to CloudWatch: one identity in all its forms, what people write into descriptions, other messages."""

from typing import Any

import orjson
import pytest

from tests.unit.sources.payloads import alert_of, answer, answer_to, body_of
from tocsin_contracts.severity import Severity
from tocsin_contracts.status import EventStatus
from tocsin_sources.source import Failed, Ignored, Normalized

TOPIC = "arn:aws-cn:sns:cn-north-1:123456789012:ops"
ALARM = {"AlarmName": "db/cpu high", "AWSAccountId": "210987654321", "NewStateValue": "ALARM", "Trigger": {}}


def notification(message: Any, **members: Any) -> dict[str, Any]:
    text = message if isinstance(message, str) else orjson.dumps(message).decode()
    return {"Type": "Notification", "MessageId": "m-1", "TopicArn": TOPIC, "Message": text, **members}


@pytest.mark.parametrize(
    ("opens", "closes"), [("alarm_rds_pretty_printed_message", "ok_rds"), ("composite_alarm", "composite_ok")]
)
def test_a_pair_is_one_alert(opens: str, closes: str) -> None:
    first, last = (alert_of(answer_to("cloudwatch_sns", name)) for name in (opens, closes))
    assert (first.status, last.status) == (EventStatus.FIRING, EventStatus.RESOLVED)
    assert first.identity == last.identity


def test_an_alarm_without_an_arn_is_the_alarm_that_later_says_its_arn() -> None:
    built = alert_of(answer("cloudwatch_sns", notification(ALARM)))
    arn = "arn:aws-cn:cloudwatch:cn-north-1:210987654321:alarm:db/cpu high"
    assert built.identity == alert_of(answer("cloudwatch_sns", notification({**ALARM, "AlarmArn": arn}))).identity == arn
    assert built.link == (
        "https://cn-north-1.console.amazonaws.cn/cloudwatch/home?region=cn-north-1#alarmsV2:alarm/db%2Fcpu%20high"
    )


def test_raw_delivery_takes_the_topic_and_the_id_from_its_headers() -> None:
    headers = {"x-amz-sns-topic-arn": TOPIC, "x-amz-sns-message-id": "m-2", "x-amz-sns-rawdelivery": "true"}
    given = answer("cloudwatch_sns", ALARM, headers)
    assert isinstance(given, Normalized)
    assert given.sender_id == "m-2"
    assert alert_of(given).identity == alert_of(answer("cloudwatch_sns", notification(ALARM))).identity


def test_an_event_of_eventbridge_comes_without_sns_too() -> None:
    event = orjson.loads(orjson.loads(body_of("cloudwatch_sns", "eventbridge_alarm"))["Message"])
    given = answer("cloudwatch_sns", event)
    assert isinstance(given, Normalized)
    assert given.sender_id == event["id"]
    assert alert_of(given).identity == alert_of(answer_to("cloudwatch_sns", "eventbridge_alarm")).identity


@pytest.mark.parametrize(
    ("description", "severity", "team"),
    [
        (None, None, None),
        ("CPU is high", None, None),
        ('{"severity": "P1", "team": "db"}', Severity.CRITICAL, "db"),
        ("Severity: warning\nOwner = db", Severity.MEDIUM, "db"),
        ("see http://wiki: it says severity: low here", None, None),
        ("{not json", None, None),
    ],
)
def test_a_description_may_say_severity_and_team(description: str | None, severity: Severity | None, team: str | None) -> None:
    alert = alert_of(answer("cloudwatch_sns", notification({**ALARM, "AlarmDescription": description})))
    assert (alert.severity, alert.team) == (severity, team)


@pytest.mark.parametrize(("before", "hinted"), [("OK", True), ("INSUFFICIENT_DATA", False), ("ALARM", False), (None, False)])
def test_an_alarm_after_ok_is_a_new_episode_and_a_repeat_is_none(before: str | None, hinted: bool) -> None:
    alarm = {**ALARM, "OldStateValue": before, "StateChangeTime": "2026-03-02T10:15:30.900+0000"}
    assert (alert_of(answer("cloudwatch_sns", notification(alarm))).episode_at is not None) is hinted


def test_insufficient_data_changes_nothing() -> None:
    given = answer("cloudwatch_sns", notification({**ALARM, "NewStateValue": "INSUFFICIENT_DATA"}))
    assert isinstance(given, Ignored)
    assert given.reason == "insufficient-data"


@pytest.mark.parametrize("kind", ["SubscriptionConfirmation", "UnsubscribeConfirmation"])
def test_messages_about_the_subscription_are_ignored(kind: str) -> None:
    given = answer("cloudwatch_sns", notification("You have chosen …", Type=kind))
    assert isinstance(given, Ignored)
    assert given.reason == "subscription"


def test_text_and_json_of_other_services_fire_and_never_resolve() -> None:
    budget = alert_of(answer("cloudwatch_sns", notification("You spent 90 % of it.\nDetails below.", Subject="AWS Budgets: ops")))
    assert (budget.title, budget.never_resolves) == ("AWS Budgets: ops", True)
    bare = alert_of(answer("cloudwatch_sns", notification("Disk full\non web-3")))
    assert (bare.title, bare.description) == ("Disk full", "Disk full\non web-3")
    other = alert_of(answer("cloudwatch_sns", notification({"detail-type": "GuardDuty Finding", "detail": {}})))
    assert other.title == "GuardDuty Finding"
    assert len({budget.identity, bare.identity, other.identity}) == 3


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        ({}, "/AlarmName"),
        ({"Type": "Notification", "TopicArn": TOPIC}, "/Message"),
        (notification(""), "/Message"),
        (notification({"NewStateValue": "ALARM"}), "/Message/AlarmName"),
        (notification({**ALARM, "NewStateValue": "DOOM"}), "/Message/NewStateValue"),
        ({"AlarmName": "x"}, "/NewStateValue"),
        ([], ""),
    ],
)
def test_what_is_missing_is_named(document: object, pointer: str) -> None:
    given = answer("cloudwatch_sns", document)
    assert isinstance(given, Failed)
    assert given.pointer == pointer
