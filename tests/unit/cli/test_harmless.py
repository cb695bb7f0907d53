"""What others wrote does nothing to the terminal of who reads it."""

import json

import pytest

from tocsin.harmless import escaped, harmless

TITLE = "disk\x1b]0;owned\x07 \x9b31mfull\u202e"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (TITLE, "disk\ufffd]0;owned\ufffd \ufffd31mfull\ufffd"),
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
        ("Größe 大 👩‍🚒", "Größe 大 👩‍🚒"),
        ("back\rand over it", "back\ufffdand over it"),
        ("\ud800", "\ufffd"),
    ],
)
def test_control_characters_are_marked_and_all_else_stays(text: str, shown: str) -> None:
    assert harmless(text) == shown


def test_a_document_for_programs_stays_what_it_is() -> None:
    written = escaped(json.dumps({"title": TITLE, "list": [1, "é"]}, indent=2, ensure_ascii=False))

    assert json.loads(written) == {"title": TITLE, "list": [1, "é"]}
    assert harmless(written) == written
