"""The crash guard's arithmetic."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin_normalizer.domain.attempts import Announcement, Mode, deaths_at, mode


@given(st.integers(-1, 2**50), st.integers(0, 999_999))
def test_an_announcement_reads_back(tail: int, deaths: int) -> None:
    announced = Announcement(tail, deaths)
    assert Announcement.decode(announced.encode()) == announced


@pytest.mark.parametrize(
    "text", ["", "tocsin1", "tocsin1 tail=x deaths=1", "tocsin2 tail=1 deaths=1", "{}", "tocsin1 tail=1 deaths=1 "]
)
def test_metadata_of_others_is_no_announcement(text: str) -> None:
    assert Announcement.decode(text) is None


def test_deaths_count_only_behind_the_same_tail() -> None:
    assert deaths_at(7, Announcement(7, 2), None) == 2
    assert deaths_at(8, Announcement(7, 2), None) == 0
    assert deaths_at(7, None, None) == 0


def test_what_this_living_process_announced_is_nobodys_death() -> None:
    assert deaths_at(7, Announcement(7, 1), Announcement(7, 1)) == 0
    assert deaths_at(7, Announcement(7, 2), Announcement(7, 2)) == 1


def test_an_announcement_taken_back_is_no_death() -> None:
    assert deaths_at(7, Announcement(7, 0), None) == 0
    assert deaths_at(7, Announcement(7, 0), Announcement(7, 0)) == 0


def test_one_death_makes_careful_and_two_condemn() -> None:
    assert [mode(deaths) for deaths in (0, 1, 2, 3)] == [Mode.NORMAL, Mode.CAREFUL, Mode.CONDEMN, Mode.CONDEMN]
