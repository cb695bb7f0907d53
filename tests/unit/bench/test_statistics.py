"""The few numbers that stand for many samples."""

import pytest

from bench import statistics


def test_a_percentile_is_a_sample_that_so_many_do_not_exceed() -> None:
    samples = [float(number) for number in range(1, 101)]

    assert statistics.percentile(samples, 0.5) == 50
    assert statistics.percentile(samples, 0.99) == 99
    assert statistics.percentile(samples, 1.0) == 100
    assert statistics.percentile([7.0], 0.01) == 7


def test_a_percentile_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no samples"):
        statistics.percentile([], 0.5)


def test_the_middle_is_not_moved_by_one_bad_round() -> None:
    assert statistics.middle([1.0, 2.0, 900.0]) == 2


def test_the_slope_is_that_of_the_line_and_flat_where_nothing_rises() -> None:
    assert statistics.slope([(0.0, 1.0), (1.0, 3.0), (2.0, 5.0)]) == pytest.approx(2.0)
    assert statistics.slope([(0.0, 4.0), (1.0, 4.0)]) == 0
    assert statistics.slope([(1.0, 4.0)]) == 0
