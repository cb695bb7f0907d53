"""What several operations share: parameters, headers, the ways to prove who asks."""

from __future__ import annotations

from typing import Final

from tocsin_ingest.openapi.described import Json

_TEXT: Final[Json] = {"type": "string"}


def _header(name: str, description: str, **schema: str) -> Json:
    return {"name": name, "in": "header", "description": description, "schema": {**_TEXT, **schema}}


def _query(name: str, description: str) -> Json:
    return {"name": name, "in": "query", "description": description, "schema": _TEXT}


def _path(name: str, description: str, example: str) -> Json:
    return {"name": name, "in": "path", "required": True, "description": description, "schema": _TEXT, "example": example}


PARAMETERS: Final[Json] = {
    "Source": _path("source", "Name of the source, as the integration says.", "alertmanager"),
    "Integration": _path("integration", "Id of the integration.", "7K3QF2BXJ4M5N6P7Q8R9STVWXY"),
    "UrlToken": {
        "name": "token",
        "in": "path",
        "required": True,
        "description": "A token of the integration's URL. Where it takes none, this is a wrong secret.",
        "schema": {**_TEXT, "format": "password"},
    },
    "IntegrationQuery": _query("integration", "Id of the integration."),
    "TenantQuery": _query("tenant_id", "Id of the tenant; finds its only integration of the source."),
    "IntegrationHeader": _header("X-Tocsin-Integration", "Id of the integration."),
    "IdempotencyKey": _header(
        "Idempotency-Key",
        "1 to 255 visible ASCII characters: names the command. Asked again it gets the first outcome; for another request, or"
        " with another API key, 422.",
    ),
    "IfRevision": _header("If-Match", 'Only if the incident has this revision: `"r7"`; else 412.', pattern=r'^(\*|"r\d{1,9}")$'),
    "IfVersion": _header("If-Match", 'Only if it has this version: `"v7"`; else 412.', pattern=r'^(\*|"v\d{1,9}")$'),
    "Prefer": _header(
        "Prefer",
        "`wait=5`: so many seconds at most for the outcome; `respond-async`: none; both: 202 after so many (RFC 7240)."
        " `Preference-Applied` of the answer says what was heeded.",
    ),
}
HEADERS: Final[Json] = {
    "RateLimit-Policy": {"description": 'Quotas that apply, as `"name";q=<requests>;w=<seconds>`.', "schema": _TEXT},
    "RateLimit": {"description": 'What is left of them, as `"name";r=<requests>;t=<seconds until whole>`.', "schema": _TEXT},
    "Retry-After": {"description": "Seconds after which to ask again.", "schema": {"type": "integer", "minimum": 1}},
    "X-Request-Id": {"description": "Finds the request in our log; the caller's own where it sent one.", "schema": _TEXT},
    "WWW-Authenticate": {"description": "How to prove who asks.", "schema": _TEXT},
    "Location": {"description": "Where what was made is, or its outcome will be.", "schema": _TEXT},
    "ETag": {"description": '`"v<version>"`: send it as `If-Match`.', "schema": _TEXT},
    "X-Tocsin-Source": {"description": "Source of the delivery.", "schema": _TEXT},
    "X-Tocsin-Received-Encoding": {"description": "Content encoding as it came; the body is decoded.", "schema": _TEXT},
}
SECURITY_SCHEMES: Final[Json] = {
    "senderBearer": {"type": "http", "scheme": "bearer", "description": "The integration's secret."},
    "senderBasic": {"type": "http", "scheme": "basic", "description": "Any user name, the integration's secret as password."},
    "senderSignature": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Signature",
        "description": "A header as the source signs: `sentry-hook-signature`, `x-hub-signature-256`, `webhook-signature` …",
    },
}
SENDERS: Final[list[Json]] = [{name: []} for name in SECURITY_SCHEMES]
"""Any one of them proves a webhook."""
TAGS: Final = [
    {"name": "webhooks", "description": "What monitoring tools send."},
    {"name": "commands", "description": "What people do to incidents; each is a record of the log, and the fold decides."},
    {"name": "deliveries", "description": "What was sent, what became of it; failed ones tried and sent again."},
    {"name": "integrations", "description": "Senders of a tenant, with their secrets and settings."},
    {"name": "keys", "description": "API keys of a tenant."},
    {"name": "audit", "description": "Who changed what."},
    {"name": "tenants", "description": "The owner of everything that a key reaches."},
]
