"""Amazon CloudWatch alarms, through SNS or EventBridge, and whatever else a topic carries (SOURCES 9).

Identity: the alarm's ARN; built of the topic's partition and region, the account and the name where older alarms do not say
it, so that both forms are one alert. Of a message that is no alarm: its topic and subject. Problem: the identity, for an
alarm is a monitor; its dimensions are part of its definition.
Delivery id: SNS' MessageId, the same on a retry. Episode: the change of state, where it says that it was OK before.
Severity: CloudWatch has none; an alarm's description may say it, as JSON or as lines `severity: critical`, and team, service,
environment and runbook the same way. Service: that, else the dimension that names one, else the namespace. Time: trusted.

Ignored on purpose: INSUFFICIENT_DATA, which says nothing about the problem; subscription and unsubscription messages, which
the gateway handles. A text without a state fires and never resolves.
"""

import re
from collections.abc import Mapping
from urllib.parse import quote

from tocsin_contracts.alert import AlertEvent
from tocsin_contracts.status import EventStatus
from tocsin_sources import document, fields, sns
from tocsin_sources.document import NotJson
from tocsin_sources.environments import folded_environment
from tocsin_sources.evidence import content_hash, raw_json
from tocsin_sources.fields import said
from tocsin_sources.severity_words import severity_of, with_raw_word
from tocsin_sources.shape import Unfit, as_object, list_or_empty, object_or_empty, texts_of
from tocsin_sources.signature import Basic, Bearer
from tocsin_sources.source import Answer, Delivery, Ignored, Normalized, Source
from tocsin_sources.text import description_of, title_of
from tocsin_sources.timestamps import time_of

_TYPE, _ID, _TOPIC, _RAW = ("x-amz-sns-message-type", "x-amz-sns-message-id", "x-amz-sns-topic-arn", "x-amz-sns-rawdelivery")
_STATES = {"ALARM": EventStatus.FIRING, "OK": EventStatus.RESOLVED}
_NO_DATA = "INSUFFICIENT_DATA"
_NO_CHANGE = Ignored(reason="insufficient-data", detail="INSUFFICIENT_DATA: nothing is known about the problem")
_CONTROL = Ignored(reason="subscription", detail="a message of SNS about the subscription itself")
_SERVICE_DIMENSIONS = (
    *("ServiceName", "Service", "ApiName", "FunctionName", "QueueName", "TableName", "DBClusterIdentifier"),
    *("DBInstanceIdentifier", "CacheClusterId", "DomainName", "TopicName", "BucketName", "ClusterName", "AutoScalingGroupName"),
)
_HOST_DIMENSIONS = ("InstanceId", "Host", "HostName", "NodeName", "PodName")
_CONVENTION = frozenset(
    {*fields.SERVICE, *fields.ENVIRONMENT, *fields.TEAM, *fields.RUNBOOK, "severity", "priority", "summary", "description"}
)
_LINE = re.compile(r"\s*([A-Za-z][\w.]{0,40})\s*[:=]\s*(\S[^\n]{0,1000})", re.ASCII)
_LINES_MAX = 50
_ARN_REGION = re.compile(r"(arn:(aws[a-z-]{0,20}):[a-z]{1,20}:([a-z0-9-]{2,30}):(\d{0,12})):?.*", re.ASCII | re.DOTALL)
_CONSOLES = {"aws": "console.aws.amazon.com", "aws-cn": "console.amazonaws.cn", "aws-us-gov": "console.amazonaws-us-gov.com"}
_EVENTBRIDGE_ALARM = "CloudWatch Alarm State Change"

Members = Mapping[str, object]


def read(delivery: Delivery) -> Answer:
    """Map a message of SNS, with its envelope or delivered raw, or an event of EventBridge."""
    body = as_object(delivery.document, "")
    if body.get("Type") in (sns.SUBSCRIPTION, sns.UNSUBSCRIPTION):  # a tuple: a list of theirs has no hash
        return _CONTROL
    if not (body.get("Type") == sns.NOTIFICATION or ("Message" in body and "TopicArn" in body)):
        return _answer(body, {}, delivery, "")
    message = body.get("Message")
    if not isinstance(message, (str, dict)):
        raise Unfit("/Message", "a string", message)
    return _answer(_inner(message), body, delivery, "/Message")


def _inner(message: object) -> object:
    """Read the JSON inside of the message's text; text that is none stays text."""
    if not isinstance(message, str) or message.lstrip()[:1] != "{":
        return message
    try:
        return document.parse(message.encode())
    except (NotJson, UnicodeEncodeError):
        return message


def _answer(inner: object, envelope: Members, delivery: Delivery, pointer: str) -> Answer:
    alarm = _of_eventbridge(inner) if isinstance(inner, dict) and inner.get("detail-type") == _EVENTBRIDGE_ALARM else inner
    event: AlertEvent | Ignored
    if isinstance(alarm, dict) and ("AlarmName" in alarm or "NewStateValue" in alarm):
        event = _alarm(alarm, envelope, delivery, pointer)
    elif envelope:
        event = _other(inner, envelope)
    else:
        raise Unfit("/AlarmName", "an alarm, or an envelope of SNS", None)
    if isinstance(event, Ignored):
        return event
    sender_id = said(envelope.get("MessageId")) or fields.present(delivery.headers.get(_ID))
    if sender_id is None and alarm is not inner:
        sender_id = said(object_or_empty(inner).get("id"))
    return Normalized(alerts=(event,), sender_id=sender_id)


def _alarm(alarm: Members, envelope: Members, delivery: Delivery, pointer: str) -> AlertEvent | Ignored:
    name, state = said(alarm.get("AlarmName")), said(alarm.get("NewStateValue"))
    if name is None:
        raise Unfit(f"{pointer}/AlarmName", "a string", alarm.get("AlarmName"))
    if state == _NO_DATA:
        return _NO_CHANGE
    status = _STATES.get((state or "").upper())
    if status is None:
        raise Unfit(f"{pointer}/NewStateValue", "ALARM, OK or INSUFFICIENT_DATA", alarm.get("NewStateValue"))
    topic = said(envelope.get("TopicArn")) or fields.present(delivery.headers.get(_TOPIC))
    arn, region = _arn(alarm, name, topic)
    trigger = object_or_empty(alarm.get("Trigger"))
    dimensions, namespace, metric = _dimensions(trigger)
    told = _told(alarm.get("AlarmDescription"))
    changed_at, labels = time_of(alarm.get("StateChangeTime")), {**dimensions, **told}
    lower = {name.lower(): text for name, text in labels.items()} | told
    severity = told.get("severity") or told.get("priority")
    raw, replaced = raw_json(alarm)
    shown = fields.known(
        {
            "namespace": namespace,
            "metric_name": metric,
            "region": region,
            "account": said(alarm.get("AWSAccountId")),
            "alarm_name": name,
        }
    )
    return AlertEvent(
        identity=arn,
        problem=arn,
        status=status,
        title=title_of(told.get("summary") or name) or arn,
        content=content_hash(status, alarm),
        project=said(alarm.get("AWSAccountId")) or "",
        severity=severity_of(severity, status),
        description=description_of(_description(alarm, told)),
        service=fields.first_present(lower, fields.SERVICE) or fields.first_present(dimensions, _SERVICE_DIMENSIONS) or namespace,
        environment=folded_environment(fields.first_present(lower, fields.ENVIRONMENT), delivery.settings.environment_aliases),
        team=fields.first_present(lower, fields.TEAM),
        host=fields.first_present(dimensions, _HOST_DIMENSIONS) or fields.first_present(lower, fields.HOST),
        link=_console(arn, name),
        labels=with_raw_word({**labels, **texts_of(shown)}, severity),
        metadata=fields.known(
            {
                "topic": topic,
                "alarm_rule": said(alarm.get("AlarmRule")),
                "old_state": said(alarm.get("OldStateValue")),
                "threshold": trigger.get("Threshold"),
                "children": [said(object_or_empty(child).get("Arn")) for child in list_or_empty(alarm.get("TriggeringChildren"))],
                "runbook_url": fields.web_link(fields.first_present(told, fields.RUNBOOK)),
            }
        ),
        occurred_at=changed_at,
        episode_at=changed_at if status is EventStatus.FIRING and said(alarm.get("OldStateValue")) == "OK" else None,
        sanitized=replaced,
        raw=raw,
    )


def _other(inner: object, envelope: Members) -> AlertEvent:
    """Make an alert of a message that is no alarm: budgets, events of other services, text of a script."""
    topic, subject = said(envelope.get("TopicArn")), said(envelope.get("Subject"))
    members = object_or_empty(inner)
    text = said(inner) if isinstance(inner, str) else None
    kind = said(members.get("detail-type")) or said(members.get("Event Message")) or said(members.get("title"))
    title = title_of(subject or kind or (text or "").partition("\n")[0])
    if title is None:
        raise Unfit("/Message", "a text, an alarm or a subject", envelope.get("Message"))
    key = f"{topic or 'sns'}#{title}"
    told = {"Subject": subject, "Message": inner}
    raw, replaced = raw_json(told)
    account = _ARN_REGION.fullmatch(topic or "")
    return AlertEvent(
        identity=key,
        problem=key,
        status=EventStatus.FIRING,
        title=title,
        content=content_hash(EventStatus.FIRING, told),
        project=account[4] if account else "",
        description=description_of(text) if text != title else None,
        labels={"region": account[3], "account": account[4]} if account else {},
        metadata=fields.known({"topic": topic}),
        occurred_at=time_of(envelope.get("Timestamp")),
        never_resolves=True,
        sanitized=replaced,
        raw=raw,
    )


def _of_eventbridge(event: Members) -> Members:
    """Write EventBridge's form of an alarm as SNS' form of it."""
    detail = object_or_empty(event.get("detail"))
    state, before = object_or_empty(detail.get("state")), object_or_empty(detail.get("previousState"))
    metrics = [object_or_empty(each) for each in list_or_empty(object_or_empty(detail.get("configuration")).get("metrics"))]
    stats = [object_or_empty(object_or_empty(each.get("metricStat")).get("metric")) for each in metrics]
    metric = next((each for each in stats if each), {})
    dimensions = [{"name": name, "value": text} for name, text in texts_of(metric.get("dimensions")).items()]
    resources = list_or_empty(event.get("resources"))
    return {
        "AlarmName": detail.get("alarmName"),
        "AlarmArn": resources[0] if resources else None,
        "AlarmDescription": object_or_empty(detail.get("configuration")).get("description"),
        "AWSAccountId": event.get("account"),
        "NewStateValue": state.get("value"),
        "NewStateReason": state.get("reason"),
        "StateChangeTime": state.get("timestamp"),
        "OldStateValue": before.get("value"),
        "Trigger": {"MetricName": metric.get("name"), "Namespace": metric.get("namespace"), "Dimensions": dimensions},
    }


def _arn(alarm: Members, name: str, topic: str | None) -> tuple[str, str | None]:
    """Give the alarm's ARN and region; see the module's docstring."""
    given = said(alarm.get("AlarmArn"))
    if given is not None:
        place = _ARN_REGION.fullmatch(given)
        return given, place[3] if place else None
    place, account = _ARN_REGION.fullmatch(topic or ""), said(alarm.get("AWSAccountId"))
    if place is not None:
        return f"arn:{place[2]}:cloudwatch:{place[3]}:{account or place[4]}:alarm:{name}", place[3]
    return f"cloudwatch:{said(alarm.get('Region')) or ''}:{account or ''}:alarm:{name}", None


def _dimensions(trigger: Members) -> tuple[dict[str, str], str | None, str | None]:
    """Give dimensions, namespace and metric: of the alarm's metric, else of the first one in its expression."""
    metrics = [object_or_empty(each) for each in list_or_empty(trigger.get("Metrics"))]
    stats = [object_or_empty(object_or_empty(each.get("MetricStat")).get("Metric")) for each in metrics]
    metric = trigger if said(trigger.get("MetricName")) else next((each for each in stats if each), trigger)
    found: dict[str, str] = {}
    for each in list_or_empty(metric.get("Dimensions")):
        dimension = object_or_empty(each)
        name = said(dimension.get("name")) or said(dimension.get("Name"))
        text = said(dimension.get("value")) or said(dimension.get("Value"))
        if name is not None and text is not None:
            found[name] = text
    return found, said(metric.get("Namespace")), said(metric.get("MetricName"))


def _told(description: object) -> dict[str, str]:
    """Read what people write into an alarm's description for tools: JSON, or lines `name: value` of known names."""
    text = said(description)
    if text is None:
        return {}
    inner = _inner(text)
    if isinstance(inner, dict):
        return {name.lower(): value for name, value in texts_of(inner).items()}
    matches = [_LINE.fullmatch(line) for line in text.splitlines()[:_LINES_MAX]]
    return {match[1].lower(): match[2].strip() for match in matches if match is not None and match[1].lower() in _CONVENTION}


def _description(alarm: Members, told: Mapping[str, str]) -> str | None:
    """Say what the alarm is about and why it changed; a description for tools only says what it calls a description."""
    text = said(alarm.get("AlarmDescription"))
    if text is not None and isinstance(_inner(text), dict):
        text = told.get("description") or told.get("message")
    parts = [part for part in (text, said(alarm.get("NewStateReason"))) if part is not None]
    return "\n\n".join(parts) or None


def _console(arn: str, name: str) -> str | None:
    """Build the link to the alarm in the console of its region and partition."""
    place = _ARN_REGION.fullmatch(arn)
    console = None if place is None else _CONSOLES.get(place[2])
    if place is None or console is None:
        return None
    region = place[3]
    return f"https://{region}.{console}/cloudwatch/home?region={region}#alarmsV2:alarm/{quote(name, safe='')}"


SOURCE = Source(
    name="cloudwatch_sns",
    title="Amazon CloudWatch",
    read=read,
    schemes=(Basic(), Bearer()),
    trusted_time=True,
    headers=frozenset({_TYPE, _ID, _TOPIC, _RAW}),
)
"""Its signature is checked by the gateway (`sns`), which must fetch the certificate; a password in the URL is Basic."""
