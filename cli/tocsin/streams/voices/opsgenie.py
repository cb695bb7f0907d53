"""Opsgenie: an alert is created, acknowledged, closed; when it comes back it is a new alert of the same alias."""

from tocsin.streams.telling import Step, Telling, Told, template, told
from tocsin.streams.trouble import as_uuid

_CASES = {
    Step.BEGINS: "webhook_create_current",
    Step.GOES_ON: "webhook_acknowledge_current",
    Step.ENDS: "webhook_close_current",
}
_PRIORITIES = {"critical": "P1", "high": "P2", "medium": "P3", "low": "P4"}


def tell(telling: Telling) -> Told:
    """Write what was done to the alert."""
    trouble = telling.trouble
    document, headers = template("opsgenie", _CASES[telling.step])
    document["alert"] |= {
        "alertId": as_uuid(trouble.hex(f"alert {telling.began_at}", 32)),
        "message": f"[{trouble.service}] {trouble.title}",
        "tags": [f"env:{trouble.environment}"],
        "tinyId": str(int(trouble.hex(f"tiny {telling.began_at}", 5), 16)),
        "entity": trouble.service,
        "alias": f"{trouble.service}-{trouble.environment}-{trouble.name}-{trouble.place + 1}",
        "createdAt": telling.began_at // 1000,
        "updatedAt": telling.at * 1000,
        "description": trouble.detail,
        "team": trouble.team,
        "details": {"env": trouble.environment, "host": trouble.host},
        "priority": _PRIORITIES[trouble.severity],
    }
    return told(document, headers)
