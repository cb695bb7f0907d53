"""Datadog: a monitor triggers on a host, renotifies, recovers; by the template that SOURCES recommends."""

from tocsin.streams.telling import Step, Telling, Told, template, told

_CASES = {
    Step.BEGINS: ("triggered_keep_template", "Triggered"),
    Step.GOES_ON: ("renotify_keep_template", "Re-Triggered"),
    Step.ENDS: ("recovered_keep_template", "Recovered"),
}
_PRIORITIES = {"critical": "P1", "high": "P2", "medium": "P3", "low": "P4"}


def tell(telling: Telling) -> Told:
    """Write an event of the monitor."""
    trouble, (case, word) = telling.trouble, _CASES[telling.step]
    document, headers = template("datadog", case)
    monitor, at, priority = trouble.number("monitor"), str(telling.at // 1000), _PRIORITIES[trouble.severity]
    scope = f"host:{trouble.host}"
    environment = "prod" if trouble.environment == "production" else trouble.environment
    document |= {
        "body": f"%%%\n\n{trouble.detail}\n\n@webhook-incidents\n\n%%%",
        "last_updated": at,
        "title": f"[{priority}] [{word} on {{{scope}}}] {trouble.sentence}",
        "severity": priority,
        "alert_query": f"avg(last_5m):avg:{trouble.service}.{trouble.name.lower()}{{env:{environment}}} by {{host}} > 90",
        "date": at,
        "scopes": scope,
        "url": f"https://app.datadoghq.com/monitors/{monitor}?group=host%3A{trouble.host}",
        "tags": f"env:{environment},{scope},monitor,service:{trouble.service},team:{trouble.team}",
        "id": str(10**18 + int(telling.id[:14], 16)),
        "monitor_id": str(monitor),
    }
    return told(document, headers)
