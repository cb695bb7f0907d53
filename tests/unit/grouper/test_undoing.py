"""The undoing of merges and splits (issue 5, item 5): what came goes back, as it is by then, once."""

from tests.support.folding import Folding, decided, effects, firing, kinds, resolved
from tests.support.moving import counts, members, merge, refusal, split, two, undo
from tocsin_contracts.integration import IntegrationSettings
from tocsin_contracts.severity import Severity
from tocsin_contracts.status import AlertStatus, IncidentStatus


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


def test_undoing_a_split_hides_nothing_that_fires_in_what_is_over() -> None:
    folding = Folding()
    folding.deliver(firing("a"), firing("b"))
    version = folding.incident().version + 1
    split(folding, "b")
    folding.deliver(resolved("a"))
    assert folding.incidents()[0].status is IncidentStatus.RESOLVED
    assert refusal(undo(folding, 0, version)) == (409, "over")


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
