"""The security check list is kept: every row has a test of its name, and the page says where."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "security-checks.md"
ROWS = [
    f"S{number:02}"
    for first, last in ((1, 8), (10, 17), (20, 26), (30, 36), (80, 82), (90, 93))
    for number in range(first, last + 1)
]
"""The rows of gateway, keys, payloads, limits and logs; rules, page and notifications come with their issues."""
_TEST = re.compile(r"^(?:async )?def (test_s(\d\d)_\w+)\(", re.MULTILINE)
_ROW = re.compile(r"^\| (S\d\d) \| (.+?) \| (.+?) \|$", re.MULTILINE)


def named_tests() -> dict[str, set[str]]:
    """Give the files that hold tests of a row's name."""
    found: dict[str, set[str]] = {}
    for file in sorted((ROOT / "tests").rglob("test_*.py")):
        for match in _TEST.finditer(file.read_text("utf-8")):
            found.setdefault(f"S{match[2]}", set()).add(str(file.relative_to(ROOT)))
    return found


@pytest.mark.parametrize("row", ROWS)
def test_every_row_has_a_test_of_its_name_and_the_page_says_where(row: str) -> None:
    listed = {found[1]: found for found in _ROW.finditer(PAGE.read_text("utf-8"))}
    files = named_tests().get(row, set())
    assert files, f"no test is named test_{row.lower()}_…"
    assert row in listed, f"{PAGE.name} has no row {row}"
    shown = set(re.findall(r"`(tests/[^`]+)`", listed[row][3]))
    assert shown, f"{PAGE.name} names no test of {row}"
    assert shown <= files


def test_the_page_has_no_row_twice_and_none_that_nobody_tests() -> None:
    rows = [match[1] for match in _ROW.finditer(PAGE.read_text("utf-8"))]
    assert rows == sorted(set(rows))
    assert set(rows) <= {*ROWS, *named_tests()}
