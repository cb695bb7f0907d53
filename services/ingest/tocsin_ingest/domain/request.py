"""Read what surrounds a command: its precondition, key and patience; and name what is asked by a hash."""

import re
from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b

_IF_MATCH = re.compile(r'"([rv])(\d{1,9})"')
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_WAIT = re.compile(r"wait\s*=\s*(\d{1,6})")


class Precondition(StrEnum):
    """What `If-Match` names, where it names anything."""

    REVISION = "r"
    VERSION = "v"
    NONE = ""


_MEANING = {
    Precondition.REVISION: 'If-Match takes the revision of the incident, written "r7"',
    Precondition.VERSION: 'If-Match takes the version of the rules, written "v7"',
    Precondition.NONE: "If-Match is for a command to one incident, and this one is to many",
}


class UnfitRequest(ValueError):  # noqa: N818 - it names what the request is
    """A part of the request cannot be read; `part` names it."""

    def __init__(self, part: str, sentence: str) -> None:
        self.part = part
        super().__init__(sentence)


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long the caller waits for the outcome, seconds; 0 for not at all."""

    seconds: float


def read_if_match(header: str | None, kind: Precondition = Precondition.REVISION) -> int | None:
    """Read `If-Match: "r<revision>"` or `"v<version>"`; `*` and no header are no precondition.

    Raises:
        UnfitRequest: another form; an entity tag of a read is no revision.
    """
    text = (header or "*").strip()
    if text == "*":
        return None
    match = _IF_MATCH.fullmatch(text)
    if match is None or match[1] != kind:
        raise UnfitRequest("If-Match", _MEANING[kind])
    return int(match[2])


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
