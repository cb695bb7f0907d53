"""Merge and split (issue 5, item 5): alerts move, counts follow, nothing is lost."""

from typing import Any

from tests.support.folding import Folding, decided, effects, firing, kinds, resolved
from tests.support.moving import counts, members, merge, refusal, split, two, undo
from tocsin_contracts.integration import IntegrationSettings
from tocsin_contracts.severity import Severity
from tocsin_contracts.status import IncidentStatus


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


def test_several_sources_at_once() -> None:
    folding = two()
    folding.deliver(firing("d", problem="p3"))
    merge(folding, 0, 1, 2)
    assert counts(folding.incidents()[0]) == (4, 4, 4)


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


def test_two_merges_of_one_incident_in_the_same_moment_are_told_apart() -> None:
    """The clock stands still between records of one batch: what was taken back is known by its command, not by its time."""
    folding = two()
    merge(folding, 0, 1)
    first = folding.incidents()[0].version
    undo(folding, 0, first)
    merge(folding, 0, 1)
    assert refusal(undo(folding, 0, first)) == (409, "nothing-to-undo")
    assert decided(undo(folding, 0, folding.incidents()[0].version)).applied


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
