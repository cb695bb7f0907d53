"""This service's part of the OpenAPI 3.1 document, made from the endpoints: what it says is what is routed, read and answered."""

from collections.abc import Iterable
from typing import Any, Final, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from tocsin_contracts.problem import MEANINGS, ProblemType
from tocsin_query.domain.shapes import Problem
from tocsin_query.endpoints import PREFIXES, Endpoint

Json = dict[str, Any]
_PROBLEMS: Final = {
    400: (ProblemType.MALFORMED,),
    401: (ProblemType.UNAUTHENTICATED,),
    403: (ProblemType.FORBIDDEN,),
    404: (ProblemType.NOT_FOUND,),
    409: (ProblemType.AMBIGUOUS,),
    422: (ProblemType.UNPROCESSABLE,),
    429: (ProblemType.QUOTA_EXCEEDED,),
    503: (ProblemType.UNAVAILABLE, ProblemType.TIMEOUT),
}
_RETRY: Final = {"Retry-After": {"description": "Seconds after which to ask again.", "schema": {"type": "integer", "minimum": 1}}}
_PROBLEM_HEADERS: Final = {
    401: {"WWW-Authenticate": {"description": "How to prove who asks.", "schema": {"type": "string"}}},
    429: _RETRY,
    503: _RETRY,
}
_FRESHNESS: Final = {
    "Tocsin-Position": {"description": "Last folded record, `partition:offset`.", "schema": {"type": "string"}},
    "Tocsin-Age": {"description": "Seconds since it was appended to the log.", "schema": {"type": "number"}},
}


def document(endpoints: Iterable[Endpoint], *, version: str) -> Json:
    """Describe every endpoint.

    Args:
        endpoints: what is routed.
        version: of this release.
    """
    listed = tuple(endpoints)
    models: list[type[BaseModel]] = [model for each in listed for shown in each.answers.values() for model in shown]
    models.append(Problem)
    wanted: list[tuple[type[BaseModel], Literal["serialization"]]] = [(model, "serialization") for model in models]
    _, schemas = models_json_schema(wanted, ref_template="#/components/schemas/{model}")
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Tocsin API",
            "version": version,
            "summary": "Webhooks in; incidents, alerts and deliveries out; commands, integrations and keys.",
            "description": (
                "Every read says in `as_of` how far the log was folded and how old that is; with Kafka away it still"
                " answers, and the age grows. Times are RFC 3339, UTC. HEAD works wherever GET does. Every failure is a"
                " problem (RFC 9457) whose `type` is stable; another method than a path takes is 405 with `Allow`."
            ),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": prefix or "/"} for prefix in PREFIXES],
        "security": [{"apiKey": []}],
        "paths": {each.path: _item(each) for each in listed},
        "components": {
            "securitySchemes": {
                "apiKey": {"type": "http", "scheme": "bearer", "description": "`Authorization: Bearer tocsin_…`"}
            },
            "schemas": schemas["$defs"],
        },
    }


def _item(endpoint: Endpoint) -> Json:
    canonical = {} if endpoint.bare else {"servers": [{"url": PREFIXES[0]}]}
    return {**canonical, "get": _operation(endpoint)}


def _etag(endpoint: Endpoint) -> Json:
    if not endpoint.etag:
        return {}
    use = "for If-None-Match only" if endpoint.etag.startswith("W/") else "for If-None-Match, and for If-Match of a change"
    return {"ETag": {"description": f"`{endpoint.etag}`: {use}.", "schema": {"type": "string"}}}


def _operation(endpoint: Endpoint) -> Json:
    return {
        "operationId": endpoint.name,
        "summary": endpoint.summary,
        "tags": [endpoint.tag],
        "description": f"Scope: {' or '.join(f'`{scope}`' for scope in endpoint.scopes)}.",
        "parameters": _parameters(endpoint),
        "responses": {
            **{str(status): _success(endpoint, status) for status in endpoint.answers},
            **({"304": {"description": "Not changed since the ETag in If-None-Match."}} if endpoint.etag else {}),
            **{str(status): _problem(endpoint, status) for status in _PROBLEMS if _happens(endpoint, status)},
        },
    }


def _parameters(endpoint: Endpoint) -> list[Json]:
    listed: list[Json] = [dict(parameter.document()) for parameter in endpoint.parameters]
    if endpoint.id_meaning:
        listed.insert(
            0, {"name": "id", "in": "path", "required": True, "description": endpoint.id_meaning, "schema": {"type": "string"}}
        )
    if endpoint.etag:
        meaning = "ETag of an earlier answer."
        listed.append({"name": "If-None-Match", "in": "header", "description": meaning, "schema": {"type": "string"}})
    return listed


def _success(endpoint: Endpoint, status: int) -> Json:
    shown = [{"$ref": f"#/components/schemas/{model.__name__}"} for model in endpoint.answers[status]]
    return {
        "description": " ".join((model.__doc__ or "").splitlines()[0] for model in endpoint.answers[status]),
        "headers": {**_FRESHNESS, **_etag(endpoint)},
        "content": {"application/json": {"schema": shown[0] if len(shown) == 1 else {"oneOf": shown}}},
    }


def _happens(endpoint: Endpoint, status: int) -> bool:
    return {404: bool(endpoint.id_meaning), 409: endpoint.conflicts}.get(status, True)


def _problem(endpoint: Endpoint, status: int) -> Json:
    kinds = (*_PROBLEMS[status], *endpoint.problems.get(status, ()))
    known = {"properties": {"type": {"enum": [str(kind) for kind in kinds]}}}
    return {
        "description": " ".join(MEANINGS[kind] for kind in kinds),
        "headers": _PROBLEM_HEADERS.get(status, {}),
        "content": {"application/problem+json": {"schema": {"allOf": [{"$ref": "#/components/schemas/Problem"}, known]}}},
    }
