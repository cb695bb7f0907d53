"""What a firing does whose incident is over (issue 5, item 1), and when a group flaps (item 4)."""

import pytest

from tests.support.folding import Folding, effects, firing, incident_facts, kinds, resolved
from tocsin_contracts.incident import FlappingBegan, IncidentOpened, IncidentReopened
from tocsin_contracts.status import IncidentStatus

OPEN_AGAIN = {"name": "again", "refire": "reopen", "reopen_within": "1h"}
TWICE = {"name": "flappy", "flapping": {"times": 2, "within": "10m"}}
NEVER_FLAPS = {"name": "calm", "flapping": None}


def ups_and_downs(folding: Folding, times: int, *, apart_s: float = 60) -> list[str]:
    """Let one alert fire and resolve; gives what each firing did."""
    found: list[str] = []
    for number in range(times):
        found += effects(folding.deliver(firing("a", title=f"{number} up")))
        folding.tick_for(apart_s / 2)
        folding.deliver(resolved("a", title=f"{number} down"))
        folding.tick_for(apart_s / 2)
    return found


def test_what_opens_again_waits_for_its_threshold_too() -> None:
    """A rule that wants two alerts wants them each time: one alone is what it was made to keep quiet."""
    folding = Folding()
    folding.rules({"name": "pairs", "threshold": {"alerts": 2, "within": "5m"}, "refire": "reopen"})
    folding.deliver(firing("a"), firing("b"))
    folding.wait(60).deliver(resolved("a"), resolved("b"))
    assert effects(folding.wait(60).deliver(firing("a"))) == ["held"]
    assert effects(folding.wait(60).deliver(firing("b"))) == ["reopened"]
    assert (folding.incident().status, folding.incident().firing_count) == (IncidentStatus.OPEN, 2)


def test_by_default_a_firing_behind_the_end_opens_a_new_incident_linked_to_the_one_before() -> None:
    folding = Folding()
    assert ups_and_downs(folding, 2) == ["opened", "opened"]
    first, second = folding.incidents()
    found = [
        fact for decision in folding.decisions for fact in incident_facts(decision.facts) if isinstance(fact, IncidentOpened)
    ]
    assert (found[1].incident, found[1].previous) == (second.id, first.id)
    assert found[1].why["competing"] == {"incident": first.id, "status": "RESOLVED", "because": "over"}


def test_a_rule_may_open_the_last_incident_again() -> None:
    folding = Folding()
    folding.rules(OPEN_AGAIN)
    folding.deliver(firing("a"))
    folding.wait(5).deliver(resolved("a"))
    facts = folding.wait(5).deliver(firing("a", title="again"))
    assert kinds(facts) == ["incident-reopened", "alerts-recorded"]
    incident = folding.incident()
    assert (incident.status, incident.resolved_at, incident.alert_count, incident.firing_count) == (
        IncidentStatus.OPEN,
        None,
        1,
        1,
    )
    (reopened,) = [fact for fact in incident_facts(facts) if isinstance(fact, IncidentReopened)]
    assert (reopened.before, reopened.actor_id) == (IncidentStatus.RESOLVED, None)
    assert incident.revision == 0, "nobody did it"


def test_another_alert_of_the_group_opens_it_again_too() -> None:
    folding = Folding()
    folding.rules(OPEN_AGAIN)
    folding.deliver(firing("a"))
    folding.wait(5).deliver(resolved("a"))
    assert effects(folding.deliver(firing("b"))) == ["reopened"]
    assert folding.incident().alert_count == 2


def test_too_late_it_opens_a_new_one() -> None:
    folding = Folding()
    folding.rules(OPEN_AGAIN)
    folding.deliver(firing("a"))
    folding.deliver(resolved("a"))
    folding.wait(3601)
    assert effects(folding.deliver(firing("a", title="again"))) == ["opened"]


def test_what_people_closed_is_never_opened_again_by_a_rule() -> None:
    folding = Folding()
    folding.rules(OPEN_AGAIN)
    folding.deliver(firing("a"))
    folding.deliver(resolved("a"))
    folding.command(folding.incident().id, IncidentStatus.CLOSED)
    assert effects(folding.deliver(firing("a", title="again"))) == ["opened"]


def test_a_group_that_opens_too_often_goes_on_in_one_incident_marked_and_quiet() -> None:
    folding = Folding()
    assert ups_and_downs(folding, 8) == ["opened", "opened", "opened", "reopened", *["fired"] * 4]
    last = folding.incidents()[-1]
    assert len(folding.incidents()) == 3
    assert (last.flapping, last.status) == (True, IncidentStatus.OPEN)
    began = [fact for decision in folding.decisions for fact in incident_facts(decision.facts) if isinstance(fact, FlappingBegan)]
    assert [(fact.incident, fact.openings, fact.within_s) for fact in began] == [(last.id, 4, 1800)]


def test_flapping_ends_and_resolves_once_nothing_turned_for_long_enough() -> None:
    folding = Folding()
    ups_and_downs(folding, 5)
    folding.tick_for(1700)
    assert folding.incidents()[-1].flapping
    folding.tick_for(300)
    last = folding.incidents()[-1]
    assert (last.flapping, last.status) == (False, IncidentStatus.RESOLVED)


def test_flapping_that_ends_while_it_fires_leaves_the_incident_open() -> None:
    folding = Folding()
    ups_and_downs(folding, 4)
    folding.deliver(firing("a", title="for good"))
    folding.tick_for(2000)
    last = folding.incidents()[-1]
    assert (last.flapping, last.status) == (False, IncidentStatus.OPEN)
    folding.deliver(resolved("a", title="over"))
    assert folding.incidents()[-1].status is IncidentStatus.RESOLVED


def test_one_that_a_person_resolved_flaps_no_more_until_it_comes_back() -> None:
    folding = Folding()
    ups_and_downs(folding, 4)
    folding.command(folding.incidents()[-1].id, IncidentStatus.RESOLVED)
    assert not folding.incidents()[-1].flapping
    assert effects(folding.deliver(firing("a", title="back"))) == ["reopened"]
    assert folding.incidents()[-1].flapping


def test_what_was_refused_does_not_count_as_quiet() -> None:
    """P10: while we answer 429 nobody can tell us that it turned."""
    folding = Folding()
    ups_and_downs(folding, 5)
    folding.tick_for(1500)
    folding.tick_for(900, refused=["prod"])
    assert folding.incidents()[-1].flapping
    folding.tick_for(600)
    assert not folding.incidents()[-1].flapping


@pytest.mark.parametrize("apart_s", [1200, 3600])
def test_openings_far_apart_are_no_flapping(apart_s: float) -> None:
    folding = Folding()
    assert ups_and_downs(folding, 6, apart_s=apart_s) == ["opened"] * 6


def test_a_rule_may_switch_flapping_off() -> None:
    folding = Folding()
    folding.rules(NEVER_FLAPS)
    assert ups_and_downs(folding, 10) == ["opened"] * 10


def test_a_key_that_rules_give_back_has_its_openings_still() -> None:
    """What its incident did under another key meanwhile is another group's."""
    folding = Folding()
    folding.rules(TWICE)
    folding.deliver(firing("a"))
    folding.rules({"name": "by-title", "group_by": ["title"]})
    folding.rules(TWICE)
    folding.deliver(resolved("a"))
    assert effects(folding.wait(60).deliver(firing("a"))) == ["reopened"]
    assert folding.incident().flapping


def test_what_a_rule_opens_again_behaves_as_that_rule_says() -> None:
    """It was over when the rules changed, so they did not reach it then."""
    folding = Folding()
    folding.deliver(firing("a"))
    folding.deliver(resolved("a"))
    rule = {"name": "again", "refire": "reopen", "resolve": {"after": "10m"}}
    folding.rules(rule)
    assert kinds(folding.wait(60).deliver(firing("a"))) == ["incident-reopened", "incident-regrouped", "alerts-recorded"]
    assert (folding.incident().rule, folding.incident().rule_version) == ("again", 1)
    folding.wait(60).deliver(resolved("a"))
    assert folding.incident().status is IncidentStatus.OPEN, "it waits for ten quiet minutes"
    assert kinds(folding.wait(60).deliver(firing("a", title="still"))) == ["alerts-recorded"]
