"""The handshake of CloudEvents webhooks: a sender asks by OPTIONS whether it may send (HTTP 1.1 Web Hooks 1.0.2, section 4).

It protects strangers from being flooded by a sender, and establishes no authority: senders ask without credentials (Azure
Event Grid does), so none are needed. Those that come must be right.
"""

from __future__ import annotations

import re

from aiohttp import web

from tocsin_ingest.admission import Admission
from tocsin_ingest.answers import answer
from tocsin_sources import cloudevents
from tocsin_sources.signature import Rejection, SignedRequest

SOURCE = cloudevents.SOURCE.name
"""The only source whose integrations answer it."""
_ORIGIN = re.compile(r"(?=.{1,253}$)[A-Za-z0-9_*](?:[A-Za-z0-9_.*-]*[A-Za-z0-9_*])?", re.ASCII)
_RATE = re.compile(r"[1-9]\d{0,8}", re.ASCII)


def asks(request: web.BaseRequest) -> bool:
    """Tell whether a request asks for permission: an OPTIONS that names who will send, as a DNS expression."""
    origin = request.headers.get("WebHook-Request-Origin", "").strip()
    return request.method == "OPTIONS" and _ORIGIN.fullmatch(origin) is not None


def disproved(request: web.BaseRequest, admission: Admission, now: int, token: str | None) -> Rejection | None:
    """Say why the credentials that came with it are wrong; None where they are right, or none came."""
    verdict = admission.verify(SignedRequest(headers=request.headers, body=b"", now=now), token=token)
    return None if verdict.accepted or verdict.reason is Rejection.NO_CREDENTIALS else verdict.reason


def permission(request: web.BaseRequest, admission: Admission) -> web.Response:
    """Permit the sender to deliver, as often as the integration and its tenant allow, and no more often than it asked to."""
    allowed = min(admission.entry.rate_limit_per_min, admission.tenant.rate_limit_per_min)
    asked = request.headers.get("WebHook-Request-Rate", "").strip()
    rate = min(allowed, int(asked)) if _RATE.fullmatch(asked) else allowed
    headers = {
        "Allow": "POST, OPTIONS",
        "WebHook-Allowed-Origin": request.headers["WebHook-Request-Origin"].strip(),
        "WebHook-Allowed-Rate": str(rate),
        "Cache-Control": "no-store",
    }
    return answer(200, b"", headers=headers)
