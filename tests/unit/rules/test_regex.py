"""Many expressions at once find what each finds by itself."""

import pytest
import re2
from hypothesis import assume, given
from hypothesis import strategies as st

from tocsin_rules.regex import PROGRAM_MAX, PROGRAMS_MAX, Programs, Regex, RegexError
from tocsin_rules.regex_set import RegexSet

PIECES = st.sampled_from([
    "a", "b", "ab", ".", ".*", ".+", "|", "(a|b)", "(", ")", "[ab]", "[^a]", "[]|]", "\\", "\\.", "\\.*", "(?i)", "(?i:A)",
    "(?s)", "(?-s)", "K", "ſ", "ß", "(?i)s", "(?i)k", "\\Q", "\\E", "^", "$", "{2}", "?", "*", "\\b", "\n", "é", " ",
])  # fmt: skip
PATTERNS = st.lists(PIECES, max_size=6).map("".join)
VALUES = st.text("abAB.|\n *()éÉKkKsſßẞ", max_size=6)


def plainly(pattern: str, value: str) -> bool:
    options = re2.Options()
    options.dot_nl = True
    options.log_errors = False
    return re2.fullmatch(pattern, value, options) is not None


def is_one(pattern: str) -> bool:
    try:
        Regex(pattern).check(Programs())
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


def test_a_set_that_says_nothing_for_want_of_memory_is_not_believed() -> None:
    """RE2 finds nothing when it runs out of memory, not even the expression that always matches."""
    regexes = RegexSet([Regex("[xy]+"), Regex("[ab]+")])
    assert len(regexes._sets) == 1
    regexes._sets = [(numbers, lambda _: None) for numbers, _ in regexes._sets]
    assert regexes.matching("abba") == {1}


def test_parts_as_large_as_they_may_be_still_match() -> None:
    """Nothing tells when the search that goes before a filter runs out of memory: it must not, at the bounds."""
    regexes = [Regex(f".*{chr(97 + number % 26) * 190}{number:04}.*[xy]{{5}}") for number in range(400)]
    plain = [Regex(f"[a-z]{{{number}}}[0-9]+") for number in range(200, 360)]
    both = RegexSet([*regexes, *plain])
    assert (len(both._filters), len(both._sets)) > (3, 1)
    for number in (0, 99, 399):
        text = f"é {chr(97 + number % 26) * 190}{number:04} xyxyx"
        assert both.matching(text) == {number}
    assert both.matching("q" * 300 + "7") == {len(regexes) + 100}


def test_a_required_text_is_seen() -> None:
    assert [Regex(pattern).has_literal for pattern in (".*slow.*", "(?i)slow|fast", "[ab]+", ".*", "(?i).*ſlow")] == [
        True, True, False, False, True,
    ]  # fmt: skip


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


def test_no_more_is_compiled_for_a_document_than_it_may_have() -> None:
    """2,000 expressions that are too large by themselves took a minute to refuse."""
    programs = Programs()
    said = []
    for number in range(60):
        with pytest.raises(RegexError) as refused:
            Regex(rf"\pL{{40}}{number}").check(programs)
        said.append(str(refused.value).split(" regular")[0])
    assert 1 <= said.count("this") <= PROGRAMS_MAX // PROGRAM_MAX + 1
    assert said[-1] == "with this one all"


def test_an_expression_that_was_checked_is_not_compiled_again() -> None:
    programs = Programs()
    for _ in range(3):
        Regex("[a-c]+x").check(programs)
    assert programs.spent == Regex("[a-c]+x").program
