"""Which incident an alert joins (E7, E8, E16)."""

import pytest

from tests.support.folding import Folding, alert, effects, episode, firing, incident_facts, kinds, outcome, resolved
from tocsin_contracts.incident import AlertsRecorded, IncidentOpened
from tocsin_contracts.integration import IntegrationSettings
from tocsin_contracts.severity import Severity
from tocsin_contracts.status import AlertStatus, EventStatus, IncidentStatus


def test_a_new_alert_opens_an_incident_that_says_why() -> None:
    folding = Folding()
    facts = folding.deliver(firing("a", project="shop", environment="prod", severity=Severity.HIGH))
    opened = incident_facts(facts)[0]
    assert isinstance(opened, IncidentOpened)
    assert (opened.rule, opened.rule_version) == ("default", 0)
    assert "HighErrorRate" in opened.reason
    assert (opened.project, opened.environment, opened.severity) == ("shop", "prod", Severity.HIGH)
    assert outcome(facts) == ("processed", None)
    assert folding.incident().status is IncidentStatus.OPEN


def test_another_alert_of_the_problem_joins_the_incident_that_collects() -> None:
    folding = Folding()
    folding.deliver(firing("a"))
    facts = folding.wait(60).deliver(firing("b"))
    assert kinds(facts) == ["alerts-recorded"]
    assert effects(facts) == ["joined"]
    assert folding.incident().alert_count == 2


def test_two_hundred_alerts_of_one_problem_are_one_incident_of_one_fact() -> None:
    """E7: 200 pods down are one incident of 200 alerts; the delivery tells them in one fact behind the opening one."""
    folding = Folding()
    facts = incident_facts(folding.deliver(*(firing(f"pod-{number}") for number in range(200))))
    opened, recorded = facts
    assert isinstance(opened, IncidentOpened)
    assert isinstance(recorded, AlertsRecorded)
    assert len(recorded.joined) == recorded.events == 200
    incident = folding.incident()
    assert (incident.alert_count, incident.firing_count, incident.version) == (200, 200, 2)


def test_one_delivery_of_six_problems_opens_six_incidents() -> None:
    """Each has its own id and its own gapless versions, and the delivery's row names all six in order."""
    folding = Folding()
    folding.deliver(*(firing(f"a{number}", problem=f"p{number}") for number in range(6)))
    incidents = folding.incidents()
    assert len({incident.id for incident in incidents}) == 6
    assert [incident.version for incident in incidents] == [2] * 6
    recorded = folding.decisions[-1].facts[-1]
    assert recorded.incidents == tuple(incident.id for incident in incidents)  # type: ignore[union-attr] # a DeliveryRecorded


@pytest.mark.parametrize("difference", [{"problem": "Disk"}, {"project": "shop"}, {"environment": "dev"}])
def test_what_the_group_key_is_made_of_separates_incidents(difference: dict[str, str]) -> None:
    folding = Folding()
    folding.deliver(firing("a"))
    folding.deliver(firing("b", **difference))
    assert len(folding.incidents()) == 2


@pytest.mark.parametrize("same", [{"problem": " higherrorrate "}, {"problem": "HIGHERRORRATE"}, {"environment": ""}])
def test_case_and_white_space_do_not_separate_incidents(same: dict[str, str]) -> None:
    folding = Folding()
    folding.deliver(firing("a"))
    folding.deliver(firing("b", **same))
    assert folding.incident().alert_count == 2


def test_another_source_is_another_group() -> None:
    folding = Folding()
    folding.deliver(firing("a"))
    folding.deliver(firing("b"), source="grafana")
    assert len(folding.incidents()) == 2


def test_two_tenants_with_the_same_fingerprint_never_meet() -> None:
    """P9, E16: the same body of two tenants makes two alerts in two incidents of different ids."""
    folding = Folding()
    body = firing("a", environment="prod")
    folding.deliver(body)
    facts = folding.deliver(body, tenant="other")
    assert outcome(facts) == ("processed", None)
    (mine,), (theirs,) = folding.incidents("acme"), folding.incidents("other")
    assert mine.id != theirs.id
    folding.deliver(resolved("a"), tenant="other")
    assert folding.incident().status is IncidentStatus.OPEN
    assert folding.incidents("other")[0].status is IncidentStatus.RESOLVED


def test_two_integrations_with_the_same_fingerprint_are_two_alerts_of_one_problem() -> None:
    folding = Folding()
    folding.deliver(firing("a"))
    folding.deliver(firing("a"), integration="other")
    assert folding.incident().alert_count == 2
    folding.deliver(resolved("a"))
    assert folding.incident().status is IncidentStatus.OPEN


def test_a_resolved_incident_collects_no_more() -> None:
    """E8: a resolved one starts a new group; the new incident names the one before it."""
    folding = Folding()
    folding.deliver(firing("a"))
    folding.wait(60).deliver(resolved("a"))
    facts = folding.wait(60).deliver(firing("b"))
    first, second = folding.incidents()
    opened = incident_facts(facts)[0]
    assert isinstance(opened, IncidentOpened)
    assert (first.status, second.status, opened.previous) == (IncidentStatus.RESOLVED, IncidentStatus.OPEN, first.id)


@pytest.mark.parametrize("status", [IncidentStatus.ACKNOWLEDGED, IncidentStatus.INVESTIGATING])
def test_an_incident_that_somebody_works_on_still_collects(status: IncidentStatus) -> None:
    folding = Folding()
    folding.deliver(firing("a"))
    folding.command(folding.incident().id, status)
    folding.deliver(firing("b"))
    assert (folding.incident().alert_count, folding.incident().status) == (2, status)


def test_an_incident_outside_its_window_collects_no_more() -> None:
    """E16: outside the window, of a source that never resolves, the next alert opens a new incident."""
    folding = Folding(settings=IntegrationSettings(group_window_s=600))
    folding.deliver(firing("a", never_resolves=True))
    folding.tick_for(900)
    folding.deliver(firing("b", never_resolves=True))
    assert [incident.status for incident in folding.incidents()] == [IncidentStatus.OPEN, IncidentStatus.OPEN]


def test_an_incident_resolves_with_its_last_alert_and_not_before() -> None:
    folding = Folding()
    folding.deliver(firing("a"), firing("b"))
    assert kinds(folding.wait(60).deliver(resolved("a"))) == ["alerts-recorded"]
    assert kinds(folding.wait(60).deliver(resolved("b"))) == ["alerts-recorded", "incident-resolved"]
    assert folding.incident().firing_count == 0


def test_an_alert_that_fires_again_in_a_collecting_incident_is_no_new_member() -> None:
    folding = Folding()
    folding.deliver(firing("a"), firing("b"))
    folding.wait(60).deliver(resolved("a"))
    assert effects(folding.wait(60).deliver(firing("a"))) == ["fired"]
    incident = folding.incident()
    assert (incident.alert_count, incident.firing_count) == (2, 2)


@pytest.mark.parametrize("status", [EventStatus.FIRING, EventStatus.RESOLVED])
def test_a_heartbeat_never_opens_an_incident(status: EventStatus) -> None:
    folding = Folding()
    for _ in range(3):
        facts = folding.wait(1200).deliver(alert("watchdog", status, heartbeat=True))
        assert (kinds(facts), effects(facts)) == ([], ["heartbeat"])
    assert folding.alert("watchdog").incident is None
    assert folding.incidents() == []


def test_an_alert_that_turns_into_a_heartbeat_still_leaves_its_incident_by_a_resolve() -> None:
    """Else its incident would count it as firing for ever."""
    folding = Folding()
    folding.deliver(firing("a"))
    folding.wait(60).deliver(firing("a", heartbeat=True))
    folding.wait(60).deliver(resolved("a", heartbeat=True))
    assert folding.incident().status is IncidentStatus.RESOLVED


def test_an_acknowledgement_at_the_source_stands_through_repeats_and_ends_with_the_resolve() -> None:
    folding = Folding()
    folding.deliver(firing("a"))
    assert effects(folding.wait(60).deliver(alert("a", EventStatus.ACKNOWLEDGED))) == ["acknowledged"]
    folding.wait(1200).deliver(firing("a"))
    assert folding.alert().status is AlertStatus.ACKNOWLEDGED
    folding.wait(60).deliver(resolved("a"))
    assert folding.alert().status is AlertStatus.RESOLVED


def test_an_acknowledgement_of_what_was_never_seen_opens_nothing_and_its_firing_does() -> None:
    folding = Folding()
    assert effects(folding.deliver(alert("a", EventStatus.ACKNOWLEDGED))) == ["recorded"]
    assert effects(folding.wait(60).deliver(firing("a", **episode(0)))) == ["opened"]


def test_what_runs_in_no_incident_has_no_timer() -> None:
    """A heartbeat that somebody acknowledged at its source: there is no episode that could end."""
    folding = Folding()
    folding.deliver(firing("a", heartbeat=True))
    folding.wait(60).deliver(alert("a", EventStatus.ACKNOWLEDGED, never_resolves=True))
    assert len(folding.state.timers) == 0
