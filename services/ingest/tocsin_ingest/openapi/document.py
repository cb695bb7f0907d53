"""The gateway's part of the OpenAPI document, from the described operations. Query merges it with its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from tocsin_contracts.problem import MEANINGS, ProblemType
from tocsin_contracts.routes import CANONICAL, ROUTES
from tocsin_ingest.openapi.described import Described, Json
from tocsin_ingest.openapi.shared import HEADERS, PARAMETERS, SECURITY_SCHEMES, SENDERS, TAGS
from tocsin_ingest.openapi.table import DESCRIBED

_REF = "#/components/schemas/{model}"
_RESPONSE = "#/components/responses/"
_BARE = {route.path: route.bare for route in ROUTES}
_LIMITED = ("integrations", "keys", "tenants", "audit")
"""Tags whose successes say what is left of a quota."""


def gateway_part(described: Sequence[Described] = DESCRIBED) -> Json:
    """Describe the gateway: paths and components. `Problem` is query's, who adds it."""
    bodies = [each.body for each in described if each.body is not None]
    answers = [model for each in described for model in each.answers.values() if model is not None]
    found, schemas = models_json_schema([*_modes(bodies, "validation"), *_modes(answers, "serialization")], ref_template=_REF)
    names: _Names = {(model, mode): schema for (model, mode), schema in found.items() if issubclass(model, BaseModel)}
    paths: Json = {}
    for each in described:
        item = paths.setdefault(each.path, {} if _BARE[each.path] else {"servers": [{"url": CANONICAL}]})
        item[each.method.lower()] = _operation(each, names)
    return {
        "tags": TAGS,
        "paths": paths,
        "components": {
            "schemas": schemas["$defs"],
            "parameters": PARAMETERS,
            "headers": HEADERS,
            "responses": {
                _named(status, kinds): _failure(status, kinds) for each in described for status, kinds in each.failures().items()
            },
            "securitySchemes": SECURITY_SCHEMES,
        },
    }


_Mode = Literal["validation", "serialization"]
_Names = Mapping[tuple[type[BaseModel], _Mode], Json]


def _modes(models: Iterable[type[BaseModel]], mode: _Mode) -> list[tuple[type[BaseModel], _Mode]]:
    return [(model, mode) for model in dict.fromkeys(models)]


def _operation(each: Described, names: _Names) -> Json:
    scope = "" if each.scope is None else f"Scope: `{each.scope}`. "
    operation: Json = {
        "operationId": each.name,
        "summary": each.summary,
        "description": (scope + each.description).strip(),
        "tags": [each.tag],
        "parameters": _parameters(each),
        "responses": {
            **{str(status): _success(each, status, model, names) for status, model in each.answers.items()},
            **{str(status): {"$ref": _RESPONSE + _named(status, kinds)} for status, kinds in each.failures().items()},
        },
    }
    if each.scope is None:
        operation["security"] = [{}] if "{token}" in each.path else SENDERS
    if each.body is not None or each.body_json is not None:
        operation["requestBody"] = _body(each, names)
    return operation


def _parameters(each: Described) -> list[Json]:
    own: list[Json] = []
    if each.id_meaning:
        own.append({"name": "id", "in": "path", "required": True, "description": each.id_meaning, "schema": {"type": "string"}})
    if "{other}" in each.path:
        says = "Id of the other incident, or its short code."
        own.append({"name": "other", "in": "path", "required": True, "description": says, "schema": {"type": "string"}})
    own += [{"name": name, "in": "query", "description": says, "schema": {"type": "string"}} for name, says in each.query.items()]
    return own + [{"$ref": f"#/components/parameters/{name}"} for name in each.uses]


def _body(each: Described, names: _Names) -> Json:
    content = each.body_json
    if content is None:
        assert each.body is not None  # noqa: S101 - the caller looked: one of the two is there
        media = "application/merge-patch+json" if each.name == "changeIntegration" else "application/json"
        content = {media: {"schema": names[each.body, "validation"], "example": each.example}}
    return {"required": not each.body_optional, "content": content}


def _success(each: Described, status: int, model: type[BaseModel] | None, names: _Names) -> Json:
    limits = ("RateLimit-Policy", "RateLimit") if each.tag in _LIMITED else ()
    headers = [*each.headers, *limits, *(each.accepted_headers if status == HTTPStatus.ACCEPTED else ())]
    answer: Json = {"description": "Done, and nothing to show." if model is None else (model.__doc__ or "").splitlines()[0]}
    if model is not None:
        answer["content"] = {"application/json": {"schema": names[model, "serialization"]}}
    elif each.answer_json is not None:
        answer |= {"description": "The bytes.", "content": each.answer_json}
    if headers:
        answer["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in headers}
    return answer


def _named(status: int, kinds: Sequence[ProblemType]) -> str:
    """Name a failure by its status and what it may be."""
    return "-".join([str(status), *(kind.rpartition("/")[2].rpartition("#")[2] for kind in kinds)])


def _failure(status: int, kinds: Sequence[ProblemType]) -> Json:
    headers = {401: ("WWW-Authenticate",), 429: ("Retry-After", "RateLimit-Policy", "RateLimit"), 503: ("Retry-After",)}
    named = ("X-Request-Id", *headers.get(status, ()))
    known = {"properties": {"type": {"enum": [str(kind) for kind in kinds]}}}
    return {
        "description": " ".join(MEANINGS[kind] for kind in kinds),
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in named},
        "content": {"application/problem+json": {"schema": {"allOf": [{"$ref": "#/components/schemas/Problem"}, known]}}},
    }
