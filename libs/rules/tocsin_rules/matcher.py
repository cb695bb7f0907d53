"""Matchers in Alertmanager's syntax (its UTF-8 parser): `severity=~"crit.*"`, `{service="api",env!="dev"}`."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from tocsin_rules.fields import field_named
from tocsin_rules.regex import Programs, Regex, RegexError
from tocsin_rules.tokens import Kind, MatcherError, Token, tokens_of

__all__ = ["Matcher", "MatcherError", "Operator", "parse_matchers"]

MATCHERS_MAX = 20
"""Of one rule."""
VALUE_MAX = 1000
_QUOTED = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"})


class Operator(StrEnum):
    """How a value is compared; regular expressions must match the whole of it."""

    EQUAL = "="
    NOT_EQUAL = "!="
    MATCH = "=~"
    NOT_MATCH = "!~"

    @property
    def is_regex(self) -> bool:
        """Tell whether the value is a regular expression."""
        return self in {Operator.MATCH, Operator.NOT_MATCH}

    @property
    def is_negative(self) -> bool:
        """Tell whether the matcher holds where its value does *not* match."""
        return self in {Operator.NOT_EQUAL, Operator.NOT_MATCH}


@dataclass(frozen=True)
class Matcher:
    """One condition on one field of an alert. What an alert does not have is the empty text."""

    name: str
    """As written."""
    operator: Operator
    value: str

    @cached_property
    def field(self) -> str:
        """The field that the name means: `service`, `labels.region`."""
        return field_named(self.name)

    @cached_property
    def wanted(self) -> str:
        """The text that is compared: severities in upper case."""
        return self.value.upper() if self.field == "severity" else self.value

    @cached_property
    def regex(self) -> Regex:
        """The regular expression; severities match in either case."""
        return Regex(self.value, ignore_case=self.field == "severity")

    @property
    def is_searched(self) -> bool:
        """Tell whether it is a real expression: no text, nor a list of texts, which a table finds."""
        return self.operator.is_regex and self.regex.literals is None

    def holds(self, value: str) -> bool:
        """Tell whether the condition holds for a field's value (`fields.value_of`)."""
        found = self.regex.matches(value) if self.operator.is_regex else value == self.wanted
        return found is not self.operator.is_negative

    def __str__(self) -> str:
        name = self.name if _is_plain(self.name) else f'"{self.name.translate(_QUOTED)}"'
        return f'{name}{self.operator}"{self.value.translate(_QUOTED)}"'


def parse_matchers(written: str | Sequence[str], programs: Programs | None = None) -> tuple[Matcher, ...]:
    """Read matchers: one text with commas, in braces or not, or a list of such texts. Empty: no condition.

    Args:
        written: the texts.
        programs: of the document that they stand in; None: they stand by themselves.

    Raises:
        MatcherError: says in which text, at which column (from 1), and what is wrong.
    """
    texts = [written] if isinstance(written, str) else written
    found = tuple(matcher for text in texts for matcher in _Parser(text, programs or Programs()).matchers())
    if len(found) > MATCHERS_MAX:
        raise MatcherError(texts[-1], 1, f"a rule has at most {MATCHERS_MAX} matchers, here are {len(found)}")
    return found


class _Parser:
    """Reads the tokens of one text, after the grammar of Alertmanager's `matcher/parse`."""

    def __init__(self, text: str, programs: Programs) -> None:
        self._text = text
        self._programs = programs
        self._tokens = tokens_of(text)
        self._next = 0

    def matchers(self) -> list[Matcher]:
        """Read to the end."""
        found: list[Matcher] = []
        opened = self._accept(Kind.OPEN)
        while self._peek().kind in {Kind.QUOTED, Kind.UNQUOTED} or (
            not found and self._peek().kind in {Kind.COMMA, Kind.OPERATOR}
        ):
            found.append(self._matcher())
            if not self._accept(Kind.COMMA):
                break
        token = self._peek()
        if opened and not self._accept(Kind.CLOSE):
            raise self._error(token, "expected a comma or }" if token.kind is not Kind.END else "the } is missing")
        if not opened and token.kind is Kind.CLOSE:
            raise self._error(token, "there is no { before this }")
        end = self._peek()
        if end.kind is not Kind.END:
            raise self._error(end, "expected a comma or the end" if not opened else "expected the end")
        return found

    def _matcher(self) -> Matcher:
        name = self._take((Kind.QUOTED, Kind.UNQUOTED), "expected the name of a field or label")
        operator = self._take((Kind.OPERATOR,), "expected =, !=, =~ or !~")
        value = self._take((Kind.QUOTED, Kind.UNQUOTED), "expected a value")
        if len(value.value) > VALUE_MAX:
            raise self._error(value, f"a value has at most {VALUE_MAX} characters")
        matcher = Matcher(name.value, Operator(operator.value), value.value)
        try:
            _ = matcher.field
        except ValueError as error:
            raise self._error(name, str(error)) from error
        if matcher.operator.is_regex:
            try:
                matcher.regex.check(self._programs)
            except RegexError as error:
                raise self._error(value, str(error)) from error
        return matcher

    def _peek(self) -> Token:
        return self._tokens[self._next]

    def _accept(self, kind: Kind) -> bool:
        if self._peek().kind is not kind:
            return False
        self._next += 1
        return True

    def _take(self, kinds: tuple[Kind, ...], otherwise: str) -> Token:
        token = self._peek()
        if token.kind not in kinds:
            raise self._error(token, otherwise)
        self._next += 1
        return token

    def _error(self, token: Token, what: str) -> MatcherError:
        return MatcherError(self._text, token.column, what)


def _is_plain(name: str) -> bool:
    try:
        tokens = tokens_of(name)
    except MatcherError:
        return False
    return tokens[0].kind is Kind.UNQUOTED and tokens[0].value == name
