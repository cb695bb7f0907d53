"""Paths that others write: pointers and JMESPath, what is refused, and that none can cost more than its budget."""

import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.sources.test_totality import _VALUES
from tocsin_contracts.mapping import PATH_MAX
from tocsin_sources.paths import BUDGET, Budget, OverBudget, UnfitPath, compiled

DOCUMENT: dict[str, Any] = {
    "a": {"b": [{"c": 1}, {"c": "two"}], "~/": "odd", "": "empty"},
    "n": None,
    "list": ["x", "y"],
    "labels": {"team": "web"},
    "0": "zero",
}


def find(path: str, document: object = DOCUMENT) -> object:
    return compiled(path).find(document, Budget())


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("", DOCUMENT),
        ("/a/b/1/c", "two"),
        ("/a/~0~1", "odd"),
        ("/a/", "empty"),
        ("/0", "zero"),
        ("/list/1", "y"),
        ("/list/2", None),
        ("/list/-1", None),
        ("/list/x", None),
        ("/list/١", None),
        ("/n/x", None),
        ("/missing", None),
        ("a.b[1].c", "two"),
        ("a.b[?c == `1`] | [0].c", 1),
        ("join(', ', list)", "x, y"),
        ("not_null(missing, labels.team)", "web"),
        ("[labels.team, '0'][0]", "web"),
        ("sort_by(a.b, &to_string(c))[0].c", 1),
        ("length(missing)", None),
        ("max(list)", "y"),
        ("starts_with(labels.team, 'w')", True),
        ('"0"', "zero"),
        ("a.b[:1]", [{"c": 1}]),
    ],
)
def test_a_path_finds_what_stands_there_or_nothing(path: str, found: object) -> None:
    assert find(path) == found


@pytest.mark.parametrize(
    ("path", "pointer"),
    [("/a/~0", "/a/~0"), ("", ""), ("a.b.c", "/a/b/c"), ("a", "/a"), ("^a.b", "/a/b"), ("a[0]", ""), ('"a/b"', "/a~1b")],
)
def test_a_path_names_its_place_as_far_as_it_has_one(path: str, pointer: str) -> None:
    assert compiled(path).pointer == pointer


@pytest.mark.parametrize(
    "path",
    [
        *(
            "a.",
            "a[",
            "a b",
            "[?]",
            "`{`",
            "`bare`",
            "unknown(a)",
            "map(&a, b)",
            "merge(a, b)",
            "to_array(a)",
            "`[1]`",
            '`{"a": 1}`',
        ),
        *("x" * (PATH_MAX + 1), "(" * 100, "!" * 200, "a" + ".a" * 100, "[" * 40 + "a" + "]" * 40, "[a][0] | " * 4 + "a"),
        *("[" + ",".join("a" * 1 for _ in range(17)) + "]", "a.\x00", "&a", "\ud800"),
    ],
)
def test_what_is_no_path_or_costs_too_much_is_refused(path: str) -> None:
    if path == "&a":
        assert find(path) is not DOCUMENT
        return
    with pytest.raises(UnfitPath) as refused:
        compiled(path)
    assert len(str(refused.value)) < 400


def test_a_path_is_compiled_once() -> None:
    assert compiled("a.b[0]") is compiled("a.b[0]")


@pytest.mark.parametrize(
    "path",
    [
        "[?@]" * 19,
        "[]" * 20,
        "[*][*]" * 8,
        "[@,@][] | [@,@][] | [@,@][]",
        "sort(@)",
        "reverse(reverse(reverse(@)))",
        "[?contains($a, @)]",
    ],
)
def test_no_path_costs_more_than_its_budget(path: str) -> None:
    """A list of 200,000 values is the most that a body may hold; the bound here is that of a slow machine, ten times over."""
    try:
        usable = compiled(path)
    except UnfitPath:
        return
    budget, before = Budget(), time.process_time()
    try:
        usable.find([1] * 200_000, budget)
    except OverBudget:
        assert budget.left < 0
    assert time.process_time() - before < 5


def test_joined_text_is_bounded() -> None:
    assert find("join(@[0], @)", ["x" * 1_000] * 1_000) is None


def test_the_budget_is_of_all_paths_of_a_delivery() -> None:
    budget = Budget()
    for _ in range(200):
        compiled("list[0]").find(DOCUMENT, budget)
    assert BUDGET - 2_000 < budget.left < BUDGET


PIECES = [
    "a",
    ".",
    "[",
    "]",
    "*",
    "?",
    "@",
    "|",
    "&",
    "(",
    ")",
    "'x'",
    "`1`",
    "==",
    "sort_by",
    "join",
    ",",
    ":",
    "!",
    "{",
    "}",
    "0",
    '"b"',
    "^",
    "/",
]


@settings(max_examples=400, deadline=None)
@given(path=st.lists(st.sampled_from(PIECES), max_size=25).map("".join) | st.text(max_size=40), document=_VALUES)
def test_any_text_is_a_path_or_refused_and_reads_any_document(path: str, document: object) -> None:
    try:
        usable = compiled(path)
    except UnfitPath:
        return
    usable.find(document, Budget())
    assert isinstance(usable.pointer, str)
