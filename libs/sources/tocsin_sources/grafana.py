"""Grafana: unified alerting's webhook contact point, and the dashboard alerts of Grafana 10 and older (SOURCES 4).

Unified: an alert is a labelled series as in Alertmanager's format (`series`); its fingerprint is taken as given, for Grafana
hashes labels that it does not send. Without an alertname, which users may remove, the problem is the rule. `DatasourceNoData`
and `DatasourceError` are alerts of their own with a fingerprint of their own, and resolve on their own; problem and title name
the rule, for one that cannot be evaluated says nothing of another. Episode: `startsAt`.

Legacy: one alert a rule, `rule:<org>:<id>`, for a recovery names no series. No time at all. No data is MEDIUM at most.

The contact point sends POST, or PUT where it is set to. Delivery id: none, in either.
Ignored: test notifications, and legacy states that are not yet or no longer watched.
"""

import re
from collections.abc import Mapping
from dataclasses import replace

import orjson

from tocsin_contracts.alert import AlertEvent
from tocsin_contracts.outcome import Reason
from tocsin_contracts.severity import Severity
from tocsin_contracts.status import EventStatus
from tocsin_sources import fields
from tocsin_sources.environments import folded_environment
from tocsin_sources.evidence import content_hash, raw_json
from tocsin_sources.schemes.signature_header import SignatureHeader
from tocsin_sources.series import ALERTNAME, read_series
from tocsin_sources.severity_words import at_most, severity_of, with_raw_word
from tocsin_sources.shape import Unfit, as_list, as_object, id_of, object_or_empty, texts_of
from tocsin_sources.signature import Basic, Bearer, HmacSha256Hex
from tocsin_sources.source import Answer, Delivery, Failed, Ignored, Normalized, Source
from tocsin_sources.text import description_of, title_of

SIGNATURE_HEADER, TIME_HEADER = "x-grafana-alerting-signature", "x-grafana-alerting-timestamp"
_TIMED = SignatureHeader(header=SIGNATURE_HEADER, signs="time:body", time_header=TIME_HEADER)
"""Grafana's default, and the name that we tell people to type where Grafana has no default."""
_STATUS_OF_STATE = {"alerting": "firing", "ok": "resolved"}
_LEGACY = ("ruleId", "ruleName", "ruleUrl", "evalMatches")
_LEGACY_STATUSES = {"alerting": EventStatus.FIRING, "no_data": EventStatus.FIRING, "ok": EventStatus.RESOLVED}
_LEGACY_IGNORED = frozenset({"paused", "pending"})
_LEGACY_PREFIX = re.compile(r"\A\s*\[(?:Alerting|OK|No Data|Pending|Paused)\]\s*", re.IGNORECASE)
_RULE_IN_URL = re.compile(r"/alerting/(?:grafana/)?([^/?#]+)/(?:view|edit)(?:[?#]|$)")
_TEST_NAME, _FOLDER = "TestAlert", "grafana_folder"
_UNEVALUATED = frozenset({"DatasourceNoData", "DatasourceError"})
_TEST_RULE = "0"
_MATCHES_MAX = 20
_TEST = Ignored(reason="test-notification", detail="a test notification, sent by the button of the contact point")


def read(delivery: Delivery) -> Answer:
    """Map a webhook of Grafana; what it carries tells unified and legacy alerting apart."""
    body = as_object(delivery.document, "")
    if "alerts" not in body:
        if any(name in body for name in _LEGACY):
            return _legacy(body, delivery.settings.environment_aliases)
        if "attachments" in body:
            return Failed(
                reason=Reason.UNKNOWN_SHAPE,
                pointer="/alerts",
                detail="/alerts: a list expected, found Slack's format; give the contact point the type Webhook",
            )
    alerts = as_list(body.get("alerts"), "/alerts")
    if not alerts:
        return Ignored(reason=Reason.NO_ALERTS, detail="/alerts is an empty list")
    found = read_series(alerts, _with_status(body), delivery.settings.environment_aliases)
    real = [_unified(alert, event, body) for alert, event in found if not _is_test(alert, event.labels)]
    return Normalized(alerts=tuple(real)) if real else _TEST


def _with_status(body: dict[str, object]) -> dict[str, object]:
    """Give the group a status where only its `state` says one."""
    state = body.get("state")
    status = _STATUS_OF_STATE.get(state.strip().lower()) if isinstance(state, str) else None
    return body if body.get("status") or status is None else {**body, "status": status}


def _is_test(alert: Mapping[str, object], labels: Mapping[str, str]) -> bool:
    """Tell the test notification: a real rule of that name has a folder and a rule behind it."""
    return labels.get(ALERTNAME) == _TEST_NAME and _FOLDER not in labels and _rule_of(alert) is None


def _unified(alert: Mapping[str, object], event: AlertEvent, body: Mapping[str, object]) -> AlertEvent:
    """Add what only Grafana says of a series."""
    rule, name = _rule_of(alert), fields.present(event.labels.get("rulename"))
    annotations = texts_of(alert.get("annotations"))
    links = {
        f"{kind}_url": _absolute(alert.get(f"{kind}URL"), body.get("externalURL"))
        for kind in ("dashboard", "panel", "silence", "image")
    }
    problem, title = _named(event, name, rule)
    error = description_of(fields.first_present(annotations, ("Error",)))
    summary = event.title if title != event.title and event.title != event.labels.get(ALERTNAME) else None
    return replace(
        event,
        problem=problem,
        title=title,
        description=event.description or error or summary,
        link=_absolute(alert.get("generatorURL"), body.get("externalURL")) or links["panel_url"] or links["dashboard_url"],
        metadata=fields.known(
            {
                **event.metadata,
                **links,
                "rule_uid": rule,
                "rule_name": name,
                "org_id": id_of(alert.get("orgId")) or id_of(body.get("orgId")),
                "values": object_or_empty(alert.get("values")),
                "value_string": alert.get("valueString"),
            }
        ),
    )


def _named(event: AlertEvent, name: str | None, rule: str | None) -> tuple[str, str]:
    """Give problem and title; its rule's summary is not what a rule without data has to say."""
    alertname = fields.present(event.labels.get(ALERTNAME))
    if alertname is None:
        return event.problem if rule is None else f'{{rule="{rule}"}}', event.title
    folder = fields.present(event.labels.get(_FOLDER))
    found = [(key, value) for key, value in (("rulename", name), ("rule", rule), (_FOLDER, folder)) if value is not None]
    if alertname not in _UNEVALUATED or not found:
        return event.problem, event.title
    key, value = found[0]
    return f"{alertname}{{{key}={orjson.dumps(value).decode()}}}", title_of(f"{alertname}: {value}") or event.title


def _rule_of(alert: Mapping[str, object]) -> str | None:
    """Give the rule's id: Grafana's newer member, else the one inside its link."""
    rule, url = id_of(alert.get("ruleUID")), alert.get("generatorURL")
    if rule is not None or not isinstance(url, str):
        return rule
    match = _RULE_IN_URL.search(url)
    return None if match is None else match[1]


def _absolute(value: object, external: object) -> str | None:
    """Give a link; Grafana's test notification writes one that is relative to its own address."""
    link, base = fields.web_link(value), fields.web_link(external)
    if link is not None or base is None or not isinstance(value, str) or not value.startswith(("/", "?")):
        return link
    return f"{base.rstrip('/')}/{value.removeprefix('/')}"


def _legacy(body: dict[str, object], aliases: Mapping[str, str]) -> Answer:
    """Map a dashboard alert."""
    identity = _legacy_identity(body)
    state = body.get("state")
    word = state.strip().lower() if isinstance(state, str) else ""
    if id_of(body.get("ruleId")) == _TEST_RULE:
        return _TEST
    if word in _LEGACY_IGNORED:
        return Ignored(reason="no-change", detail=f"the state {word} is none that an alert has")
    if word not in _LEGACY_STATUSES:
        raise Unfit("/state", "alerting, ok, no_data, paused or pending", state)
    tags, series = texts_of(body.get("tags")), _common_tags(body.get("evalMatches"))
    status, word_of_severity = _LEGACY_STATUSES[word], tags.get("severity")
    severity = severity_of(word_of_severity, status)
    title = title_of(fields.said(body.get("title")))
    raw, replaced = raw_json(body)
    alert = AlertEvent(
        identity=identity,
        problem=identity,
        status=status,
        title=_LEGACY_PREFIX.sub("", title or "", count=1)
        or title_of(fields.said(body.get("ruleName")))
        or f"Grafana {identity}",
        content=content_hash(status, body),
        severity=at_most(Severity.MEDIUM, severity) if word == "no_data" else severity,
        description=description_of(fields.said(body.get("message"))),
        service=fields.first_present(tags, fields.SERVICE),
        environment=folded_environment(fields.first_present(tags, fields.ENVIRONMENT), aliases),
        team=fields.first_present(tags, fields.TEAM),
        host=fields.first_present({**series, **tags}, fields.HOST),
        link=fields.web_link(body.get("ruleUrl")),
        labels=with_raw_word({**series, **tags}, word_of_severity),
        metadata=fields.known(
            {
                "state": word,
                "rule_name": body.get("ruleName"),
                "org_id": id_of(body.get("orgId")),
                "dashboard_id": id_of(body.get("dashboardId")),
                "panel_id": id_of(body.get("panelId")),
                "image_url": fields.web_link(body.get("imageUrl")),
                "matches": _matches(body.get("evalMatches")),
            }
        ),
        sanitized=replaced,
        raw=raw,
    )
    return Normalized(alerts=(alert,))


def _legacy_identity(body: Mapping[str, object]) -> str:
    """Name the rule; old Grafanas send no organisation, some relays no id but the link."""
    rule, org = id_of(body.get("ruleId")), id_of(body.get("orgId"))
    if rule is not None:
        return f"rule:{rule}" if org is None else f"rule:{org}:{rule}"
    url = fields.web_link(body.get("ruleUrl"))
    if url is None:
        raise Unfit("/ruleId", "an identifier", body.get("ruleId"))
    return f"rule:{url}"


def _common_tags(matches: object) -> dict[str, str]:
    """Give the tags that all series of the rule share: what differs is not the rule's."""
    tags = [texts_of(object_or_empty(match).get("tags")) for match in matches] if isinstance(matches, list) else []
    if not tags:
        return {}
    return {name: text for name, text in tags[0].items() if all(each.get(name) == text for each in tags)}


def _matches(value: object) -> list[dict[str, object]]:
    """Keep metric and value of the first series that broke the rule."""
    matches = value[:_MATCHES_MAX] if isinstance(value, list) else []
    return [fields.known({name: match.get(name) for name in ("metric", "value")}) for match in matches if isinstance(match, dict)]


SOURCE = Source(
    name="grafana",
    title="Grafana",
    read=read,
    schemes=(HmacSha256Hex(SIGNATURE_HEADER), _TIMED, Bearer(), Basic()),
    trusted_time=True,
    methods=("POST", "PUT"),
)
