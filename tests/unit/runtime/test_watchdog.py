"""A partition with lag must move, else the process leaves."""

import pytest

from tocsin_runtime.clock import ManualClock
from tocsin_runtime.errors import Fatal
from tocsin_runtime.watchdog import Standing, Watchdog


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def watchdog(clock: ManualClock) -> Watchdog:
    return Watchdog(clock=clock, patience_s=60)


def test_lag_without_progress_is_fatal_after_the_patience(clock: ManualClock, watchdog: Watchdog) -> None:
    for _ in range(3):
        watchdog.look({0: Standing(next=5, end=9)})
        clock.advance(30)
    with pytest.raises(Fatal, match="partition 0 stands at offset 5 with 4 records"):
        watchdog.look({0: Standing(next=5, end=9)})


def test_progress_starts_the_patience_anew(clock: ManualClock, watchdog: Watchdog) -> None:
    for at in range(10):
        watchdog.look({0: Standing(next=at, end=100)})
        clock.advance(50)


def test_a_partition_without_lag_may_stand_still(clock: ManualClock, watchdog: Watchdog) -> None:
    for _ in range(10):
        watchdog.look({0: Standing(next=9, end=9)})
        clock.advance(50)
    watchdog.look({0: Standing(next=9, end=10)})
    clock.advance(50)
    watchdog.look({0: Standing(next=9, end=10)})


def test_a_partition_that_left_and_came_back_is_new(clock: ManualClock, watchdog: Watchdog) -> None:
    watchdog.look({0: Standing(next=5, end=9)})
    clock.advance(50)
    watchdog.look({})
    clock.advance(50)
    watchdog.look({0: Standing(next=5, end=9)})


def test_an_excused_outage_does_not_count(clock: ManualClock, watchdog: Watchdog) -> None:
    watchdog.look({0: Standing(next=5, end=9)})
    clock.advance(100)
    watchdog.excuse()
    watchdog.look({0: Standing(next=5, end=9)})
