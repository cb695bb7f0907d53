"""Any JSON: by the integration's own mapping, as CloudEvents, or in our own format (`native`, docs/reference/generic.md).

Identity, problem, status and all else: what the mapping says; without one, see `native` and `cloudevents`. Standard Webhooks
bodies, `{"type", "timestamp", "data"}`, are read as their data, with the last word of the type as status.
Delivery id: what the mapping or `delivery_id` says, else `Idempotency-Key`, else `webhook-id`. Episode: `started_at`.
Never resolves: where nothing says a status. Time: not trusted, for anybody may have written it, unless the mapping says so.

In our own format a member that stands twice is refused (S31); in others' JSON the last one counts.
"""

from collections.abc import Mapping
from dataclasses import replace

from tocsin_contracts.alert import AlertEvent
from tocsin_contracts.outcome import Reason
from tocsin_sources import cloudevents, document, fields, native
from tocsin_sources.fields import said
from tocsin_sources.mapping import MAPPED_MAX, Reading
from tocsin_sources.schemes.header import SecretHeader
from tocsin_sources.schemes.standard_webhooks import ID, StandardWebhooks
from tocsin_sources.shape import Unfit, as_list, object_or_empty
from tocsin_sources.signature import Basic, Bearer
from tocsin_sources.source import Answer, Delivery, Failed, Ignored, Normalized, Source
from tocsin_sources.statuses import status_of
from tocsin_sources.timestamps import time_of

_IDEMPOTENCY = "idempotency-key"
_ENVELOPE = frozenset({"type", "timestamp", "data"})


def parse(body: bytes, content_type: str) -> object:
    """Read a body as `cloudevents.parse` does; one in our own format may name no member twice."""
    parsed = cloudevents.parse(body, content_type)
    if native.is_native(parsed) and body.lstrip()[:1] in (b"{", b"["):
        document.check_keys(body)
    return parsed


def read(delivery: Delivery) -> Answer:
    """Map a body by the first of: CloudEvents, the mapping, our own format."""
    if cloudevents.is_cloudevent(delivery):
        return cloudevents.read(delivery)
    mapping = delivery.settings.mapping
    answer = _own(delivery) if mapping is None else Reading(mapping, delivery.settings).answer(delivery.document)
    if isinstance(answer, Normalized) and answer.sender_id is None:
        return replace(answer, sender_id=_sender_id(delivery.headers))
    return answer


def _own(delivery: Delivery) -> Answer:
    body, settings = delivery.document, delivery.settings
    if isinstance(body, str):
        return Normalized(alerts=(_of_text(body, delivery),))
    sent = object_or_empty(body)
    if sent.keys() == _ENVELOPE and not native.names_an_alert(sent):
        return _enveloped(sent, delivery)
    listed = body if isinstance(body, list) else sent.get(native.ALERTS)
    if listed is None:
        if not native.names_an_alert(body):
            raise Unfit("/title", "a title or an identity, or a mapping of this integration", sent.get("title"))
        return Normalized(alerts=(native.event_of(body, "", settings),), sender_id=said(sent.get(native.DELIVERY)))
    pointer = "" if isinstance(body, list) else f"/{native.ALERTS}"
    alerts = as_list(listed, pointer)
    if not alerts:
        return Ignored(reason=Reason.NO_ALERTS, detail=f"{pointer or 'the body'} is an empty list")
    if len(alerts) > MAPPED_MAX:
        return Failed(reason=Reason.TOO_MANY_ALERTS, detail=f"{len(alerts)} alerts, at most {MAPPED_MAX} are read")
    events = tuple(native.event_of(alert, f"{pointer}/{number}", settings) for number, alert in enumerate(alerts))
    return Normalized(alerts=events, sender_id=said(sent.get(native.DELIVERY)))


def _enveloped(sent: Mapping[str, object], delivery: Delivery) -> Answer:
    """Read the data of a Standard Webhooks body."""
    kind = said(sent.get("type")) or ""
    stem, _, last = kind.rpartition(".")
    status = status_of(last)
    event = native.event_of(
        sent["data"], "/data", delivery.settings, status=status, title=stem if status and stem else kind or None
    )
    return Normalized(alerts=(replace(event, occurred_at=event.occurred_at or time_of(sent.get("timestamp"))),))


def _of_text(text: str, delivery: Delivery) -> AlertEvent:
    """Make an alert of plain text: its first line is what it is called, and what it is."""
    first, _, rest = text.strip().partition("\n")
    if fields.is_absent(first):
        raise Unfit("", "a first line that says what is wrong", None)
    return native.event_of({"title": first.strip(), "description": rest.strip()}, "", delivery.settings)


def _sender_id(headers: Mapping[str, str]) -> str | None:
    return fields.present(headers.get(_IDEMPOTENCY)) or fields.present(headers.get(ID))


SOURCE = Source(
    name="generic",
    title="Generic webhook",
    read=read,
    schemes=(Bearer(), Basic(), SecretHeader(), StandardWebhooks()),
    trusted_time=False,
    headers=cloudevents.HEADERS | {_IDEMPOTENCY, ID},
    parse=parse,
    parse_opaque=cloudevents.parse_opaque,
    token_parameter=cloudevents.TOKEN_PARAMETER,
    takes_mapping=True,
)
