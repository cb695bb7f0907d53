"""Finding the rules whose matchers all hold, at a cost that hardly grows with their number.

Each field that any rule names has a table: from a value to the set of rules that the value does not exclude, as the bits
of one integer. The rules that match an alert are the bits that all tables leave standing. Equalities (and expressions
that are nothing but `a|b|c`) are looked up, all other expressions of a field are matched in one pass.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache, reduce
from operator import attrgetter, or_

from tocsin_contracts.alert import AlertEvent
from tocsin_rules.fields import EVENT_FIELDS, LABELS, OTHER_FIELDS
from tocsin_rules.matcher import Matcher
from tocsin_rules.regex import RegexSet

VALUES_MAX = 4_096
"""Values of one field whose rules are remembered."""
_TOO_LONG = frozenset({"description"})
"""Fields whose values are not worth remembering."""


class MatcherIndex:
    """The matchers of many rules, in their order: rule n is bit n."""

    def __init__(self, rules: Sequence[Sequence[Matcher]]) -> None:
        self._all = (1 << len(rules)) - 1
        fields = dict.fromkeys(matcher.field for matchers in rules for matcher in matchers)
        tables = {field: _remembered(field, _FieldTable(field, rules)) for field in fields}
        self._labels = tuple(
            (field.removeprefix(LABELS), tables[field], tables[field]("")) for field in fields if field.startswith(LABELS)
        )
        """A label's name, its table, and the rules that its absence does not exclude."""
        self._events = tuple((attrgetter(field), tables[field]) for field in fields if field in EVENT_FIELDS)
        self._others = tuple((OTHER_FIELDS.index(field), tables[field]) for field in fields if field in OTHER_FIELDS)
        """A field's place among what is not the event's, and its table."""

    def matching(self, source: str, integration: str, event: AlertEvent, category: str = "", team: str | None = None) -> int:
        """Give the rules whose matchers all hold, as bits.

        Args:
            source: of the alert.
            integration: its id.
            event: what the source said, prepared.
            category: of a classified alert.
            team: of a classified alert; None: the one that the sender named.
        """
        standing = self._all
        labels = event.labels
        for name, rules_for, without in self._labels:
            standing &= rules_for(labels[name]) if name in labels else without
        for get, rules_for in self._events:
            standing &= rules_for(get(event) or "")
        if self._others:
            others = (source, integration, category, team or event.team or "")
            for place, rules_for in self._others:
                standing &= rules_for(others[place])
        return standing


def _remembered(field: str, table: "_FieldTable") -> Callable[[str], int]:
    return table.rules_for if field in _TOO_LONG else lru_cache(maxsize=VALUES_MAX)(table.rules_for)


def numbers_of(bits: int) -> Iterator[int]:
    """Give the numbers of the bits that are set, lowest first."""
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() - 1
        bits ^= lowest


class _FieldTable:
    """What the values of one field exclude."""

    def __init__(self, field: str, rules: Sequence[Sequence[Matcher]]) -> None:
        self._all = (1 << len(rules)) - 1
        self._wanting = 0
        """Rules that hold only for values of `_wanted`."""
        self._wanted: dict[str, int] = {}
        self._unwanted: dict[str, int] = {}
        searched: dict[Matcher, int] = {}
        for number, matchers in enumerate(rules):
            here = [matcher for matcher in matchers if matcher.field == field]
            self._add_texts(1 << number, here)
            for matcher in here:
                if _texts(matcher) is None:
                    searched[matcher] = searched.get(matcher, 0) | 1 << number
        self._set = RegexSet([matcher.regex for matcher in searched])
        self._satisfied = [0 if matcher.operator.is_negative else rules for matcher, rules in searched.items()]
        """By number of an expression: the rules that want it to match."""
        self._refused = [rules if matcher.operator.is_negative else 0 for matcher, rules in searched.items()]
        """By number of an expression: the rules that want it not to match."""
        self._unless_found = self._all & ~reduce(or_, self._satisfied, 0)
        self._counted: tuple[tuple[frozenset[int], int], ...] = self._rules_of_several()

    def rules_for(self, value: str) -> int:
        """Give the rules that a value does not exclude."""
        standing = self._all & ~self._wanting | self._wanted.get(value, 0)
        standing &= ~self._unwanted.get(value, 0)
        if not self._satisfied or not standing:
            return standing
        found = self._set.matching(value)
        satisfied, refused = self._unless_found, 0
        for hit in found:
            satisfied |= self._satisfied[hit]
            refused |= self._refused[hit]
        for needed, rule in self._counted:
            if not needed.issubset(found):
                satisfied &= ~rule
        return standing & satisfied & ~refused

    def _add_texts(self, rule: int, matchers: Sequence[Matcher]) -> None:
        """Enter the texts that a rule wants (in all of its matchers) and does not want (in any)."""
        wanted: set[str] | None = None
        for matcher in matchers:
            texts = _texts(matcher)
            if texts is None:
                continue
            if matcher.operator.is_negative:
                for text in texts:
                    self._unwanted[text] = self._unwanted.get(text, 0) | rule
            else:
                wanted = set(texts) if wanted is None else wanted & set(texts)
        if wanted is not None:
            self._wanting |= rule
            for text in sorted(wanted):
                self._wanted[text] = self._wanted.get(text, 0) | rule

    def _rules_of_several(self) -> tuple[tuple[frozenset[int], int], ...]:
        """Find the rules with more than one expression on this field: one hit of them is not enough."""
        needs: dict[int, list[int]] = {}
        for hit, rules in enumerate(self._satisfied):
            for number in numbers_of(rules):
                needs.setdefault(number, []).append(hit)
        return tuple((frozenset(hits), 1 << number) for number, hits in needs.items() if len(hits) > 1)


def _texts(matcher: Matcher) -> tuple[str, ...] | None:
    """Give the texts that a matcher compares with, where it is no real expression."""
    if not matcher.operator.is_regex:
        return (matcher.wanted,)
    literals = matcher.regex.literals
    if literals is None or not matcher.regex.ignore_case:
        return literals
    return tuple(text.upper() for text in literals)
