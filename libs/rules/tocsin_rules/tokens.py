"""The words of a matcher's text, as Alertmanager's lexer finds them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

_RESERVED = r"\s{}!=~,\\\"'`"
_UNQUOTED = re.compile(f"[^{_RESERVED}]+")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_OPERATOR = re.compile("=~|!=|!~|=")
_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|([abfnrtv\\\"])|)")
_LETTERS = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\", '"': '"'}


class MatcherError(ValueError):
    """A text is not a list of matchers: `text`, and the `column` (from 1) where it stops being one."""

    def __init__(self, text: str, column: int, what: str) -> None:
        self.text = text
        self.column = column
        self.what = what
        shown = text if len(text) <= 120 else text[:119] + "…"
        super().__init__(f"{what} at column {column} of {shown!r}")


class Kind(Enum):
    """What a token is."""

    OPEN = auto()
    CLOSE = auto()
    COMMA = auto()
    OPERATOR = auto()
    QUOTED = auto()
    UNQUOTED = auto()
    END = auto()


@dataclass(frozen=True, slots=True)
class Token:
    """One word; the value of a quoted one is what its escapes mean."""

    kind: Kind
    value: str
    column: int


_SINGLE = {"{": Kind.OPEN, "}": Kind.CLOSE, ",": Kind.COMMA}


def tokens_of(text: str) -> list[Token]:
    """Find the tokens of a text; the last is always END.

    Raises:
        MatcherError: a character that begins no token, quotes without an end, an escape that is none.
    """
    return list(_tokens(text))


def _tokens(text: str) -> Iterator[Token]:
    at = 0
    while at < len(text):
        character = text[at]
        if character.isspace():
            at += 1
        elif character in _SINGLE:
            yield Token(_SINGLE[character], character, at + 1)
            at += 1
        else:
            kind, found = _word(text, at)
            word = found.group()
            value = _unquoted(text, found) if kind is Kind.QUOTED else word
            if "\x00" in value:
                raise MatcherError(text, at + 1, "no field or label holds NUL")
            yield Token(kind, value, at + 1)
            at = found.end()
    yield Token(Kind.END, "", len(text) + 1)


def _word(text: str, at: int) -> tuple[Kind, re.Match[str]]:
    for kind, pattern in ((Kind.OPERATOR, _OPERATOR), (Kind.QUOTED, _QUOTED), (Kind.UNQUOTED, _UNQUOTED)):
        found = pattern.match(text, at)
        if found is not None:
            return kind, found
    what = 'the closing " is missing' if text[at] == '"' else f"{text[at]!r} must stand in double quotes"
    raise MatcherError(text, at + 1, what)


def _unquoted(text: str, found: re.Match[str]) -> str:
    r"""Read Go's escapes: `\n`, `\"`, `\\`, `\x41`, `\u00e9`, `\U0001f642`, `\101`; `\x` and octal ones are bytes of UTF-8."""
    parts: list[bytes] = []
    inner, begins = found.group(1), found.start(1)
    at = 0
    try:
        for escape in _ESCAPE.finditer(inner):
            parts.append(inner[at : escape.start()].encode())
            at = escape.start()
            parts.append(_meant(escape))
            at = escape.end()
        return b"".join([*parts, inner[at:].encode()]).decode()
    except UnicodeError as error:
        raise MatcherError(text, found.start() + 1, "this is not UTF-8") from error
    except ValueError as error:
        raise MatcherError(text, begins + at + 1, str(error)) from error


def _meant(escape: re.Match[str]) -> bytes:
    byte, short, long, octal, letter = escape.groups()
    if letter is not None:
        return _LETTERS[letter].encode()
    if byte is not None:
        return bytes([int(byte, 16)])
    if octal is not None and int(octal, 8) < 256:
        return bytes([int(octal, 8)])
    point = short or long
    if point is not None and int(point, 16) < 0x110000:
        return chr(int(point, 16)).encode()
    raise ValueError(r"no escape that we know; a backslash is written \\")
