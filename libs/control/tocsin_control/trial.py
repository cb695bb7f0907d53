"""Trying a delivery: what today's code would make of it under given settings. Writes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields

from tocsin_contracts.alert import AlertEvent
from tocsin_contracts.bounds import cut, storable
from tocsin_contracts.integration import IntegrationSettings
from tocsin_contracts.outcome import Reason
from tocsin_contracts.times import to_rfc3339
from tocsin_sources import document
from tocsin_sources.own import without_own
from tocsin_sources.schemes.body_key import redacted
from tocsin_sources.source import Answer, Delivery, Failed, Ignored, Normalized, Source
from tocsin_sources.taken import Taken

SHOWN_MAX = 100
"""Alerts that an answer shows; it counts all."""
TAKEN_MAX = 500
"""Characters of a taken value that an answer shows."""
_TIMES = frozenset({"occurred_at", "episode_at"})


def try_delivery(
    source: Source,
    body: bytes,
    *,
    settings: IntegrationSettings,
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
    content_type: str = "application/json",
) -> Answer:
    """Do what gateway and normalizer do with a body once it was believed; never raises for what stands in it.

    Args:
        source: whose map runs.
        body: as the sender would send it, decoded.
        settings: of the integration, or those that it may get.
        headers: names in any case; those that the source does not keep are left out, as the gateway does.
        query: parameters of the URL, likewise.
        content_type: as the sender would say.
    """
    lower = {name.lower(): value for name, value in (headers or {}).items()}
    try:
        answer = source.map(
            Delivery(
                document=source.document_of(redacted(body, source.redact) if source.redact else body, content_type, lower),
                headers={name: lower[name] for name in source.headers if name in lower},
                query={name: value for name, value in (query or {}).items() if name in source.query},
                content_type=content_type,
                settings=settings,
            )
        )
    except document.NotJson as error:
        return Failed(reason=error.code, detail=error.detail)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - as the normalizer (P7): whatever a source's file does with a body is an answer
        return Failed(reason=Reason.NORMALIZER_ERROR, detail=type(error).__name__)
    if isinstance(answer, Normalized) and not answer.alerts:
        return Ignored(reason=Reason.NO_ALERTS, detail="no alerts in it")
    return without_own(answer)


def shown(answer: Answer) -> dict[str, object]:
    """Write an answer for a person: what the sender did not say is null, times are RFC 3339.

    Where the integration's own mapping read the body, `taken` says what came from where, up to where it failed.
    """
    taken = [_taken(each) for each in answer.taken if each.alert is None or each.alert < SHOWN_MAX]
    return {**_shown(answer), **({"taken": taken} if taken else {})}


def _shown(answer: Answer) -> dict[str, object]:
    match answer:
        case Normalized():
            return {
                "outcome": "normalized",
                "sender_id": answer.sender_id,
                "alerts_total": len(answer.alerts),
                "alerts": [_alert(event) for event in answer.alerts[:SHOWN_MAX]],
            }
        case Ignored():
            return {"outcome": "ignored", "reason": str(answer.reason), "detail": answer.detail}
        case Failed():
            return {
                "outcome": "failed",
                "reason": str(answer.reason),
                "pointer": answer.pointer,
                "detail": answer.detail,
            }


def _taken(taken: Taken) -> dict[str, object]:
    value = None if taken.value is None else cut(storable(taken.value), TAKEN_MAX)
    return {"alert": taken.alert, "field": taken.field, "path": taken.path, "value": value}


def _alert(event: AlertEvent) -> dict[str, object]:
    values: dict[str, object] = {each.name: getattr(event, each.name) for each in fields(event)}
    for name in _TIMES:
        at = getattr(event, name)
        values[name] = None if at is None else to_rfc3339(at)
    return values
