"""Ids are derived from what is recorded, so that a rebuild gives the same ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.contracts.drawn import POSITIONS, QUICKLY
from tocsin_contracts import crockford, ids
from tocsin_contracts.position import Position

_INCIDENT = "7AK1GJG6159FR9S682M52WCFH0"
_DELIVERY = "001G0000003C24WYSRJ0T"
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


@QUICKLY
@given(POSITIONS, st.text(min_size=1, max_size=20))
def test_a_delivery_id_names_its_position_to_its_tenant(position: Position, tenant: str) -> None:
    assert ids.parse_delivery_id(tenant, ids.delivery_id(tenant, position)) == position


@QUICKLY
@given(POSITIONS)
def test_a_delivery_id_of_another_tenant_is_refused(position: Position) -> None:
    """P9: who counts up positions finds nothing of others: the answer is 404, as for what never was."""
    with pytest.raises(ValueError, match="not a delivery id of this tenant"):
        ids.parse_delivery_id("other", ids.delivery_id("acme", position))


@QUICKLY
@given(POSITIONS, st.integers(0, 20), st.sampled_from(CROCKFORD))
def test_a_delivery_id_with_another_letter_is_refused(position: Position, place: int, letter: str) -> None:
    made = ids.delivery_id("acme", position)
    changed = made[:place] + letter + made[place + 1 :]
    if changed != made:
        with pytest.raises(ValueError, match="not "):
            ids.parse_delivery_id("acme", changed)


@pytest.mark.parametrize("text", ["", "U", "x", "0" * 26, "../etc/passwd", "é" * 21, "0" * 10_000])
def test_what_is_no_delivery_id_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not "):
        ids.parse_delivery_id("acme", text)


def test_an_id_may_be_typed_as_it_was_heard() -> None:
    """Lower case, and I, L and O for what they look like."""
    made = ids.delivery_id("acme", Position(1, 1729))
    typed = made.lower().replace("0", "o").replace("1", "l")
    assert ids.parse_delivery_id("acme", typed) == Position(1, 1729)


@QUICKLY
@given(st.binary(max_size=40))
def test_crockford_gives_back_the_bytes(data: bytes) -> None:
    assert crockford.decode(crockford.encode(data)) == data


def test_ids_do_not_change_from_release_to_release() -> None:
    """They are in people's chats and in other systems: a change of one is a change of all projections."""
    assert ids.alert_id("acme", "prod", "a") == "NEX4TN8AVC1DQJNNWRS1BEVWSW"
    assert ids.incident_id("acme", Position(0, 7), "g") == _INCIDENT
    assert ids.incident_id("acme", Position(0, 7), "g", 1) != _INCIDENT
    assert ids.delivery_id("acme", Position(3, 1729)) == _DELIVERY


def test_every_part_of_an_id_counts_and_none_runs_into_the_next() -> None:
    """Two tenants, integrations or identities whose texts run together are still two."""
    made = [
        ids.alert_id(*parts) for parts in [("a", "b", "c"), ("ab", "", "c"), ("a", "bc", ""), ("", "ab", "c"), ("a", "b", "d")]
    ]
    assert len(set(made)) == len(made)
    opened = [
        ids.incident_id("t", Position(0, 1), "g"), ids.incident_id("t", Position(0, 11), "g"),
        ids.incident_id("t", Position(1, 1), "g"), ids.incident_id("u", Position(0, 1), "g"),
        ids.incident_id("t", Position(0, 1), "h"),
        ids.incident_id("t", Position(0, 1), "g", 1), ids.timer_incident_id("t", "g", 1),
    ]  # fmt: skip
    assert len(set(opened)) == len(opened)


def test_a_short_code_can_be_said_aloud() -> None:
    code = ids.short_code(ids.incident_id("acme", Position(0, 7), "g"))
    assert code.startswith("INC-")
    assert len(code) == 11
    assert set(code[4:]) <= set(CROCKFORD)


@QUICKLY
@given(POSITIONS)
def test_a_position_is_read_as_it_is_written(position: Position) -> None:
    assert Position.parse(str(position)) == position


@pytest.mark.parametrize(
    "text", ["", "1", "1:", ":1", "1:2:3", "-1:2", "a:b", "1:2 ", "1" * 6 + ":1", "65536:1", f"1:{2**48}", "1:" + "1" * 16, "١:٢"]
)
def test_what_is_no_position_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="partition:offset"):
        Position.parse(text)
