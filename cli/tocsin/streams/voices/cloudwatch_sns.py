"""CloudWatch through SNS. Its signature is the sample's: only Amazon can make one, so a password proves these deliveries."""

import orjson

from tocsin.streams.telling import Step, Telling, Told, iso, template, told

TOPIC = "arn:aws:sns:eu-west-1:123456789012:incidents"
_REASONS = {
    Step.BEGINS: "1 datapoint [96.2] was greater than or equal to the threshold (90.0).",
    Step.GOES_ON: "3 datapoints were greater than or equal to the threshold (90.0).",
    Step.ENDS: "1 datapoint [41.7] was not greater than or equal to the threshold (90.0).",
}
_BEFORE = {Step.BEGINS: "OK", Step.GOES_ON: "INSUFFICIENT_DATA", Step.ENDS: "ALARM"}


def tell(telling: Telling) -> Told:
    """Write a notification of the alarm's change; data that was missing for a while is how an alarm comes twice."""
    trouble = telling.trouble
    document, headers = template("cloudwatch_sns", "ok_rds" if telling.ends else "alarm_rds_pretty_printed_message")
    alarm = orjson.loads(document["Message"])
    name = f"{trouble.service}-{trouble.environment}-{trouble.name}-{trouble.place + 1}"
    alarm["Trigger"] |= {
        "MetricName": trouble.name,
        "Namespace": "AWS/ECS",
        "Dimensions": [{"name": "ServiceName", "value": trouble.service}, {"name": "ClusterName", "value": trouble.environment}],
        "Threshold": 90.0,
    }
    told_to_tools = {"environment": trouble.environment, "severity": trouble.severity, "team": trouble.team}
    alarm |= {
        "AlarmName": name,
        "AlarmDescription": orjson.dumps({"summary": trouble.sentence, "description": trouble.detail, **told_to_tools}).decode(),
        "NewStateReason": f"Threshold Crossed: {_REASONS[telling.step]}",
        "StateChangeTime": iso(telling.at, "%Y-%m-%dT%H:%M:%S.{ms}+0000"),
        "Region": "EU (Ireland)",
        "AlarmArn": f"arn:aws:cloudwatch:eu-west-1:123456789012:alarm:{name}",
        "OldStateValue": _BEFORE[telling.step],
    }
    document |= {
        "MessageId": telling.uuid,
        "TopicArn": TOPIC,
        "Message": orjson.dumps(alarm).decode(),
        "Timestamp": iso(telling.at),
    }
    return told(document, headers | {"x-amz-sns-message-id": telling.uuid, "x-amz-sns-topic-arn": TOPIC})
