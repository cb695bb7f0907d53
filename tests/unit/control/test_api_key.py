"""The text of an API key."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin_control.api_key import ParsedKey, generate_key, matches, parse_key

BASE62 = string.digits + string.ascii_letters
positions = st.integers(min_value=0, max_value=67)
KEY = generate_key().get_secret_value()


def test_a_generated_key_is_read_back_and_matches_its_own_hash() -> None:
    text = generate_key().get_secret_value()

    key = parse_key(text)

    assert text.startswith(f"tocsin_{key.id}_")
    assert len(text) == 7 + 10 + 1 + 43 + 1 + 6
    assert matches(key, parse_key(text).sha256)


def test_no_two_generated_keys_share_an_id_or_a_secret() -> None:
    keys = [parse_key(generate_key().get_secret_value()) for _ in range(200)]

    assert len({key.id for key in keys}) == 200
    assert len({key.sha256 for key in keys}) == 200


@given(positions, st.sampled_from(BASE62 + "_- é"))
def test_any_one_changed_character_is_noticed_without_asking_anybody(at: int, char: str) -> None:
    """The checksum covers id and secret; a key that was mistyped never reaches the database."""
    changed = KEY[:at] + char + KEY[at + 1 :]
    if changed == KEY:
        return

    with pytest.raises(ValueError, match="API key"):
        parse_key(changed)


@given(st.text() | st.text(alphabet=BASE62 + "_", max_size=80).map("tocsin_".__add__))
def test_noise_is_a_value_error_and_never_another_one(text: str) -> None:
    with pytest.raises(ValueError, match="API key"):
        parse_key(text)


@given(st.integers(min_value=0, max_value=len(KEY) - 1))
def test_a_cut_key_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match="API key"):
        parse_key(KEY[:length])


def test_an_unknown_key_never_matches_not_even_the_hash_of_nobody() -> None:
    assert not matches(parse_key(KEY), None)
    assert not matches(ParsedKey(id="0123456789", sha256=bytes(32), proof=bytes(32)), None)


def test_neither_text_nor_hash_shows_in_repr_or_errors() -> None:
    secret = KEY.split("_")[2]

    assert secret not in repr(generate_key())
    assert parse_key(KEY).sha256.hex() not in repr(parse_key(KEY))
    with pytest.raises(ValueError, match="checksum") as caught:
        parse_key(KEY[:-1] + ("0" if KEY[-1] != "0" else "1"))
    assert secret not in str(caught.value)
