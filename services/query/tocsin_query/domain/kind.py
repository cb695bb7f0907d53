"""Kinds of parameter values: each reads one text into a value and describes itself as JSON Schema."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Protocol

from tocsin_contracts.position import Position
from tocsin_contracts.reference import read_reference
from tocsin_contracts.times import EARLIEST_AT, LATEST_AT, from_datetime

TEXT_MAX: Final = 1000
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)")
_SPACE_BEFORE_ZONE = re.compile(r" (?=\d\d:\d\d\Z)")


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


@dataclass(frozen=True, slots=True)
class IncidentName:
    """An incident as people name it: its id, its short code, or a beginning of the id."""

    def read(self, text: str) -> str:
        """Give it folded: every spelling of one name is the same text."""
        try:
            return read_reference(text).written
        except ValueError:
            raise Unfit("not-an-incident", "an incident's id, or its short code like INC-7K3QF2B") from None

    def schema(self) -> dict[str, object]:
        """Describe a bounded string."""
        return {"type": "string", "minLength": 7, "maxLength": 40}
