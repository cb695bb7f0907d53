"""Where a group's next alert goes once its incident was merged: along with it, through changes of rules, and back by an undo."""

from tests.support.folding import Folding, decided, effects, firing, incident_facts, kinds, resolved
from tocsin_contracts.incident import IncidentOpened, IncidentRegrouped
from tocsin_contracts.integration import IntegrationSettings
from tocsin_contracts.severity import Severity
from tocsin_contracts.status import IncidentStatus
from tocsin_contracts.times import SECOND
from tocsin_grouper.domain.facts import Fact

BY_SERVICE = {"name": "by-service", "group_by": ["service"]}
EVERYTHING = {"name": "all", "group_by": ["source"]}


def two() -> Folding:
    """Give two open incidents of two groups: `a` of service x, and a moment later `b` of service y."""
    folding = Folding()
    folding.deliver(firing("a", problem="p1", service="x"))
    folding.wait(1).deliver(firing("b", problem="p2", service="y"))
    folding.wait(1)
    return folding


def two_of_one_key() -> Folding:
    """Give two open incidents that other rules brought under one key; the first is the one that collects."""
    folding = two()
    folding.rules(EVERYTHING)
    return folding


def merge(folding: Folding, target: int, *sources: int) -> int:
    """Merge, and give the version of the target that an undo of it names."""
    incidents = folding.incidents()
    names = [incidents[number].id for number in sources]
    assert decided(folding.ask({"kind": "merge", "incident": incidents[target].id, "sources": names})).applied
    facts = [fact for fact in incident_facts(folding.decisions[-1].facts) if fact.kind == "alerts-came"]
    return facts[-1].version


def undo(folding: Folding, incident: int, version: int) -> list[Fact]:
    facts = folding.ask({"kind": "undo", "incident": folding.incidents()[incident].id, "version": version})
    assert decided(facts).applied
    return facts


def goes_to(folding: Folding, name: str, *, service: str, problem: str = "p9") -> int | None:
    """Let an alert fire that nobody heard of; gives which incident took it, None for a new one."""
    before = [incident.id for incident in folding.incidents()]
    folding.wait(1).deliver(firing(name, problem=problem, service=service))
    taker = folding.alert(name).incident
    return before.index(taker) if taker in before else None


# ── a change of rules ──


def test_a_merge_holds_through_a_change_of_rules() -> None:
    folding = two()
    merge(folding, 0, 1)
    folding.rules(BY_SERVICE)
    assert goes_to(folding, "c", service="y") == 0
    assert goes_to(folding, "d", service="x") == 0


def test_it_holds_through_several_and_back_to_the_first() -> None:
    folding = two()
    merge(folding, 0, 1)
    for rules in ([BY_SERVICE], [BY_SERVICE | {"name": "renamed"}], [BY_SERVICE], []):
        folding.rules(*rules)
    assert goes_to(folding, "c", service="y", problem="p2") == 0


def test_a_merge_of_merges_holds_through_a_change_of_rules() -> None:
    folding = two()
    folding.deliver(firing("c", problem="p3", service="z"))
    merge(folding, 1, 0)
    merge(folding, 2, 1)
    folding.rules(BY_SERVICE)
    assert [goes_to(folding, f"n{service}", service=service) for service in "xyz"] == [2, 2, 2]


def test_the_merged_incident_says_under_which_key_its_next_alerts_are_looked_for() -> None:
    folding = two()
    merge(folding, 0, 1)
    facts = folding.rules(BY_SERVICE)
    told = [fact for fact in incident_facts(facts) if isinstance(fact, IncidentRegrouped)]
    assert [fact.incident for fact in told] == [incident.id for incident in folding.incidents()]
    assert folding.incidents()[1].status is IncidentStatus.CLOSED
    assert decided(facts).detail["regrouped"] == 1, "one open incident: what was merged is not counted"


def test_what_was_merged_into_one_that_is_over_keeps_its_key() -> None:
    folding = two()
    merge(folding, 0, 1)
    folding.deliver(resolved("a"), resolved("b"))
    assert kinds(folding.rules(BY_SERVICE)) == []
    assert goes_to(folding, "c", service="y") is None


def test_under_one_new_key_the_oldest_collects_and_for_a_merged_one_what_took_it() -> None:
    """The oldest of the key was merged into one of another key: what people joined stays joined."""
    folding = two()
    folding.deliver(firing("c", problem="p3", service="x"))
    merge(folding, 1, 0)
    facts = folding.rules(BY_SERVICE)
    assert goes_to(folding, "d", service="x") == 1
    (competing,) = [f for f in incident_facts(facts) if isinstance(f, IncidentRegrouped) and "competing" in f.why]
    assert (competing.incident, competing.why["competing"]) == (
        folding.incidents()[2].id,
        {"incident": folding.incidents()[1].id, "because": "it collects under this key"},
    )


def test_one_whose_taker_collects_no_more_stands_in_nobodys_way() -> None:
    folding = Folding()
    folding.deliver(firing("a", problem="p1", service="x", never_resolves=True))
    folding.wait(1).deliver(firing("b", problem="p2", service="y", never_resolves=True))
    merge(folding, 1, 0)
    folding.tick_for(2100)
    folding.deliver(firing("c", problem="p3", service="x"))
    folding.rules(BY_SERVICE)
    assert goes_to(folding, "d", service="x") == 2


# ── taking back ──


def test_undoing_a_merge_behind_a_change_of_rules_gives_the_group_back() -> None:
    folding = two()
    came = merge(folding, 0, 1)
    folding.rules(BY_SERVICE)
    undo(folding, 0, came)
    assert goes_to(folding, "c", service="y") == 1
    assert folding.incidents()[1].rule == "by-service"


def test_undoing_a_merge_of_one_key_leaves_the_group_with_the_target_that_held_it() -> None:
    folding = two_of_one_key()
    undo(folding, 0, merge(folding, 0, 1))
    assert goes_to(folding, "c", service="z") == 0


def test_undoing_a_merge_of_one_key_gives_the_group_back_to_the_source_that_held_it() -> None:
    folding = two_of_one_key()
    came = merge(folding, 1, 0)
    assert goes_to(folding, "c", service="z") == 1
    undo(folding, 1, came)
    assert goes_to(folding, "d", service="z") == 0


def test_undoing_the_middle_of_a_chain_gives_back_what_came_through_it() -> None:
    folding = two()
    folding.deliver(firing("c", problem="p3", service="z"))
    merge(folding, 1, 0)
    came = merge(folding, 2, 1)
    undo(folding, 2, came)
    assert [goes_to(folding, f"n{number}", service="s", problem=f"p{number}") for number in (1, 2, 3)] == [1, 1, 2]
    assert [incident.alert_count for incident in folding.incidents()] == [0, 4, 2]


def test_a_group_that_opened_another_meanwhile_keeps_it_as_long_as_that_one_collects() -> None:
    folding = two()
    came = merge(folding, 0, 1)
    folding.deliver(resolved("a"), resolved("b"))
    assert goes_to(folding, "c", service="y", problem="p2") is None
    folding.ask({"kind": "reopen", "incident": folding.incidents()[0].id})
    undo(folding, 0, came)
    assert goes_to(folding, "d", service="y", problem="p2") == 2


def test_an_incident_that_is_open_again_collects_where_the_group_has_no_other_that_does() -> None:
    folding = two()
    came = merge(folding, 0, 1)
    folding.deliver(resolved("a"))
    folding.command(folding.incidents()[0].id, IncidentStatus.RESOLVED)
    assert goes_to(folding, "c", service="y", problem="p2") is None
    folding.deliver(resolved("c"))
    undo(folding, 0, came)
    assert folding.incidents()[1].status is IncidentStatus.OPEN
    assert goes_to(folding, "d", service="y", problem="p2") == 1


def test_what_is_opened_again_goes_by_the_rules_in_force() -> None:
    """It was over while the rules changed; open again it is an open incident as any, and they reach it."""
    folding = two()
    folding.deliver(resolved("b"))
    folding.rules(BY_SERVICE)
    facts = folding.ask({"kind": "reopen", "incident": folding.incidents()[1].id})
    assert kinds(facts) == ["incident-reopened", "incident-regrouped"]
    assert goes_to(folding, "c", service="y") == 1


def test_the_group_of_before_does_not_lead_to_what_was_opened_again_under_another_key() -> None:
    folding = two()
    folding.deliver(resolved("b"))
    folding.rules(BY_SERVICE | {"matchers": 'service="y"'})
    folding.ask({"kind": "reopen", "incident": folding.incidents()[1].id})
    assert goes_to(folding, "c", service="z", problem="p2") is None


def test_what_an_undo_gives_back_silent_ends_by_the_rules_in_force() -> None:
    folding = Folding(settings=IntegrationSettings(group_window_s=60))
    folding.deliver(firing("a", problem="p1"))
    folding.wait(1).deliver(firing("b", problem="p2", never_resolves=True))
    folding.tick_for(150)
    came = merge(folding, 0, 1)
    folding.command(folding.incidents()[0].id, IncidentStatus.RESOLVED)
    folding.rules({"name": "silent", "resolve_silent_after": "2m"})
    undo(folding, 0, came)
    assert folding.incidents()[1].status is IncidentStatus.OPEN
    folding.tick_for(300)
    assert folding.incidents()[1].status is IncidentStatus.RESOLVED


def test_what_an_undo_opens_again_goes_by_the_rules_in_force() -> None:
    folding = two()
    came = merge(folding, 0, 1)
    folding.command(folding.incidents()[0].id, IncidentStatus.RESOLVED)
    folding.rules(BY_SERVICE)
    undo(folding, 0, came)
    assert goes_to(folding, "c", service="y") == 1


def test_a_reopened_taker_leaves_the_group_with_what_it_took() -> None:
    """Both are of one key, and the one that was merged held it: once the merge is taken back it does again."""
    folding = two_of_one_key()
    came = merge(folding, 1, 0)
    folding.command(folding.incidents()[1].id, IncidentStatus.RESOLVED)
    folding.ask({"kind": "reopen", "incident": folding.incidents()[1].id})
    undo(folding, 1, came)
    assert goes_to(folding, "c", service="z") == 0


def test_a_rule_that_opens_the_taker_again_leaves_the_group_with_what_was_merged() -> None:
    folding = Folding()
    folding.rules({"name": "again", "refire": "reopen"})
    folding.deliver(firing("a", problem="p1"))
    folding.wait(1).deliver(firing("b", problem="p2"))
    came = merge(folding, 0, 1)
    folding.wait(1).deliver(resolved("a"), resolved("b"))
    facts = folding.wait(1).deliver(firing("c", problem="p2"))
    assert (effects(facts), kinds(facts)) == (["reopened"], ["incident-reopened", "alerts-recorded"])
    undo(folding, 0, came)
    assert folding.incidents()[1].status is IncidentStatus.RESOLVED
    assert effects(folding.deliver(firing("d", problem="p2"))) == ["reopened"]
    assert folding.alert("d").incident == folding.incidents()[1].id


def test_what_was_resolved_and_fires_again_since_goes_back_open() -> None:
    """Else an alert that fires would be of nobody's concern."""
    folding = two()
    folding.deliver(resolved("b"))
    came = merge(folding, 0, 1)
    folding.wait(60).deliver(firing("b", problem="p2", service="y", title="again"))
    undo(folding, 0, came)
    source = folding.incidents()[1]
    assert (source.status, source.firing_count, source.resolved_at) == (IncidentStatus.OPEN, 1, None)


def test_a_snooze_that_a_merge_ended_is_back_with_its_undo() -> None:
    folding = two()
    until = folding.now + 600 * SECOND
    folding.ask({"kind": "snooze", "incident": folding.incidents()[1].id, "until": until})
    came = merge(folding, 0, 1)
    assert folding.incidents()[1].snoozed_until is None
    undo(folding, 0, came)
    assert folding.incidents()[1].snoozed_until == until


def test_a_snooze_that_would_have_passed_meanwhile_is_not() -> None:
    folding = two()
    folding.ask({"kind": "snooze", "incident": folding.incidents()[1].id, "until": folding.now + 600 * SECOND})
    came = merge(folding, 0, 1)
    undo(folding.wait(601), 0, came)
    assert folding.incidents()[1].snoozed_until is None


def test_a_split_of_what_came_by_a_merge_stays_where_it_was_split_to() -> None:
    folding = two()
    folding.deliver(firing("c", problem="p2", service="y"))
    came = merge(folding, 0, 1)
    folding.ask({"kind": "split", "incident": folding.incidents()[0].id, "alerts": [folding.alert("b").id]})
    undo(folding, 0, came)
    assert [incident.alert_count for incident in folding.incidents()] == [1, 1, 1]
    assert folding.alert("b").incident == folding.incidents()[2].id
    assert goes_to(folding, "d", service="y", problem="p2") == 1


# ── previous ──


def test_previous_leads_to_where_the_alerts_are_and_not_to_what_was_merged() -> None:
    folding = two()
    merge(folding, 0, 1)
    folding.deliver(resolved("a"), resolved("b"))
    facts = folding.wait(1).deliver(firing("c", problem="p2", severity=Severity.LOW))
    (opened,) = [fact for fact in incident_facts(facts) if isinstance(fact, IncidentOpened)]
    assert opened.previous == folding.incidents()[0].id
