"""Webhooks, described: what senders post, wherever they post it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Final

from tocsin_contracts.problem import ProblemType as Type
from tocsin_contracts.routes import DELIVERY_METHODS
from tocsin_ingest.openapi import shapes
from tocsin_ingest.openapi.described import Described, Json
from tocsin_sources import registry

_BODY: Final[Json] = {
    "application/json": {
        "schema": {},
        "examples": {
            "alertmanager": {
                "summary": "Alertmanager, version 4",
                "value": {
                    "version": "4",
                    "groupKey": '{}:{alertname="Down"}',
                    "status": "firing",
                    "receiver": "tocsin",
                    "groupLabels": {"alertname": "Down"},
                    "commonLabels": {"alertname": "Down", "service": "api", "severity": "critical"},
                    "commonAnnotations": {"summary": "The API is down."},
                    "externalURL": "https://alertmanager.example.org",
                    "alerts": [
                        {
                            "status": "firing",
                            "labels": {"alertname": "Down", "service": "api", "severity": "critical"},
                            "annotations": {"summary": "The API is down."},
                            "startsAt": "2026-01-31T12:00:00Z",
                            "endsAt": "0001-01-01T00:00:00Z",
                            "fingerprint": "6a1b2c3d4e5f6071",
                        }
                    ],
                },
            },
            "generic": {
                "summary": "Our own format, for what has none",
                "value": {"title": "Disk full", "status": "firing", "severity": "high", "service": "db"},
            },
        },
    },
    "*/*": {"schema": {}},
}
_SAYS: Final = (
    "The body is what the source sends, byte for byte; its content type is the sender's own. 202 comes once the log holds it: a"
    " sender that gets no answer, or 503, sends again and counts once. Who sent it is proven as the source does: a signature"
    " header, a bearer, basic credentials, a header or a member of the body that holds the integration's secret. No secret"
    " proves nothing: 401, as for an integration that is not there."
)
_PROBLEMS: Final = {
    400: (Type.MALFORMED, Type.NOT_JSON),
    401: (Type.UNAUTHENTICATED,),
    403: (Type.FORBIDDEN,),
    404: (Type.NOT_FOUND,),
    408: (Type.TIMEOUT,),
    413: (Type.TOO_LARGE,),
    415: (Type.UNSUPPORTED_MEDIA,),
    429: (Type.QUOTA_EXCEEDED,),
    503: (Type.UNAVAILABLE,),
}
_BY_NAME: Final = (
    " The integration is named by `?integration=` or `X-Tocsin-Integration`; by `?tenant_id=` where the tenant has one"
    " integration of this source. The tenant's id alone authorizes nothing."
)


_IN_THE_URL: Final = (
    " The token in the path proves it, for senders that can set nothing but a URL, where the integration opted in; credentials"
    " that come in the header must be right as well. Prefer a signature or a header: URLs end up in other people's logs."
)


_BY_PUT: Final = "By PUT for sources whose senders can be set to it: {}. For any other known source it is 405. "


def _webhook(name: str, path: str, summary: str) -> Iterator[Described]:
    named = "{integration}" in path
    token = path.endswith("{token}")
    uses = ("Source", "Integration") if named else ("Source", "IntegrationQuery", "TenantQuery", "IntegrationHeader")
    for method in DELIVERY_METHODS:
        first = method == "POST"
        yield Described(
            name=name if first else f"{name}By{method.capitalize()}",
            method=method,
            path=path,
            tag="webhooks",
            summary=summary,
            description=("" if first else _BY_PUT.format(_takers(method)))
            + _SAYS
            + ((_IN_THE_URL if token else "") if named else _BY_NAME),
            uses=(*uses, "UrlToken") if token else uses,
            body_json=_BODY,
            answers={202: shapes.Accepted},
            headers=("Location", "RateLimit-Policy", "RateLimit"),
            problems=_PROBLEMS,
        )


def _takers(method: str) -> str:
    """List the sources that take deliveries by a method."""
    found = (registry.get(name) for name in registry.names())
    return ", ".join(f"`{each.name}`" for each in found if each is not None and method in each.methods)


_EVERY: Final = (
    _webhook("deliver", "/webhooks/{source}/{integration}", "Deliver a webhook: the URL that a new integration answers."),
    _webhook("deliverWithToken", "/webhooks/{source}/{integration}/t/{token}", "The same, by a URL that holds a token."),
    _webhook("deliverByName", "/webhooks/{source}", "Deliver a webhook to an integration that is named beside the path."),
    _webhook("deliverAlerts", "/alerts/webhook/{source}/{integration}", "The same, as Alertmanager's document names the path."),
    _webhook(
        "deliverAlertsWithToken", "/alerts/webhook/{source}/{integration}/t/{token}", "The same, by a URL that holds a token."
    ),
    _webhook("deliverAlertsByName", "/alerts/webhook/{source}", "The same, without the integration in the path."),
)
WEBHOOKS: Final = tuple(chain.from_iterable(_EVERY))
