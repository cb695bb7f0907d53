"""Thresholds (issue 5, item 1): an incident opens once so many alerts fire inside the time, and none of them is lost."""

from typing import Any

from tests.support.folding import Folding, effects, firing, incident_facts, kinds, resolved
from tocsin_contracts.incident import AlertsRecorded, IncidentOpened
from tocsin_contracts.integration import IntegrationSettings
from tocsin_contracts.status import IncidentStatus


def three_within(minutes: int = 10, **values: Any) -> Folding:
    """Give a fold whose only rule opens at the third alert."""
    folding = Folding(**values)
    folding.rules({"name": "thrice", "threshold": {"alerts": 3, "within": f"{minutes}m"}})
    return folding


def test_below_the_threshold_alerts_wait_and_nothing_opens() -> None:
    folding = three_within()
    assert effects(folding.deliver(firing("a"))) == ["held"]
    assert effects(folding.deliver(firing("b"))) == ["held"]
    assert folding.incidents() == []
    assert folding.alert("a").status.is_active


def test_at_the_threshold_all_that_waited_belong_to_the_incident() -> None:
    folding = three_within()
    folding.deliver(firing("a"))
    folding.deliver(firing("b", severity=None))
    facts = folding.deliver(firing("c"))
    assert kinds(facts) == ["incident-opened", "alerts-recorded"]
    incident = folding.incident()
    assert (incident.alert_count, incident.firing_count, incident.event_count) == (3, 3, 1)
    assert {folding.alert(name).incident for name in "abc"} == {incident.id}
    assert {folding.alert(name).held for name in "abc"} == {None}


def test_the_incident_says_what_was_counted() -> None:
    folding = three_within()
    facts = [*folding.deliver(firing("a")), *folding.deliver(firing("b")), *folding.deliver(firing("c"))]
    (opened,) = [fact for fact in incident_facts(facts) if isinstance(fact, IncidentOpened)]
    assert opened.why["threshold"] == {"alerts": 3, "within_s": 600, "counted": 3}


def test_one_delivery_that_reaches_the_threshold_opens_one_incident_for_all_of_it() -> None:
    folding = three_within()
    facts = folding.deliver(*(firing(name) for name in "abcde"))
    assert effects(facts) == ["held", "held", "opened", "joined", "joined"]
    (recorded,) = [fact for fact in incident_facts(facts) if isinstance(fact, AlertsRecorded)]
    assert len(recorded.joined) == 5
    assert folding.incident().firing_count == 5


def test_an_alert_that_resolved_does_not_count_any_more() -> None:
    """A known bug of rivals: thresholds that count what is over already."""
    folding = three_within()
    folding.deliver(firing("a"))
    folding.deliver(resolved("a"))
    folding.deliver(firing("b"))
    assert effects(folding.deliver(firing("c"))) == ["held"]
    assert effects(folding.deliver(firing("d"))) == ["opened"]
    assert folding.alert("a").incident is None


def test_an_alert_that_fires_again_and_again_counts_once() -> None:
    folding = three_within()
    for number in range(5):
        assert effects(folding.wait(1).deliver(firing("a", title=f"said {number} times"))) == ["held"]


def test_what_began_before_the_window_does_not_count() -> None:
    folding = three_within(minutes=5)
    folding.deliver(firing("a"))
    folding.tick_for(301)
    folding.deliver(firing("b"))
    assert effects(folding.deliver(firing("c"))) == ["held"]


def test_an_alert_still_firing_counts_again_once_it_is_told_of_again() -> None:
    folding = three_within(minutes=5)
    folding.deliver(firing("a"))
    folding.tick_for(315)
    folding.deliver(firing("b"), firing("c"))
    assert effects(folding.deliver(firing("a", title="still"))) == ["opened"]
    assert folding.incident().alert_count == 3


def test_once_open_the_next_alerts_join_one_by_one_and_behind_its_end_the_threshold_counts_anew() -> None:
    folding = three_within()
    folding.deliver(firing("a"), firing("b"), firing("c"))
    assert effects(folding.deliver(firing("d"))) == ["joined"]
    folding.deliver(*(resolved(name) for name in "abcd"))
    assert folding.incident().status is IncidentStatus.RESOLVED
    assert effects(folding.deliver(firing("e"))) == ["held"]


def test_groups_count_apart() -> None:
    folding = Folding()
    folding.rules({"name": "twice", "group_by": ["service"], "threshold": {"alerts": 2, "within": "10m"}})
    assert effects(folding.deliver(firing("a", service="x"), firing("b", service="y"))) == ["held", "held"]
    assert effects(folding.deliver(firing("c", service="x"))) == ["opened"]


def test_an_alert_whose_source_never_resolves_stops_waiting_when_its_window_passed() -> None:
    folding = three_within(minutes=60, settings=IntegrationSettings(group_window_s=600))
    folding.deliver(firing("a", never_resolves=True))
    folding.tick_for(720)
    assert not folding.alert("a").status.is_active
    folding.deliver(firing("b"))
    assert effects(folding.deliver(firing("c"))) == ["held"], "a is over, though the threshold's hour is not"


def test_a_threshold_that_a_new_rule_set_takes_away_opens_at_the_next_word() -> None:
    folding = three_within()
    folding.deliver(firing("a"))
    folding.rules()
    assert effects(folding.deliver(firing("a", title="still"))) == ["opened"]


def test_an_alert_waits_in_one_group_only() -> None:
    """Its labels changed while it waited: it counts where it waits now, and no longer where it did."""
    folding = Folding()
    folding.rules({"name": "twice", "group_by": ["service"], "threshold": {"alerts": 2, "within": "10m"}})
    folding.deliver(firing("a", service="x"))
    folding.deliver(firing("a", service="y", title="moved"))
    assert effects(folding.deliver(firing("b", service="x"))) == ["held"]
    assert effects(folding.deliver(firing("c", service="y"))) == ["opened"]


def test_an_alert_that_joined_an_incident_waits_no_more() -> None:
    folding = Folding()
    folding.rules({"name": "twice", "threshold": {"alerts": 2, "within": "10m"}})
    folding.deliver(firing("a"), firing("b"))
    folding.deliver(resolved("a"), resolved("b"))
    assert effects(folding.wait(60).deliver(firing("a", title="again"))) == ["held"]
    folding.ask({"kind": "reopen", "incident": folding.incident().id})
    assert effects(folding.deliver(firing("a", title="still"))) == ["joined"]
    folding.deliver(resolved("a", title="over"))
    assert effects(folding.deliver(firing("c"))) == ["held"], "a is over, and is in an incident"


def test_an_alert_that_became_a_heartbeat_waits_no_more() -> None:
    rule = {"name": "twice", "threshold": {"alerts": 2, "within": "10m"}}
    folding = Folding()
    folding.rules(rule)
    folding.deliver(firing("a"))
    folding.rules(rule, heartbeats=[{"name": "alive", "matchers": 'title="beat"', "every": "5m"}])
    folding.deliver(firing("a", title="beat"))
    assert effects(folding.deliver(firing("b"))) == ["held"]


def test_an_alert_that_waited_is_counted_once_where_the_body_that_opens_the_incident_names_it_too() -> None:
    """Else one more would fire than there is, and the incident could never be over."""
    folding = Folding()
    folding.rules({"name": "pairs", "threshold": {"alerts": 2, "within": "3m"}})
    folding.deliver(firing("b"))
    assert effects(folding.deliver(firing("a"), firing("b", title="again"))) == ["opened", "repeated"]
    assert (folding.incident().alert_count, folding.incident().firing_count) == (2, 2)
    folding.deliver(resolved("a"), resolved("b"))
    assert folding.incident().status is IncidentStatus.RESOLVED
