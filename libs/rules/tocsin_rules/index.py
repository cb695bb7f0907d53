"""Finding the rules whose matchers all hold, at a cost that hardly grows with their number.

Each field that any rule names has a table: from a value to the set of rules that the value does not exclude, as the bits
of one integer. The rules that match an alert are the bits that all tables leave standing. Equalities (and expressions
that are nothing but `a|b|c`) are looked up, all other expressions of a field are matched in one pass.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from operator import or_

from tocsin_contracts.alert import AlertEvent
from tocsin_rules.fields import EVENT_FIELDS, LABELS, OTHER_FIELDS, event_reader
from tocsin_rules.matcher import Matcher
from tocsin_rules.memory import Memory, size_of
from tocsin_rules.regex_set import RegexSet

_TOO_LONG = frozenset({"description"})
"""Fields whose values are not worth remembering."""


class MatcherIndex:
    """The matchers of many rules, in their order: rule n is bit n."""

    def __init__(self, rules: Sequence[Sequence[Matcher]], memory: Memory) -> None:
        """Take rules.

        Args:
            rules: the matchers of each.
            memory: for what values exclude.
        """
        self._all = (1 << len(rules)) - 1
        tables = {field: _Remembering(_FieldTable(len(rules), asked), memory) for field, asked in _by_field(rules).items()}
        for field in _TOO_LONG & tables.keys():
            tables[field].remembers = False
        self._labels = tuple(
            (field.removeprefix(LABELS), tables[field], tables[field].rules_for(""))
            for field in tables
            if field.startswith(LABELS)
        )
        """A label's name, its table, and the rules that its absence does not exclude."""
        named = sorted((field for field in tables if field in EVENT_FIELDS), key=lambda field: tables[field].searches)
        self._events = tuple((event_reader(field), tables[field]) for field in named)
        """How a field is read, and its table; those that search come last, for where nothing is left to search for."""
        self._others = tuple((OTHER_FIELDS.index(field), tables[field]) for field in tables if field in OTHER_FIELDS)
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
        for name, table, without in self._labels:
            if name in labels:
                known = table.known.get(labels[name])
                standing &= table.rules_for(labels[name]) if known is None else known
            else:
                standing &= without
        if self._others:
            others = (source, integration, category, team or event.team or "")
            for place, table in self._others:
                known = table.known.get(others[place])
                standing &= table.rules_for(others[place]) if known is None else known
        for get, table in self._events:
            if not standing:
                return 0
            value = get(event) or ""
            known = table.known.get(value)
            standing &= table.rules_for(value) if known is None else known
        return standing


class _Remembering:
    """A field's table, and what it answered."""

    __slots__ = ("_memory", "_table", "known", "remembers")

    def __init__(self, table: "_FieldTable", memory: Memory) -> None:
        self.known: dict[str, int] = memory.table()
        self.remembers = True
        self._table = table
        self._memory = memory

    @property
    def searches(self) -> bool:
        """Tell whether an unknown value is searched by expressions."""
        return self._table.searches

    def rules_for(self, value: str) -> int:
        """Give the rules that a value does not exclude, and remember it."""
        found = self._table.rules_for(value)
        return self._memory.keep(self.known, value, found, size_of(value, found)) if self.remembers else found


def numbers_of(bits: int) -> Iterator[int]:
    """Give the numbers of the bits that are set, lowest first."""
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() - 1
        bits ^= lowest


def _by_field(rules: Sequence[Sequence[Matcher]]) -> Mapping[str, Mapping[int, Sequence[Matcher]]]:
    """Sort matchers by their fields, and by the numbers of their rules."""
    fields: dict[str, dict[int, list[Matcher]]] = {}
    for number, matchers in enumerate(rules):
        for matcher in matchers:
            fields.setdefault(matcher.field, {}).setdefault(number, []).append(matcher)
    return fields


class _FieldTable:
    """What the values of one field exclude."""

    def __init__(self, count: int, rules: Mapping[int, Sequence[Matcher]]) -> None:
        self._all = (1 << count) - 1
        self._wanting = 0
        """Rules that hold only for values of `_wanted`."""
        self._wanted: dict[str, int] = {}
        self._unwanted: dict[str, int] = {}
        searched: dict[Matcher, int] = {}
        for number, matchers in rules.items():
            self._add_texts(1 << number, matchers)
            for matcher in matchers:
                if _texts(matcher) is None:
                    searched[matcher] = searched.get(matcher, 0) | 1 << number
        self.searches = bool(searched)
        self._set = RegexSet([matcher.regex for matcher in searched])
        self._satisfied = [0 if matcher.operator.is_negative else rules for matcher, rules in searched.items()]
        """By number of an expression: the rules that want it to match."""
        self._refused = [rules if matcher.operator.is_negative else 0 for matcher, rules in searched.items()]
        """By number of an expression: the rules that want it not to match."""
        self._unless_found = self._all & ~reduce(or_, self._satisfied, 0)
        self._needs = self._rules_of_several()
        self._several = reduce(or_, (1 << number for number in self._needs), 0)

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
        standing &= satisfied & ~refused
        for number in numbers_of(standing & self._several):
            if not self._needs[number] <= found:
                standing ^= 1 << number
        return standing

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

    def _rules_of_several(self) -> Mapping[int, frozenset[int]]:
        """Find the rules that want more than one expression to match: one of them is not enough."""
        needs: dict[int, list[int]] = {}
        for hit, rules in enumerate(self._satisfied):
            for number in numbers_of(rules):
                needs.setdefault(number, []).append(hit)
        return {number: frozenset(hits) for number, hits in needs.items() if len(hits) > 1}


def _texts(matcher: Matcher) -> tuple[str, ...] | None:
    """Give the texts that a matcher compares with, where it is no real expression."""
    if not matcher.operator.is_regex:
        return (matcher.wanted,)
    literals = matcher.regex.literals
    if literals is None or not matcher.regex.ignore_case:
        return literals
    return tuple(text.upper() for text in literals)
