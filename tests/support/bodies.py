"""Bodies of webhooks as senders write them, small enough to see what is in them."""

from hashlib import sha256
from typing import Any

import orjson

MORNING = "2026-03-02T10:20:00Z"
LATER = "2026-03-02T11:20:00Z"
NEVER = "0001-01-01T00:00:00Z"


def am_alert(
    instance: str = "a", *, name: str = "HighErrorRate", ends: str | None = None, starts: str = MORNING, **labels: str
) -> dict[str, Any]:
    """Give one alert of Alertmanager; it fires unless it `ends`."""
    return {
        "status": "firing" if ends is None else "resolved",
        "labels": {"alertname": name, "service": "checkout", "severity": "critical", "instance": instance, **labels},
        "annotations": {"summary": f"{name} on {instance}"},
        "startsAt": starts,
        "endsAt": ends or NEVER,
        "generatorURL": "https://prometheus.example/graph",
        "fingerprint": sha256(f"{name} {instance}".encode()).hexdigest()[:16],
    }


def alertmanager(*alerts: dict[str, Any], **group: Any) -> bytes:
    """Give a notification of Alertmanager, version 4."""
    firing = any(alert["status"] == "firing" for alert in alerts)
    return orjson.dumps(
        {
            "version": "4",
            "groupKey": "{}:{}",
            "status": "firing" if firing else "resolved",
            "receiver": "tocsin",
            "groupLabels": {},
            "commonLabels": {},
            "commonAnnotations": {},
            "externalURL": "https://alertmanager.example",
            "alerts": list(alerts),
            **group,
        }
    )


def watchdog() -> bytes:
    """Give a sign of life as Prometheus' stack sends it: the same each time."""
    return alertmanager(am_alert("prometheus", name="Watchdog", severity="none"))


def am_many(count: int, *, name: str = "PodDown", first: int = 0) -> bytes:
    """Give a notification of `count` firing alerts of one name, each of another pod."""
    return alertmanager(*(am_alert(f"pod-{number}", name=name) for number in range(first, first + count)))


def sentry_event(
    issue: str = "5100000003", *, event_id: str = "0a1b2c3d4e5f40718293a4b5c6d7e8f9", environment: str | None = "production"
) -> bytes:
    """Give an event_alert of Sentry: the first sight of an issue, with the event's own environment."""
    event = {
        "event_id": event_id,
        "issue_id": issue,
        "level": "fatal",
        "title": "OperationalError: connection pool exhausted",
        "datetime": MORNING,
        "environment": environment,
        "tags": [] if environment is None else [["environment", environment]],
        "url": "https://sentry.io/api/0/projects/acme/checkout/events/1/",
    }
    return orjson.dumps({"action": "triggered", "data": {"event": event, "triggered_rule": "Page on fatal"}})


def sentry_issue(action: str, issue: str = "5100000003") -> bytes:
    """Give an issue webhook of Sentry, which says nothing of an environment."""
    said = {
        "id": issue,
        "title": "OperationalError: connection pool exhausted",
        "status": "resolved" if action == "resolved" else "unresolved",
        "level": "fatal",
        "firstSeen": MORNING,
        "project": {"slug": "checkout", "name": "Checkout"},
    }
    return orjson.dumps({"action": action, "data": {"issue": said}})


def sentry_plugin(issue: str = "5", *, event_id: str = "54a322436e1b47b88e239b78998ae742") -> bytes:
    """Give a notification of Sentry's legacy plugin, which never resolves."""
    event = {"event_id": event_id, "title": "TimeoutError: upstream", "tags": [["environment", "production"]]}
    return orjson.dumps(
        {
            "id": issue,
            "project_slug": "checkout",
            "message": "TimeoutError: upstream",
            "level": "error",
            "url": "https://sentry.example/1/",
            "event": event,
        }
    )


def hook(resource: str, at: int | None = None) -> dict[str, str]:
    """Give the headers that name a Sentry resource, and when (s) the hook was sent."""
    named = {"sentry-hook-resource": resource}
    return named if at is None else named | {"sentry-hook-timestamp": str(at)}


def nested(depth: int) -> bytes:
    """Give JSON of lists inside one another."""
    return b"[" * depth + b"]" * depth
