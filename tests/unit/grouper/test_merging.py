"""Merge, split and the undoing of both (issue 5, item 5): alerts move, counts follow, nothing is lost."""

from typing import Any

from tests.support.folding import Folding, decided, effects, firing, kinds, resolved
from tocsin_contracts.integration import IntegrationSettings
from tocsin_contracts.severity import Severity
from tocsin_contracts.status import AlertStatus, IncidentStatus
from tocsin_grouper.domain.facts import Fact
from tocsin_grouper.domain.state import Alert, Incident


def two(**second: Any) -> Folding:
    """Give two open incidents: `a` and `b` of the first, `c` of the second."""
    folding = Folding()
    folding.deliver(firing("a", problem="p1"), firing("b", problem="p1"))
    folding.deliver(firing("c", **({"problem": "p2"} | second)))
    return folding


def merge(folding: Folding, target: int = 0, *sources: int) -> list[Fact]:
    incidents = folding.incidents()
    names = [incidents[number].id for number in sources or (1,)]
    return folding.ask({"kind": "merge", "incident": incidents[target].id, "sources": names})


def split(folding: Folding, *alerts: str, incident: int = 0) -> list[Fact]:
    names = [folding.alert(name).id for name in alerts]
    return folding.ask({"kind": "split", "incident": folding.incidents()[incident].id, "alerts": names})


def undo(folding: Folding, incident: int, version: int) -> list[Fact]:
    return folding.ask({"kind": "undo", "incident": folding.incidents()[incident].id, "version": version})


def refusal(facts: list[Fact]) -> tuple[int, object]:
    answer = decided(facts)
    assert not answer.applied
    assert kinds(facts) == []
    return answer.status, answer.detail["reason"]


def counts(incident: Incident) -> tuple[int, int, int]:
    return incident.alert_count, incident.firing_count, incident.event_count


def members(folding: Folding, incident: Incident) -> set[str]:
    found = dict(folding.state.loaded).values()
    return {alert.id for alert in found if isinstance(alert, Alert) and alert.incident == incident.id}


def test_a_merge_takes_alerts_and_counts_and_closes_the_source() -> None:
    folding = two()
    merge(folding)
    target, source = folding.incidents()
    assert (counts(target), counts(source)) == ((3, 3, 3), (0, 0, 0))
    assert (source.status, source.merged_into) == (IncidentStatus.CLOSED, target.id)
    assert members(folding, target) == {folding.alert(name).id for name in "abc"}


def test_what_the_source_would_have_taken_comes_to_the_target() -> None:
    folding = two()
    merge(folding)
    assert effects(folding.deliver(firing("d", problem="p2"))) == ["joined"]
    assert folding.incidents()[0].alert_count == 4


def test_its_alerts_resolve_in_the_target() -> None:
    folding = two()
    merge(folding)
    folding.deliver(resolved("a"), resolved("b"))
    assert folding.incidents()[0].status is IncidentStatus.OPEN
    folding.deliver(resolved("c"))
    assert folding.incidents()[0].status is IncidentStatus.RESOLVED


def test_a_worse_source_raises_the_target() -> None:
    folding = two(severity=Severity.CRITICAL)
    assert "severity-raised" in kinds(merge(folding))
    assert folding.incidents()[0].severity is Severity.CRITICAL


def test_what_goes_back_to_what_was_over_long_ago_is_silent_since_then() -> None:
    folding = Folding(settings=IntegrationSettings(silence_s=600))
    folding.deliver(firing("a"), firing("b"))
    version = folding.incident().version + 1
    split(folding, "b")
    folding.deliver(resolved("a"))
    folding.tick_for(1200)
    folding.command(folding.incidents()[1].id, IncidentStatus.RESOLVED)
    undo(folding, 0, version)
    folding.tick_for(15)
    assert folding.alert("b").status is AlertStatus.CLOSED


def test_undoing_a_split_raises_nothing_where_both_are_over() -> None:
    folding = Folding()
    folding.deliver(firing("a"), firing("b"))
    version = folding.incident().version + 1
    split(folding, "b")
    folding.deliver(firing("b", severity=Severity.CRITICAL))
    folding.deliver(resolved("a"), resolved("b"))
    assert decided(undo(folding, 0, version)).applied
    assert (folding.incidents()[0].status, folding.incidents()[0].severity) == (IncidentStatus.RESOLVED, Severity.MEDIUM)


def test_several_sources_at_once() -> None:
    folding = two()
    folding.deliver(firing("d", problem="p3"))
    merge(folding, 0, 1, 2)
    assert counts(folding.incidents()[0]) == (4, 4, 4)


def test_undoing_a_merge_gives_back_what_came() -> None:
    folding = two()
    folding.command(folding.incidents()[1].id, IncidentStatus.ACKNOWLEDGED)
    merge(folding)
    came = folding.incidents()[0].version
    undo(folding, 0, came)
    target, source = folding.incidents()
    assert (counts(target), counts(source)) == ((2, 2, 2), (1, 1, 1))
    assert (source.status, source.merged_into, source.closed_at) == (IncidentStatus.ACKNOWLEDGED, None, None)
    assert effects(folding.deliver(firing("d", problem="p2"))) == ["joined"]
    assert folding.incidents()[1].alert_count == 2


def test_a_merge_is_undone_once() -> None:
    folding = two()
    merge(folding)
    came = folding.incidents()[0].version
    undo(folding, 0, came)
    assert refusal(undo(folding, 0, came)) == (409, "nothing-to-undo")


def test_a_merge_into_what_was_merged_itself_is_not_undone_behind_its_back() -> None:
    """Its alerts are elsewhere; first that other merge is taken back."""
    folding = two()
    merge(folding)
    came = folding.incidents()[0].version
    folding.deliver(firing("d", problem="p3"))
    merge(folding, 2, 0)
    assert refusal(undo(folding, 0, came)) == (409, "merged-elsewhere")
    undo(folding, 2, folding.incidents()[2].version)
    undo(folding, 0, came)
    assert [counts(incident) for incident in folding.incidents()] == [(2, 2, 2), (1, 1, 1), (1, 1, 1)]


def test_what_goes_back_ends_as_the_rules_in_force_say() -> None:
    """They changed while the taker was over, so that they did not reach what it had taken in."""
    folding = two()
    merge(folding)
    folding.deliver(resolved("c", problem="p2"))
    version = folding.incidents()[0].version - 1
    folding.command(folding.incidents()[0].id, IncidentStatus.RESOLVED)
    folding.rules({"name": "people", "resolve": {"when": "never"}})
    assert decided(undo(folding, 0, version)).applied
    assert (folding.incidents()[1].status, folding.incidents()[1].rule) == (IncidentStatus.OPEN, "people")


def test_what_goes_back_resolved_has_its_quiet_time_from_then_on() -> None:
    folding = Folding()
    folding.rules({"name": "quiet", "resolve": {"after": "5m"}})
    folding.deliver(firing("a", problem="p1"), firing("c", problem="p2"))
    merge(folding)
    folding.tick_for(600)
    folding.deliver(resolved("c", problem="p2"))
    undo(folding, 0, folding.incidents()[0].version - 1)
    folding.tick_for(300)
    assert folding.incidents()[1].status is IncidentStatus.OPEN
    folding.tick_for(90)
    assert folding.incidents()[1].status is IncidentStatus.RESOLVED


def test_what_resolved_meanwhile_is_resolved_when_it_goes_back() -> None:
    folding = two()
    merge(folding)
    came = folding.incidents()[0].version
    folding.deliver(resolved("c"))
    undo(folding, 0, came)
    target, source = folding.incidents()
    assert (target.status, source.status) == (IncidentStatus.OPEN, IncidentStatus.RESOLVED)


def test_a_resolved_incident_may_be_merged_and_goes_back_resolved() -> None:
    folding = two()
    folding.deliver(resolved("c"))
    resolved_at = folding.incidents()[1].resolved_at
    merge(folding)
    undo(folding, 0, folding.incidents()[0].version)
    source = folding.incidents()[1]
    assert (source.status, source.resolved_at, source.closed_at) == (IncidentStatus.RESOLVED, resolved_at, None)


def test_what_cannot_be_merged() -> None:
    folding = two()
    target, source = (incident.id for incident in folding.incidents())

    def ask(into: str, *taken: str) -> tuple[int, object]:
        return refusal(folding.ask({"kind": "merge", "incident": into, "sources": list(taken)}))

    assert ask(target, target) == (409, "same-incident")
    assert ask(target, "nobody") == (404, "no-such-incident")
    merge(folding)
    assert ask(target, source) == (409, "merged-elsewhere")
    folding.deliver(*(resolved(name) for name in "abc"))
    assert ask(target, source) == (409, "over")
    assert refusal(folding.ask({"kind": "reopen", "incident": source})) == (409, "merged-elsewhere")


def test_one_source_that_cannot_be_merged_stops_the_whole_merge() -> None:
    folding = two()
    target, source = (incident.id for incident in folding.incidents())
    facts = folding.ask({"kind": "merge", "incident": target, "sources": [source, "nobody"]})
    assert (refusal(facts), decided(facts).detail["incident"]) == ((404, "no-such-incident"), "nobody"), "of fifty, this one"
    assert folding.incidents()[1].status is IncidentStatus.OPEN


def test_a_split_takes_alerts_into_a_new_incident() -> None:
    folding = two()
    answer = decided(split(folding, "b"))
    parent, _, child = folding.incidents()
    assert (counts(parent)[:2], counts(child)[:2]) == ((1, 1), (1, 1))
    assert answer.detail["new"] == {"incident": child.id, "status": "OPEN", "version": child.version, "revision": 1}
    assert members(folding, child) == {folding.alert("b").id}
    folding.deliver(resolved("b"))
    assert [incident.status.value for incident in folding.incidents()] == ["OPEN", "OPEN", "RESOLVED"]


def test_new_alerts_of_the_group_go_on_to_the_parent() -> None:
    folding = two()
    split(folding, "b")
    folding.deliver(firing("d", problem="p1"))
    assert folding.incidents()[0].alert_count == 2


def test_a_parent_whose_last_active_alert_left_is_over() -> None:
    folding = two()
    folding.deliver(resolved("a"))
    split(folding, "b")
    assert folding.incidents()[0].status is IncidentStatus.RESOLVED


def test_a_parent_is_over_once_what_silence_ended_left_it_and_the_rest_was_resolved() -> None:
    """Nobody said of `f` that it is over; of all that the parent keeps somebody did."""
    folding = Folding(settings=IntegrationSettings(group_window_s=300))
    folding.deliver(firing("a"), firing("f", never_resolves=True))
    folding.deliver(resolved("a"))
    folding.tick_for(420)
    assert (folding.incident().status, folding.incident().silent) == (IncidentStatus.OPEN, True)
    split(folding, "f")
    assert [incident.status for incident in folding.incidents()] == [IncidentStatus.RESOLVED, IncidentStatus.OPEN]


def test_what_cannot_be_split() -> None:
    folding = two()
    assert refusal(split(folding, "c")) == (409, "not-a-member")
    assert refusal(split(folding, "a", "b")) == (409, "nothing-would-be-left")
    merge(folding)
    assert refusal(split(folding, "c", incident=1)) == (409, "merged-elsewhere")


def test_undoing_a_split_brings_the_alerts_back() -> None:
    folding = two()
    version = folding.incidents()[0].version + 1
    split(folding, "b")
    folding.deliver(firing("b", problem="p1", title="again"))
    undo(folding, 0, version)
    parent, _, child = folding.incidents()
    assert (counts(parent), counts(child)) == ((2, 2, 3), (0, 0, 0))
    assert (child.status, child.merged_into) == (IncidentStatus.CLOSED, parent.id)
    assert refusal(undo(folding, 0, version)) == (409, "nothing-to-undo")


def test_undo_names_an_action_that_can_be_taken_back() -> None:
    folding = two()
    assert refusal(undo(folding, 0, 1)) == (409, "nothing-to-undo")
    assert refusal(undo(folding, 0, 99)) == (409, "nothing-to-undo")


def test_more_alerts_than_one_command_moves_are_refused(monkeypatch: Any) -> None:
    monkeypatch.setattr("tocsin_grouper.domain.merging.MOVED_MAX", 0)
    assert refusal(merge(two())) == (409, "too-many-alerts")


def test_silence_ends_alerts_in_the_incident_that_has_them_now() -> None:
    folding = Folding()
    folding.deliver(firing("a", problem="p1"))
    folding.deliver(firing("c", problem="p2", never_resolves=True))
    merge(folding)
    folding.tick_for(1980)
    assert folding.incidents()[0].firing_count == 1
    assert folding.incidents()[1].firing_count == 0


def test_a_group_whose_taker_was_merged_as_well_goes_where_that_one_went() -> None:
    """p1 into p2, p2 into p3: the next alert of p1 belongs to p3, and to p2 again once that merge is taken back."""
    folding = Folding()
    folding.deliver(*(firing(name, problem=f"p{name}") for name in "123"))
    merge(folding, 1, 0)
    merge(folding, 2, 1)
    came = folding.incidents()[2].version
    assert effects(folding.deliver(firing("4", problem="p1"))) == ["joined"]
    assert folding.incidents()[2].alert_count == 4
    undo(folding, 2, came)
    folding.deliver(firing("5", problem="p1"))
    assert folding.alert("5").incident == folding.incidents()[1].id


def test_a_target_that_was_merged_itself_says_so() -> None:
    folding = two()
    folding.deliver(firing("d", problem="p3"))
    merge(folding)
    assert refusal(merge(folding, 1, 2)) == (409, "merged-elsewhere")


def test_undoing_a_split_leaves_what_came_to_the_new_incident_meanwhile() -> None:
    folding = two()
    version = folding.incidents()[0].version + 1
    split(folding, "b")
    merge(folding, 2, 1)
    undo(folding, 0, version)
    parent, _, child = folding.incidents()
    assert (members(folding, parent), members(folding, child)) == (
        {folding.alert(name).id for name in "ab"},
        {folding.alert("c").id},
    )
    assert (child.status, child.merged_into, child.firing_count) == (IncidentStatus.OPEN, None, 1)


def test_a_split_is_undone_once_though_others_came_to_the_new_incident_meanwhile() -> None:
    folding = two()
    split(folding, "a")
    merge(folding, 2, 1)
    version = folding.incidents()[0].version
    assert decided(undo(folding, 0, version)).applied
    assert refusal(undo(folding, 0, version)) == (409, "nothing-to-undo")


def test_undoing_a_split_raises_nothing_that_is_over() -> None:
    folding = two()
    version = folding.incidents()[0].version + 1
    split(folding, "b")
    folding.deliver(firing("b", problem="p1", severity=Severity.CRITICAL))
    folding.command(folding.incidents()[0].id, IncidentStatus.RESOLVED)
    assert "severity-raised" not in kinds(undo(folding, 0, version))


def test_a_merge_that_was_taken_back_is_not_taken_back_again_when_another_stands() -> None:
    folding = two()
    merge(folding)
    first = folding.incidents()[0].version
    undo(folding, 0, first)
    folding.wait(1).deliver(firing("d", problem="p2"))
    merge(folding.wait(1))
    second = folding.incidents()[0].version
    assert refusal(undo(folding, 0, first)) == (409, "nothing-to-undo")
    undo(folding, 0, second)
    assert [counts(incident) for incident in folding.incidents()] == [(2, 2, 2), (2, 2, 2)]


def test_two_merges_of_one_incident_in_the_same_moment_are_told_apart() -> None:
    """The clock stands still between records of one batch: what was taken back is known by its command, not by its time."""
    folding = two()
    merge(folding, 0, 1)
    first = folding.incidents()[0].version
    undo(folding, 0, first)
    merge(folding, 0, 1)
    assert refusal(undo(folding, 0, first)) == (409, "nothing-to-undo")
    assert decided(undo(folding, 0, folding.incidents()[0].version)).applied


def test_undoing_a_split_hides_nothing_that_fires_in_what_is_over() -> None:
    folding = Folding()
    folding.deliver(firing("a"), firing("b"))
    version = folding.incident().version + 1
    split(folding, "b")
    folding.deliver(resolved("a"))
    assert folding.incidents()[0].status is IncidentStatus.RESOLVED
    assert refusal(undo(folding, 0, version)) == (409, "over")


def test_a_heartbeat_is_missed_once_however_often_its_incident_was_merged() -> None:
    folding = Folding()
    folding.rules(heartbeats=[{"name": "alive", "matchers": 'alertname="W"', "every": "1m"}])
    folding.deliver(firing("b", problem="p1"), firing("c", problem="p2"))
    folding.tick_for(150)
    first, second, beat = folding.incidents()
    folding.ask({"kind": "merge", "incident": first.id, "sources": [beat.id]})
    folding.ask({"kind": "merge", "incident": second.id, "sources": [first.id]})
    folding.deliver(firing("w", labels={"alertname": "W"}))
    folding.tick_for(150)
    assert len(folding.incidents()) == 3, "it stays away again, and an open incident is about it"


def test_what_silence_ended_while_it_was_merged_goes_back_silent_and_waits_for_a_word() -> None:
    """Nobody said that it is over: neither time nor other rules resolve it (P10), its source does."""
    folding = two(never_resolves=True)
    merge(folding)
    merged = folding.incidents()[0].version
    folding.tick_for(1900)
    undo(folding, 0, merged)
    assert folding.incidents()[1].silent
    folding.rules({"name": "quiet", "resolve": {"after": "1m"}})
    folding.tick_for(300)
    assert folding.incidents()[1].status is IncidentStatus.OPEN
    folding.deliver(resolved("c", problem="p2", never_resolves=True))
    folding.tick_for(300)
    assert folding.incidents()[1].status is IncidentStatus.RESOLVED


def test_a_parent_left_with_what_silence_ended_waits_for_a_word() -> None:
    folding = Folding()
    folding.deliver(firing("a", never_resolves=True), firing("b"))
    folding.tick_for(1900)
    split(folding, "b")
    folding.rules({"name": "quiet", "resolve": {"after": "1m"}})
    folding.tick_for(300)
    parent = folding.incidents()[0]
    assert (parent.status, parent.silent) == (IncidentStatus.OPEN, True)
    folding.deliver(resolved("a", never_resolves=True))
    folding.tick_for(300)
    assert folding.incidents()[0].status is IncidentStatus.RESOLVED


def test_a_rule_about_silence_ends_what_went_back_silent() -> None:
    folding = Folding()
    folding.rules({"name": "silent", "resolve_silent_after": "1h"})
    folding.deliver(firing("a", problem="p1"))
    folding.deliver(firing("b", problem="p2", never_resolves=True))
    merge(folding)
    merged = folding.incidents()[0].version
    folding.tick_for(1900)
    undo(folding, 0, merged)
    folding.tick_for(3500)
    assert folding.incidents()[1].status is IncidentStatus.OPEN
    folding.tick_for(200)
    assert folding.incidents()[1].status is IncidentStatus.RESOLVED


def test_what_goes_back_without_its_alerts_is_a_persons_to_end_and_takes_what_comes() -> None:
    folding = two()
    merge(folding)
    merged = folding.incidents()[0].version
    split(folding, "c")
    undo(folding, 0, merged)
    folding.rules({"name": "quiet", "resolve": {"after": "1m"}})
    folding.tick_for(300)
    assert folding.incidents()[1].status is IncidentStatus.OPEN
    assert effects(folding.deliver(firing("d", problem="p2"))) == ["joined"]
    assert folding.incidents()[1].firing_count == 1
