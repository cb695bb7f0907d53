"""Sentry: an issue is created, has more events, is resolved, regresses."""

from tocsin.streams.telling import Step, Telling, Told, iso, template, told
from tocsin.streams.trouble import Trouble
from tocsin_contracts.times import SECOND

_LEVELS = {"critical": "fatal", "high": "error", "medium": "warning", "low": "info"}


def tell(telling: Telling) -> Told:
    """Write a hook of the issue, or of an event of it that met an alert rule."""
    return _event(telling) if telling.step is Step.GOES_ON else _issue(telling)


def _issue(telling: Telling) -> Told:
    trouble = telling.trouble
    case = "issue_resolved_in_next_release" if telling.ends else "issue_created_current_fields"
    document, headers = template("sentry", case)
    number = _number(trouble)
    if telling.step is Step.BEGINS and telling.episode:
        document["action"] = "unresolved"
        document["data"]["issue"]["substatus"] = "regressed"
    document["data"]["issue"] |= {
        "url": f"https://sentry.io/api/0/organizations/acme/issues/{number}/",
        "web_url": f"https://acme.sentry.io/issues/{number}/",
        "project_url": f"https://acme.sentry.io/issues/?project={_project(trouble)}",
        "id": str(number),
        "shortId": f"{trouble.service.upper()}-{trouble.hex('short', 4).upper()}",
        "title": trouble.title,
        "culprit": f"{trouble.service}.orders in place",
        "level": _LEVELS[trouble.severity],
        "project": {
            "id": str(_project(trouble)),
            "name": trouble.service,
            "slug": trouble.service,
            "platform": "python-fastapi",
        },
        "metadata": {
            "type": trouble.name,
            "value": trouble.detail,
            "filename": f"{trouble.service}/orders.py",
            "function": "place",
        },
        "count": str(telling.number + 1),
        "firstSeen": iso(telling.began_at, "%Y-%m-%dT%H:%M:%S.{ms}000+00:00"),
        "lastSeen": iso(telling.began_at, "%Y-%m-%dT%H:%M:%S.{ms}000+00:00"),
    }
    return told(document, headers | _times(telling))


def _event(telling: Telling) -> Told:
    trouble, number = telling.trouble, _number(telling.trouble)
    document, headers = template("sentry", "event_alert_triggered_fatal_production")
    event = document["data"]["event"]
    environment, level = trouble.environment, _LEVELS[trouble.severity]
    event_id = telling.id[:32]
    event |= {
        "culprit": f"{trouble.service}.orders in place",
        "datetime": iso(telling.at, "%Y-%m-%dT%H:%M:%S.{ms}000Z"),
        "event_id": event_id,
        "exception": {"values": [{"type": trouble.name, "value": trouble.detail}]},
        "issue_url": f"https://sentry.io/api/0/organizations/acme/issues/{number}/",
        "issue_id": str(number),
        "level": level,
        "metadata": {"type": trouble.name, "value": trouble.detail},
        "project": _project(trouble),
        "received": telling.at / SECOND,
        "tags": [["environment", environment], ["level", level], ["server_name", trouble.host]],
        "timestamp": telling.at / SECOND,
        "title": trouble.title,
        "url": f"https://sentry.io/api/0/projects/acme/{trouble.service}/events/{event_id}/",
        "web_url": f"https://sentry.io/organizations/acme/issues/{number}/events/{event_id}/",
        "environment": environment,
    }
    return told(document, headers | _times(telling))


def _number(trouble: Trouble) -> int:
    return trouble.number("issue", 10)


def _project(trouble: Trouble) -> int:
    """Give the project's number: a service is one project, whatever breaks in it."""
    return int.from_bytes(trouble.service.encode()[:3])


def _times(telling: Telling) -> dict[str, str]:
    return {"request-id": telling.id[:32], "sentry-hook-timestamp": str(telling.at // SECOND)}
