"""Position and age of what is shown."""

from datetime import UTC, datetime

from tocsin_contracts.position import Position
from tocsin_query.domain.freshness import Freshness

START = datetime(2026, 1, 1, tzinfo=UTC)


def test_the_position_is_the_last_folded_record() -> None:
    freshness = Freshness(partition=3, source_next=10, clock=START, last_raw=5_000_000)

    assert freshness.position == Position(3, 9)
    assert freshness.reaches(Position(3, 9))
    assert not freshness.reaches(Position(3, 10))
    assert not freshness.reaches(Position(2, 1))


def test_nothing_is_reached_before_the_first_record() -> None:
    for source_next in (None, 0):
        freshness = Freshness(partition=3, source_next=source_next, clock=None, last_raw=None)
        assert freshness.position is None
        assert freshness.age_s(1) is None
        assert not freshness.reaches(Position(3, 0))


def test_the_age_is_in_seconds_and_never_negative() -> None:
    freshness = Freshness(partition=0, source_next=1, clock=START, last_raw=5_000_000)

    assert freshness.age_s(5_400_000) == 0.4
    assert freshness.age_s(0) == 0.0
