"""Opsgenie: the outgoing webhook, and the body of its Create Alert API (SOURCES 7).

Identity and problem: the alias, which is unique among open alerts and the same when the problem comes back; without one the
alert's id. Episode: `createdAt`, new for each alert of an alias. Delivery id: none. Times are Opsgenie's, in ms and ns, and order
events. Ignored: actions that change no status, custom ones among them.

The API has no action and no times, and nothing that closes an alert comes here, so such an alert never resolves.
"""

from collections.abc import Mapping

from tocsin_contracts.alert import AlertEvent
from tocsin_contracts.severity import Severity
from tocsin_contracts.status import EventStatus
from tocsin_sources import fields
from tocsin_sources.environments import folded_environment
from tocsin_sources.evidence import content_hash, raw_json
from tocsin_sources.schemes.header import SecretHeader
from tocsin_sources.severity_words import WORDS, severity_of, with_raw_word
from tocsin_sources.shape import Unfit, as_object, id_of, list_or_empty, object_or_empty, texts_of
from tocsin_sources.signature import Basic, Bearer
from tocsin_sources.source import Answer, Delivery, Ignored, Normalized, Source
from tocsin_sources.text import description_of, title_of
from tocsin_sources.timestamps import time_of

_STATUSES = {
    "create": EventStatus.FIRING,
    "unacknowledge": EventStatus.FIRING,
    "acknowledge": EventStatus.ACKNOWLEDGED,
    "close": EventStatus.RESOLVED,
    "delete": EventStatus.RESOLVED,
}
_PRIORITIES = {**WORDS, **{str(number): level for number, level in enumerate(Severity, start=1)}}
"""`P1` to `P5`, and the bare numbers of older webhooks."""
_BARE_TAGS, _TAGS_MAX = "tags", 1_000


def read(delivery: Delivery) -> Answer:
    """Map a webhook of Opsgenie, or what a tool would have told its API."""
    body = as_object(delivery.document, "")
    aliases = delivery.settings.environment_aliases
    if "action" not in body and "alert" not in body and fields.said(body.get("message")) is not None:
        return Normalized(alerts=(_event(body, body, "", EventStatus.FIRING, aliases),))
    action = fields.said(body.get("action"))
    if action is None:
        raise Unfit("/action", "what was done to the alert", body.get("action"))
    alert = as_object(body.get("alert"), "/alert")
    status = _STATUSES.get(action.lower())
    if status is None:
        return Ignored(reason="no-change", detail="this action changes no status of an alert")
    return Normalized(alerts=(_event(alert, body, "/alert", status, aliases),))


def _event(
    alert: dict[str, object], body: Mapping[str, object], pointer: str, status: EventStatus, aliases: Mapping[str, str]
) -> AlertEvent:
    alias, number = id_of(alert.get("alias")), id_of(alert.get("alertId"))
    from_api = alert is body
    identity = _identity(alias, number, alert, pointer, from_api=from_api)
    title = title_of(fields.said(alert.get("message")))
    description = description_of(fields.said(alert.get("description")))
    details, labels = texts_of(alert.get("details")), _tags(alert.get("tags"))
    found = {**labels, **details}
    priority, entity = fields.said(alert.get("priority")), fields.said(alert.get("entity"))
    created_at, updated_at = time_of(alert.get("createdAt")), time_of(alert.get("updatedAt"))
    raw, replaced = raw_json(alert)
    return AlertEvent(
        identity=identity,
        problem=identity,
        status=status,
        title=title or f"Opsgenie {identity}",
        content=content_hash(status, alert),
        severity=severity_of(priority, status, _PRIORITIES),
        description=None if description == title else description,
        service=fields.first_present(found, fields.SERVICE) or entity,
        environment=folded_environment(fields.first_present(found, fields.ENVIRONMENT), aliases),
        team=_team(alert, found),
        host=fields.first_present(found, fields.HOST),
        link=fields.web_link(fields.first_present(details, ("url", "link"))),
        labels=with_raw_word({**found, **({"entity": entity} if entity else {})}, priority, _PRIORITIES),
        metadata=fields.known(
            {
                "action": fields.said(body.get("action")),
                "alert_id": number,
                "tiny_id": id_of(alert.get("tinyId")),
                "source": fields.said(alert.get("source")),
                "integration": fields.said(body.get("integrationName")),
                "runbook_url": fields.web_link(fields.first_present(details, fields.RUNBOOK)),
            }
        ),
        occurred_at=created_at if status is EventStatus.FIRING and _is_new(body) else updated_at,
        episode_at=created_at,
        never_resolves=from_api,
        sanitized=replaced,
        raw=raw,
    )


def _is_new(body: Mapping[str, object]) -> bool:
    """Tell an alert's beginning from its return: Create is also sent again, later, to teams that are added."""
    return (fields.said(body.get("action")) or "").lower() == "create"


def _identity(alias: str | None, number: str | None, alert: Mapping[str, object], pointer: str, *, from_api: bool) -> str:
    """Name the alert; the API makes an id that its caller does not know, so there the message stands for it."""
    if alias is not None:
        return f"alias:{alias}"
    if number is not None:
        return f"alert:{number}"
    if from_api:
        return f"message:{fields.said(alert.get('message'))}"
    raise Unfit(f"{pointer}/alias", "an alias or an alertId", alert.get("alias"))


def _team(alert: Mapping[str, object], found: Mapping[str, str]) -> str | None:
    """Give the team: by name on the alert, in details or tags, else the first that responds; `teams` has only ids."""
    named = fields.said(alert.get("team")) or fields.first_present(found, fields.TEAM)
    responders = [object_or_empty(each) for each in list_or_empty(alert.get("responders"))]
    teams = (fields.said(each.get("name")) for each in responders if each.get("type") == "team")
    return named or next((team for team in teams if team is not None), None)


def _tags(value: object) -> dict[str, str]:
    """Read tags, a list or text with commas: `env:prod` is a label of its own, bare ones are joined in the label `tags`."""
    value = value.split(",", _TAGS_MAX)[:_TAGS_MAX] if isinstance(value, str) else value
    labels: dict[str, str] = {}
    bare: dict[str, None] = {}
    for each in list_or_empty(value)[:_TAGS_MAX]:
        tag = fields.said(each)
        if tag is None:
            continue
        name, colon, text = (piece.strip() for piece in tag.partition(":"))
        if colon and name and text:
            labels.setdefault(name, text)
        else:
            bare[tag] = None
    return {**labels, _BARE_TAGS: ",".join(bare)} if bare else labels


SOURCE = Source(
    name="opsgenie",
    title="Opsgenie",
    read=read,
    schemes=(SecretHeader(), Bearer(), Basic(), Bearer(word="GenieKey", name="genie-key")),
    trusted_time=True,
)
