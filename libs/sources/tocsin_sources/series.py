"""Alerts of labelled series, in the group format that Alertmanager made and Grafana and relays speak (SOURCES 1, 4a).

Identity: the fingerprint that the sender gives, for it names the series and a relay's cannot be computed again. Where it is
missing, or alerts of one delivery share it though their labels differ, the one that Alertmanager would compute of the
labels. Consequence of the latter: such a sender's alert keeps its identity only while it comes together with its
namesakes; alone, it is taken at its word. No Alertmanager does that, copied test bodies do.

Problem: alertname with the service, else the job, else the namespace: 200 pods down are one problem of 200 alerts.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping

import orjson

from tocsin_contracts.alert import AlertEvent
from tocsin_contracts.status import EventStatus
from tocsin_sources import fields
from tocsin_sources.environments import folded_environment
from tocsin_sources.evidence import content_hash, raw_json
from tocsin_sources.fingerprint import label_fingerprint
from tocsin_sources.severity_words import severity_of, with_raw_word
from tocsin_sources.shape import Unfit, as_object, id_of, texts_of
from tocsin_sources.statuses import status_of
from tocsin_sources.text import description_of, title_of
from tocsin_sources.timestamps import time_of

ALERTNAME = "alertname"
_SERVICE_BUT_JOB = tuple(name for name in fields.SERVICE if name != "job")
_SCOPES = (("service", _SERVICE_BUT_JOB), ("job", ("job",)), ("namespace", ("namespace",)))
_HEARTBEAT = "Watchdog"
_HEARTBEAT_SEVERITY = "none"
_QUOTED = re.compile(r"\\(.)")


def read_series(
    alerts: list[object], body: Mapping[str, object], aliases: Mapping[str, str], pointer: str = "/alerts"
) -> list[tuple[dict[str, object], AlertEvent]]:
    """Map each alert of a group, in the sender's order, beside its own JSON.

    Args:
        alerts: what stands at `/alerts`.
        body: the group; its `status`, common labels and common annotations hold for alerts that lack them.
        aliases: the integration's own names of environments.
        pointer: where the alerts stand.

    Raises:
        Unfit: an alert has no labels, or nothing says whether it is over.
    """
    common = texts_of(body.get("commonLabels"))
    parts = [_parts(alert, f"{pointer}/{number}", common) for number, alert in enumerate(alerts)]
    group = _group_metadata(body)
    return [
        (
            alert,
            _event(
                alert,
                labels,
                identity=identity,
                status=_status(alert, body, f"{pointer}/{number}"),
                common=body.get("commonAnnotations"),
                group=group,
                aliases=aliases,
            ),
        )
        for number, ((alert, labels), identity) in enumerate(zip(parts, _identities(parts), strict=True))
    ]


def _parts(value: object, pointer: str, common: Mapping[str, str]) -> tuple[dict[str, object], dict[str, str]]:
    """Give an alert and its labels, which it always has: without any it says about nothing what is wrong.

    The group's common labels are among each alert's own; they stand in for an alert of which a relay kept none.
    """
    alert = as_object(value, pointer)
    own = alert.get("labels")
    labels = texts_of(as_object({} if own is None and common else own, f"{pointer}/labels")) or dict(common)
    if not labels and not _given_fingerprint(alert):
        raise Unfit(f"{pointer}/labels", "at least one label")
    return alert, labels


def _identities(parts: list[tuple[dict[str, object], dict[str, str]]]) -> list[str]:
    """Decide each alert's identity; see the module's docstring."""
    given = [_given_fingerprint(alert) for alert, _ in parts]
    repeated = {fingerprint for fingerprint, count in Counter(given).items() if count > 1}
    labels_of = defaultdict(set)
    for fingerprint, (_, labels) in zip(given, parts, strict=True):
        if fingerprint in repeated:
            labels_of[fingerprint].add(frozenset(labels.items()))
    return [
        label_fingerprint(labels) if fingerprint is None or len(labels_of.get(fingerprint, ())) > 1 else fingerprint
        for fingerprint, (_, labels) in zip(given, parts, strict=True)
    ]


def _given_fingerprint(alert: Mapping[str, object]) -> str | None:
    return id_of(alert.get("fingerprint"))


def _status(alert: Mapping[str, object], body: Mapping[str, object], pointer: str) -> EventStatus:
    """Read the alert's own status, else the group's; `{"state": "active"}` is how Alertmanager's own API says it.

    `endsAt` decides nothing, for relays send one in the future while it fires; but where nobody names a status, an alert
    without an end fires.
    """
    place, word = (f"{pointer}/status", alert["status"]) if alert.get("status") else ("/status", body.get("status"))
    word = word.get("state") if isinstance(word, dict) else word
    status = status_of(word) if isinstance(word, str) else None
    if word is None and time_of(alert.get("endsAt")) is None:
        return EventStatus.FIRING
    if status is None:
        raise Unfit(place, '"firing" or "resolved"', word)
    return status


def _event(
    alert: Mapping[str, object],
    labels: dict[str, str],
    *,
    identity: str,
    status: EventStatus,
    group: Mapping[str, object],
    aliases: Mapping[str, str],
    common: object,
) -> AlertEvent:
    annotations = texts_of(alert.get("annotations")) or texts_of(common)
    severity = labels.get("severity")
    starts_at = time_of(alert.get("startsAt"))
    host = fields.first_present(labels, fields.HOST)
    title, description = _words(annotations, labels, host)
    raw, replaced = raw_json(alert)
    return AlertEvent(
        identity=identity,
        problem=_problem(labels, identity),
        status=status,
        title=title,
        content=content_hash(status, alert),
        severity=severity_of(severity, status),
        description=description,
        service=fields.first_present(labels, fields.SERVICE),
        environment=folded_environment(fields.first_present(labels, fields.ENVIRONMENT), aliases),
        team=fields.first_present(labels, fields.TEAM),
        host=host,
        link=fields.web_link(alert.get("generatorURL")),
        labels=with_raw_word(labels, severity),
        metadata={**group, **_links(annotations)},
        occurred_at=starts_at if status is EventStatus.FIRING else time_of(alert.get("endsAt")),
        episode_at=starts_at,
        heartbeat=labels.get(ALERTNAME) == _HEARTBEAT or (severity or "").strip().lower() == _HEARTBEAT_SEVERITY,
        sanitized=replaced,
        raw=raw,
    )


def _problem(labels: Mapping[str, str], identity: str) -> str:
    """Write the problem key as a selector: `HighErrorRate{service="checkout"}`; without an alertname the alert is alone."""
    name = fields.present(labels.get(ALERTNAME))
    if name is None:
        return f'{{fingerprint="{identity}"}}'
    for scope, candidates in _SCOPES:
        value = fields.first_present(labels, candidates)
        if value is not None:
            return f"{name}{{{scope}={orjson.dumps(value).decode()}}}"
    return f"{name}{{}}"


def _words(annotations: Mapping[str, str], labels: Mapping[str, str], host: str | None) -> tuple[str, str | None]:
    """Give title and description; a message that already is the title is not said twice."""
    title = title_of(fields.first_present(annotations, ("summary", "title", "message")))
    description = description_of(fields.first_present(annotations, ("description", "message", "info")))
    if title is None:
        name = title_of(fields.present(labels.get(ALERTNAME))) or "Alert"
        title = f"{name} on {host}" if host else name
    return title, None if description == title else description


def _links(annotations: Mapping[str, str]) -> dict[str, object]:
    """Give the extra links: a runbook (E11) and a dashboard."""
    found = {
        "runbook_url": fields.web_link(fields.first_present(annotations, fields.RUNBOOK)),
        "dashboard_url": fields.web_link(fields.first_present(annotations, fields.DASHBOARD)),
    }
    return {name: link for name, link in found.items() if link is not None}


def _group_metadata(body: Mapping[str, object]) -> dict[str, object]:
    """Keep what only the group says and people ask for; `truncated_alerts` were never sent and never will be."""
    receiver, group_key, truncated = body.get("receiver"), id_of(body.get("groupKey")), body.get("truncatedAlerts")
    metadata: dict[str, object] = {}
    if isinstance(receiver, str) and receiver:
        metadata["receiver"] = _QUOTED.sub(r"\1", receiver)
    if group_key is not None:
        metadata["group_key"] = group_key
    if isinstance(truncated, int) and truncated > 0:
        metadata["truncated_alerts"] = truncated
    return metadata
