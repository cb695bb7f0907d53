r"""Regular expressions of users: RE2, so that none of them takes more than linear time.

As in Prometheus, an expression must match the whole value and `.` matches a line's end too.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import re2

PROGRAM_MAX = 5_000
"""RE2 instructions of one expression."""
PROGRAMS_MAX = 100_000
"""RE2 instructions of a whole document."""
_MEMORY = 8 << 20
"""Of one compiled set, in bytes; RE2 forgets states above it."""
_SET_PROGRAM_MAX = 20_000
_LITERALS_MAX = 100
_LITERAL = re.compile(r"(?:[\w \-/:@#%&<>,;=!~'\"]|\\[.\-/+*?()\[\]{}|^$ \\])+")
_META = re.compile(r"[.+*?()\[\]{}|^$\\]")
_FLAGGED = re.compile(r"\(\?[^:P<]|\\[QECG]")
"""What makes a pattern unfit for taking apart: flags in the middle, quoting."""


class RegexError(ValueError):
    """A regular expression that cannot be used; says why."""


def _options() -> re2.Options:
    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    options.dot_nl = True
    options.max_mem = _MEMORY
    return options


@dataclass(frozen=True)
class Regex:
    """One expression, anchored at both ends."""

    pattern: str
    ignore_case: bool = False

    @cached_property
    def literals(self) -> tuple[str, ...] | None:
        """The texts that it matches where it is nothing but `a|b|c` (a table finds those); else None."""
        if self.ignore_case and not self.pattern.isascii():
            return None
        branches = _branches(self.pattern)
        if len(branches) > _LITERALS_MAX or not all(branch == "" or _LITERAL.fullmatch(branch) for branch in branches):
            return None
        return tuple(re.sub(r"\\(.)", r"\1", branch) for branch in branches)

    @property
    def has_meta(self) -> bool:
        """Tell whether it says more than a plain text would."""
        return _META.search(self.pattern) is not None

    @cached_property
    def sought(self) -> bytes:
        r"""The same condition as a search: `.*x.*` becomes `x`, which a set of a thousand finds a hundred times faster."""
        flag, body = ("(?i)", self.pattern[4:]) if self.pattern.startswith("(?i)") else ("", self.pattern)
        first, last = r"\A", r"\z"
        if _FLAGGED.search(body) is None and len(_branches(body)) == 1:
            if body.startswith(".*") and body[2:3] not in {"?", "*", "+", "{"}:
                first, body = "", body[2:]
            if body.endswith(".*") and not _is_escaped(body, len(body) - 2):
                last, body = "", body[:-2]
        flag = "(?i)" if self.ignore_case else flag
        return f"{flag}{first}(?:{body}){last}".encode()

    @cached_property
    def program(self) -> int:
        """How large it is, in RE2 instructions.

        Raises:
            RegexError: RE2 does not take it.
        """
        return int(self._compiled.programsize)

    def check(self) -> None:
        """Refuse what RE2 does not take, and what is too large.

        Raises:
            RegexError: says why.
        """
        if self.program > PROGRAM_MAX:
            raise RegexError("this regular expression is too large: fewer or smaller repetitions")

    def matches(self, text: str) -> bool:
        """Tell whether the whole text matches."""
        return self._compiled.search(text.encode("utf-8", "replace")) is not None

    @cached_property
    def _compiled(self) -> re2._Regexp:
        try:
            re2.compile(self.pattern.encode(), _options())  # by itself, so that a stray ) is seen
            return re2.compile(self.sought, _options())
        except re2.error as error:
            said = error.args[0] if error.args else b""
            why = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
            raise RegexError(f"no regular expression that RE2 takes: {why}") from error


class RegexSet:
    """Many expressions, matched in one pass over the text."""

    def __init__(self, regexes: Sequence[Regex]) -> None:
        self._regexes = tuple(regexes)
        self._parts: list[tuple[tuple[int, ...], re2.Set | None]] = []
        part: list[int] = []
        size = 0
        for number, regex in enumerate(self._regexes):
            if part and size + regex.program > _SET_PROGRAM_MAX:
                self._add(part)
                part, size = [], 0
            part.append(number)
            size += regex.program
        if part:
            self._add(part)

    def matching(self, text: str) -> list[int]:
        """Give the numbers of the expressions that match, in no order that means anything."""
        data = text.encode("utf-8", "replace")
        found: list[int] = []
        for numbers, compiled in self._parts:
            hits = () if compiled is None else compiled.Match(data) or ()
            if 0 in hits:
                if len(hits) > 1:
                    found += [numbers[hit - 1] for hit in hits if hit]
            else:  # the first always matches: RE2 had no memory for this text, and says so by finding nothing
                found += [number for number in numbers if self._regexes[number].matches(text)]
        return found

    def _add(self, numbers: Sequence[int]) -> None:
        compiled = re2.Set.SearchSet(_options())
        compiled.Add(b"")
        for number in numbers:
            compiled.Add(self._regexes[number].sought)
        try:
            compiled.Compile()
        except re2.error:  # too large together: each by itself
            compiled = None
        self._parts.append((tuple(numbers), compiled))


def _is_escaped(text: str, at: int) -> bool:
    before = text[:at]
    return (len(before) - len(before.rstrip("\\"))) % 2 == 1


def _branches(pattern: str) -> list[str]:
    """Split at the `|` that stand outside of groups, classes and escapes."""
    branches, depth, begins, at, in_class = [], 0, 0, 0, False
    while at < len(pattern):
        character = pattern[at]
        if character == "\\":
            at += 1
        elif in_class:
            in_class = character != "]"
        elif character == "[":
            in_class = True
            at += pattern[at + 1 : at + 2] == "^"
            at += pattern[at + 1 : at + 2] == "]"
        elif character in "()":
            depth += 1 if character == "(" else -1
        elif character == "|" and depth == 0:
            branches.append(pattern[begins:at])
            begins = at + 1
        at += 1
    return [*branches, pattern[begins:]]
