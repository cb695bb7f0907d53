"""What rules decide about an alert."""

import pytest

from tests.unit.rules.alerts import INTEGRATION, SOURCE, alert, classify, compiled, rule_for
from tocsin_contracts.severity import Severity
from tocsin_rules.category import Category
from tocsin_rules.compiled import CompiledRules
from tocsin_rules.defaults import COMPILED_DEFAULTS
from tocsin_rules.document import DEFAULT_FLAPPING
from tocsin_rules.keys import default_key, grouped_key
from tocsin_rules.ruling import REASON_MAX
from tocsin_rules.terms import Refire, ResolveWhen


def test_without_rules_the_default_key_holds() -> None:
    event = alert(project="shop", environment="prod", team="sre")
    ruling = rule_for(COMPILED_DEFAULTS, event, "sentry")
    assert (ruling.rule, ruling.rules, ruling.key_rule, ruling.group_by) == ("default", ("default",), "default", None)
    assert ruling.key == default_key("sentry", event)
    assert ruling.values == (("source", "sentry"), ("project", "shop"), ("environment", "prod"), ("problem", "p1"))
    assert ruling.reason == "default rule: sentry problem 'p1', project shop, environment prod"
    assert (ruling.refire, ruling.resolve_when, ruling.resolve_after_s) == (Refire.NEW, ResolveWhen.ALL_RESOLVED, 0)
    assert (ruling.window_s, ruling.threshold, ruling.resolve_silent_after_s) == (None, None, None)
    assert (ruling.severity, ruling.team, ruling.flapping) == (Severity.HIGH, "sre", DEFAULT_FLAPPING)


def test_the_first_rule_that_matches_wins() -> None:
    rules = compiled(
        {"name": "no", "matchers": "service=web", "team": "a"},
        {"name": "yes", "matchers": "service=api", "team": "b"},
        {"name": "late", "matchers": "service=~.*", "team": "c", "group_window": "1m"},
    )
    ruling = rule_for(rules, alert(service="api"))
    assert (ruling.rule, ruling.rules, ruling.team, ruling.window_s) == ("yes", ("yes",), "b", None)


def test_after_continue_later_rules_fill_what_is_not_set_yet() -> None:
    rules = compiled(
        {"name": "team", "matchers": "service=api", "team": "a", "refire": "reopen", "continue": True},
        {"name": "not", "matchers": "service=web", "group_by": ["host"], "continue": True},
        {"name": "group", "group_by": ["service"], "team": "b", "group_window": "1m", "continue": True},
        {"name": "last", "group_by": ["host"], "refire": "new", "group_window": "2m", "reopen_within": "1h"},
        {"name": "never", "threshold": {"alerts": 3, "within": "1m"}},
    )
    ruling = rule_for(rules, alert(service="api"))
    assert (ruling.rule, ruling.rules, ruling.key_rule) == ("last", ("team", "group", "last"), "group")
    assert (ruling.team, ruling.refire, ruling.window_s, ruling.reopen_within_s) == ("a", Refire.REOPEN, 60, 3600)
    assert (ruling.group_by, ruling.threshold) == (("service",), None)


def test_behind_all_rules_stands_the_default() -> None:
    rules = compiled({"name": "team", "team": "a", "continue": True})
    ruling = rule_for(rules, alert())
    assert (ruling.rule, ruling.rules, ruling.team) == ("default", ("team", "default"), "a")
    assert ruling.key == default_key(SOURCE, alert())


def test_a_rule_without_group_by_keeps_the_default_key() -> None:
    rules = compiled({"name": "a", "team": "x"})
    assert rule_for(rules, alert()).key == rule_for(COMPILED_DEFAULTS, alert()).key


def test_a_rule_with_group_by_makes_the_key_of_its_fields() -> None:
    rules = compiled({"name": "a", "group_by": ["env", "region"]})
    ruling = rule_for(rules, alert(environment="prod", labels={"region": "eu"}))
    assert ruling.values == (("environment", "prod"), ("labels.region", "eu"))
    assert ruling.key == grouped_key("a", ruling.values)
    assert ruling.key == rule_for(rules, alert("another", identity="i2", environment="PROD", labels={"region": "EU"})).key
    assert ruling.reason == "rule a: environment 'prod', region 'eu'"


def test_everything_puts_each_alert_by_itself() -> None:
    rules = compiled({"name": "a", "group_by": ["..."]})
    keys = {
        rule_for(rules, event).key
        for event in (alert(), alert(identity="i2"), alert(labels={"a": "1"}), alert(labels={"a": "2"}), alert("other title"))
    }
    assert len(keys) == 4


def test_everything_does_not_depend_on_the_order_of_labels() -> None:
    rules = compiled({"name": "a", "group_by": ["..."]})
    assert rule_for(rules, alert(labels={"a": "1", "b": "2"})).key == rule_for(rules, alert(labels={"b": "2", "a": "1"})).key


def test_flapping_null_switches_it_off_and_silence_leaves_the_default() -> None:
    assert rule_for(compiled({"name": "a", "flapping": None}), alert()).flapping is None
    assert rule_for(compiled({"name": "a"}), alert()).flapping == DEFAULT_FLAPPING


def test_the_severity_map_for_all_comes_before_rules_and_that_of_the_rule_after() -> None:
    rules = compiled(
        {"name": "a", "matchers": "severity=MEDIUM", "severity_map": {"MEDIUM": "LOW"}}, severity_map={"HIGH": "MEDIUM"}
    )
    event = rules.prepare(alert(severity=Severity.HIGH))
    assert event.severity is Severity.MEDIUM
    assert rule_for(rules, event).severity is Severity.LOW
    assert rule_for(rules, alert(severity=None)).severity is None


def test_aliases_ignore_case_and_outer_spaces() -> None:
    rules = compiled(services={"API-v2": "api"}, environments={"prd": "prod"})
    event = rules.prepare(alert(service=" api-V2 ", environment="PRD"))
    assert (event.service, event.environment) == ("api", "prod")


@pytest.mark.parametrize("rules", [COMPILED_DEFAULTS, compiled(services={"web": "x"})])
def test_an_alert_that_nothing_changes_stays_the_same_object(rules: CompiledRules) -> None:
    event = alert(service="api")
    assert rules.prepare(event) is event


def test_the_first_match_wins_for_team_and_for_category() -> None:
    rules = compiled(
        classification=[
            {"name": "category", "matchers": "service=~pg.*", "category": "data"},
            {"name": "both", "matchers": "env=prod", "team": "dba", "category": "latency"},
        ]
    )
    found = classify(rules, alert(service="pg-1", environment="prod", team="said"))
    assert (found.category, found.team, found.by) == (Category.DATA, "dba", ("category", "both"))


def test_rules_see_the_category_and_the_team_that_classification_gave() -> None:
    rules = compiled(
        {"name": "a", "matchers": "category=data,team=dba"},
        classification=[{"name": "c", "matchers": "service=pg", "team": "dba", "category": "data"}],
    )
    assert rule_for(rules, alert(service="pg")).rule == "a"
    assert rule_for(rules, alert(service="api")).rule == "default"


def test_without_the_default_set_what_no_rule_names_is_other() -> None:
    assert classify(compiled(default_classification=False), alert("CPU is high")).category is Category.OTHER
    assert classify(compiled(), alert("CPU is high")).category is Category.CAPACITY


def test_all_escalations_that_match_are_given_in_order() -> None:
    rules = compiled(
        escalation=[
            {"name": "prod", "matchers": "env=prod", "at_least": "HIGH"},
            {"name": "dev", "matchers": "env=dev", "at_least": "LOW"},
            {"name": "spike", "at_least": "CRITICAL", "spike": {"events": 100, "within": "5m"}},
        ]
    )
    event = alert(environment="prod")
    found = rules.escalations(SOURCE, INTEGRATION, event, classify(rules, event))
    assert [rule.name for rule in found] == ["prod", "spike"]
    assert (rules.has_escalations, rules.spike_s) == (True, 300)


def test_an_alert_is_the_sign_of_the_first_heartbeat_that_matches() -> None:
    rules = compiled(
        heartbeats=[
            {"name": "eu", "matchers": "alertname=Watchdog,region=eu", "every": "5m"},
            {"name": "any", "matchers": "alertname=Watchdog", "every": "1m"},
        ]
    )
    beat = rules.heartbeat_of(SOURCE, INTEGRATION, alert(labels={"alertname": "Watchdog", "region": "us"}))
    assert beat is not None
    assert (beat.name, beat.every_s) == ("any", 60)
    assert rules.heartbeat_of(SOURCE, INTEGRATION, alert()) is None


def test_a_reason_is_one_bounded_line() -> None:
    reason = rule_for(compiled({"name": "a", "group_by": ["title"]}), alert("x\n" * 900)).reason
    assert len(reason) <= REASON_MAX
    assert "\n" not in reason


def test_a_tenant_without_rules_has_nothing_to_ask() -> None:
    rules = COMPILED_DEFAULTS
    assert not any((rules.has_aliases, rules.has_rules, rules.has_escalations, rules.has_heartbeats))
    assert rules.spike_s is None
