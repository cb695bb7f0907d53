"""Reading what management is asked: bodies, preconditions, parameters."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import TypeVar

from aiohttp import web
from pydantic import BaseModel

from tocsin_contracts.problem import ProblemType
from tocsin_control.documents import Fault, IntegrationDocument, UnfitDocument, read_document, read_integration
from tocsin_ingest.answers import malformed, too_large
from tocsin_ingest.receiving import Receiver
from tocsin_runtime.http import Problem
from tocsin_sources import document

M = TypeVar("M", bound=BaseModel)
D = TypeVar("D", bound=IntegrationDocument)
BODY_MAX = 64 * 1024
_TYPES = frozenset({"application/json", "application/merge-patch+json"})
_IF_MATCH = re.compile(r'"v(\d{1,9})"')
_LIMIT = re.compile(r"\d{1,4}")


async def read_json(request: web.BaseRequest, receiver: Receiver, *, most: int = BODY_MAX, optional: bool = False) -> object:
    """Receive a body of JSON; an empty one is `{}` where it is optional.

    Raises:
        Problem: 400, 408, 413, 415.
    """
    if (request.content_length or 0) > most:
        raise too_large(f"A body may have {most} bytes here.")
    raw = await receiver.receive(request)
    if optional and not raw:
        return {}
    if request.content_type not in _TYPES:
        raise Problem(415, "The body is application/json.", type=ProblemType.UNSUPPORTED_MEDIA)
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Problem(415, "The body comes without content encoding.", type=ProblemType.UNSUPPORTED_MEDIA)
    if len(raw) > most:
        raise too_large(f"A body may have {most} bytes here.")
    try:
        return document.parse(raw)
    except document.NotJson as error:
        raise Problem(400, "The body is not JSON that we read.", type=ProblemType.NOT_JSON) from error


def read_as(model: type[M], parsed: object) -> M:
    """Read a parsed body as what the operation takes.

    Raises:
        Problem: 422 with every fault.
    """
    try:
        return read_document(model, parsed)
    except UnfitDocument as unfit:
        raise unfit_values(unfit.faults) from unfit


def read_integration_as(model: type[D], parsed: object) -> D:
    """Read a parsed body as an integration, with its mapping.

    Raises:
        Problem: 422 with every fault.
    """
    try:
        return read_integration(model, parsed)
    except UnfitDocument as unfit:
        raise unfit_values(unfit.faults) from unfit


def unfit_values(faults: Collection[Fault]) -> Problem:
    """Say which values do not fit and why; never what they were."""
    errors = [{"pointer": fault.pointer, "code": fault.code, "detail": fault.detail} for fault in faults]
    detail = "The body's values are not what this takes."
    return Problem(422, detail, type=ProblemType.UNPROCESSABLE, members={"errors": errors})


def unfit_value(pointer: str, code: str, detail: str) -> Problem:
    """Say that one value does not fit."""
    return unfit_values((Fault(place=tuple(pointer.strip("/").split("/")) if pointer else (), code=code, detail=detail),))


def read_version(request: web.BaseRequest) -> int | None:
    """Read `If-Match: "v<version>"`; `*` and no header are no precondition.

    Raises:
        Problem: 400 for another form.
    """
    text = request.headers.get("If-Match", "*").strip()
    if text == "*":
        return None
    match = _IF_MATCH.fullmatch(text)
    if match is None:
        raise malformed('If-Match takes the version of the integration, written "v7".')
    return int(match[1])


def read_limit(query: Mapping[str, str], *, default: int, most: int) -> int:
    """Read how many entries a page has.

    Raises:
        Problem: 422.
    """
    text = query.get("limit")
    if text is None:
        return default
    if _LIMIT.fullmatch(text) is None or not 1 <= int(text) <= most:
        raise unfit_parameter("limit", f"between 1 and {most}")
    return int(text)


def check_parameters(query: Mapping[str, str], known: Collection[str]) -> None:
    """Refuse parameters that nobody reads: a misspelt one would silently do nothing.

    Raises:
        Problem: 422.
    """
    if any(name not in known for name in query):
        raise unfit_parameter("", f"known are {', '.join(sorted(known))}" if known else "none is known here")


def unfit_parameter(name: str, detail: str) -> Problem:
    """Say that a parameter does not fit."""
    errors = [{"parameter": name, "code": "unfit" if name else "unknown", "detail": detail}]
    sentence = "The query cannot be answered as it stands."
    return Problem(422, sentence, type=ProblemType.UNPROCESSABLE, members={"errors": errors})
