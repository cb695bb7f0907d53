"""PagerDuty's webhooks of version 3: each episode is an incident of its own there."""

from tocsin.streams.telling import Step, Telling, Told, iso, template, told

_CASES = {
    Step.BEGINS: "v3_incident_triggered",
    Step.GOES_ON: "v3_incident_acknowledged_pair",
    Step.ENDS: "v3_incident_resolved_pair",
}


def tell(telling: Telling) -> Told:
    """Write an event of the incident."""
    trouble = telling.trouble
    document, headers = template("pagerduty", _CASES[telling.step])
    event = document["event"]
    number = f"P{trouble.hex(f'incident {telling.began_at}', 13).upper()}"
    service = f"P{trouble.service.upper()[:6]}"
    event |= {"id": telling.id[:26].upper(), "occurred_at": iso(telling.at)}
    event["data"] |= {
        "id": number,
        "self": f"https://api.pagerduty.com/incidents/{number}",
        "html_url": f"https://acme.pagerduty.com/incidents/{number}",
        "number": int(trouble.hex(f"number {telling.began_at}", 5), 16),
        "title": trouble.sentence,
        "service": {
            "html_url": f"https://acme.pagerduty.com/services/{service}",
            "id": service,
            "self": f"https://api.pagerduty.com/services/{service}",
            "summary": trouble.service,
            "type": "service_reference",
        },
        "urgency": "high" if trouble.severity in ("critical", "high") else "low",
        "incident_key": trouble.hex("key", 32),
        "created_at": iso(telling.began_at, "%Y-%m-%dT%H:%M:%SZ"),
    }
    return told(document, headers)
