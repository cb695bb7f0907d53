"""Where to go on: behind the output's tail, or not at all."""

import pytest

from tocsin_contracts.envelope import SourceStamp
from tocsin_contracts.position import Position
from tocsin_normalizer.domain.resume import CannotResume, Held, next_offset


def tail(offset: int, partition: int = 0) -> SourceStamp:
    return SourceStamp(Position(partition, offset), 0, "r")


def test_it_goes_on_behind_the_tails_source() -> None:
    assert next_offset(0, log=Held(3, 100), output=Held(0, 57), tail=tail(41)) == 42


def test_it_goes_on_at_the_end_when_everything_is_written() -> None:
    assert next_offset(0, log=Held(0, 42), output=Held(0, 42), tail=tail(41)) == 42


def test_two_empty_topics_start_at_nought() -> None:
    assert next_offset(0, log=Held(0, 0), output=Held(0, 0), tail=None) == 0


@pytest.mark.parametrize(
    ("log", "output", "last", "says"),
    [
        (Held(43, 100), Held(0, 57), tail(41), "starts at 43, but the next record to normalize is 42"),
        (Held(5, 100), Held(0, 0), None, "starts at 5, not at 0"),
        (Held(0, 100), Held(7, 7), None, "held 7 records and holds none"),
        (Held(0, 41), Held(0, 57), tail(41), "recreated or truncated"),
        (Held(0, 0), Held(0, 1), tail(0), "recreated or truncated"),
        (Held(0, 100), Held(0, 57), tail(41, partition=2), "something else writes"),
    ],
)
def test_it_refuses_where_records_would_be_skipped(log: Held, output: Held, last: SourceStamp | None, says: str) -> None:
    with pytest.raises(CannotResume, match=says) as caught:
        next_offset(0, log=log, output=output, tail=last)
    assert "\n" not in str(caught.value)
    assert "restore" in str(caught.value)
