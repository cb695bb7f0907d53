"""How people name an incident."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin_query.domain.reference import Unknown, read_id, read_reference

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


@given(st.text(ALPHABET, min_size=26, max_size=26), st.integers(7, 26))
def test_every_beginning_of_an_id_covers_the_id(incident: str, length: int) -> None:
    for text in (incident[:length], f"INC-{incident[:length]}", f" inc-{incident[:length].lower()} "):
        found = read_reference(text)
        assert found.first <= incident <= found.last
        assert (found.first == found.last) == (length == 26)


@given(st.text(max_size=40))
def test_any_text_is_a_reference_or_unknown(text: str) -> None:
    try:
        found = read_reference(text)
    except Unknown:
        return
    assert len(found.first) >= 7
    assert len(found.last) == 26


@pytest.mark.parametrize("text", ["", "INC-", "ABCDEF", "ABCDEFU", "A" * 27, "INC-INC-ABCDEFG", "ABCDEF\x00", "ÀBCDEFG"])
def test_what_is_no_beginning_is_unknown(text: str) -> None:
    with pytest.raises(Unknown):
        read_reference(text)


def test_a_whole_id_is_needed_where_codes_are_not_said_aloud() -> None:
    assert read_id("oil" + "a" * 23) == "011" + "A" * 23
    for text in ("A" * 25, "A" * 27, "U" * 26, "\x00" * 26):
        with pytest.raises(Unknown):
            read_id(text)
