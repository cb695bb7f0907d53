"""Sealed values open in their own place only."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin_control.errors import SecretUnreadable
from tocsin_control.master_key import FixedMasterKey, generate_master_key
from tocsin_control.sealing import seal, sealed_under, unseal

KEY = generate_master_key()
PLACE = ("secret", "webhook", "tenant", "integration", "1")
SEALED = seal(KEY, b"canary-text", *PLACE)


@given(st.binary(max_size=300), st.lists(st.text(max_size=10), max_size=4))
def test_what_was_sealed_for_a_place_opens_there(plaintext: bytes, place: list[str]) -> None:
    sealed = seal(KEY, plaintext, "purpose", *place)

    assert unseal(KEY, sealed, "purpose", *place) == plaintext


@pytest.mark.parametrize(
    "place",
    [
        ("secret", "webhook", "other", "integration", "1"),
        ("secret", "webhook", "tenant", "other", "1"),
        ("secret", "webhook", "tenant", "integration", "2"),
        ("secret", "other", "tenant", "integration", "1"),
        ("snapshot", "webhook", "tenant", "integration", "1"),
        ("secret", "webhook", "tenantinte", "gration", "1"),
        ("secret", "webhook", "tenant", "integration"),
    ],
)
def test_moved_to_another_place_it_does_not_open(place: tuple[str, ...]) -> None:
    with pytest.raises(SecretUnreadable):
        unseal(KEY, SEALED, *place)


@given(st.integers(min_value=0, max_value=len(SEALED) * 8 - 1))
def test_changed_by_one_bit_it_does_not_open(bit: int) -> None:
    changed = bytearray(SEALED)
    changed[bit // 8] ^= 1 << (bit % 8)

    with pytest.raises(SecretUnreadable):
        unseal(KEY, bytes(changed), *PLACE)


@given(st.integers(min_value=0, max_value=len(SEALED) - 1))
def test_cut_it_does_not_open(length: int) -> None:
    with pytest.raises(SecretUnreadable):
        unseal(KEY, SEALED[:length], *PLACE)


def test_two_seals_of_one_text_differ() -> None:
    nonces = {seal(KEY, b"same", *PLACE)[5:17] for _ in range(1_000)}

    assert len(nonces) == 1_000


def test_without_its_key_it_does_not_open_and_the_error_names_the_key() -> None:
    with pytest.raises(SecretUnreadable, match=KEY.current):
        unseal(generate_master_key(), SEALED, *PLACE)


def test_an_older_key_of_the_file_still_opens() -> None:
    new = generate_master_key()
    both = FixedMasterKey(current=new.current, keys={**new.keys, **KEY.keys})

    assert unseal(both, SEALED, *PLACE) == b"canary-text"
    assert sealed_under(seal(both, b"x", *PLACE)) == new.current


def test_the_text_does_not_show_in_the_sealed_bytes() -> None:
    assert b"canary-text" not in SEALED
