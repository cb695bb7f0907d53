"""Matchers are written as in Alertmanager, and mean the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin_rules.matcher import MATCHERS_MAX, VALUE_MAX, Matcher, MatcherError, Operator, parse_matchers

EQUAL, NOT_EQUAL, MATCH, NOT_MATCH = Operator
BAR = [Matcher("foo", EQUAL, "bar")]
FACE = [Matcher("foo", EQUAL, "🙂")]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("", []),
        ("{}", []),
        ("{foo=bar}", BAR),
        ("{foo=bar,}", BAR),
        ("foo=bar", BAR),
        ("foo=bar,", BAR),
        ('{"foo"="bar"}', BAR),
        ('"foo"="bar",', BAR),
        (' { foo = "bar" } ', BAR),
        ("{foo!=bar}", [Matcher("foo", NOT_EQUAL, "bar")]),
        ("{foo=~[a-z]+}", [Matcher("foo", MATCH, "[a-z]+")]),
        ('"foo"!~"[a-z]+"', [Matcher("foo", NOT_MATCH, "[a-z]+")]),
        ("{foo=🙂}", FACE),
        (r'{"foo"="\xf0\x9f\x99\x82"}', FACE),
        (r'{"foo"="\U0001f642"}', FACE),
        (r'{"foo"="bar\n"}', [Matcher("foo", EQUAL, "bar\n")]),
        (r'{"foo"="\"bar\""}', [Matcher("foo", EQUAL, '"bar"')]),
        (r'{"foo"="bar\\"}', [Matcher("foo", EQUAL, "bar\\")]),
        (r'foo="\101\u00e9"', [Matcher("foo", EQUAL, "Aé")]),
        ('{foo=bar,bar!="baz"}', [*BAR, Matcher("bar", NOT_EQUAL, "baz")]),
        ('{foo=""}', [Matcher("foo", EQUAL, "")]),
        ("foo=:bar", [Matcher("foo", EQUAL, ":bar")]),
    ],
)
def test_what_alertmanager_reads_is_read_the_same(written: str, expected: list[Matcher]) -> None:
    """The cases of Alertmanager's own parser."""
    assert list(parse_matchers(written)) == expected


@pytest.mark.parametrize(
    ("written", "column", "what"),
    [
        (",", 1, "name"),
        ("{,}", 2, "name"),
        ("=bar", 1, "name"),
        ("{", 2, "} is missing"),
        ("}", 1, "no {"),
        ("foo=bar}", 8, "no {"),
        ("{foo=bar", 9, "} is missing"),
        ('{foo=:"bar"}', 7, "comma or }"),
        ('foo=bar "baz"', 9, "comma or the end"),
        ("{foo=bar}x", 10, "the end"),
        (r'{foo="bar\w"}', 10, "escape"),
        (r"{foo=bar\n}", 9, "double quotes"),
        (r'{"foo"="\xf0\x9f"}', 8, "UTF-8"),
        ('foo="bar', 5, "closing"),
        ("foo", 4, "=, !=, =~ or !~"),
        ("foo=", 5, "value"),
        ("foo==bar", 5, "value"),
        ("foo=~(", 6, "RE2"),
        ('foo=~"a{1000}{1000}"', 6, "RE2"),
        (r'foo=~"(.)\\1"', 6, "RE2"),
        ('foo="\\x00"', 5, "NUL"),
        ('""=a', 1, "label has a name"),
        ("labels.=a", 1, "label has a name"),
        (f'foo="{"x" * (VALUE_MAX + 1)}"', 5, "at most"),
        (",".join(["a=b"] * (MATCHERS_MAX + 1)), 1, "at most 20"),
    ],
)
def test_what_is_no_matcher_is_refused_where_it_ends_to_be_one(written: str, column: int, what: str) -> None:
    with pytest.raises(MatcherError) as refused:
        parse_matchers(written)
    assert refused.value.column == column
    assert what in str(refused.value)


def test_a_list_of_texts_is_one_list_of_matchers() -> None:
    assert parse_matchers(['a="b"', 'c="d",e="f"']) == parse_matchers('{a="b",c="d",e="f"}')


@pytest.mark.parametrize(
    ("name", "field"),
    [("service", "service"), ("env", "environment"), ("alertname", "labels.alertname"), ("labels.service", "labels.service")],
)
def test_a_name_that_is_no_field_is_a_label(name: str, field: str) -> None:
    assert Matcher(name, EQUAL, "x").field == field


@pytest.mark.parametrize(
    ("written", "value", "holds"),
    [
        ("team=~ops.*", "ops-eu", True),
        ("team=~ops", "ops-eu", False),
        ("team=~.*", "", True),
        ("team=~.+", "", False),
        ("team!~ops|dev", "dev", False),
        ("team!~ops|dev", "", True),
        ("team!=ops", "", True),
        ('team=""', "", True),
        ("team=Ops", "ops", False),
        ("severity=high", "HIGH", True),
        ("severity=~crit.*", "CRITICAL", True),
        ('description=~"a.*b"', "a\nb", True),
        ('title=~"(?i)down"', "Down", True),
    ],
)
def test_a_matcher_compares_whole_values_and_nothing_is_the_empty_text(written: str, value: str, holds: bool) -> None:
    [matcher] = parse_matchers(written)
    assert matcher.holds(value) is holds


@given(
    st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=20),
    st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=30),
)
def test_a_matcher_written_is_the_matcher_read(name: str, value: str) -> None:
    matcher = Matcher("labels." + name, NOT_EQUAL, value)
    assert parse_matchers(str(matcher)) == (matcher,)
