"""One operation of the gateway, described: what a client needs to know beside its method and path."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from tocsin_contracts.problem import ProblemType as Type
from tocsin_control.principal import Scope

Json = dict[str, Any]
KEYED: Mapping[int, tuple[Type, ...]] = {
    400: (Type.MALFORMED,),
    401: (Type.UNAUTHENTICATED,),
    403: (Type.FORBIDDEN,),
    429: (Type.QUOTA_EXCEEDED,),
    503: (Type.UNAVAILABLE,),
}
"""What every operation that asks for a key may answer."""
BODY: Mapping[int, tuple[Type, ...]] = {
    400: (Type.MALFORMED, Type.NOT_JSON),
    408: (Type.TIMEOUT,),
    413: (Type.TOO_LARGE,),
    415: (Type.UNSUPPORTED_MEDIA,),
    422: (Type.UNPROCESSABLE,),
}
"""What every operation that reads a body may answer besides."""
ONE: Mapping[int, tuple[Type, ...]] = {404: (Type.NOT_FOUND,)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """One operation."""

    name: str
    method: str
    path: str
    """As `tocsin_contracts.routes` spells it."""
    tag: str
    summary: str
    description: str = ""
    scope: Scope | None = None
    """What a key needs; None for senders, who prove themselves as their source does."""
    id_meaning: str = ""
    query: Mapping[str, str] = field(default_factory=dict)
    """Parameters and what they mean."""
    uses: tuple[str, ...] = ()
    """Names of shared parameters."""
    body: type[BaseModel] | None = None
    body_optional: bool = False
    body_json: Json | None = None
    """The content of a body that is no model."""
    example: object = None
    answers: Mapping[int, type[BaseModel] | None]
    """Successes; None for one without a body."""
    answer_json: Json | None = None
    """The content of a success that is no model."""
    headers: tuple[str, ...] = ()
    """Names of shared headers on successes."""
    accepted_headers: tuple[str, ...] = ()
    """Names of those on a 202 alone."""
    problems: Mapping[int, tuple[Type, ...]] = field(default_factory=dict)
    """What may be answered beside what every such operation may; for senders all of it."""

    def failures(self) -> dict[int, tuple[Type, ...]]:
        """Give every status of a failure with its problem types."""
        every = (KEYED if self.scope else {}, BODY if self.body else {}, ONE if self.id_meaning else {}, self.problems)
        statuses = sorted({status for part in every for status in part})
        return {status: tuple(dict.fromkeys(kind for part in every for kind in part.get(status, ()))) for status in statuses}
