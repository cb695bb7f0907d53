"""Query parameters: declared once, read, refused and documented from the same place (C6).

A parameter's kind reads one text into a value and describes itself as JSON Schema, so that what the OpenAPI document says is
what the service does.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Protocol

from tocsin_contracts.position import Position
from tocsin_contracts.times import EARLIEST_AT, LATEST_AT, from_datetime

FAULTS_MAX: Final = 20
VALUES_MAX: Final = 50
TEXT_MAX: Final = 1000
_SEPARATOR = re.compile(r"(?<!\\),")
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)")
_SPACE_BEFORE_ZONE = re.compile(r" (?=\d\d:\d\d\Z)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is wrong with one parameter. `detail` is a fixed sentence and never repeats the value."""

    parameter: str
    code: str
    detail: str


class Refused(Exception):  # noqa: N818 - a refusal is an answer, not an error of ours
    """The query cannot be answered as it stands: 422, with every fault at once."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)[:FAULTS_MAX]
        super().__init__("; ".join(f"{fault.parameter}: {fault.code}" for fault in self.faults))


class Unfit(Exception):  # noqa: N818 - becomes a Fault, which knows the parameter's name
    """One text is not a value of its kind."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class Kind(Protocol):
    """How one text becomes a value."""

    def read(self, text: str) -> object:
        """Give the value; raise `Unfit` where the text is none."""

    def schema(self) -> dict[str, object]:
        """Describe the values as JSON Schema."""


@dataclass(frozen=True, slots=True)
class Text:
    """Any text that PostgreSQL can store."""

    most: int = TEXT_MAX

    def read(self, text: str) -> str:
        """Give the text as it is: these columns compare exactly."""
        if len(text) > self.most:
            raise Unfit("too-long", f"at most {self.most} characters")
        if "\x00" in text or any("\ud800" <= char <= "\udfff" for char in text):
            raise Unfit("not-text", "holds a character that no stored text has")
        return text

    def schema(self) -> dict[str, object]:
        """Describe a bounded string."""
        return {"type": "string", "minLength": 1, "maxLength": self.most}


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a closed list; upper and lower case are one."""

    values: tuple[str, ...]

    def read(self, text: str) -> str:
        """Give the listed value that the text names."""
        for value in self.values:
            if value.lower() == text.lower():
                return value
        raise Unfit("not-allowed", f"one of {', '.join(self.values)}")

    def schema(self) -> dict[str, object]:
        """Describe the list."""
        return {"type": "string", "enum": list(self.values)}


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number inside bounds."""

    least: int
    most: int
    above: str = ""
    """What to do about a number above `most`, where there is something."""

    def read(self, text: str) -> int:
        """Give the number; no signs, no spaces, no other alphabets' digits."""
        if not text.isascii() or not text.isdigit() or len(text) > 18:
            raise Unfit("not-a-number", "a whole number in decimal digits")
        number = int(text)
        if number > self.most and self.above:
            raise Unfit("out-of-range", f"at most {self.most}: {self.above}")
        if not self.least <= number <= self.most:
            raise Unfit("out-of-range", f"from {self.least} to {self.most}")
        return number

    def schema(self) -> dict[str, object]:
        """Describe the bounds."""
        return {"type": "integer", "minimum": self.least, "maximum": self.most}


@dataclass(frozen=True, slots=True)
class Instant:
    """A moment: RFC 3339 with its zone; read as µs."""

    def read(self, text: str) -> int:
        """Give µs since the epoch. A `+` that arrived as a space before the offset is read as the `+` it was."""
        text = _SPACE_BEFORE_ZONE.sub("+", text)
        if not text.isascii() or not _RFC3339.fullmatch(text):
            raise Unfit("not-a-time", "RFC 3339 with a zone, like 2026-01-31T12:00:00Z")
        try:
            at = from_datetime(datetime.fromisoformat(text.upper()).astimezone(UTC))
        except (ValueError, OverflowError):
            raise Unfit("not-a-time", "no such moment in the calendar") from None
        if not EARLIEST_AT <= at <= LATEST_AT:
            raise Unfit("out-of-range", "between the years 1970 and 2100")
        return at

    def schema(self) -> dict[str, object]:
        """Describe a date-time."""
        return {"type": "string", "format": "date-time"}


@dataclass(frozen=True, slots=True)
class Place:
    """A position in the log."""

    def read(self, text: str) -> Position:
        """Give the position."""
        try:
            return Position.parse(text)
        except ValueError as error:
            raise Unfit("not-a-position", str(error)) from None

    def schema(self) -> dict[str, object]:
        """Describe `partition:offset`."""
        return {"type": "string", "pattern": r"^\d{1,5}:\d{1,15}$"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One name of the query string, and what its values are."""

    name: str
    meaning: str
    kind: Kind = field(default_factory=Text)
    many: bool = False
    """Whether it may be repeated or list several values, separated by commas; a comma inside a value is written `\\,`."""
    default: str | int | None = None

    def read(self, texts: list[str]) -> object:
        """Give the value, or the tuple of distinct values in their first order.

        Raises:
            Unfit: a value is not of the kind, or there are too many.
        """
        if not self.many:
            if len(texts) > 1:
                raise Unfit("repeated", "this parameter takes one value")
            return self._read(texts[0])
        parts = [part.replace("\\,", ",") for text in texts for part in _SEPARATOR.split(text)]
        if len(parts) > VALUES_MAX:
            raise Unfit("too-many", f"at most {VALUES_MAX} values")
        return tuple(dict.fromkeys(self._read(part) for part in parts))

    def _read(self, text: str) -> object:
        if not text:
            raise Unfit("empty", "a value is needed; leave the parameter out to not filter")
        return self.kind.read(text)

    def document(self) -> dict[str, object]:
        """Describe it as an OpenAPI parameter."""
        schema = self.kind.schema()
        if self.default is not None:
            schema = {**schema, "default": self.default}
        entry: dict[str, object] = {"name": self.name, "in": "query", "description": self.meaning, "schema": schema}
        if self.many:
            entry |= {"schema": {"type": "array", "items": schema, "maxItems": VALUES_MAX}, "style": "form", "explode": False}
        return entry


def read_query(declared: Iterable[Parameter], query: Iterable[tuple[str, str]]) -> dict[str, object]:
    """Read a whole query string; what was not said is not in the result.

    Raises:
        Refused: with every fault: unknown names (a misspelt filter would silently show everything), unfit values.
    """
    known: Mapping[str, Parameter] = {parameter.name: parameter for parameter in declared}
    given: dict[str, list[str]] = {}
    faults: list[Fault] = []
    for name, text in query:
        given.setdefault(name, []).append(text)
    values: dict[str, object] = {}
    for name, texts in given.items():
        if name not in known:
            faults.append(Fault(parameter=name[:100], code="unknown-parameter", detail=f"known here: {_listed(known)}"))
            continue
        try:
            values[name] = known[name].read(texts)
        except Unfit as unfit:
            faults.append(Fault(parameter=name, code=unfit.code, detail=unfit.detail))
    if faults:
        raise Refused(faults)
    return values


def _listed(known: Mapping[str, Parameter]) -> str:
    return ", ".join(known) or "no parameters"
