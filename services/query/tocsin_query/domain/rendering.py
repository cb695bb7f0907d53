"""Rows become answers: positions and delivery ids as people see them, stored JSON passed through unread."""

from collections.abc import Mapping, Sequence
from typing import Final

import orjson

from tocsin_contracts.ids import TenantId, delivery_id
from tocsin_contracts.position import Position
from tocsin_query.domain.alerts import alert_row
from tocsin_query.domain.checks import checks
from tocsin_query.domain.details import detail_of
from tocsin_query.domain.incident_facts import fact_of_action
from tocsin_query.domain.incidents import incident_row
from tocsin_query.domain.rule_shapes import RuleSetRow
from tocsin_query.domain.sentences import sentence_of

Row = Mapping[str, object]
NO_RULES: Final = {"version": 1}
"""The document of version 0: a rule set that says nothing, so that every default holds. Its version is the format's."""


def incident(
    row: Row,
    *,
    alerts: Sequence[Row],
    alerts_total: int,
    actions: Sequence[Row],
    facts: Sequence[Row],
    links: Sequence[Row],
) -> dict[str, object]:
    """Show one incident."""
    body = incident_row(row)
    partition = body.pop("partition")
    body["labels"] = _json(body["labels"])
    body["opened_position"] = _position(partition, body.pop("opened_offset"))
    body["changed_position"] = _position(partition, body.pop("changed_offset"))
    body["alerts"] = [alert_row(each) for each in alerts]
    body["alerts_total"] = alerts_total
    body["actions"] = [action(each, str(row["id"])) for each in actions]
    body["links"] = [incident_row(each) for each in links]
    body["timeline"] = [{**placed(each), "body": _json(each["body"])} for each in facts]
    return body


def alert(row: Row, *, events: Sequence[Row], tenant: TenantId) -> dict[str, object]:
    """Show one alert."""
    body = alert_row(row)
    for name in ("labels", "metadata", "raw"):
        body[name] = _json(body[name])
    body["changed_position"] = _position(body.pop("partition"), body.pop("changed_offset"))
    body["events"] = [event(each, tenant) for each in events]
    return body


def delivery_row(row: Row, tenant: TenantId) -> dict[str, object]:
    """Show a delivery as lists do: others are named by their ids."""
    body = dict(row)
    partition = body.pop("partition")
    body["position"] = _position(partition, body.pop("offset"))
    for name in ("duplicate_of", "redrive_of", "redriven_to"):
        offset = body[name]
        body[name] = None if offset is None else _delivery_id(tenant, partition, offset)
    body["body_url"] = _body_url(str(body["id"]))
    return body


def delivery(
    row: Row,
    *,
    events: Sequence[Row],
    incidents: Sequence[Row],
    attempts: Sequence[Row],
    discard: Row | None,
    tenant: TenantId,
) -> dict[str, object]:
    """Show one delivery: its body, what was checked, its alert events, their incidents; or why there are none."""
    body = delivery_row(row, tenant)
    body["discarded"] = discard is not None
    body["discard"] = None if discard is None else dict(discard)
    body["checks"] = [check.shown() for check in checks(row)]
    body["events"] = [event(each, tenant) for each in events]
    body["incidents"] = [incident_row(each) for each in incidents]
    body["attempts"] = [placed(each) for each in attempts]
    return body


def pending_delivery(tenant: TenantId, position: Position) -> dict[str, object]:
    """Show a delivery that is not folded yet."""
    name = delivery_id(tenant, position)
    return {"id": name, "outcome": "pending", "position": str(position), "body_url": _body_url(name)}


def command(row: Row) -> dict[str, object]:
    """Show what was decided about a command."""
    shown = {name: value for name, value in row.items() if name != "request_hash"}
    return {**placed(shown), "detail": _json(row["detail"])}


def event(row: Row, tenant: TenantId) -> dict[str, object]:
    """Show an alert event."""
    return {"delivery_id": _delivery_id(tenant, row["partition"], row["offset"]), **placed(row)}


def placed(row: Row) -> dict[str, object]:
    """Show a row with its position in place of partition and offset."""
    body = dict(row)
    body["position"] = _position(body.pop("partition"), body.pop("offset"))
    return body


def rule_set(row: Row | None) -> dict[str, object]:
    """Show a version of the rules with its document; None: version 0, which holds before there are any."""
    if row is None:
        return {**dict.fromkeys(RuleSetRow.model_fields), "version": 0, "document": NO_RULES}
    return {**placed(row), "document": _json(row["document"])}


def action(row: Row, incident: str) -> dict[str, object]:
    """Show what somebody did to an incident."""
    fact = fact_of_action(row, incident)
    return {**placed(row), "sentence": sentence_of(fact), "detail": detail_of(fact)}


def _position(partition: object, offset: object) -> str:
    return f"{partition}:{offset}"


def _delivery_id(tenant: TenantId, partition: object, offset: object) -> str:
    return delivery_id(tenant, Position.parse(_position(partition, offset)))


def _body_url(delivery: str) -> str:
    return f"/api/v1/deliveries/{delivery}/body"


def _json(text: object) -> object:
    """Pass stored JSON on as it is: parsing and writing it again would cost more than the read."""
    return None if text is None else orjson.Fragment(str(text))
