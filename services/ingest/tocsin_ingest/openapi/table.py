"""Every operation of the gateway, described. Managing ones take scope and parameters from the table that routes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tocsin_contracts.problem import ProblemType as Type
from tocsin_control.principal import Scope
from tocsin_ingest.failed.dispatch import SCOPES
from tocsin_ingest.failed.requests import BulkRedrive, NewDiscard
from tocsin_ingest.management.bodies import NewIntegration, NewKey, Rotation, Try
from tocsin_ingest.management.dispatch import OPERATIONS
from tocsin_ingest.openapi import shapes
from tocsin_ingest.openapi.commands import COMMANDS
from tocsin_ingest.openapi.described import Described
from tocsin_ingest.openapi.patch import IntegrationChange
from tocsin_ingest.openapi.senders import WEBHOOKS

_DELIVERY = "The `delivery_id` of the 202."

DELIVERIES: Final = (
    Described(
        name="getDeliveryBody",
        method="GET",
        path="/deliveries/{id}/body",
        tag="deliveries",
        summary="Give a delivery's bytes as the log holds them.",
        description="Decoded once, with credentials replaced, under the sender's content type; always a download.",
        scope=Scope.DELIVERIES_READ,
        id_meaning=_DELIVERY,
        answers={200: None},
        answer_json={"application/json": {"schema": {}}, "*/*": {"schema": {}}},
        headers=("X-Tocsin-Source", "X-Tocsin-Received-Encoding"),
        problems={410: (Type.GONE,)},
    ),
    Described(
        name="tryFailedDelivery",
        method="POST",
        path="/deliveries/{id}/try",
        tag="deliveries",
        summary="Say what today's code and settings would make of a delivery; nothing is written.",
        scope=SCOPES["try"],
        id_meaning=_DELIVERY,
        answers={200: shapes.TriedDelivery},
        problems={409: (Type.NOT_FAILED,), 410: (Type.GONE,)},
    ),
    Described(
        name="redriveDelivery",
        method="POST",
        path="/deliveries/{id}/redrive",
        tag="deliveries",
        summary="Send a failed delivery again; it counts once, however often it is asked.",
        scope=SCOPES["redrive"],
        id_meaning=_DELIVERY,
        answers={202: shapes.Redriven},
        headers=("Location",),
        problems={409: (Type.NOT_FAILED,), 410: (Type.GONE,), 413: (Type.TOO_LARGE,)},
    ),
    Described(
        name="discardDelivery",
        method="POST",
        path="/deliveries/{id}/discard",
        tag="deliveries",
        summary="Let a failed delivery be: it waits for nobody, and can still be sent again.",
        scope=SCOPES["discard"],
        id_meaning=_DELIVERY,
        body=NewDiscard,
        example={"why": "A test of ours."},
        answers={200: shapes.Discarded},
        problems={409: (Type.NOT_FAILED,)},
    ),
    Described(
        name="redriveDeliveries",
        method="POST",
        path="/deliveries/redrive",
        tag="deliveries",
        summary="Send many failed deliveries again, in log order; one request does a bounded part.",
        description=(
            "A few go first; it stops where too many fail again. While `more` is true, ask again with `after`. Nothing is"
            " sent twice, whatever breaks in the middle."
        ),
        scope=SCOPES["redrive"],
        body=BulkRedrive,
        body_optional=True,
        example={"reason": ["unknown-shape"], "max": 100, "rate": 50},
        answers={200: shapes.BulkRedriven},
        problems={409: (Type.BUSY,)},
    ),
)

_VERSIONED: Final = {412: (Type.PRECONDITION_FAILED,)}
_MANAGED: Final[Mapping[str, Mapping[str, Any]]] = {
    "listIntegrations": {
        "summary": "List integrations in order of name.",
        "answers": {200: shapes.IntegrationList},
    },
    "createIntegration": {
        "summary": "Make an integration; the answer holds its URL and, this once, its secret.",
        "description": "With `url_token` also, this once, the URL for a sender that can set nothing but a URL.",
        "body": NewIntegration,
        "example": {"source": "alertmanager", "name": "production"},
        "answers": {201: shapes.IntegrationWithSecret},
        "headers": ("Location", "ETag"),
        "problems": {409: (Type.NAME_TAKEN, Type.NO_ROOM)},
    },
    "getIntegration": {"summary": "Show an integration.", "answers": {200: shapes.Integration}, "headers": ("ETag",)},
    "changeIntegration": {
        "summary": "Change an integration by a merge patch (RFC 7396): its next version.",
        "description": (
            "What is not named stays; `null` is the default again. Every gateway knows within 5 s. With `url_token` the answer"
            " holds, this once, the URL for a sender that can set nothing but a URL; without it every such URL ends."
        ),
        "body": IntegrationChange,
        "example": {"enabled": False, "settings": {"default_service": "api"}},
        "uses": ("IfVersion",),
        "answers": {200: shapes.ChangedIntegration},
        "headers": ("ETag",),
        "problems": {409: (Type.NAME_TAKEN,), **_VERSIONED},
    },
    "deleteIntegration": {
        "summary": "Take an integration away, with its secrets.",
        "uses": ("IfVersion",),
        "answers": {204: None},
        "problems": _VERSIONED,
    },
    "rotateSecret": {
        "summary": "Give an integration a new secret, shown this once; the one before stays good for the overlap.",
        "description": "With `url_token` a new token of its URL instead.",
        "body": Rotation,
        "body_optional": True,
        "example": {"overlap_s": 86_400},
        "answers": {200: shapes.RotatedIntegration},
        "headers": ("ETag",),
        "problems": {409: (Type.NO_ROOM,)},
    },
    "tryDelivery": {
        "summary": "Say what today's code would make of a body under an integration's settings; nothing is written.",
        "body": Try,
        "example": {"payload": {"title": "Disk full", "status": "firing"}, "settings": {"default_service": "api"}},
        "answers": {200: shapes.Trial},
    },
    "listKeys": {"summary": "List the tenant's API keys, revoked ones too.", "answers": {200: shapes.ApiKeyList}},
    "createKey": {
        "summary": "Make an API key; its text is in this answer and in no other.",
        "body": NewKey,
        "example": {"holder": "ci", "kind": "machine", "scopes": ["incidents:read"]},
        "answers": {201: shapes.NewApiKey},
        "headers": ("Location",),
        "problems": {409: (Type.NO_ROOM,)},
    },
    "getKey": {"summary": "Show an API key.", "answers": {200: shapes.ApiKey}},
    "revokeKey": {
        "summary": "End an API key for good; it may be the one that asks.",
        "answers": {204: None},
    },
    "listAudit": {
        "summary": "List what was changed in the tenant, and by whom; newest first.",
        "description": "Changes of integrations, secrets and keys, redrives and discards. Commands to incidents are their facts.",
        "answers": {200: shapes.AuditPage},
    },
    "listTenants": {"summary": "Show the key's tenant with its limits.", "answers": {200: shapes.TenantList}},
}
_PARAMETERS: Final = {
    "limit": "Entries of a page: 1 to 1,000, default 100.",
    "after": "`next` of the page before.",
    "source": "Only of this source.",
    "name": "Only of this name.",
    "before": "`next` of the page before.",
    "action": "Only this action: `integration.created`, `secret.added`, `key.revoked`, `delivery.redriven` …",
    "subject": "Only about this id.",
}
MANAGEMENT: Final = tuple(
    Described(
        name=each.name,
        method=each.method,
        path=each.path.removeprefix("/api/v1"),
        tag=each.kind,
        scope=each.scope,
        id_meaning={"integrations": "Id of the integration.", "keys": "Id of the key."}[each.kind] if each.one else "",
        query={name: _PARAMETERS[name] for name in sorted(each.parameters)},
        **_MANAGED[each.name],
    )
    for each in OPERATIONS
)

DESCRIBED: Final = (*WEBHOOKS, *COMMANDS, *DELIVERIES, *MANAGEMENT)
