"""When an episode must end (DESIGN 3): after it the next firing opens a new incident."""

from tests.support.folding import START, Folding, effects, episode, firing, incident_facts, kinds, resolved
from tocsin_contracts.incident import AlertsRecorded
from tocsin_contracts.integration import IntegrationSettings
from tocsin_contracts.status import AlertStatus, IncidentStatus
from tocsin_contracts.times import HOUR, SECOND

DAY_S = 86_400
SILENT = IntegrationSettings(silence_s=3600)
"""One hour instead of 24: the rule is the same, the test has 24 times fewer ticks."""


def test_a_resolve_ends_it() -> None:
    folding = Folding()
    folding.deliver(firing("a"))
    facts = folding.wait(60).deliver(resolved("a"))
    assert (effects(facts), kinds(facts)) == (["resolved"], ["alerts-recorded", "incident-resolved"])
    assert folding.alert().status is AlertStatus.RESOLVED
    assert effects(folding.wait(1200).deliver(firing("a"))) == ["opened"]


def test_a_firing_whose_start_is_newer_ends_it_unheard() -> None:
    """The resolve was lost: the incident is told to be over, with the reason, and another one opens."""
    folding = Folding()
    folding.deliver(firing("a", **episode(0)))
    facts = folding.wait(600).deliver(firing("a", **episode(500)))
    assert kinds(facts) == ["alerts-recorded", "incident-resolved", "incident-opened", "alerts-recorded"]
    ended = incident_facts(facts)[0]
    assert isinstance(ended, AlertsRecorded)
    assert ended.ended == (folding.alert().id,)
    assert "ended unseen" in (ended.why or "")
    assert [incident.firing_count for incident in folding.incidents()] == [0, 1]


def test_a_newer_start_of_one_of_many_stays_in_the_incident() -> None:
    folding = Folding()
    folding.deliver(firing("a", **episode(0)), firing("b", **episode(0)))
    assert effects(folding.wait(600).deliver(firing("a", **episode(500)))) == ["fired"]
    incident = folding.incident()
    assert (incident.status, incident.alert_count, incident.firing_count) == (IncidentStatus.OPEN, 2, 2)


def test_a_newer_start_by_a_time_that_nobody_trusts_ends_nothing() -> None:
    folding = Folding()
    folding.deliver(firing("a", episode_at=START))
    assert effects(folding.wait(1200).deliver(firing("a", episode_at=START + HOUR))) == ["repeated"]


def test_the_window_of_a_source_that_never_resolves_ends_it() -> None:
    """The incident stays open, for silence never resolves (P10); the fact says why its alert is not active any more."""
    folding = Folding(settings=IntegrationSettings(group_window_s=600))
    folding.deliver(firing("a", never_resolves=True))
    assert kinds(folding.tick_for(600)) == []
    facts = folding.tick_for(120)
    assert kinds(facts) == ["alerts-recorded"]
    ended = incident_facts(facts)[0]
    assert isinstance(ended, AlertsRecorded)
    assert ended.why == "its source never resolves, and its window passed"
    assert (folding.alert().status, folding.alert().resolved_at) == (AlertStatus.CLOSED, START + 600 * SECOND)
    assert folding.incident().status is IncidentStatus.OPEN
    assert effects(folding.deliver(firing("a", never_resolves=True))) == ["opened"]


def test_the_window_counts_from_the_last_event() -> None:
    folding = Folding(settings=IntegrationSettings(group_window_s=600, dedup_window_s=0))
    folding.deliver(firing("a", never_resolves=True))
    folding.tick_for(480)
    folding.deliver(firing("a", never_resolves=True))
    folding.tick_for(600)
    assert folding.alert().status is AlertStatus.OPEN
    folding.tick_for(120)
    assert folding.alert().status is AlertStatus.CLOSED


def test_an_integration_may_say_that_its_source_never_resolves() -> None:
    """An Alertmanager with `send_resolved: false`."""
    folding = Folding(settings=IntegrationSettings(group_window_s=600, never_resolves=True))
    folding.deliver(firing("a"))
    folding.tick_for(720)
    assert folding.alert().status is AlertStatus.CLOSED


def test_settings_that_allow_less_silence_count_from_the_next_event_on() -> None:
    folding = Folding()
    folding.deliver(firing("a"))
    folding.settings = IntegrationSettings(group_window_s=600, never_resolves=True)
    folding.wait(30).deliver(firing("a", title="still"))
    folding.tick_for(720)
    assert folding.alert().status is AlertStatus.CLOSED


def test_the_source_may_still_resolve_what_its_window_closed() -> None:
    """Sentry's plugin only fires, its issue webhook resolves: the incident that its firing opened must not stay open for ever."""
    folding = Folding(settings=IntegrationSettings(group_window_s=600))
    folding.deliver(firing("a", never_resolves=True))
    folding.tick_for(720)
    facts = folding.deliver(resolved("a"))
    assert kinds(facts) == ["alerts-recorded", "incident-resolved"]
    assert effects(facts) == ["resolved"]
    assert (folding.incident().status, folding.incident().firing_count) == (IncidentStatus.RESOLVED, 0)
    assert kinds(folding.wait(1200).deliver(resolved("a"))) == []


def test_a_day_of_ticked_silence_after_its_incident_was_resolved_by_hand_ends_it() -> None:
    folding = Folding()
    folding.deliver(firing("a"))
    folding.wait(15).command(folding.incident().id, IncidentStatus.RESOLVED)
    folding.tick_for(DAY_S)
    assert folding.alert().status is AlertStatus.OPEN
    facts = folding.tick_for(120)
    assert folding.alert().status is AlertStatus.CLOSED
    ended = incident_facts(facts)[0]
    assert isinstance(ended, AlertsRecorded)
    assert ended.why == "its incident is over, and nothing was heard since"
    assert effects(folding.deliver(firing("a"))) == ["opened"]


def test_what_silence_ended_begins_again_with_the_same_start_and_not_with_an_older_one() -> None:
    """The source still says that it fires, minutes behind the end that only we know of: that is no late copy."""
    folding = Folding(settings=SILENT)
    folding.wait(600).deliver(firing("a", **episode(500)))
    folding.command(folding.incident().id, IncidentStatus.RESOLVED)
    folding.tick_for(3720)
    assert folding.alert().status is AlertStatus.CLOSED
    assert effects(folding.deliver(firing("a", **episode(0)))) == ["late"]
    assert effects(folding.deliver(firing("a", **episode(500)))) == ["opened"]


def test_the_silence_counts_from_the_end_of_the_incident_not_from_the_last_event() -> None:
    folding = Folding(settings=SILENT)
    folding.deliver(firing("a"))
    folding.tick_for(3000)
    folding.command(folding.incident().id, IncidentStatus.RESOLVED)
    folding.tick_for(3600)
    assert folding.alert().status is AlertStatus.OPEN
    folding.tick_for(120)
    assert folding.alert().status is AlertStatus.CLOSED


def test_closing_the_incident_does_not_begin_the_silence_anew() -> None:
    folding = Folding(settings=SILENT)
    folding.deliver(firing("a"))
    folding.command(folding.incident().id, IncidentStatus.RESOLVED)
    folding.tick_for(1800)
    folding.command(folding.incident().id, IncidentStatus.CLOSED)
    folding.tick_for(1920)
    assert folding.alert().status is AlertStatus.CLOSED
