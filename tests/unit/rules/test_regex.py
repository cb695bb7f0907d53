"""Many expressions at once find what each finds by itself."""

import pytest
import re2
from hypothesis import assume, given
from hypothesis import strategies as st

from tocsin_rules.regex import Regex, RegexError, RegexSet

PIECES = st.sampled_from([
    "a", "b", "ab", ".", ".*", ".+", "|", "(a|b)", "(", ")", "[ab]", "[^a]", "[]|]", "\\", "\\.", "\\.*", "(?i)", "(?i:A)",
    "(?s)", "(?-s)", "\\Q", "\\E", "^", "$", "{2}", "?", "*", "\\b", "\n", "é", " ",
])  # fmt: skip
PATTERNS = st.lists(PIECES, max_size=6).map("".join)
VALUES = st.text("ab.|\n *()é", max_size=6)


def plainly(pattern: str, value: str) -> bool:
    options = re2.Options()
    options.dot_nl = True
    options.log_errors = False
    return re2.fullmatch(pattern, value, options) is not None


def is_one(pattern: str) -> bool:
    try:
        Regex(pattern).check()
    except RegexError:
        return False
    return True


@given(PATTERNS, VALUES)
def test_taking_an_expression_apart_does_not_change_what_it_matches(pattern: str, value: str) -> None:
    assume(is_one(pattern))
    regex = Regex(pattern)
    assert regex.matches(value) is plainly(pattern, value)
    if regex.literals is not None:
        assert (value in regex.literals) is plainly(pattern, value)


@given(st.lists(PATTERNS.filter(is_one), max_size=6), VALUES)
def test_a_set_finds_what_each_finds(patterns: list[str], value: str) -> None:
    found = RegexSet([Regex(pattern) for pattern in patterns]).matching(value)
    assert sorted(found) == [number for number, pattern in enumerate(patterns) if plainly(pattern, value)]


def test_a_set_too_large_to_compile_asks_each_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    regexes = [Regex("[ab]{900}.*x"), Regex("[ab]+")]
    for regex in regexes:
        regex.check()
    monkeypatch.setattr("tocsin_rules.regex._MEMORY", 70_000)
    assert RegexSet(regexes).matching("abba") == [1]


def test_a_set_that_says_nothing_for_want_of_memory_is_not_believed() -> None:
    class Silent:
        def Match(self, data: bytes) -> None:  # noqa: N802 - as RE2's
            """Find nothing, not even the expression that always matches."""

    regexes = RegexSet([Regex("x.*"), Regex("[ab]+")])
    regexes._parts = [(numbers, Silent()) for numbers, _ in regexes._parts]
    assert regexes.matching("abba") == [1]


def test_sets_are_split_before_they_grow_too_large() -> None:
    regexes = [Regex(f"[a-z]{{400}}{number}|{number}") for number in range(100)]
    assert RegexSet(regexes).matching("7") == [7]


@pytest.mark.parametrize(
    ("pattern", "literals"),
    [
        ("CRITICAL|HIGH", ("CRITICAL", "HIGH")),
        (r"a\.b|", ("a.b", "")),
        ("a.b", None),
        ("x|y.*", None),
        ("", ("",)),
        ("a[b]", None),
    ],
)
def test_expressions_of_plain_texts_are_known(pattern: str, literals: tuple[str, ...] | None) -> None:
    assert Regex(pattern).literals == literals
