"""Rule sets in the fold (issue 5, items 1 and 2): in force behind their record, recorded with why, and no incident is lost."""

from typing import Any

import pytest

from tests.support.folding import Folding, decided, effects, firing, incident_facts, kinds, resolved
from tocsin_contracts.incident import IncidentOpened, IncidentRegrouped
from tocsin_contracts.integration import IntegrationSettings
from tocsin_contracts.severity import Severity
from tocsin_contracts.status import IncidentStatus
from tocsin_grouper.domain.facts import AlertRecorded, Fact, RulesAdopted

BY_SERVICE = {"name": "by-service", "group_by": ["service"]}
BY_REGION = {"name": "by-region", "group_by": ["labels.region"]}


def opened(facts: list[Fact]) -> IncidentOpened:
    (one,) = [fact for fact in incident_facts(facts) if isinstance(fact, IncidentOpened)]
    return one


def test_a_rule_set_is_the_next_version_and_answers_so() -> None:
    folding = Folding()
    assert decided(folding.rules(BY_SERVICE)).detail == {"version": 1, "regrouped": 0}
    assert decided(folding.rules()).detail == {"version": 2, "regrouped": 0}
    adopted = [fact for decision in folding.decisions for fact in decision.facts if isinstance(fact, RulesAdopted)]
    assert [(fact.rules.version, fact.command.actor.name) for fact in adopted] == [(1, "Ada"), (2, "Ada")]


def test_it_counts_behind_its_record_and_never_before() -> None:
    folding = Folding()
    folding.deliver(firing("a", service="api", problem="p1"), firing("b", service="api", problem="p2"))
    folding.rules(BY_SERVICE)
    folding.deliver(firing("c", service="db", problem="p3"), firing("d", service="db", problem="p4"))
    assert len(folding.incidents()) == 3


def test_another_version_than_expected_is_refused_with_the_one_in_force() -> None:
    folding = Folding()
    folding.rules(BY_SERVICE)
    body = {"kind": "set-rules", "document": {"version": 1}}
    refused = decided(folding.ask(body, if_revision=0))
    assert (refused.applied, refused.status, refused.detail) == (False, 412, {"reason": "revision-changed", "version": 1})
    assert decided(folding.ask(body, if_revision=1)).applied


def test_a_dry_run_says_what_would_go_on_otherwise_and_changes_nothing() -> None:
    folding = Folding()
    folding.deliver(firing("a", service="api", problem="p1"), firing("b", service="api", problem="p2"))
    folding.deliver(resolved("b", service="api", problem="p2"))
    before = folding.incidents()
    document = {"version": 1, "rules": [BY_SERVICE], "heartbeats": [{"name": "h", "matchers": "a=b", "every": "1m"}]}
    facts = folding.ask({"kind": "set-rules", "document": document, "dry_run": True})
    [first] = [each for each in before if each.status is IncidentStatus.OPEN]
    assert decided(facts).detail == {
        "version": 0,
        "regrouped": 1,
        "incidents": [{"incident": first.id, "before": "default", "rule": "by-service", "moves": True}],
    }
    assert (folding.incidents(), folding.state.rules, incident_facts(facts)) == (before, {}, [])
    assert decided(folding.rules(BY_SERVICE)).detail == {"version": 1, "regrouped": 1}
    again = folding.ask({"kind": "set-rules", "document": {"version": 1, "rules": [BY_SERVICE]}, "dry_run": True})
    assert decided(again).detail == {"version": 1, "regrouped": 0, "incidents": []}


@pytest.mark.parametrize("document", [{}, {"version": 2}, {"version": 1, "rules": [{"name": "x", "matchers": "=="}]}])
def test_a_document_that_this_release_cannot_read_changes_nothing(document: dict[str, Any]) -> None:
    folding = Folding()
    refused = decided(folding.ask({"kind": "set-rules", "document": document}))
    assert (refused.applied, refused.status, refused.detail["reason"]) == (False, 422, "unreadable-rules")
    assert folding.state.rules == {}


def test_the_fact_says_rule_version_reason_and_what_the_key_was_made_of() -> None:
    folding = Folding()
    folding.rules(BY_SERVICE)
    fact = opened(folding.deliver(firing("a", service="api")))
    assert (fact.rule, fact.rule_version, fact.reason) == ("by-service", 1, "rule by-service: service 'api'")
    assert (fact.why["key"], fact.why["values"]) == (fact.group_key, {"service": "api"})


def test_an_event_keeps_what_decided_where_its_episode_began() -> None:
    folding = Folding()
    folding.rules(BY_SERVICE)
    facts = folding.deliver(firing("a", service="api"), firing("b", service="api"))
    events = [fact for fact in facts if isinstance(fact, AlertRecorded)]
    assert [event.why and event.why["rule"] for event in events] == ["by-service", "by-service"]
    again = folding.deliver(firing("a", service="api", title="again"))
    assert [event.why for event in again if isinstance(event, AlertRecorded)] == [None]


def test_one_tenants_rules_are_nobody_elses() -> None:
    folding = Folding()
    folding.rules(BY_SERVICE)
    folding.deliver(firing("a", service="x", problem="p1"), firing("b", service="x", problem="p2"), tenant="other")
    assert len(folding.incidents("other")) == 2


def test_open_incidents_go_on_under_their_new_keys() -> None:
    """A known bug of rivals: edits that miss open groups."""
    folding = Folding()
    folding.deliver(firing("a", service="api", problem="p1"))
    facts = folding.rules(BY_SERVICE)
    assert kinds(facts) == ["incident-regrouped"]
    assert effects(folding.deliver(firing("b", service="api", problem="p2"))) == ["joined"]
    assert folding.incident().rule == "by-service"
    assert folding.incident().rule_version == 1


def test_of_several_under_one_new_key_the_oldest_collects_and_none_is_lost() -> None:
    folding = Folding()
    folding.deliver(firing("a", service="api", problem="p1"))
    folding.wait(1).deliver(firing("b", service="api", problem="p2"))
    facts = folding.rules(BY_SERVICE)
    first, second = folding.incidents()
    told = [fact for fact in incident_facts(facts) if isinstance(fact, IncidentRegrouped)]
    assert [(fact.incident, "competing" in fact.why) for fact in told] == [(first.id, False), (second.id, True)]
    folding.deliver(firing("c", service="api", problem="p3"))
    assert [incident.alert_count for incident in folding.incidents()] == [2, 1]
    folding.deliver(resolved("b"))
    assert [incident.status for incident in folding.incidents()] == [IncidentStatus.OPEN, IncidentStatus.RESOLVED]


def test_any_change_of_rules_lets_a_key_be_collected_for_by_what_is_open_of_it() -> None:
    """Of two under one key the one that collected is over; rules that leave both as they are see to the other one."""
    folding = Folding()
    folding.deliver(firing("a", problem="p1", service="x"), firing("b", problem="p2", service="x"))
    folding.rules({"name": "by-service", "group_by": ["service"]})
    folding.command(folding.incidents()[0].id, IncidentStatus.RESOLVED)
    folding.rules({"name": "by-service", "group_by": ["service"]})
    assert effects(folding.deliver(firing("c", problem="p3", service="x"))) == ["joined"]


def test_members_stay_where_they_are_whatever_their_new_key_says() -> None:
    folding = Folding()
    folding.deliver(firing("a", labels={"region": "eu"}), firing("b", labels={"region": "us"}))
    folding.rules(BY_REGION)
    assert effects(folding.deliver(firing("b", labels={"region": "us"}, title="again"))) == ["repeated"]
    assert effects(folding.deliver(firing("c", labels={"region": "us"}))) == ["opened"], "a new alert goes by the new key"
    assert effects(folding.deliver(firing("d", labels={"region": "eu"}))) == ["joined"]


def test_taking_the_rules_back_gives_the_keys_back() -> None:
    folding = Folding()
    folding.deliver(firing("a", service="api", problem="p1"))
    before = folding.incident().group_key
    folding.rules(BY_SERVICE)
    folding.rules()
    assert folding.incident().group_key == before
    assert effects(folding.deliver(firing("b", problem="p1"))) == ["joined"]


def test_incidents_that_are_over_keep_their_key() -> None:
    folding = Folding()
    folding.deliver(firing("a", service="api"))
    folding.deliver(resolved("a"))
    assert kinds(folding.rules(BY_SERVICE)) == []


def test_a_rule_that_changes_how_an_incident_ends_changes_it_for_open_ones() -> None:
    folding = Folding()
    folding.deliver(firing("a"))
    folding.rules({"name": "never", "resolve": {"when": "never"}})
    folding.deliver(resolved("a"))
    assert folding.incident().status is IncidentStatus.OPEN


def test_names_are_aliased_and_severities_mapped_before_anything_else() -> None:
    folding = Folding()
    folding.rules(
        {"name": "api", "matchers": ['service="api"', 'env="prod"'], "severity_map": {"HIGH": "CRITICAL"}},
        services={"api-v2": "api"}, environments={"prd": "prod"}, severity_map={"LOW": "HIGH"},
    )  # fmt: skip
    fact = opened(folding.deliver(firing("a", service="api-v2", environment="prd", severity=Severity.LOW)))
    assert (fact.rule, fact.service, fact.environment, fact.severity) == ("api", "api", "prod", Severity.CRITICAL)
    assert fact.said == {"service": "api-v2", "environment": "prd", "severity": "LOW"}


def test_another_rule_set_starts_from_what_the_sender_said() -> None:
    folding = Folding()
    folding.rules({"name": "g", "group_by": ["service"]}, services={"api-v2": "api"})
    folding.deliver(firing("a", service="api-v2"))
    folding.rules({"name": "g", "group_by": ["service"]})
    assert effects(folding.deliver(firing("b", service="api-v2"))) == ["joined"]


def test_alerts_are_classified_before_they_are_grouped() -> None:
    folding = Folding()
    folding.rules(
        {"name": "by-category", "group_by": ["category"]},
        classification=[{"name": "pg", "matchers": 'service=~"pg.*"', "team": "dba", "category": "data"}],
    )
    fact = opened(folding.deliver(firing("a", service="pg-1", problem="p1")))
    assert (fact.team, fact.category, fact.why["values"]) == ("dba", "data", {"category": "data"})
    assert effects(folding.deliver(firing("b", service="pg-2", problem="p2"))) == ["joined"]


def test_the_default_set_classifies_without_any_rules() -> None:
    fact = opened(Folding().deliver(firing("a", title="High latency on /checkout, p99 above 2 s")))
    assert fact.category == "latency"


def test_a_rules_team_goes_before_the_senders() -> None:
    folding = Folding()
    folding.rules({"name": "all", "team": "sre"})
    assert opened(folding.deliver(firing("a", team="frontend"))).team == "sre"


def test_more_open_incidents_than_one_change_can_carry_refuse_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tocsin_grouper.domain.adopting.REGROUPED_MAX", 1)
    folding = Folding()
    folding.deliver(firing("a", problem="p1"), firing("b", problem="p2"))
    refused = decided(folding.rules(BY_SERVICE))
    assert (refused.status, refused.detail["reason"]) == (409, "too-many-open-incidents")


def test_one_left_in_silence_does_not_stand_in_the_way_of_one_that_collects() -> None:
    """The older incident of the new key collects no more: else a third would open beside the one that fires."""
    folding = Folding(settings=IntegrationSettings(group_window_s=120))
    folding.rules(BY_SERVICE)
    folding.deliver(firing("a", service="api", never_resolves=True))
    folding.tick_for(300)
    folding.rules()
    folding.deliver(firing("b", service="api", problem="p2"))
    folding.rules(BY_SERVICE)
    assert effects(folding.deliver(firing("c", service="api", problem="p3"))) == ["joined"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"resolve_silent_after": "1d"}, {"resolve_silent_after": "2m"}),
        ({}, {"resolve_silent_after": "2m"}),
    ],
)
def test_a_rule_that_ends_what_is_silent_ends_what_waits_already(before: dict[str, Any], after: dict[str, Any]) -> None:
    folding = Folding(settings=IntegrationSettings(group_window_s=60))
    folding.rules({"name": "timed", **before})
    folding.deliver(firing("a", never_resolves=True))
    folding.tick_for(300)
    folding.rules({"name": "timed", **after})
    folding.tick_for(15)
    assert folding.incident().status is IncidentStatus.RESOLVED


@pytest.mark.parametrize("after", [{}, {"resolve": {"after": "1m"}}])
def test_a_rule_that_leaves_it_to_people_no_more_ends_what_resolved_already(after: dict[str, Any]) -> None:
    folding = Folding()
    folding.rules({"name": "r", "resolve": {"when": "never"}})
    folding.deliver(firing("a"))
    folding.deliver(resolved("a"))
    folding.rules({"name": "r", **after})
    folding.tick_for(180)
    assert folding.incident().status is IncidentStatus.RESOLVED


def test_of_several_under_a_key_that_stays_the_one_that_collects_goes_on_though_another_is_older() -> None:
    folding = Folding()
    folding.deliver(firing("a"))
    folding.deliver(resolved("a"))
    folding.wait(60).deliver(firing("b"))
    folding.ask({"kind": "reopen", "incident": folding.incidents()[0].id})
    folding.rules({"name": "quiet", "resolve": {"after": "1m"}})
    assert effects(folding.deliver(firing("c"))) == ["joined"]
    assert [incident.alert_count for incident in folding.incidents()] == [1, 2]
