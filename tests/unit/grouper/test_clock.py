"""The fold's clock never runs backwards; absence time grows only while records come (DESIGN 3, "Time")."""

from dataclasses import replace

import pytest

from tests.support.folding import START, Folding, firing
from tocsin_contracts.times import DAY, HOUR, MINUTE, SECOND
from tocsin_grouper.domain.clock import WHOLE_PARTITION, advance, happened_at, owed
from tocsin_grouper.domain.state import PartitionClock

NOW = PartitionClock(clock=START, last_raw=START, observed=500 * SECOND, last_offset=7)


def test_the_first_record_starts_the_clock_and_absence_time() -> None:
    assert advance(None, START, 0) == PartitionClock(clock=START, last_raw=START, observed=0, last_offset=0)


@pytest.mark.parametrize("step", [0, SECOND, MINUTE])
def test_absence_time_grows_with_records_that_come(step: int) -> None:
    after = advance(NOW, START + step, 8)
    assert (after.clock, after.observed) == (START + step, NOW.observed + step)


@pytest.mark.parametrize("step", [MINUTE + 1, HOUR, HOUR + 1, 365 * DAY])
def test_absence_time_stands_still_over_a_gap_and_a_step_ahead(step: int) -> None:
    after = advance(NOW, START + step, 8)
    assert (after.clock, after.observed) == (START + step, NOW.observed)


def test_the_clock_never_runs_backwards() -> None:
    """A new leader's clock may be behind: windows stand, absence time goes on with the new clock."""
    back = advance(NOW, START - HOUR, 8)
    assert (back.clock, back.last_raw, back.observed) == (START, START - HOUR, NOW.observed)
    on = advance(back, START - HOUR + 15 * SECOND, 9)
    assert (on.clock, on.observed) == (START, NOW.observed + 15 * SECOND)


def test_the_records_own_time_is_the_clamped_one() -> None:
    folding = Folding()
    folding.deliver(firing("a"))
    folding.wait(-600).deliver(firing("b", problem="Disk"))
    assert [incident.created_at for incident in folding.incidents()] == [START, START]


def test_what_everybody_is_owed_is_owed_to_each() -> None:
    refusals = {("t", "i"): 5, (WHOLE_PARTITION, WHOLE_PARTITION): 7}
    assert (owed(refusals, "t", "i"), owed(refusals, "t", "j")) == (12, 7)


@pytest.mark.parametrize(
    ("due", "no_earlier_than", "expected"),
    [(490 * SECOND, 0, -10 * SECOND), (490 * SECOND, START - 5 * SECOND, -5 * SECOND), (510 * SECOND, 0, 0)],
    ids=["exactly then", "not before it was last seen", "never in the future"],
)
def test_a_deadline_has_its_time_by_the_clock(due: int, no_earlier_than: int, expected: int) -> None:
    assert happened_at(NOW, due, no_earlier_than) == START + expected


def test_the_clock_of_every_record_is_state() -> None:
    folding = Folding()
    folding.tick()
    folding.wait(15).tick()
    assert folding.state.clock == replace(NOW, clock=folding.now, last_raw=folding.now, observed=15 * SECOND, last_offset=1)
