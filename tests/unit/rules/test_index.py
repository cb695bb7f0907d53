"""The index gives what asking each rule in turn gives."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.rules.alerts import INTEGRATION, alert
from tocsin_contracts.severity import Severity
from tocsin_rules.category import Category
from tocsin_rules.compiled import compile_rules
from tocsin_rules.document import DEFAULT_RULE
from tocsin_rules.explaining import explain
from tocsin_rules.fields import FIELDS, Subject, value_of
from tocsin_rules.index import MatcherIndex, numbers_of
from tocsin_rules.matcher import Matcher, Operator
from tocsin_rules.memory import Memory
from tocsin_rules.reading import read_rule_set

NAMES = st.sampled_from([*FIELDS, "env", "region", "labels.service", "labels.region"])
TEXTS = st.sampled_from(["", "a", "b", "ab", "HIGH", "high", "errors", "ä"])
PATTERNS = st.sampled_from(["", "a", "a|b", "a.*", ".*b", ".*a.*", "[ab]+", ".+", "(?i)HI.*", "high|a.", "|a", "err.rs"])
MATCHERS = st.builds(Matcher, NAMES, st.sampled_from([Operator.EQUAL, Operator.NOT_EQUAL]), TEXTS) | st.builds(
    Matcher, NAMES, st.sampled_from([Operator.MATCH, Operator.NOT_MATCH]), PATTERNS
)
RULES = st.lists(st.lists(MATCHERS, max_size=4), max_size=8)


@st.composite
def subjects(draw: st.DrawFn) -> Subject:
    said: dict[str, Any] = {name: draw(TEXTS) for name in ("identity", "problem", "project", "title")} | {
        name: draw(st.none() | TEXTS) for name in ("description", "service", "environment", "team", "host")
    }
    said["severity"] = draw(st.none() | st.sampled_from(Severity))
    said["labels"] = draw(st.dictionaries(st.sampled_from(["region", "service", "zone"]), TEXTS, max_size=3))
    return Subject(
        source=draw(TEXTS),
        integration=draw(TEXTS),
        event=alert(**said),
        category=draw(st.none() | st.sampled_from(Category)),
        team=draw(st.none() | TEXTS),
    )


@settings(max_examples=120, deadline=None)
@given(RULES, st.lists(subjects(), min_size=1, max_size=4), st.sampled_from([0, 400, 1 << 20]))
def test_the_index_agrees_with_asking_one_by_one(rules: list[list[Matcher]], seen: list[Subject], memory: int) -> None:
    """Asked twice, with no memory, with one that forgets at once, and with one that remembers."""
    index = MatcherIndex(rules, Memory(memory))
    for subject in [*seen, *seen]:
        naive = [
            number
            for number, matchers in enumerate(rules)
            if all(matcher.holds(value_of(matcher.field, subject)) for matcher in matchers)
        ]
        assert (
            list(
                numbers_of(
                    index.matching(subject.source, subject.integration, subject.event, subject.category or "", subject.team)
                )
            )
            == naive
        )


@settings(max_examples=60, deadline=None)
@given(RULES, st.lists(st.booleans(), min_size=8, max_size=8), subjects())
def test_a_ruling_names_the_rules_that_the_explanation_names(
    rules: list[list[Matcher]], going_on: list[bool], subject: Subject
) -> None:
    written = [
        {"name": f"r{number}", "matchers": [str(matcher) for matcher in matchers], "continue": goes_on, "group_by": ["host"]}
        for number, (matchers, goes_on) in enumerate(zip(rules, going_on, strict=False))
    ]
    document = {"version": 1, "rules": written, "escalation": [{**rule, "at_least": "HIGH"} for rule in _bare(written)]}
    compiled = compile_rules(read_rule_set(document))
    event = subject.event
    classified = compiled.classify(subject.source, INTEGRATION, event)
    ruling = compiled.rule_for(subject.source, INTEGRATION, event, classified)
    escalations = compiled.escalations(subject.source, INTEGRATION, event, classified)
    told = explain(compiled, subject.source, INTEGRATION, event)
    assert list(ruling.rules) == [one.name for one in told if one.kind == "rules" and one.decided]
    assert [rule.name for rule in escalations] == [one.name for one in told if one.kind == "escalation" and one.matched]
    assert ruling.rule == next(
        (one.name for one in told if one.kind == "rules" and one.decided and not _goes_on(written, one.name)), DEFAULT_RULE
    )


def _bare(rules: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"name": rule["name"], "matchers": rule["matchers"]} for rule in rules]


def _goes_on(rules: list[dict[str, Any]], name: str) -> bool:
    return any(rule["name"] == name and rule["continue"] for rule in rules)
