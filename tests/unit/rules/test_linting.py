"""What is probably not meant is told, with its place."""

from typing import Any

import pytest

from tocsin_rules.linting import lint
from tocsin_rules.reading import read_rule_set


def findings(**parts: Any) -> list[tuple[str, str]]:
    rules = read_rule_set({"version": 1, **parts})
    return [("/".join(str(part) for part in finding.place), finding.code) for finding in lint(rules)]


def rules(*written: dict[str, Any]) -> list[tuple[str, str]]:
    return findings(rules=[{"name": f"r{number}", **rule} for number, rule in enumerate(written)])


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("", "service=api"),
        ("service=api", "service=api"),
        ("service=api", "service=api,env=prod"),
        ("service=~api|web", "service=api"),
        ("service=~a.*", "service=api"),
        ("service!=web", "service=api"),
        ("service=~a.*", "service=~a.*,env=prod"),
        ("severity=~high|critical", "severity=HIGH"),
        ("service=~.*", "env=prod"),
    ],
)
def test_a_rule_behind_a_wider_one_is_never_reached(earlier: str, later: str) -> None:
    assert ("rules/1", "unreachable") in rules({"matchers": earlier}, {"matchers": later})


@pytest.mark.parametrize(
    ("earlier", "later"), [("service=api", ""), ("service=api", "service=web"), ("service=api", "service=~a.*"), ("a=b", "a!=c")]
)
def test_a_rule_behind_another_one_is_reached(earlier: str, later: str) -> None:
    assert rules({"matchers": earlier}, {"matchers": later}) == []


def test_a_rule_that_continues_hides_none() -> None:
    assert rules({"team": "a", "continue": True}, {"matchers": "service=api"}) == []


def test_a_classification_is_hidden_for_what_the_earlier_one_says() -> None:
    found = findings(
        classification=[
            {"name": "a", "team": "x"},
            {"name": "b", "matchers": "service=api", "team": "y", "category": "data"},
        ]
    )
    assert found == [("classification/1/team", "unreachable")]


@pytest.mark.parametrize(
    ("rule", "place", "code"),
    [
        ({"matchers": "sevrity=HIGH"}, "rules/0/matchers", "mistyped"),
        ({"matchers": "Service=api"}, "rules/0/matchers", "mistyped"),
        ({"matchers": 'service=~"api"'}, "rules/0/matchers", "plain_regex"),
        ({"matchers": "a=b,a=b"}, "rules/0/matchers", "repeated"),
        ({"matchers": "a=b,a=c"}, "rules/0/matchers", "never"),
        ({"matchers": "a=b,a=~c.*"}, "rules/0/matchers", "never"),
        ({"matchers": 'a=~"b|c",a=~"d|e"'}, "rules/0/matchers", "never"),
        ({"matchers": 'a=~"b|c",a!~"b|c|d"'}, "rules/0/matchers", "never"),
        ({"matchers": "category=databases"}, "rules/0/matchers", "never"),
        ({"matchers": 'severity=""'}, "rules/0/matchers", "never"),
        ({"matchers": 'service="api.*"'}, "rules/0/matchers", "regex_meant"),
        ({"matchers": 'env!="prod|stage"'}, "rules/0/matchers", "regex_meant"),
        ({"matchers": "severity=SEVERE"}, "rules/0/matchers", "never"),
        ({"reopen_within": "1h"}, "rules/0/reopen_within", "no_effect"),
        ({"threshold": {"alerts": 1, "within": "1m"}}, "rules/0/threshold", "no_effect"),
        ({"threshold": {"alerts": 2, "within": "1m"}, "group_by": ["..."]}, "rules/0/threshold", "never"),
        ({"resolve": {"when": "never", "after": "5m"}}, "rules/0/resolve", "no_effect"),
        ({"group_by": ["enviroment"]}, "rules/0/group_by", "mistyped"),
        ({"continue": True}, "rules/0", "no_effect"),
    ],
)
def test_what_has_no_effect_or_looks_mistyped_is_found_once(rule: dict[str, Any], place: str, code: str) -> None:
    assert rules(rule) == [(place, code)]


def test_labels_of_their_own_are_no_mistakes() -> None:
    assert rules({"matchers": "alertname=X,region=eu,version=1,labels.sevrity=x,tier=gold,env=prod"}) == []


def test_aliases_that_are_never_read_are_found() -> None:
    assert findings(services={"API": "api", "api": "x", "web": "web", "old": "api"}) == [
        ("services/api", "repeated"), ("services/web", "no_effect"), ("services/old", "no_chain"),
    ]  # fmt: skip


def test_escalations_that_say_the_same_are_found() -> None:
    parts = [{"name": "a", "matchers": "x=y", "at_least": "HIGH"}, {"name": "b", "matchers": "x=y", "at_least": "HIGH"}]
    assert findings(escalation=[*parts, {"name": "c", "matchers": "x=z", "at_least": "INFO"}]) == [
        ("escalation/2/at_least", "no_effect"), ("escalation/1", "repeated"),
    ]  # fmt: skip


def test_texts_that_only_look_a_little_like_an_expression_are_texts() -> None:
    assert rules({"matchers": 'title="a | b (c) ...",path="/x?y=1",price="5$ more",service=~"a|b",a=~"b|c",a=~"c|d"'}) == []


def test_a_name_that_aliases_take_away_never_matches() -> None:
    written = [{"name": "a", "matchers": 'env=~"Production|prd"'}, {"name": "b", "matchers": 'env=~"production|prod",x=y'}]
    assert findings(environments={"production": "prod", "PRD": "prod"}, rules=written) == [("rules/0/matchers", "never")]
    assert findings(environments={"production": "prod", "PRODUCTION": "x"}, rules=[{**written[1], "matchers": "env=prod"}]) == [
        ("environments/PRODUCTION", "repeated")
    ]
    chained = findings(environments={"a": "b", "c": "a"}, rules=[{"name": "a", "matchers": "env=a"}])
    assert chained == [("environments/c", "no_chain")]


def test_a_source_that_does_not_exist_never_matches() -> None:
    document = {"version": 1, "rules": [{"name": "a", "matchers": "source=prometheus"}, {"name": "b", "matchers": "source!=x"}]}
    found = lint(read_rule_set(document), sources=("alertmanager", "sentry"))
    assert [(each.code, each.detail) for each in found] == [
        ("never", 'source="prometheus" never holds: source is one of alertmanager, sentry')
    ]
    assert lint(read_rule_set(document)) == []


def test_an_environment_that_names_are_folded_from_never_matches() -> None:
    document = {
        "version": 1,
        "environments": {"stg": "stage", "production": "prod", "qa": "test"},
        "rules": [
            {"name": "a", "matchers": "env=~stg|STAGE"},
            {"name": "b", "matchers": "env=stage"},
            {"name": "c", "matchers": "env=qa2"},
        ],
    }
    folded = {"stg": "staging", "STAGE": "staging", "production": "prod"}
    found = lint(read_rule_set(document), environment_of=lambda name: folded.get(name, name))
    assert [("/".join(map(str, each.place)), each.code, each.detail.rpartition(": ")[2]) for each in found] == [
        ("rules/0/matchers", "never", "an environment 'stg' comes as 'staging'"),
        ("environments/stg", "no_effect", "'stg' comes as 'staging', and that is no alias"),
    ]


def test_a_rule_for_signs_of_life_is_never_reached() -> None:
    beat = {"name": "beat", "matchers": "alertname=Watchdog", "every": "5m"}
    written = [{"name": "a", "matchers": "alertname=Watchdog,env=prod"}, {"name": "b", "matchers": "env=prod"}]
    assert findings(heartbeats=[beat], rules=written) == [("rules/0", "unreachable")]


def test_an_escalation_to_what_is_there_already_is_found() -> None:
    parts = [
        {"name": "a", "matchers": 'severity=~"CRITICAL|HIGH"', "at_least": "HIGH"},
        {"name": "b", "matchers": 'severity=~"CRITICAL|HIGH"', "at_least": "CRITICAL"},
    ]
    assert findings(escalation=parts) == [("escalation/0/at_least", "no_effect")]


def test_rules_that_were_not_compared_are_told_of() -> None:
    written = [{"name": f"r{number}", "matchers": f"a={number}"} for number in range(1_000)]
    assert [code for _, code in findings(rules=written)] == ["not_compared"]
