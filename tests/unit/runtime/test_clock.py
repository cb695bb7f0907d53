"""Clocks: microseconds since the epoch, and a monotonic hand."""

from tocsin_runtime.clock import ManualClock, SystemClock


def test_the_system_clock_tells_microseconds() -> None:
    assert 1_600_000_000_000_000 < SystemClock().now() < 4_102_444_800_000_000
    assert SystemClock().monotonic() <= SystemClock().monotonic()


def test_a_manual_clock_moves_only_when_told() -> None:
    clock = ManualClock(1_000_000)
    assert (clock.now(), clock.monotonic()) == (1_000_000, 0.0)
    clock.advance(1.5)
    assert (clock.now(), clock.monotonic()) == (2_500_000, 1.5)


def test_a_step_moves_the_wall_clock_alone() -> None:
    clock = ManualClock(10_000_000)
    clock.step(-3)
    assert (clock.now(), clock.monotonic()) == (7_000_000, 0.0)
