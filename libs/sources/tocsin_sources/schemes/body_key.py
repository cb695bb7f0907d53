"""A key inside the body, as PagerDuty's Events API has it: found before the sender is known, so bounded twice."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import orjson

from tocsin_sources.document import Limits, NotJson, parse
from tocsin_sources.signature import HEADER_MAX, Rejected, Rejection, SignedRequest, Verdict, compare, encoded

REDACTED = "[redacted]"
"""What stands in the log where the key stood."""
_UNLIKELY_CHARACTERS = 16
"""Keys have at least this many; a shorter text may stand elsewhere with another meaning, so the JSON is written anew."""
_LIMITS = Limits(size_bytes=512 * 1024)
"""Events API v2 takes no larger one (SOURCES 6a); a larger body is never parsed for a stranger."""


@dataclass(frozen=True, slots=True)
class BodyKey:
    """A top-level member of the JSON body that is the secret itself. Nothing covers the rest of the body.

    Whoever appends such a body replaces the key before (`redacted`).
    """

    members: tuple[str, ...]
    """Names of the members; the first one there counts."""
    name: str = "body-key"

    def verify(self, request: SignedRequest, secrets: Sequence[bytes]) -> Verdict:
        """Compare the member with the secrets; a body without one, or that is no JSON as received, carries no credentials."""
        try:
            document = parse(request.body, _LIMITS)
        except NotJson:
            return Rejected(Rejection.NO_CREDENTIALS)
        key = next((document[name] for name in self.members if name in document), None) if isinstance(document, dict) else None
        if not isinstance(key, str) or not key.strip():
            return Rejected(Rejection.NO_CREDENTIALS)
        return compare(encoded(key.strip()), secrets) if len(key) <= HEADER_MAX else Rejected(Rejection.OVERSIZED)

    def sign(self, body: bytes, secret: bytes, now: int = 0) -> dict[str, str]:  # noqa: ARG002 # see below
        """Give no headers: what proves such a body stands in it already (`filled`)."""
        return {}

    def filled(self, body: bytes, secret: bytes) -> bytes:
        """Give a body of ours with the secret as its key, in place of the one that it has: for senders of ours."""
        document = orjson.loads(body)
        name = next((name for name in self.members if name in document), self.members[0])
        return orjson.dumps({**document, name: secret.decode()})


def redacted(body: bytes, pointers: Sequence[str]) -> bytes:
    """Replace the text at these JSON pointers, each a top-level member, wherever it stands in the body, in longer text too.

    All else stays byte for byte, unless the text is short or was written with needless escapes: then the JSON is written
    anew. A body without any of them, or that is no JSON, is returned as it is.
    """
    try:
        document = parse(body)
    except NotJson:
        return body
    if not isinstance(document, dict):
        return body
    names = [pointer.removeprefix("/") for pointer in pointers]
    keys = {name: value for name in names if isinstance(value := document.get(name), str) and value}
    if not keys:
        return body
    clean = body
    for key in keys.values():
        if len(key) < _UNLIKELY_CHARACTERS:
            break
        clean = clean.replace(orjson.dumps(key)[1:-1], REDACTED.encode())
    return clean if _hides(clean, keys) else orjson.dumps({**document, **dict.fromkeys(keys, REDACTED)})


def _hides(body: bytes, names: Iterable[str]) -> bool:
    """Tell whether a body is still JSON, with every one of its keys replaced."""
    try:
        said = parse(body)
    except NotJson:  # the key looked like a piece of structure or of a number
        return False
    return isinstance(said, dict) and all(said.get(name) == REDACTED for name in names)
