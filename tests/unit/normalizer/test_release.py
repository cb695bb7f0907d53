"""The release guard: from less than 5 % to more than 50 %."""

from tocsin_contracts.outcome import Mapped
from tocsin_normalizer.domain.release import GuardLimits, Judged, ReleaseGuard

LIMITS = GuardLimits(history=100, history_min=10, sample=10, healthy=0.05, trip=0.5)
GOOD, BAD = Judged("s", failed=False), Judged("s", failed=True)


def guard(history: int = 100, failed: int = 0) -> ReleaseGuard:
    made = ReleaseGuard("new", LIMITS)
    for number in range(history):
        made.remember("old", "s", Mapped.FAILED if number < failed else Mapped.NORMALIZED)
    return made


def test_it_trips_as_soon_as_more_than_half_of_the_sample_failed() -> None:
    made = guard()
    assert made.judge([BAD] * 5) is None
    regression = made.judge([BAD])
    assert regression is not None
    assert (regression.source, regression.failed, regression.seen, regression.history_failed) == ("s", 6, 6, 0)


def test_half_is_not_more_than_half() -> None:
    assert guard().judge([BAD] * 5 + [GOOD] * 5 + [BAD] * 100) is None


def test_only_the_first_outcomes_are_judged() -> None:
    made = guard()
    assert made.judge([GOOD] * 10) is None
    assert not made.watching()
    assert made.judge([BAD] * 1000) is None


def test_a_source_that_failed_before_is_not_judged() -> None:
    assert guard(failed=5).judge([BAD] * 10) is None
    assert guard(failed=4).judge([BAD] * 10) is not None


def test_a_source_with_little_history_is_not_judged() -> None:
    assert guard(history=9).judge([BAD] * 10) is None
    assert not guard(history=9).watching()


def test_sources_do_not_excuse_each_other() -> None:
    made = guard()
    others = [Judged("other", failed=False)] * 1000
    assert made.judge([*others, *[BAD] * 6]) is not None


def test_only_the_last_outcomes_of_the_former_release_count() -> None:
    made = guard(history=50, failed=50)
    for _ in range(100):
        made.remember("old", "s", Mapped.IGNORED)
    assert made.judge([BAD] * 6) is not None


def test_a_restart_goes_on_counting_where_the_output_ends() -> None:
    """Without this, a crash in the middle of a bad sample would make the release the new normal."""
    made = guard()
    for _ in range(4):
        made.remember("new", "s", Mapped.FAILED)
    assert made.judge([BAD]) is None
    assert made.judge([BAD]) is not None


def test_a_rehearsal_counts_nothing() -> None:
    made = guard()
    assert made.fork().judge([BAD] * 6) is not None
    assert made.judge([BAD] * 5) is None
