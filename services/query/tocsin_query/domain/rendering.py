"""Rows become answers: positions and delivery ids as people see them, stored JSON passed through unread."""

from collections.abc import Mapping, Sequence

import orjson

from tocsin_contracts.ids import TenantId, delivery_id
from tocsin_contracts.position import Position
from tocsin_query.domain.checks import checks
from tocsin_query.domain.incidents import incident_row

Row = Mapping[str, object]


def incident(
    row: Row, *, alerts: Sequence[Row], alerts_total: int, actions: Sequence[Row], facts: Sequence[Row]
) -> dict[str, object]:
    """Show one incident."""
    body = incident_row(row)
    partition = body.pop("partition")
    body["labels"] = _json(body["labels"])
    body["opened_position"] = _position(partition, body.pop("opened_offset"))
    body["changed_position"] = _position(partition, body.pop("changed_offset"))
    body["alerts"] = [dict(each) for each in alerts]
    body["alerts_total"] = alerts_total
    body["actions"] = [_placed(each) for each in actions]
    body["timeline"] = [{**_placed(each), "body": _json(each["body"])} for each in facts]
    return body


def alert(row: Row, *, events: Sequence[Row], tenant: TenantId) -> dict[str, object]:
    """Show one alert."""
    body = dict(row)
    for name in ("labels", "metadata", "raw"):
        body[name] = _json(body[name])
    body["changed_position"] = _position(body.pop("partition"), body.pop("changed_offset"))
    body["events"] = [_event(each, tenant) for each in events]
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
    body["events"] = [_event(each, tenant) for each in events]
    body["incidents"] = [incident_row(each) for each in incidents]
    body["attempts"] = [_placed(each) for each in attempts]
    return body


def pending_delivery(tenant: TenantId, position: Position) -> dict[str, object]:
    """Show a delivery that is not folded yet."""
    name = delivery_id(tenant, position)
    return {"id": name, "outcome": "pending", "position": str(position), "body_url": _body_url(name)}


def command(row: Row) -> dict[str, object]:
    """Show what was decided about a command."""
    return {**_placed(row), "detail": _json(row["detail"])}


def _event(row: Row, tenant: TenantId) -> dict[str, object]:
    return {"delivery_id": _delivery_id(tenant, row["partition"], row["offset"]), **_placed(row)}


def _placed(row: Row) -> dict[str, object]:
    body = dict(row)
    body["position"] = _position(body.pop("partition"), body.pop("offset"))
    return body


def _position(partition: object, offset: object) -> str:
    return f"{partition}:{offset}"


def _delivery_id(tenant: TenantId, partition: object, offset: object) -> str:
    return delivery_id(tenant, Position.parse(_position(partition, offset)))


def _body_url(delivery: str) -> str:
    return f"/api/v1/deliveries/{delivery}/body"


def _json(text: object) -> object:
    """Pass stored JSON on as it is: parsing and writing it again would cost more than the read."""
    return None if text is None else orjson.Fragment(str(text))
