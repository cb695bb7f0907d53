"""A rule set is read strictly, and written as it was said."""

from typing import Any

import pytest

from tocsin_rules.document import DOCUMENT_MAX_BYTES, RULES_MAX, document_of
from tocsin_rules.duration import parse_duration, write_duration
from tocsin_rules.reading import UnfitRules, read_rule_set

FULL: dict[str, Any] = {
    "version": 1,
    "severity_map": {"CRITICAL": "HIGH"},
    "services": {"api-v2": "api"},
    "environments": {"prd": "prod"},
    "classification": [{"name": "db-team", "matchers": 'service=~"pg.*"', "team": "dba", "category": "data"}],
    "rules": [
        {
            "name": "api-errors",
            "matchers": ['source="grafana"', 'severity=~"CRITICAL|HIGH"'],
            "group_by": ["service", "labels.region"],
            "group_window": "30m",
            "refire": "reopen",
            "reopen_within": "1d",
            "threshold": {"alerts": 5, "within": "10m"},
            "severity_map": {"HIGH": "MEDIUM"},
            "team": "payments",
            "resolve": {"when": "all-resolved", "after": "0s"},
            "resolve_silent_after": "1d",
            "flapping": None,
            "continue": True,
        }
    ],
    "escalation": [{"name": "spike", "matchers": [], "at_least": "CRITICAL", "spike": {"events": 100, "within": "5m"}}],
    "heartbeats": [{"name": "dead-man", "matchers": ['alertname="Watchdog"'], "every": "5m", "title": "Prometheus is gone"}],
}


def test_a_full_document_survives_reading_and_writing() -> None:
    rules = read_rule_set(FULL)
    assert document_of(rules) == FULL | {
        "classification": [{"name": "db-team", "matchers": ['service=~"pg.*"'], "team": "dba", "category": "data"}]
    }
    assert read_rule_set(document_of(rules)) == rules


def test_durations_are_kept_as_seconds() -> None:
    rule = read_rule_set(FULL).rules[0]
    assert (rule.group_window_s, rule.reopen_within_s) == (1800, 86_400)


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("30m", 1800), ("1h30m", 5400), ("1w2d", 777_600), ("0s", 0)])
def test_a_duration_is_written_as_in_prometheus(text: str, seconds: int) -> None:
    assert parse_duration(text) == seconds
    assert parse_duration(write_duration(seconds)) == seconds


@pytest.mark.parametrize("text", ["", "30", "m", "1m1h", "-1s", "1.5h", "5 m", "1ms", "٣m"])
def test_anything_else_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="30m"):
        parse_duration(text)


def rule(**said: object) -> dict[str, object]:
    return {"version": 1, "rules": [{"name": "a", **said}]}


def _nested(depth: int) -> list[object]:
    return [_nested(depth - 1)] if depth else []


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        ([], ""),
        ({}, "/version"),
        ({"version": 2}, "/version"),
        ({"version": 1, "rule": []}, "/rule"),
        (rule(name="A b"), "/rules/0/name"),
        (rule(name="default"), "/rules/0/name"),
        (rule(matchers="x="), "/rules/0/matchers"),
        (rule(matchers=[1]), "/rules/0/matchers"),
        (rule(matchers=",".join(["a=b"] * 21)), "/rules/0/matchers"),
        (rule(group_by=[]), "/rules/0/group_by"),
        (rule(group_by=["...", "service"]), "/rules/0/group_by"),
        (rule(group_window=30), "/rules/0/group_window"),
        (rule(group_window="0s"), "/rules/0/group_window"),
        (rule(group_window="31d"), "/rules/0/group_window"),
        (rule(threshold={"alerts": 1001, "within": "1m"}), "/rules/0/threshold/alerts"),
        (rule(threshold={"alerts": "5", "within": "1m"}), "/rules/0/threshold/alerts"),
        (rule(severity_map={"BAD": "HIGH"}), "/rules/0/severity_map/BAD"),
        (rule(team="a\x00b"), "/rules/0/team"),
        (rule(team="x" * 201), "/rules/0/team"),
        ({"version": 1, "services": {"a": " "}}, "/services/a"),
        ({"version": 1, "services": {" ": "a"}}, "/services/ "),
        (rule(**{"continue": "yes"}), "/rules/0/continue"),
        ({"version": 1, "rules": [{"name": "a"}, {"name": "a"}]}, "/rules/1/name"),
        ({"version": 1, "classification": [{"name": "a"}]}, "/classification/0"),
        (
            {"version": 1, "classification": [{"name": "a", "matchers": "category=data", "team": "x"}]},
            "/classification/0/matchers",
        ),
        ({"version": 1, "heartbeats": [{"name": "a", "matchers": "", "every": "5m"}]}, "/heartbeats/0/matchers"),
        (
            {"version": 1, "escalation": [{"name": "a", "at_least": "HIGH", "spike": {"events": 5, "within": "61m"}}]},
            "/escalation/0/spike/within",
        ),
        ({"version": 1, "rules": [{"name": f"r{n}"} for n in range(RULES_MAX + 1)]}, "/rules"),
        (rule(team="x" * DOCUMENT_MAX_BYTES), ""),
        (rule(team={1, 2}), "/rules/0/team"),
        (rule(team=float("nan")), "/rules/0/team"),
        ({"version": 1, "services": {1: "a"}}, "/services/1"),
        (rule(team=_nested(50)), "/rules/0/team" + "/0" * 38),
        ({"version": 1, "rules": [{"name": "a", "x": 1}, {"name": "a"}]}, "/rules/1/name"),
        ({"version": 1, "rules": [{"name": f"r{n}", "matchers": f"l{n}=x"} for n in range(201)]}, ""),
        ({"version": 1, "rules": [{"name": f"r{n}", "matchers": f'a=~"{n}.*",b=~"{n}.+",c=~"{n}.?"'} for n in range(1334)]}, ""),
        (
            {"version": 1, "rules": [{"name": f"r{n}", "matchers": f'a=~"[a-c]{{900}}{n}"'} for n in range(200)]},
            "/rules/111/matchers",
        ),
        ({"version": 1, "rules": [{"name": f"r{n}", "matchers": f'description=~"[a-c]{{900}}{n}"'} for n in range(40)]}, ""),
        ({"version": 1, "rules": [{"name": f"r{n}", "matchers": f'l{n}=~"[a-c]{{900}}"'} for n in range(120)]}, ""),
    ],
)
def test_what_is_no_rule_set_is_refused_at_its_place(document: object, pointer: str) -> None:
    with pytest.raises(UnfitRules) as refused:
        read_rule_set(document)
    assert pointer in [fault.pointer for fault in refused.value.faults]


def test_every_fault_is_told_at_once() -> None:
    with pytest.raises(UnfitRules) as refused:
        read_rule_set({"version": 1, "rules": [{"name": "a", "group_window": "x"}, {"name": "b", "matchers": "{"}]})
    assert [fault.pointer for fault in refused.value.faults] == ["/rules/0/group_window", "/rules/1/matchers"]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"grup_by": ["a"]}, "there is no such member: is 'group_by' meant?"),
        ({"xyz": 1}, "there is no such member; there are name, matchers, group_by, group_window, refire"),
        ({"threshold": {"alerts": 1, "alert": 1, "within": "1m"}}, "is 'alerts' meant?"),
        ({"threshold": 5}, "members are wanted, such as {alerts: 5, within: 10m}"),
        ({"name": "A b"}, "a name is made of a-z, 0-9 and -"),
        ({"team": 5}, "a text is wanted: in quotes"),
        ({"team": "a\nb"}, "without line ends"),
        ({"team": ""}, "it is empty"),
        ({"team": " "}, "it is empty"),
        ({"team": "x" * 201}, "at most 200 characters"),
        ({"group_by": "service"}, "a list is wanted"),
        ({"group_by": ["a"] * 21}, "at most 20 parts"),
        ({"group_window": "31d"}, "at most 30d"),
        ({"group_window": "0s"}, "at least 1s"),
        ({"group_window": 30}, "a duration is text with a unit, such as 30m"),
        ({"threshold": {"alerts": 0, "within": "1m"}}, "at least 1"),
        ({"threshold": {"alerts": 1.5, "within": "1m"}}, "a whole number is wanted"),
        ({"continue": "yes"}, "true or false is wanted"),
        ({"refire": "often"}, "it is one of 'new' or 'reopen'"),
        ({"severity_map": {"HIGH": "low"}}, "it is one of 'CRITICAL'"),
        ({"threshold": {"alerts": 2}}, "it is missing"),
    ],
)
def test_a_fault_says_what_is_wanted(said: dict[str, object], words: str) -> None:
    with pytest.raises(UnfitRules) as refused:
        read_rule_set(rule(**said))
    assert [words in fault.detail for fault in refused.value.faults] == [True], refused.value
