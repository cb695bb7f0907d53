"""Read what a person asks of an incident: body, precondition, key and patience of a command."""

import re
from dataclasses import dataclass
from hashlib import blake2b
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tocsin_contracts.status import IncidentStatus

_ERRORS_MAX = 20
_IF_MATCH = re.compile(r'"r(\d{1,18})"')
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_WAIT = re.compile(r"wait\s*=\s*(\d{1,6})")
INCIDENT_ID = re.compile(r"[0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]{26}")
"""What an incident id looks like; another spelling names no incident."""


class UnfitRequest(ValueError):  # noqa: N818 - it names what the request is
    """A part of the request cannot be read; `part` names it."""

    def __init__(self, part: str, sentence: str) -> None:
        self.part = part
        super().__init__(sentence)


class UnfitValues(ValueError):  # noqa: N818 - it names what the values are
    """The body is JSON and its values are not what the command takes; `errors` says which."""

    def __init__(self, errors: list[dict[str, str]]) -> None:
        self.errors = errors
        super().__init__("the body's values are not what this command takes")


class StatusChange(BaseModel):
    """The body of a status command; unknown members are refused (security S23)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    status: IncidentStatus
    comment: Annotated[str, Field(max_length=1000)] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long the caller waits for the outcome, seconds; 0 for not at all."""

    seconds: float


def read_change(document: object) -> StatusChange:
    """Read the body of a status command.

    Raises:
        UnfitValues: a member is missing, unknown or of another value; says which, never what it held.
    """
    try:
        return StatusChange.model_validate(document)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)[:_ERRORS_MAX]
        raise UnfitValues([{"pointer": _pointer(each["loc"]), "code": each["type"]} for each in found]) from None


def read_if_match(header: str | None) -> int | None:
    """Read `If-Match: "r<revision>"`; `*` and no header are no precondition.

    Raises:
        UnfitRequest: another form; an entity tag of a read is no revision.
    """
    text = (header or "*").strip()
    if text == "*":
        return None
    match = _IF_MATCH.fullmatch(text)
    if match is None:
        raise UnfitRequest("If-Match", 'If-Match takes the revision of the incident, written "r7"')
    return int(match[1])


def read_key(header: str | None) -> str | None:
    """Read an Idempotency-Key.

    Raises:
        UnfitRequest: longer than 255 characters, or other than visible ASCII.
    """
    if header is None:
        return None
    key = header.strip()
    if _KEY.fullmatch(key) is None:
        raise UnfitRequest("Idempotency-Key", "Idempotency-Key takes 1 to 255 visible ASCII characters")
    return key


def read_patience(header: str | None, *, default_s: float, most_s: float) -> Patience:
    """Read `Prefer: wait=<seconds>` or `respond-async` (RFC 7240); what is not understood is ignored, as it says."""
    wanted = default_s
    for part in (header or "").lower().split(","):
        preference = part.strip()
        if preference == "respond-async":
            return Patience(seconds=0)
        match = _WAIT.fullmatch(preference)
        if match is not None:
            wanted = float(match[1])
    return Patience(seconds=min(wanted, most_s))


def request_hash(method: str, path: str, body: bytes) -> str:
    """Hash what is asked, so that a key used again for something else is noticed."""
    hasher = blake2b(digest_size=16, person=b"tocsin.request")
    for part in (method.encode(), path.encode(), body):
        hasher.update(len(part).to_bytes(4, "big"))
        hasher.update(part)
    return hasher.hexdigest()


def _pointer(location: tuple[int | str, ...]) -> str:
    """Write a JSON pointer; a member's name is the caller's own text, so it is cut."""
    return "".join("/" + str(part)[:100].replace("~", "~0").replace("/", "~1") for part in location)
