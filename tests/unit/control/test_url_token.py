"""The text of a token in a URL, and finding whose it is."""

import string

from hypothesis import given
from hypothesis import strategies as st

from tocsin_control.api_key import generate_key
from tocsin_control.url_token import find_token, generate_token, hash_token

BASE62 = string.digits + string.ascii_letters
TOKEN = generate_token().get_secret_value()
HASH = hash_token(TOKEN)


def test_a_token_has_256_random_bits_and_needs_no_escape_in_a_url() -> None:
    tokens = {generate_token().get_secret_value() for _ in range(200)}

    assert len(tokens) == len({hash_token(token) for token in tokens}) == 200
    assert {len(token) for token in tokens} == {10 + 1 + 43 + 1 + 6}
    assert all(token.startswith("tocsin_url_") and set(token) <= {*BASE62, "_"} for token in tokens)


def test_a_token_is_found_by_its_hash_and_by_no_other() -> None:
    assert HASH is not None
    other = hash_token(generate_token().get_secret_value())
    assert other is not None

    assert find_token(TOKEN, (HASH,)) == find_token(TOKEN, (HASH, other)) == 0
    assert find_token(TOKEN, (other, HASH)) == 1
    assert find_token(TOKEN, ()) is None
    assert find_token(TOKEN, (other,)) is None


def test_the_hash_is_no_token() -> None:
    assert HASH is not None
    assert find_token(HASH.hex(), (HASH,)) is None


@given(st.integers(min_value=0, max_value=len(TOKEN) - 1), st.sampled_from(BASE62 + "_- é%"))
def test_any_one_changed_character_is_noticed(at: int, char: str) -> None:
    changed = TOKEN[:at] + char + TOKEN[at + 1 :]

    assert (hash_token(changed) == HASH) is (changed == TOKEN)


@given(st.text() | st.text(alphabet=BASE62 + "_", max_size=80).map("tocsin_url_".__add__))
def test_noise_is_no_token_whatever_is_stored(text: str) -> None:
    assert find_token(text, (bytes(32), bytes(32))) is None


def test_neither_a_key_nor_a_cut_token_is_one() -> None:
    assert hash_token(generate_key().get_secret_value()) is hash_token(TOKEN[:-1]) is hash_token(TOKEN + "\n") is None
