"""Named SQL is parsed once and checked at import."""

import pytest

from tocsin_runtime.errors import Fatal
from tocsin_runtime.queries import load, parse

TEXT = """
-- A comment about the file.

-- name: one
-- Why it is so.
SELECT 1
  FROM t;

-- name: two_words
SELECT 2;
"""


def test_statements_are_found_by_name() -> None:
    queries = parse(TEXT, "file.sql")
    assert queries.names() == ("one", "two_words")
    assert queries["one"] == "-- Why it is so.\nSELECT 1\n  FROM t"
    assert queries["two_words"] == "SELECT 2"


def test_a_missing_name_says_which_file_lacks_it() -> None:
    with pytest.raises(Fatal, match=r"file\.sql has no statement named 'three'"):
        parse(TEXT, "file.sql")["three"]


@pytest.mark.parametrize("text", ["-- name: a\nSELECT 1\n-- name: a\nSELECT 2", "SELECT 1;\n-- name: a\nSELECT 2"])
def test_ambiguous_files_are_refused(text: str) -> None:
    with pytest.raises(Fatal):
        parse(text, "file.sql")


def test_files_are_read_from_their_package() -> None:
    assert "claim" in load("tocsin_runtime", "sql/fence.sql").names()
    with pytest.raises(Fatal, match="missing"):
        load("tocsin_runtime", "sql/nothing.sql")
