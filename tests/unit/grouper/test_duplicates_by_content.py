"""P4 without a sender's id (D3): a duplicate only if every alert repeats its own last event, inside the window."""

from dataclasses import replace

import pytest

from tests.support.folding import Folding, alert, effects, episode, firing, kinds, outcome, resolved
from tocsin_contracts.integration import IntegrationSettings
from tocsin_contracts.outcome import Mapped
from tocsin_contracts.status import AlertStatus, EventStatus
from tocsin_contracts.times import SECOND

SAME = ("duplicate", "same-content")


def test_a_pair_of_alertmanagers_that_sends_the_same_body_twice_counts_once() -> None:
    folding = Folding()
    body = [firing("a"), firing("b"), resolved("c")]
    folding.deliver(*body)
    before = folding.incident()
    facts = folding.wait(1).deliver(*body)
    assert (outcome(facts), kinds(facts)) == (SAME, [])
    assert folding.incident() == before


@pytest.mark.parametrize(("micros", "expected"), [(0, "duplicate"), (1, "processed")])
def test_the_window_ends_to_the_microsecond(micros: int, expected: str) -> None:
    folding = Folding(settings=IntegrationSettings(dedup_window_s=60))
    folding.deliver(firing("a"))
    folding.now += 60 * SECOND + micros
    assert outcome(folding.deliver(firing("a")))[0] == expected


def test_a_duplicate_does_not_prolong_the_window() -> None:
    """Equal bodies are compared to the last that was not a duplicate: a steady sender is heard once a window."""
    folding = Folding(settings=IntegrationSettings(dedup_window_s=60))
    outcomes = [outcome(folding.deliver(firing("a")))[0]]
    outcomes += [outcome(folding.wait(40).deliver(firing("a")))[0] for _ in range(3)]
    assert outcomes == ["processed", "duplicate", "processed", "duplicate"]


def test_a_duplicate_moves_last_seen_and_the_lease_and_nothing_else() -> None:
    folding = Folding()
    folding.tick()
    folding.deliver(firing("a"))
    before, incident = folding.alert(), folding.incident()
    folding.tick_for(30)
    folding.deliver(firing("a"))
    moved = folding.alert()
    assert moved.last_seen_at == folding.now
    assert moved.last_observed == before.last_observed + 30 * SECOND
    assert replace(moved, last_seen_at=0, last_observed=0, changed_offset=0) == replace(
        before, last_seen_at=0, last_observed=0, changed_offset=0
    )
    assert folding.incident() == incident


def test_a_group_that_changed_in_part_is_processed() -> None:
    """One alert of two says something new: nothing of that delivery is dropped."""
    folding = Folding()
    folding.deliver(firing("a"), firing("b"))
    facts = folding.wait(60).deliver(firing("a"), firing("b", title="worse"))
    assert outcome(facts)[0] == "processed"
    assert effects(facts) == ["repeated", "repeated"]


def test_a_group_with_one_alert_more_is_processed() -> None:
    folding = Folding()
    folding.deliver(firing("a"))
    assert effects(folding.wait(60).deliver(firing("a"), firing("b"))) == ["repeated", "joined"]


def test_a_group_with_one_alert_less_is_a_duplicate() -> None:
    """Alertmanager's group shrinks when a resolved alert leaves it: what remains says nothing new."""
    folding = Folding()
    folding.deliver(firing("a"), firing("b"))
    assert outcome(folding.wait(60).deliver(firing("a"))) == SAME


def test_equal_content_behind_another_status_is_no_duplicate() -> None:
    folding = Folding()
    for body in (firing("a", content="x"), resolved("a", content="x"), firing("a", content="x")):
        assert outcome(folding.wait(5).deliver(body))[0] == "processed"


def test_an_acknowledgement_of_equal_content_is_no_duplicate_of_the_firing() -> None:
    folding = Folding()
    folding.deliver(firing("a", content="x"))
    assert effects(folding.wait(5).deliver(alert("a", EventStatus.ACKNOWLEDGED, content="x"))) == ["acknowledged"]


def test_equal_content_behind_an_episode_that_a_timer_ended_is_no_duplicate() -> None:
    """The window of the episode is shorter than that of duplicates: the alert is closed, so its firing opens again."""
    folding = Folding(settings=IntegrationSettings(dedup_window_s=3600, group_window_s=600))
    folding.deliver(firing("a", never_resolves=True))
    folding.tick_for(720)
    assert folding.alert().status is AlertStatus.CLOSED
    assert effects(folding.deliver(firing("a", never_resolves=True))) == ["opened"]


def test_a_body_without_alerts_is_no_duplicate() -> None:
    folding = Folding()
    folding.deliver(firing("a"))
    assert outcome(folding.deliver()) == ("processed", None)


def test_a_failed_delivery_between_two_equal_ones_changes_nothing() -> None:
    folding = Folding()
    folding.deliver(firing("a"))
    folding.deliver(mapped=Mapped.FAILED, reason="unknown-shape")
    assert outcome(folding.deliver(firing("a"))) == SAME


def test_another_integrations_equal_content_is_no_duplicate() -> None:
    folding = Folding()
    folding.deliver(firing("a"))
    assert outcome(folding.deliver(firing("a"), integration="other"))[0] == "processed"


def test_a_copy_of_a_group_in_which_one_alert_is_late_is_a_duplicate() -> None:
    """The other Alertmanager of a pair lags: one alert of its body is of the past, the rest was just said."""
    folding = Folding()
    folding.deliver(firing("a", **episode(0)), firing("b", **episode(0)))
    folding.wait(60).deliver(resolved("a", **episode(0, 50)))
    before, lease = folding.incident(), folding.alert("a").last_observed
    facts = folding.wait(5).deliver(firing("a", **episode(0)), firing("b", **episode(0)))
    assert outcome(facts) == SAME
    assert folding.incident() == before
    assert folding.alert("a").last_observed == lease


def test_a_body_of_late_alerts_alone_is_no_duplicate() -> None:
    """It is kept, for nobody knows it as a copy; it counts nothing."""
    folding = Folding()
    folding.wait(1000).deliver(firing("a", **episode(500)))
    assert outcome(folding.wait(5).deliver(resolved("a", **episode(0, 60)))) == ("processed", None)
