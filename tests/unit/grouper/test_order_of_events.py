"""Events that come late, early or twice (DESIGN 3): the sender's time orders them where it can be trusted, else the log."""

from tests.support.folding import START, Folding, effects, episode, firing, kinds, outcome, resolved
from tocsin_contracts.status import AlertStatus, IncidentStatus
from tocsin_contracts.times import SECOND


def test_down_up_down_without_times_is_three_deliveries_and_two_incidents() -> None:
    """StatusCake's bodies carry no time: the first and the third are byte-equal, and both are real (D3)."""
    folding = Folding()
    down, up = firing("a"), resolved("a")
    outcomes = [outcome(folding.wait(20).deliver(body)) for body in (down, up, down)]
    assert outcomes == [("processed", None)] * 3
    assert [incident.status for incident in folding.incidents()] == [IncidentStatus.RESOLVED, IncidentStatus.OPEN]


def test_a_resolve_before_its_firing_sticks() -> None:
    folding = Folding()
    assert effects(folding.deliver(resolved("a", **episode(0, 60)))) == ["recorded"]
    facts = folding.wait(5).deliver(firing("a", **episode(0)))
    assert (effects(facts), kinds(facts)) == (["late"], [])
    assert folding.alert().status is AlertStatus.RESOLVED
    assert effects(folding.wait(3600).deliver(firing("a", **episode(0)))) == ["late"], "however late it comes"


def test_a_resolve_of_a_newer_episode_before_its_firing_sticks() -> None:
    folding = Folding()
    folding.deliver(firing("a", **episode(-600)))
    folding.wait(5).deliver(resolved("a", **episode(-600, -300)))
    folding.wait(5).deliver(resolved("a", **episode(-200, -100)))
    assert effects(folding.wait(5).deliver(firing("a", **episode(-200)))) == ["late"]
    assert len(folding.incidents()) == 1


def test_a_resolve_before_its_firing_sticks_by_its_time_alone() -> None:
    """Sentry's issues have no start: a firing that happened before the resolve is late."""
    folding = Folding()
    folding.wait(60).deliver(resolved("a", occurred_at=START + 60 * SECOND, trusted=True))
    assert effects(folding.wait(90).deliver(firing("a", occurred_at=START, trusted=True))) == ["late"]
    assert effects(folding.wait(90).deliver(firing("a", occurred_at=START + 100 * SECOND, trusted=True))) == ["opened"]


def test_a_resolve_older_than_the_running_episode_is_late() -> None:
    folding = Folding()
    folding.wait(1000).deliver(firing("a", **episode(500)))
    facts = folding.wait(5).deliver(resolved("a", **episode(0, 60)))
    assert (effects(facts), kinds(facts)) == (["late"], [])
    assert folding.incident().status is IncidentStatus.OPEN


def test_a_firing_behind_its_resolve_is_a_late_copy() -> None:
    """A pair of Alertmanagers, or a retry: the same episode, seconds behind its resolve."""
    folding = Folding()
    folding.deliver(firing("a", **episode(0)))
    folding.wait(60).deliver(resolved("a", **episode(0, 50)))
    assert effects(folding.wait(5).deliver(firing("a", **episode(0)))) == ["late"]
    assert folding.incident().status is IncidentStatus.RESOLVED


def test_a_series_that_comes_back_with_its_old_start_fires_again() -> None:
    """Alertmanager keeps startsAt behind its resolve_timeout; later than the window it is no copy."""
    folding = Folding()
    folding.deliver(firing("a", **episode(0)))
    folding.wait(60).deliver(resolved("a", **episode(0, 50)))
    assert effects(folding.wait(901).deliver(firing("a", **episode(0)))) == ["opened"]


def test_a_late_event_counts_nothing_however_often_it_comes() -> None:
    """P4: it is as likely a copy of a delivery that was counted; the row keeps when it was last seen."""
    folding = Folding()
    folding.deliver(firing("a", **episode(0)))
    folding.wait(60).deliver(resolved("a", **episode(0, 50)))
    before, counted = folding.incident(), folding.alert().event_count
    for _ in range(3):
        folding.wait(5).deliver(firing("a", **episode(0)))
    assert folding.incident() == before
    assert folding.alert().event_count == counted
    assert folding.alert().last_seen_at == folding.now


def test_a_start_that_moves_back_goes_on_with_the_episode() -> None:
    """Alertmanager merges alerts of two Prometheus servers and tells the earlier start: one episode, ended by its resolve."""
    folding = Folding()
    folding.deliver(firing("a", **episode(0)))
    assert effects(folding.wait(60).deliver(firing("a", **episode(-30)))) == ["repeated"]
    assert effects(folding.wait(60).deliver(firing("a", **episode(0)))) == ["repeated"]
    assert effects(folding.wait(60).deliver(resolved("a", **episode(-30, 150)))) == ["resolved"]
    assert folding.incident().status is IncidentStatus.RESOLVED


def test_an_older_repeat_does_not_move_the_alerts_time_back() -> None:
    folding = Folding()
    at = {name: START + seconds * SECOND for name, seconds in {"first": 90, "older": 30, "resolve": 60}.items()}
    folding.wait(100).deliver(firing("a", occurred_at=at["first"], trusted=True))
    folding.wait(5).deliver(firing("a", occurred_at=at["older"], trusted=True))
    assert folding.alert().occurred_at == at["first"]
    assert effects(folding.wait(5).deliver(resolved("a", occurred_at=at["resolve"], trusted=True))) == ["late"]


def test_a_resolve_said_twice_ended_when_it_ended() -> None:
    folding = Folding()
    folding.deliver(firing("a"))
    folding.wait(60).deliver(resolved("a"))
    ended_at = folding.alert().resolved_at
    facts = folding.wait(1200).deliver(resolved("a"))
    assert (effects(facts), kinds(facts)) == (["recorded"], [])
    assert folding.alert().resolved_at == ended_at


def test_a_senders_time_is_clamped_to_the_clock() -> None:
    """A sender whose clock runs an hour ahead must not make everything behind it late."""
    folding = Folding()
    folding.deliver(firing("a", **episode(3600)))
    assert folding.alert().occurred_at == START
    assert folding.incident().first_seen_at == START
    assert effects(folding.wait(60).deliver(resolved("a", **episode(3600, 3660)))) == ["resolved"]


def test_a_time_that_nobody_trusts_orders_nothing() -> None:
    folding = Folding()
    folding.deliver(firing("a", occurred_at=START - 3600 * SECOND))
    assert folding.alert().occurred_at == folding.now
    assert effects(folding.wait(60).deliver(resolved("a", occurred_at=START - SECOND))) == ["resolved"]
