"""Commands, described from the table that routes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pydantic import BaseModel

from tocsin_contracts.envelope import Kind
from tocsin_contracts.problem import ProblemType as Type
from tocsin_ingest.commands.table import OPERATIONS, Operation
from tocsin_ingest.domain.request import Precondition
from tocsin_ingest.openapi import shapes
from tocsin_ingest.openapi.described import Described

_INCIDENT = "Id of the incident, or its short code (`INC-7K3QF2B`, any case)."
_DECIDED = (
    "The fold decides; the answer waits for it (`Prefer`). 202: it is not decided yet, and `Location` says where it will be."
)
_REPEATABLE = " With an `Idempotency-Key` a command may be sent again and counts once."
_KEYED = " The `Idempotency-Key` must be there: sent again with it, the command counts once."
_LAST_WINS = (
    " Send the ETag of the rules that the change was made from as `If-Match`: without it the last one wins, and what somebody"
    " else put in force meanwhile is gone."
)
_PARAMETERS: Mapping[Precondition, tuple[str, ...]] = {
    Precondition.REVISION: ("IfRevision",),
    Precondition.VERSION: ("IfVersion",),
    Precondition.NONE: (),
}
_APPLIED: Mapping[str, type[BaseModel]] = {
    "splitIncident": shapes.SplitApplied,
    "changeIncidents": shapes.BulkApplied,
    "setRules": shapes.RulesApplied,
}


def described(operation: Operation) -> Described:
    """Describe a command."""
    of_one = "{id}" in operation.form
    return Described(
        name=operation.name,
        method=operation.method,
        path=operation.form,
        tag="commands",
        summary=operation.summary,
        description=_DECIDED
        + (_KEYED if operation.key_required else _REPEATABLE)
        + (_LAST_WINS if operation.kind is Kind.RULE_SET else ""),
        scope=operation.scope,
        id_meaning=_INCIDENT if of_one else "",
        uses=("IdempotencyKey", *_PARAMETERS[operation.precondition], "Prefer"),
        body=operation.ask,
        body_optional=operation.body_optional,
        example=operation.example,
        answers={200: _APPLIED.get(operation.name, shapes.CommandApplied), 202: shapes.CommandAccepted},
        accepted_headers=("Location", "Retry-After"),
        problems=_problems(operation),
    )


def _problems(operation: Operation) -> dict[int, tuple[Type, ...]]:
    """Say how a command may fail beside what every operation with a body may."""
    problems: dict[int, tuple[Type, ...]] = {422: (Type.IDEMPOTENCY_MISMATCH,)}
    if operation.precondition:
        problems[412] = (Type.PRECONDITION_FAILED,)
    if operation.kind is Kind.RULE_SET:
        problems[409] = (Type.REJECTED,)
    elif "{id}" in operation.form:
        problems[409] = (Type.CONFLICT, Type.REJECTED, Type.AMBIGUOUS)
    else:
        problems |= {404: (Type.NOT_FOUND,), 409: (Type.AMBIGUOUS,)}
    return problems


COMMANDS: Final = tuple(described(operation) for operation in OPERATIONS)
"""One entry a command."""
