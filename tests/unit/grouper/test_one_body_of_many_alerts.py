"""Groups in one body: mixed ones keep their incident; one alert twice counts in the body's order."""

import pytest

from tests.support.folding import Folding, effects, episode, firing, kinds, outcome, resolved
from tocsin_contracts.status import AlertStatus, IncidentStatus
from tocsin_grouper.domain.view import Missing


@pytest.mark.parametrize("order", [1, -1], ids=["resolve first", "firing first"])
def test_a_group_in_which_one_resolves_and_one_begins_keeps_its_incident(order: int) -> None:
    folding = Folding()
    folding.deliver(firing("a"))
    facts = folding.wait(60).deliver(*[resolved("a"), firing("b")][::order])
    assert kinds(facts) == ["alerts-recorded"]
    incident = folding.incident()
    assert (incident.status, incident.alert_count, incident.firing_count) == (IncidentStatus.OPEN, 2, 1)


@pytest.mark.parametrize("order", [1, -1], ids=["newer start first", "new alert first"])
def test_a_group_in_which_one_begins_anew_and_one_joins_opens_one_incident(order: int) -> None:
    """The only alert's episode ended unseen: its incident is over, and both alerts meet in the next, in either order."""
    folding = Folding()
    folding.deliver(firing("a", **episode(0)))
    folding.wait(600).deliver(*[firing("a", **episode(500)), firing("b", **episode(550))][::order])
    first, second = folding.incidents()
    assert (first.status, second.status, second.firing_count) == (IncidentStatus.RESOLVED, IncidentStatus.OPEN, 2)


def test_the_same_alert_twice_in_one_body_is_one_alert_of_two_events() -> None:
    folding = Folding()
    facts = folding.deliver(firing("a"), firing("a"))
    assert effects(facts) == ["opened", "repeated"]
    incident = folding.incident()
    assert (incident.alert_count, incident.firing_count, incident.event_count) == (1, 1, 2)
    assert outcome(folding.wait(5).deliver(firing("a"), firing("a"))) == ("duplicate", "same-content")


def test_a_body_that_fires_resolves_and_fires_one_alert_counts_in_its_order() -> None:
    """Three notifications in one body: the alert fires at its end, in a second incident of another id."""
    folding = Folding()
    facts = folding.deliver(firing("a"), resolved("a"), firing("a"))
    assert effects(facts) == ["opened", "resolved", "opened"]
    first, second = folding.incidents()
    assert (first.status, second.status) == (IncidentStatus.RESOLVED, IncidentStatus.OPEN)
    assert first.id != second.id
    assert folding.alert().status is AlertStatus.OPEN


def test_a_body_that_resolves_and_fires_one_alert_leaves_it_firing() -> None:
    folding = Folding()
    folding.deliver(firing("a"))
    assert effects(folding.wait(60).deliver(resolved("a"), firing("a"))) == ["resolved", "opened"]
    assert folding.alert().status is AlertStatus.OPEN


def test_two_incidents_of_one_group_opened_by_one_record_have_different_ids() -> None:
    """Also by starts: the second episode of one body supersedes the first."""
    folding = Folding()
    folding.wait(100).deliver(firing("a", **episode(0)), firing("a", **episode(50)), firing("a", **episode(90)))
    incidents = folding.incidents()
    assert len({incident.id for incident in incidents}) == 3
    assert [incident.firing_count for incident in incidents] == [0, 0, 1]


def test_a_body_of_a_hundred_turns_asks_for_all_its_groups_at_once() -> None:
    """Each turn names another group: asking for one at a time would exhaust the handler's rounds of loading."""
    folding = Folding()
    folding.deliver(firing("a"))
    turns = [body for number in range(100) for body in (firing("a", problem=f"p{number}"), resolved("a"))]
    stored = {key: value for key, value in dict(folding.state.loaded).items() if value is not None}
    folding.state.loaded = {}
    rounds = 0
    while True:
        try:
            folding.deliver(*turns)
            break
        except Missing as missing:
            rounds += 1
            folding.state.loaded.update({key: stored.get(key) for key in missing.keys})
    assert rounds <= 4
    assert len(folding.incidents()) == 100, "the first turn goes on in the incident that was there"
