"""One delivery for a person: what was checked, what came of it, and what to do where it is refused."""

from __future__ import annotations

from collections.abc import Awaitable, Iterator, Mapping
from typing import Any, TypeVar

from tocsin_runtime.errors import Invalid, TocsinError

T = TypeVar("T")
_MARKS = {True: "passed", False: "did not pass", None: "not reached"}
_NEXT = {
    "status-404": "'tocsin deliveries ls --all' lists those of your key's tenant",
    "status-409": "'tocsin deliveries show ID' tells what became of it",
    "status-410": "its bytes are gone from the log: let it be with 'tocsin deliveries discard ID --why …'",
}


async def about(delivery: str, asking: Awaitable[T]) -> T:
    """Ask for something about a delivery; a refusal says of which, and what to do next.

    Raises:
        TocsinError: one line for the person.
    """
    try:
        return await asking
    except TocsinError as error:
        hint = _NEXT.get(error.reason, "") if isinstance(error, Invalid) else ""
        line = f"{delivery}: {str(error).rstrip('.')}" + (f"; {hint.replace('ID', delivery)}" if hint else "")
        error.args = (line,)
        raise


def told(answer: Mapping[str, Any]) -> Iterator[str]:
    """Tell of a delivery, a line each: its checks, incidents, attempts, and who let it be."""
    for check in answer.get("checks", ()):
        mark, detail = _MARKS[check["passed"]], check["detail"]
        yield f"{check['check']:<9}  {mark if mark == detail else f'{mark:<12}  {detail}'}"
    for incident in answer.get("incidents", ()):
        yield f"{incident['short_code']}  {incident['status']}  {incident['severity']}  {incident['title']}"
    for attempt in answer.get("attempts", ()):
        yield " ".join(filter(None, (f"sent again as {attempt['id']}:", attempt["outcome"], attempt["reason"])))
    discard = answer.get("discard")
    if discard is not None:
        yield f"let be by {discard['actor_name']}: {discard['why']}"
