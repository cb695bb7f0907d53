"""When an incident ends by itself (issue 5, item 4): at once, after a quiet time, after silence, or never."""

from collections.abc import Mapping

import pytest

from tests.support.folding import Folding, effects, episode, firing, incident_facts, kinds, resolved
from tocsin_contracts.incident import IncidentResolved
from tocsin_contracts.integration import IntegrationSettings
from tocsin_contracts.status import IncidentStatus

QUIET = {"name": "quiet", "resolve": {"after": "5m"}}
NEVER = {"name": "never", "resolve": {"when": "never"}}
SILENT = {"name": "silent", "resolve_silent_after": "2h"}


def with_rule(rule: Mapping[str, object], **settings: int) -> Folding:
    folding = Folding(settings=IntegrationSettings(**settings))
    folding.rules(rule)
    return folding


def reasons(folding: Folding) -> list[str]:
    facts = [fact for decision in folding.decisions for fact in incident_facts(decision.facts)]
    return [fact.reason for fact in facts if isinstance(fact, IncidentResolved)]


def test_by_default_it_ends_with_its_last_alert_and_not_before() -> None:
    folding = Folding()
    folding.deliver(firing("a"), firing("b"))
    folding.deliver(resolved("a"))
    assert folding.incident().status is IncidentStatus.OPEN
    folding.deliver(resolved("b"))
    assert folding.incident().status is IncidentStatus.RESOLVED


def test_with_a_quiet_time_it_waits_and_then_ends() -> None:
    folding = with_rule(QUIET)
    folding.deliver(firing("a"))
    folding.deliver(resolved("a"))
    folding.tick_for(300)
    assert folding.incident().status is IncidentStatus.OPEN
    folding.tick_for(90)
    assert folding.incident().status is IncidentStatus.RESOLVED
    assert reasons(folding) == ["every alert resolved, and stayed so"]


def test_a_word_about_what_silence_ended_begins_the_quiet_time() -> None:
    folding = with_rule(QUIET, group_window_s=300)
    folding.deliver(firing("a", never_resolves=True))
    folding.tick_for(3600)
    assert folding.incident().silent
    folding.deliver(resolved("a"))
    folding.tick_for(300)
    assert folding.incident().status is IncidentStatus.OPEN
    folding.tick_for(90)
    assert folding.incident().status is IncidentStatus.RESOLVED


def test_what_only_people_resolve_no_silence_does() -> None:
    folding = with_rule({**NEVER, **SILENT, "name": "both"}, group_window_s=300)
    folding.deliver(firing("a", never_resolves=True))
    folding.tick_for(4 * 3600)
    assert (folding.incident().status, folding.incident().silent) == (IncidentStatus.OPEN, True)


def test_what_was_split_off_resolved_has_its_quiet_time_too() -> None:
    """Nothing of it ever turned: its alerts were resolved elsewhere."""
    folding = with_rule(QUIET)
    folding.deliver(firing("a"), firing("b"))
    folding.wait(60).deliver(resolved("a"))
    folding.ask({"kind": "split", "incident": folding.incident().id, "alerts": [folding.alert("a").id]})
    folding.tick_for(300)
    assert folding.incidents()[1].status is IncidentStatus.OPEN
    folding.tick_for(90)
    assert [incident.status for incident in folding.incidents()] == [IncidentStatus.OPEN, IncidentStatus.RESOLVED]


def test_what_fires_again_inside_the_quiet_time_is_the_same_incident_and_the_wait_begins_anew() -> None:
    folding = with_rule(QUIET)
    folding.deliver(firing("a"))
    folding.deliver(resolved("a"))
    folding.tick_for(240)
    assert effects(folding.deliver(firing("a", title="again"))) == ["fired"]
    folding.tick_for(600)
    assert folding.incident().status is IncidentStatus.OPEN, "it fires"
    folding.deliver(resolved("a", title="again"))
    folding.tick_for(300)
    assert folding.incident().status is IncidentStatus.OPEN
    folding.tick_for(90)
    assert folding.incident().status is IncidentStatus.RESOLVED


def test_another_alert_of_the_group_joins_while_it_waits() -> None:
    folding = with_rule(QUIET)
    folding.deliver(firing("a"))
    folding.deliver(resolved("a"))
    assert effects(folding.wait(60).deliver(firing("b"))) == ["joined"]


@pytest.mark.parametrize("how", ["refused", "gap"])
def test_quiet_counts_only_while_we_listened(how: str) -> None:
    """P10."""
    folding = with_rule(QUIET)
    folding.deliver(firing("a"))
    folding.deliver(resolved("a"))
    if how == "refused":
        folding.tick_for(600, refused=["prod"])
    else:
        folding.wait(6000).tick()
    assert folding.incident().status is IncidentStatus.OPEN
    folding.tick_for(420)
    assert folding.incident().status is IncidentStatus.RESOLVED


def test_a_person_may_end_it_while_it_waits_and_nothing_is_told_twice() -> None:
    folding = with_rule(QUIET)
    folding.deliver(firing("a"))
    folding.deliver(resolved("a"))
    folding.command(folding.incident().id, IncidentStatus.RESOLVED)
    folding.tick_for(900)
    assert reasons(folding) == []


def test_never_leaves_it_to_people() -> None:
    folding = with_rule(NEVER)
    folding.deliver(firing("a"))
    folding.deliver(resolved("a"))
    folding.tick_for(900)
    assert folding.incident().status is IncidentStatus.OPEN
    assert effects(folding.deliver(firing("a", title="again"))) == ["fired"], "it is open: what comes belongs to it"


def test_silence_ends_nothing_unless_the_rule_says_so() -> None:
    folding = Folding(settings=IntegrationSettings(group_window_s=600))
    folding.deliver(firing("a", never_resolves=True))
    folding.tick_for(86_400)
    assert folding.incident().status is IncidentStatus.OPEN


def test_timed_ending_for_sources_that_never_resolve() -> None:
    folding = with_rule(SILENT, group_window_s=600)
    folding.deliver(firing("a", never_resolves=True))
    folding.tick_for(600 + 7200)
    assert folding.incident().status is IncidentStatus.OPEN
    folding.tick_for(180)
    assert folding.incident().status is IncidentStatus.RESOLVED
    assert reasons(folding) == ["its sources never resolve, and nothing was heard for as long as its rule says"]


def test_silence_that_was_our_refusal_ends_nothing() -> None:
    """P10."""
    folding = with_rule(SILENT, group_window_s=600)
    folding.deliver(firing("a", never_resolves=True))
    folding.tick_for(900)
    folding.tick_for(3 * 3600, refused=["prod"])
    assert folding.incident().status is IncidentStatus.OPEN
    folding.tick_for(7200)
    assert folding.incident().status is IncidentStatus.RESOLVED


def test_behind_its_window_the_next_firing_opens_a_new_incident_and_the_old_one_still_ends() -> None:
    folding = with_rule(SILENT, group_window_s=600)
    folding.deliver(firing("a", never_resolves=True))
    folding.tick_for(900)
    assert effects(folding.deliver(firing("a", never_resolves=True, title="new"))) == ["opened"]
    folding.tick_for(7500)
    assert folding.incidents()[0].status is IncidentStatus.RESOLVED


def test_a_resolve_after_silence_ends_it_by_its_sources_word() -> None:
    folding = with_rule(SILENT, group_window_s=600)
    folding.deliver(firing("a", never_resolves=True))
    folding.tick_for(900)
    assert "incident-resolved" in kinds(folding.deliver(resolved("a")))
    assert reasons(folding) == ["every alert resolved"]


def test_a_rule_may_give_the_window_of_a_source_that_never_resolves() -> None:
    folding = with_rule({"name": "long", "group_window": "2h"}, group_window_s=600)
    folding.deliver(firing("a", never_resolves=True))
    folding.tick_for(3600)
    assert effects(folding.deliver(firing("a", never_resolves=True, title="still"))) == ["repeated"]
    folding.tick_for(7260)
    assert not folding.alert("a").status.is_active


def test_an_incident_opened_again_by_a_person_is_not_ended_by_an_old_wait() -> None:
    folding = with_rule(QUIET)
    folding.deliver(firing("a"))
    folding.deliver(resolved("a"))
    folding.tick_for(450)
    folding.ask({"kind": "reopen", "incident": folding.incident().id})
    folding.tick_for(3600)
    assert folding.incident().status is IncidentStatus.OPEN
    assert effects(folding.deliver(firing("a", title="again"))) == ["fired"]


def test_calm_behind_flapping_is_no_shorter_than_the_quiet_of_its_rule() -> None:
    folding = with_rule({"name": "both", "resolve": {"after": "2h"}, "flapping": {"times": 2, "within": "5m"}})
    folding.deliver(firing("a"))
    folding.command(folding.incident().id, IncidentStatus.RESOLVED)
    folding.deliver(resolved("a"))
    folding.deliver(firing("a", title="again"))
    assert folding.incident().flapping
    folding.deliver(resolved("a", title="over"))
    assert "flapping-ended" in kinds(folding.tick_for(7050))
    assert folding.incident().status is IncidentStatus.OPEN
    folding.tick_for(300)
    assert reasons(folding)[-1] == "every alert resolved, and stayed so"


@pytest.mark.parametrize(
    ("before", "after"),
    [(QUIET, {"name": "now"}), (NEVER, QUIET), (QUIET | {"resolve": {"after": "7d"}}, QUIET)],
    ids=["at-once", "no-longer-never", "sooner"],
)
def test_other_rules_end_what_waited_under_the_ones_before(before: Mapping[str, object], after: Mapping[str, object]) -> None:
    folding = with_rule(before)
    folding.deliver(firing("a"))
    folding.deliver(resolved("a"))
    folding.rules(after)
    assert folding.incident().status is IncidentStatus.OPEN
    folding.tick_for(450)
    assert reasons(folding) == ["every alert resolved, and stayed so"]


def test_a_rule_about_silence_ends_what_was_silent_before_it() -> None:
    folding = Folding(settings=IntegrationSettings(group_window_s=600))
    folding.deliver(firing("a", never_resolves=True))
    folding.tick_for(900)
    folding.rules(SILENT)
    folding.tick_for(7500)
    assert folding.incident().status is IncidentStatus.RESOLVED


def test_other_rules_do_not_end_what_a_person_opened_again() -> None:
    folding = with_rule(QUIET)
    folding.deliver(firing("a"))
    folding.deliver(resolved("a"))
    folding.tick_for(450)
    folding.ask({"kind": "reopen", "incident": folding.incident().id})
    folding.rules({"name": "now"})
    folding.tick_for(3600)
    assert folding.incident().status is IncidentStatus.OPEN


def test_a_newer_start_inside_the_quiet_time_goes_on_in_the_same_incident() -> None:
    """The episode before ended unseen, by its source's word and not by silence: the incident waits for quiet, and collects."""
    folding = with_rule(QUIET)
    folding.deliver(firing("a", **episode(0)))
    folding.wait(60)
    assert effects(folding.deliver(firing("a", **episode(60)))) == ["fired"]
    folding.deliver(resolved("a", **episode(60, 60)))
    folding.tick_for(400)
    assert folding.incident().status is IncidentStatus.RESOLVED


def test_a_rule_about_silence_ends_what_was_silent_though_its_alert_went_on_to_a_later_incident() -> None:
    folding = with_rule(SILENT, group_window_s=600)
    folding.deliver(firing("a", never_resolves=True))
    folding.tick_for(700)
    folding.deliver(firing("a", never_resolves=True))
    folding.tick_for(7300)
    assert folding.incidents()[0].status is IncidentStatus.RESOLVED
