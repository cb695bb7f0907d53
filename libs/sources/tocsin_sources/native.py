"""Our own JSON format, for whoever writes the sender himself (docs/reference/generic.md), and names that others use for the same.

One alert, or `{"alerts": [...]}`. An alert needs a title or an identity; everything else may be left out.
"""

from collections.abc import Mapping

from tocsin_contracts.alert import AlertEvent
from tocsin_contracts.integration import IntegrationSettings
from tocsin_contracts.status import EventStatus
from tocsin_sources import fields
from tocsin_sources.environments import folded_environment
from tocsin_sources.evidence import content_hash, raw_json
from tocsin_sources.fields import said
from tocsin_sources.severity_words import severity_of, with_raw_word
from tocsin_sources.shape import Unfit, as_object, id_of, list_or_empty, object_or_empty, text_of, texts_of
from tocsin_sources.statuses import status_of
from tocsin_sources.text import description_of, title_of
from tocsin_sources.timestamps import time_of

ALERTS, DELIVERY = "alerts", "delivery_id"
NAMES: Mapping[str, tuple[str, ...]] = {
    "identity": ("identity", "alert_uid", "dedup_key", "fingerprint", "alert_id", "incident_key", "key"),
    "problem": ("problem", "group_key"),
    "status": ("status", "state"),
    "title": ("title", "summary", "subject", "name", "alert_name", "alertname"),
    "severity": ("severity", "priority", "level"),
    "description": ("description", "message", "details", "body", "text"),
    "service": ("service", "component", "application"),
    "environment": ("environment", "env"),
    "team": ("team", "owner"),
    "host": ("host", "hostname", "instance"),
    "project": ("project",),
    "link": ("link", "url", "link_to_upstream_details", "source_url"),
    "occurred_at": ("occurred_at", "time", "timestamp"),
    "episode_at": ("started_at", "starts_at"),
    "labels": ("labels", "tags"),
    "metadata": ("metadata",),
    "image_url": ("image_url",),
}
"""What a member may be called, ours first."""
_OURS = frozenset({ALERTS, DELIVERY, *(name for names in NAMES.values() for name in names)})
_KEYED = ("identity", "title")


def is_native(document: object) -> bool:
    """Tell whether a body is in our format: every member of it, or of each alert of a list, is one of ours."""
    alerts = document if isinstance(document, list) else [document]
    return bool(alerts) and all(isinstance(alert, dict) and bool(alert) and alert.keys() <= _OURS for alert in alerts)


def names_an_alert(value: object) -> bool:
    """Tell whether an object says what an alert is called, so that it can be read without a mapping."""
    members = object_or_empty(value)
    return any(said(members.get(name)) is not None for key in _KEYED for name in NAMES[key])


def event_of(
    value: object,
    pointer: str,
    settings: IntegrationSettings,
    *,
    status: EventStatus | None = None,
    identity: str | None = None,
    title: str | None = None,
) -> AlertEvent:
    """Read one alert.

    Args:
        value: its JSON.
        pointer: where it stands, for what is missing.
        settings: the integration's.
        status: what the envelope around it says, where the alert itself does not.
        identity: the identity that the envelope gives; goes before the alert's own.
        title: what it is called where it does not say.

    Raises:
        Unfit: neither title nor identity, or a status that is no word for one.
    """
    alert = as_object(value, pointer)
    texts = {name: _first(alert, name) for name in NAMES if name not in {"labels", "metadata"}}
    named = title_of(texts["title"]) or title
    own = identity or id_of(texts["identity"])
    if named is None and own is None:
        raise Unfit(f"{pointer}/title", "a title or an identity", alert.get("title"))
    status_said, labels = _status(alert, pointer), _labels(alert)
    final = status_said or status or EventStatus.FIRING
    service = texts["service"] or fields.first_present(labels, fields.SERVICE)
    host = texts["host"] or fields.first_present(labels, fields.HOST)
    environment = texts["environment"] or fields.first_present(labels, fields.ENVIRONMENT)
    severity = texts["severity"] or labels.get("severity")
    key = own or "|".join(part for part in (named, service, host) if part)
    raw, replaced = raw_json(alert)
    return AlertEvent(
        identity=key,
        problem=texts["problem"] or key,
        project=texts["project"] or "",
        status=final,
        title=named or title_of(key) or key,
        content=content_hash(final, alert),
        severity=severity_of(severity, final),
        description=description_of(texts["description"]),
        service=service,
        environment=folded_environment(environment, settings.environment_aliases),
        team=texts["team"] or fields.first_present(labels, fields.TEAM),
        host=host,
        link=fields.web_link(texts["link"]),
        labels=with_raw_word(labels, severity),
        metadata=_metadata(alert, texts),
        occurred_at=_time(alert, "occurred_at"),
        episode_at=_time(alert, "episode_at"),
        never_resolves=status_said is None and status is None,
        sanitized=replaced,
        raw=raw,
    )


def _first(alert: Mapping[str, object], name: str) -> str | None:
    """Give the first of a field's names that says something as plain text; lists and objects say nothing here."""
    for member in NAMES[name]:
        value = alert.get(member)
        text = None if isinstance(value, (list, dict)) else said(value)
        if text is not None:
            return text
    return None


def _status(alert: Mapping[str, object], pointer: str) -> EventStatus | None:
    """Read the status; None where there is none."""
    for member in NAMES["status"]:
        value = alert.get(member)
        if said(value) is None:
            continue
        status = status_of(text_of(value))
        if status is None:
            raise Unfit(f"{pointer}/{member}", "a word for firing, acknowledged or resolved", value)
        return status
    return None


def _labels(alert: Mapping[str, object]) -> dict[str, str]:
    """Read labels: an object of texts, or a list of `name:value` and bare words."""
    for member in NAMES["labels"]:
        value = alert.get(member)
        if isinstance(value, dict):
            return texts_of(value)
        labels = {}
        for item in list_or_empty(value):
            name, colon, text = (said(item) or "").partition(":")
            if name.strip():
                labels[name.strip()] = text.strip() if colon and text.strip() else "true"
        if labels:
            return labels
    return {}


def _metadata(alert: Mapping[str, object], texts: Mapping[str, str | None]) -> dict[str, object]:
    return fields.known({**object_or_empty(alert.get("metadata")), "image_url": fields.web_link(texts["image_url"])})


def _time(alert: Mapping[str, object], name: str) -> int | None:
    return next((at for member in NAMES[name] if (at := time_of(alert.get(member))) is not None), None)
