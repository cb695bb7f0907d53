"""The garbage collector is told to look rarely."""

import gc

import pytest

from tocsin_runtime import collector


def test_inside_the_block_the_collector_looks_rarely_and_behind_it_as_before() -> None:
    before = gc.get_threshold()

    with collector.spared():
        assert gc.get_threshold()[0] == collector.THRESHOLD
        assert gc.isenabled()

    assert gc.get_threshold() == before


def test_the_collector_looks_as_before_behind_a_block_that_failed() -> None:
    before = gc.get_threshold()

    with pytest.raises(ValueError, match="why"), collector.spared():
        int("why")

    assert gc.get_threshold() == before
