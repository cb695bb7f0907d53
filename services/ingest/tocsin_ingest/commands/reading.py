"""Read a command's request: everything but what needs PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import web

from tocsin_contracts.problem import ProblemType
from tocsin_contracts.reference import IncidentRange, read_reference
from tocsin_contracts.routes import CANONICAL
from tocsin_control.documents import FAULTS_MAX, Fault, UnfitDocument, read_document
from tocsin_ingest.answers import malformed, not_found, too_large
from tocsin_ingest.commands.table import Operation
from tocsin_ingest.domain import request as surroundings
from tocsin_ingest.domain.ask import Ask
from tocsin_ingest.domain.target import Commanded
from tocsin_ingest.management.reading import unfit_values
from tocsin_ingest.receiving import Receiver
from tocsin_runtime.http import Problem
from tocsin_sources import document


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """An incident that the request names."""

    pointer: str
    """Where in the body; empty for the path."""
    range: IncidentRange


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a request asks for, read and checked as far as it goes by itself."""

    operation: Operation
    ask: Ask
    incident: IncidentRange | None
    """Of the path; None for a command to many."""
    others: tuple[Named, ...]
    key: str | None
    if_match: int | None
    patience_header: str | None
    """What `Prefer` says."""
    request_hash: str
    size: int
    """Bytes of the body."""


async def read_command(
    request: web.BaseRequest, operation: Operation, target: Commanded, query: Mapping[str, str], receiver: Receiver, *, actor: str
) -> Asked:
    """Read what is asked.

    Args:
        request: with headers and body.
        operation: what its method and path ask for.
        target: what its path names.
        query: its parameters; no command takes one.
        receiver: of bodies.
        actor: id of who asks: a key of theirs is no other's.

    Raises:
        Problem: 400, 404, 408, 413, 415, 422.
    """
    if query:
        raise _unknown_parameters(query)
    incident, others = _of_path(target)
    raw = await _body(request, operation, receiver)
    try:
        if_match = surroundings.read_if_match(_header(request, "If-Match"), operation.precondition)
        key = surroundings.read_key(_header(request, "Idempotency-Key"))
    except surroundings.UnfitRequest as unfit:
        raise malformed(f"{unfit}.") from unfit
    ask = _ask(operation, raw)
    if key is None and (operation.key_required or ask.needs_key()):
        raise malformed(
            "This command needs an Idempotency-Key, any text of yours: sent twice without one, it would be done twice."
        )
    return Asked(
        operation=operation,
        ask=ask,
        incident=incident,
        others=others + _of_body(ask),
        key=key,
        if_match=if_match,
        patience_header=_header(request, "Prefer"),
        request_hash=surroundings.request_hash(
            operation.method, CANONICAL + _written(operation, incident, others), raw, actor=actor
        ),
        size=len(raw),
    )


def _header(request: web.BaseRequest, name: str) -> str | None:
    """Give a header; one that is there twice is one list, as RFC 9110 says: no value of it is passed over."""
    found = request.headers.getall(name, ())
    return ", ".join(found) if found else None


def _unknown_parameters(query: Mapping[str, str]) -> Problem:
    """Refuse parameters: who says `?dry_run=true` means something that would not be heeded."""
    errors = [{"parameter": name[:100], "code": "unknown-parameter", "detail": "a command takes no parameters"} for name in query]
    return Problem(
        422, "A command takes no query parameters.", type=ProblemType.UNPROCESSABLE, members={"errors": errors[:FAULTS_MAX]}
    )


def _of_path(target: Commanded) -> tuple[IncidentRange | None, tuple[Named, ...]]:
    """Read the incidents of the path; what no id begins with is 404, as an id that there is not."""
    try:
        incident = read_reference(target.incident) if target.incident else None
        others = (Named(pointer="", range=read_reference(target.other)),) if target.other else ()
    except ValueError as error:
        raise not_found() from error
    return incident, others


def _of_body(ask: Ask) -> tuple[Named, ...]:
    """Read the incidents that the body names; what no id begins with is a value that does not fit."""
    named: list[Named] = []
    faults: list[Fault] = []
    for pointer, text in ask.named():
        try:
            named.append(Named(pointer=pointer, range=read_reference(text)))
        except ValueError:
            detail = "This is no id of an incident, and no short code."
            faults.append(Fault(place=tuple(pointer[1:].split("/")), code="id", detail=detail))
    if faults:
        raise unfit_values(faults[:FAULTS_MAX])
    return tuple(named)


def _written(operation: Operation, incident: IncidentRange | None, others: tuple[Named, ...]) -> str:
    """Write the path, alike for every spelling of it."""
    path = operation.form
    if incident is not None:
        path = path.replace("{id}", incident.written)
    return path.replace("{other}", others[0].range.written) if others else path


async def _body(request: web.BaseRequest, operation: Operation, receiver: Receiver) -> bytes:
    if (request.content_length or 0) > operation.body_max:
        raise too_large(f"This command may have {operation.body_max} bytes.")
    raw = await receiver.receive(request)
    if not raw and operation.body_optional:
        return raw
    if not raw:
        raise malformed("This command needs a body of application/json.")
    if request.content_type != "application/json":
        raise Problem(415, "A command is application/json.", type=ProblemType.UNSUPPORTED_MEDIA)
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Problem(415, "A command comes without content encoding.", type=ProblemType.UNSUPPORTED_MEDIA)
    if len(raw) > operation.body_max:
        raise too_large(f"This command may have {operation.body_max} bytes.")
    return raw


def _ask(operation: Operation, raw: bytes) -> Ask:
    written = b"{}" if operation.body_optional and not raw else raw
    try:
        parsed = document.parse(written)
        document.check_keys(written)
    except document.NotJson as error:
        detail = f"The body is not JSON that we read: {error.detail}."
        raise Problem(400, detail, type=ProblemType.NOT_JSON, members={"code": str(error.code)}) from error
    try:
        return read_document(operation.ask, parsed)
    except UnfitDocument as unfit:
        raise unfit_values([_placed(fault, parsed) for fault in unfit.faults]) from unfit


def _placed(fault: Fault, parsed: object) -> Fault:
    """Take out of a fault's place what the body does not have: which of several forms of a value was tried."""
    place: list[str | int] = []
    node = parsed
    for number, part in enumerate(fault.place):
        if isinstance(node, dict) and part in node:  # noqa: SIM114 - mypy follows the two apart, and not together
            node = node[part]
        elif isinstance(node, list) and type(part) is int and part < len(node):
            node = node[part]
        elif fault.code != "missing" or number < len(fault.place) - 1:
            continue
        place.append(part)
    return Fault(place=tuple(place), code=fault.code, detail=fault.detail.removeprefix("Value error, "))
