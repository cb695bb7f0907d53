"""Many regular expressions of one field, matched together."""

from collections.abc import Callable, Iterable, Iterator, Sequence

import re2

from tocsin_rules.regex import PART_MAX, Regex, memory_of, options_of

_SET_MEMORY = 96 << 10
"""Bytes of a pass, besides those of its expressions."""
Match = Callable[[bytes], Iterable[int] | None]


class RegexSet:
    """Finds which of many expressions match a text, at a cost that hardly grows with their number.

    Expressions in which some text must occur (`.*timeout.*api`) are filtered by one search for all those texts, and only
    what is left is matched. The others are matched in one pass, by an automaton of all of them.
    """

    def __init__(self, regexes: Sequence[Regex]) -> None:
        self._regexes = tuple(regexes)
        self._filters = [(numbers, self._filter(numbers)) for numbers in self._parts(has_literal=True)]
        self._sets = [(numbers, self._set(numbers)) for numbers in self._parts(has_literal=False)]

    def matching(self, text: str) -> set[int]:
        """Give the numbers of the expressions that match."""
        data = text.encode("utf-8", "replace")
        found: set[int] = set()
        for numbers, match in self._filters:
            found.update(numbers[hit] for hit in match(data) or ())
        for numbers, match in self._sets:
            hits = match(data) or ()
            if 0 in hits:
                found.update(numbers[hit - 1] for hit in hits if hit)
            else:  # the first always matches: RE2 had no memory for this text, and says so by finding nothing
                found.update(number for number in numbers if self._regexes[number].matches(text))
        return found

    def _parts(self, *, has_literal: bool) -> Iterator[tuple[int, ...]]:
        part: list[int] = []
        size = 0
        for number, regex in enumerate(self._regexes):
            if regex.has_literal is not has_literal:
                continue
            if part and size + regex.program > PART_MAX:
                yield tuple(part)
                part, size = [], 0
            part.append(number)
            size += regex.program
        if part:
            yield tuple(part)

    def _filter(self, numbers: Sequence[int]) -> Match:
        compiled = re2.Filter()
        for number in numbers:
            compiled.Add(self._regexes[number].sought, options_of(self._regexes[number].memory))
        compiled.Compile()
        match: Match = compiled.Match
        return match

    def _set(self, numbers: Sequence[int]) -> Match:
        program = sum(self._regexes[number].program for number in numbers)
        compiled = re2.Set.SearchSet(options_of(_SET_MEMORY + memory_of(program)))
        compiled.Add(b"")
        for number in numbers:
            compiled.Add(self._regexes[number].sought)
        compiled.Compile()
        match: Match = compiled.Match
        return match
