r"""Regular expressions of users: RE2, so that none of them takes more than linear time.

As in Prometheus, an expression must match the whole value and `.` matches a line's end too.
"""

import re
from dataclasses import dataclass
from functools import cached_property

import re2

PROGRAM_MAX = 5_000
"""RE2 instructions of one expression."""
PROGRAMS_MAX = 100_000
"""RE2 instructions of a whole document."""
REGEXES_MAX = 4_000
"""Expressions of a document, besides those that only list texts; the same one in the same kind and field counts once."""
PART_MAX = 20_000
"""RE2 instructions that are matched in one pass."""
_COMPILE_MEMORY = 1 << 20
"""In bytes: an expression of three times `PROGRAM_MAX` instructions fits, and the time is short that it takes to see more."""
_TOO_LARGE = "this regular expression is too large: fewer or smaller repetitions"
_LITERALS_MAX = 100
_LITERAL = re.compile(r"(?:[\w \-/:@#%&<>,;=!~'\"]|\\[.\-/+*?()\[\]{}|^$ \\])+")
_META = re.compile(r"[.+*?()\[\]{}|^$\\]")
_FLAGGED = re.compile(r"\(\?[^:P<]|\\[QECG]")
"""What makes a pattern unfit for taking apart: flags in the middle, quoting."""


class RegexError(ValueError):
    """A regular expression that cannot be used; says why."""


def options_of(memory: int) -> re2.Options:
    """Give how RE2 reads expressions here, in so many bytes."""
    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    options.dot_nl = True
    options.max_mem = memory
    return options


def memory_of(program: int) -> int:
    """Give the bytes that RE2 may take to match so many instructions; it forgets states above it."""
    return (32 << 10) + 512 * program


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
        try:
            re2.compile(self.pattern.encode(), options_of(_COMPILE_MEMORY))  # by itself, so that a stray ) is seen
            return int(re2.compile(self.sought, options_of(_COMPILE_MEMORY)).programsize)
        except re2.error as error:
            said = error.args[0] if error.args else b""
            why = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
            if why.startswith("pattern too large"):
                raise RegexError(_TOO_LARGE) from error
            raise RegexError(f"no regular expression that RE2 takes: {why}") from error

    def check(self, programs: "Programs") -> None:
        """Refuse what RE2 does not take, and what is too large, by itself or behind those that were checked before.

        Raises:
            RegexError: says why.
        """
        program = programs.sizes.get(self)
        if program is not None:
            self.__dict__["program"] = program
        elif programs.spent > PROGRAMS_MAX:
            raise RegexError("with this one all regular expressions together are too large: fewer or smaller repetitions")
        else:
            programs.add(self)

    def matches(self, text: str) -> bool:
        """Tell whether the whole text matches."""
        return self._matching.search(text.encode("utf-8", "replace")) is not None

    @cached_property
    def memory(self) -> int:
        """The bytes that RE2 may take for it when it is matched by itself: it is slower with less, and never wrong."""
        return memory_of(self.program)

    @cached_property
    def has_literal(self) -> bool:
        """Tell whether some text must occur wherever it matches, so that a search for it can go before."""
        alone = re2.Filter()
        alone.Add(self.sought, options_of(_COMPILE_MEMORY))
        alone.Compile()
        return not alone.Match(b"", potential=True)

    @cached_property
    def _matching(self) -> re2._Regexp:
        return re2.compile(self.sought, options_of(self.memory))


class Programs:
    """The expressions of one document, as they are checked: large ones take milliseconds each, so their sum is bounded."""

    def __init__(self) -> None:
        self.sizes: dict[Regex, int] = {}
        self.spent = 0
        """RE2 instructions that were compiled for it."""

    def add(self, regex: Regex) -> None:
        """Check another expression.

        Raises:
            RegexError: RE2 does not take it, or it is too large by itself.
        """
        try:
            size = regex.program
        except RegexError as error:
            self.spent += PROGRAM_MAX if str(error) == _TOO_LARGE else 0
            raise
        self.spent += size
        if size > PROGRAM_MAX:
            raise RegexError(_TOO_LARGE)
        self.sizes[regex] = size


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
