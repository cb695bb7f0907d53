"""The one JSON parser of untrusted bodies: orjson, and what it does not bound by itself.

orjson refuses NaN, Infinity, numbers beyond a double, lone surrogates, invalid UTF-8 and a byte order mark. It lets pass,
and this module stops: size, depth, number of values, and integers beyond 64 bits, which it would silently turn into
floats, so that two identifiers become one. Such an integer is refused, not kept as text: no sender that we know of writes one
(Opsgenie's nanoseconds and Site24x7's ids fit into 64 bits and stay exact), and a reader that sometimes gives a
number and sometimes text would have to be expected everywhere. NUL characters are valid JSON and pass: the normalizer
makes them storable. Of equal keys in one object the last wins.
"""

import json
import re
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain

import orjson

from tocsin_contracts.topics import BODY_MAX_BYTES

_ALL_BUT_STRUCTURE = bytes(byte for byte in range(256) if byte not in b"{[,")
_DIGITS_AS_ZERO = bytes.maketrans(b"123456789", b"000000000")
_LONG_RUN = b"0" * 19
"""The shortest integer beyond 64 bits has 19 digits (below -2**63)."""
_STRING_OR_LONG_INTEGER = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|(?<![\d.eE+-])(-?\d{19,}+)(?![.eE])', re.DOTALL)
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_CONTROL = re.compile(rb"[\x00-\x1f]")
_SMALLEST, _LARGEST = -(2**63), 2**64 - 1


class NotJsonCode(StrEnum):
    """Why a body cannot be read."""

    NOT_JSON = "not-json"
    TOO_LARGE = "too-large"
    TOO_DEEP = "too-deep"
    TOO_MANY_NODES = "too-many-nodes"
    NUMBER_TOO_LARGE = "number-too-large"
    DUPLICATE_KEY = "duplicate-key"


class NotJson(ValueError):  # noqa: N818 # it names what the body is
    """The body is not JSON that we read; `detail` is for people and holds nothing of the body."""

    def __init__(self, code: NotJsonCode, detail: str) -> None:
        self.code = code
        self.detail = detail
        super().__init__(f"{code}: {detail}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of one document; gateway and normalizer use the same."""

    size_bytes: int = BODY_MAX_BYTES
    depth: int = 64
    """Containers inside one another; the deepest sample of all 42 sources has 12."""
    nodes: int = 200_000
    """Values of any type. A full MiB of real Alertmanager alerts has about 50,000; 1 MiB of `[1,1,…` would have 524,288, each
    an object of ours."""


DEFAULT_LIMITS = Limits()


def parse(body: bytes, limits: Limits = DEFAULT_LIMITS) -> object:
    """Read a body.

    Bodies with few containers and commas, which is nearly all of them, are never walked: counting bytes proves their bounds.

    Raises:
        NotJson: the body is no JSON, or breaks a limit; its code says which.
    """
    if len(body) > limits.size_bytes:
        raise NotJson(NotJsonCode.TOO_LARGE, f"more than {limits.size_bytes} bytes")
    try:
        document: object = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise NotJson(NotJsonCode.NOT_JSON, f"not JSON at line {error.lineno} column {error.colno}") from error
    structure = body.translate(None, _ALL_BUT_STRUCTURE)
    openers = len(structure) - structure.count(b",")
    if openers > limits.depth or len(structure) >= limits.nodes:
        _check_shape(document, limits)
    if _LONG_RUN in body.translate(_DIGITS_AS_ZERO):
        _check_integers(body)
    return document


def parse_templated(body: bytes, limits: Limits = DEFAULT_LIMITS) -> object:
    """Read a body that a person's template made, where line breaks and tabs may stand in texts as they are (SOURCES 0.6).

    Raises:
        NotJson: as `parse` does; a quote that nobody escaped is beyond help.
    """
    try:
        return parse(body, limits)
    except NotJson as fault:
        if fault.code is not NotJsonCode.NOT_JSON or _CONTROL.search(body) is None:
            raise
    return parse(_STRING.sub(lambda found: _CONTROL.sub(_escape, found[0]), body), limits)


def _escape(found: re.Match[bytes]) -> bytes:
    return b"\\u%04x" % found[0][0]


def _check_shape(document: object, limits: Limits) -> None:
    """Walk level by level, so that no depth can exhaust the stack, and stop at the first broken limit."""
    level = [document] if isinstance(document, (dict, list)) else []
    depth, nodes = 0, 1
    while level:
        depth += 1
        if depth > limits.depth:
            raise NotJson(NotJsonCode.TOO_DEEP, f"more than {limits.depth} levels")
        nodes += sum(map(len, level))
        if nodes > limits.nodes:
            raise NotJson(NotJsonCode.TOO_MANY_NODES, f"more than {limits.nodes} values")
        values = chain.from_iterable([each.values() if type(each) is dict else each for each in level])
        level = [value for value in values if type(value) is dict or type(value) is list]


def _check_integers(body: bytes) -> None:
    """Look for integers beyond 64 bits outside of strings; the body is known to be valid JSON."""
    for match in _STRING_OR_LONG_INTEGER.finditer(body):
        digits = match[1]
        if digits is not None and (len(digits) > 20 or not _SMALLEST <= int(digits) <= _LARGEST):
            raise NotJson(NotJsonCode.NUMBER_TOO_LARGE, "an integer beyond 64 bits")


def check_keys(body: bytes) -> None:
    """Refuse a body in which one object has a member twice: of two severities, who knows which was meant (S31).

    For formats of our own; senders' formats keep the last, as `parse` does. The body is known to be within our limits.

    Raises:
        NotJson: `duplicate-key`.
    """
    json.loads(body, object_pairs_hook=_single_keys)


def _single_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise NotJson(NotJsonCode.DUPLICATE_KEY, "a member stands twice in one object")
    return members
