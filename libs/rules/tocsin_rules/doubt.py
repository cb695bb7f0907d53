"""What of matchers is probably not meant as it is written."""

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from difflib import get_close_matches
from functools import lru_cache
from typing import Literal

from tocsin_contracts.severity import Severity
from tocsin_rules.category import Category
from tocsin_rules.document import RuleSet
from tocsin_rules.fields import FIELDS, LABELS
from tocsin_rules.implication import texts_of
from tocsin_rules.matcher import Matcher

_KNOWN_LABELS = (
    "alertname",
    "instance",
    "region",
    "cluster",
    "namespace",
    "job",
    "pod",
    "container",
    "version",
    "status",
    "kind",
)
"""Labels whose names look like a field's, and are not meant as one."""
Code = Literal[
    "unreachable", "never", "mistyped", "regex_meant", "plain_regex", "no_effect", "repeated", "no_chain", "not_compared"
]
"""Kinds of doubts."""
_LIKE_REGEX = re.compile(r"\.[*+]|^\^|\$$|\w\|\w")


class Never:
    """Knows what values fields cannot have."""

    def __init__(self, rules: RuleSet, sources: Collection[str], environment_of: Callable[[str], str]) -> None:
        self._sources = sources
        self._environment_of = environment_of
        self._aliases = {
            "service": {name.strip().casefold(): meant for name, meant in reversed(rules.services.items())},
            "environment": {name.strip().casefold(): meant for name, meant in reversed(rules.environments.items())},
        }

        self._meant = {field: frozenset(aliases.values()) for field, aliases in self._aliases.items()}

    def why(self, matcher: Matcher) -> str:
        """Say why a matcher can never hold; "" where it may."""
        known = {"severity": [*Severity], "category": [*Category], "source": self._sources}.get(matcher.field)
        if known and not any(matcher.holds(value) for value in known):
            return f"{matcher.field} is one of {', '.join(known)}"
        aliases = self._aliases.get(matcher.field)
        texts = texts_of(matcher) if aliases else None
        names = self._meant.get(matcher.field, frozenset())
        if aliases and texts and all(aliases.get(text.strip().casefold(), text) != text not in names for text in texts):
            return f"{texts[0]!r} is an alias of {aliases[texts[0].strip().casefold()]!r}, and aliases are applied before"
        return self._why_no_environment(matcher, names) if matcher.field == "environment" else ""

    def _why_no_environment(self, matcher: Matcher, meant: Collection[str]) -> str:
        """Say why no alert has such an environment: names are folded before rules see them, and no alias makes this one."""
        texts = texts_of(matcher)
        if texts and all(self._environment_of(text) != text and text not in meant for text in texts):
            return f"an environment {texts[0]!r} comes as {self._environment_of(texts[0])!r}"
        return ""


def doubts_of(matchers: Sequence[Matcher], never: Never) -> Iterator[tuple[Code, str]]:
    """Find what of one rule's matchers is probably not meant: a code, and words."""
    for number, matcher in enumerate(matchers):
        close = meant_by(matcher.name)
        if close is not None:
            yield "mistyped", f"{matcher.name!r} is no field, so it means a label of that name: is {close!r} meant?"
        if matcher.operator.is_regex and not matcher.regex.has_meta:
            plain = "=" if not matcher.operator.is_negative else "!="
            found = f'; ".*{matcher.value}.*" finds it anywhere' if matcher.value else ""
            same = f'{matcher.name}{plain}"{matcher.value}"'
            yield "plain_regex", f"{matcher} must match the whole value: {same} says the same{found}"
        if not matcher.operator.is_regex and _LIKE_REGEX.search(matcher.value):
            regex = "=~" if not matcher.operator.is_negative else "!~"
            yield "regex_meant", f"{matcher} compares texts: is {matcher.name}{regex} meant?"
        if matcher in matchers[:number]:
            yield "repeated", f"{matcher} stands here twice"
        why = never.why(matcher)
        if why:
            yield "never", f"{matcher} never holds: {why}"
    for left, right in _contradictions(matchers):
        yield "never", f"{left} and {right} never hold together"


def _contradictions(matchers: Sequence[Matcher]) -> Iterator[tuple[Matcher, Matcher]]:
    """Find two matchers of one field, the first of which names all its texts, and none of these fulfils the second."""
    told: set[frozenset[Matcher]] = set()
    for left in matchers:
        texts = texts_of(left)
        for right in matchers if texts is not None else ():
            pair = frozenset({left, right})
            if right.field == left.field and pair not in told and not any(right.holds(text) for text in texts or ()):
                told.add(pair)
                yield left, right


@lru_cache(maxsize=1_000)
def meant_by(name: str) -> str | None:
    """Give the field whose name a label's looks like; None: it is one, or looks like none."""
    if name in FIELDS or name in _KNOWN_LABELS or name.startswith(LABELS) or name == "env":
        return None
    folded = name.casefold()
    close = get_close_matches(folded, FIELDS, n=1, cutoff=0.8)
    return close[0] if close else None
