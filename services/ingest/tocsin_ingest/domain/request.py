"""Read what surrounds a command: its precondition, key and patience; and name what is asked by a hash."""

import re
from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b

_IF_MATCH = re.compile(r'"([rv])(\d{1,9})"')
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_WAIT = re.compile(r'wait\s*=\s*("?)(\d{1,9})\1')


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
    """How long the caller waits for the outcome."""

    seconds: float
    """0: not at all."""
    says_wait: bool = False
    """Whether the caller named that time, or a longer one than is waited here."""
    says_async: bool = False

    def heeded(self, *, pending: bool) -> str:
        """Say which preference an answer heeds, as `Preference-Applied` does; empty for none.

        Args:
            pending: whether the answer is a 202: then it may be that nobody could wait.
        """
        if pending:
            return "respond-async" if self.says_async else ""
        return f"wait={self.seconds:g}" if self.says_wait else ""


def read_if_match(header: str | None, kind: Precondition = Precondition.REVISION) -> int | None:
    """Read `If-Match: "r<revision>"` or `"v<version>"`; `*` and no header are no precondition.

    Raises:
        UnfitRequest: another form. An entity tag of a read is no revision; an empty header is a caller who lost his.
    """
    if header is None or (text := header.strip()) == "*":
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
    """Read `Prefer: wait=<seconds>` and `respond-async` (RFC 7240); what is not understood is ignored, as it says.

    Both together wait so long and are answered 202 then; of a preference that is there twice the first counts.
    """
    waited: float | None = None
    says_async = False
    for part in (header or "").lower().split(","):
        preference = part.partition(";")[0].strip()
        match = _WAIT.fullmatch(preference)
        if match is not None and waited is None:
            waited = min(float(match[2]), most_s)
        says_async = says_async or preference == "respond-async"
    if waited is not None:
        return Patience(seconds=waited, says_wait=True, says_async=says_async)
    return Patience(seconds=0 if says_async else min(default_s, most_s), says_async=says_async)


def request_hash(method: str, path: str, body: bytes, *, actor: str) -> str:
    """Hash what is asked and by whom, so that a key used again for something else, or by somebody else, is noticed.

    Args:
        method: of the request.
        path: alike for every spelling of it.
        body: as it came.
        actor: id of who asks.
    """
    hasher = blake2b(digest_size=16, person=b"tocsin.request")
    for part in (method.encode(), path.encode(), body, actor.encode()):
        hasher.update(len(part).to_bytes(4, "big"))
        hasher.update(part)
    return hasher.hexdigest()
