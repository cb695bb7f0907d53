"""The reference of rules says every member, default and bound, and its examples are read."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel
from ruamel.yaml import YAML

from tests.unit.rules.alerts import alert, compiled, rule_for
from tocsin.__main__ import main
from tocsin_contracts.alert import DESCRIPTION_MAX, LABEL_NAME_MAX, LABEL_VALUE_MAX, TITLE_MAX
from tocsin_contracts.severity import Severity
from tocsin_grouper.domain.adopting import REGROUPED_MAX
from tocsin_rules.category import Category
from tocsin_rules.default_classification import DEFAULT_CLASSIFICATION
from tocsin_rules.document import (
    DEFAULT_FLAPPING,
    DOCUMENT_MAX_BYTES,
    FIELDS_MAX,
    RULES_MAX,
    WORK_MAX,
    ClassificationRule,
    EscalationRule,
    HeartbeatRule,
    Rule,
    RuleSet,
)
from tocsin_rules.doubt import Code
from tocsin_rules.duration import parse_duration
from tocsin_rules.fields import DESCRIPTION_SEEN, FIELDS
from tocsin_rules.matcher import MATCHERS_MAX, VALUE_MAX, MatcherError, parse_matchers
from tocsin_rules.reading import FAULTS_MAX, read_rule_set
from tocsin_rules.regex import PROGRAM_MAX, PROGRAMS_MAX, REGEXES_MAX
from tocsin_rules.terms import ALIASES_MAX, GROUP_BY_MAX

DOCS = Path(__file__).parents[3] / "docs"
REFERENCE = (DOCS / "reference" / "rules.md").read_text()
HOWTO = (DOCS / "howto" / "write-rules.md").read_text()


def section(title: str) -> str:
    found = re.search(rf"^#+ {title}\n(.*?)(?=^#+ |\Z)", REFERENCE, re.MULTILINE | re.DOTALL)
    assert found is not None, title
    return found.group(1)


def first_cells(text: str) -> Iterator[str]:
    """Give the code in the first cell of each row."""
    for row in re.findall(r"^\| (`.*?) \|", text, re.MULTILINE):
        yield from re.findall(r"`([^`]+)`", row)


def read(text: str) -> Any:
    return YAML(typ="safe", pure=True).load(text)


@pytest.mark.parametrize(
    ("title", "model"),
    [
        ("Rules", RuleSet),
        ("Classification", ClassificationRule),
        ("How alerts become incidents", Rule),
        ("Escalation", EscalationRule),
        ("Heartbeats", HeartbeatRule),
    ],
)
def test_every_member_has_its_row_and_no_other_has_one(title: str, model: type[BaseModel]) -> None:
    members = {field.alias or name for name, field in model.model_fields.items()}
    assert set(first_cells(section(title))) - set(Category) == members


def test_every_field_has_its_row() -> None:
    assert set(FIELDS) <= set(first_cells(section("Matchers")))


@pytest.mark.parametrize(
    ("title", "words"),
    [
        (
            "Rules",
            f"at most {DOCUMENT_MAX_BYTES // 1024} kB as JSON, {RULES_MAX:,} rules of each kind, {MATCHERS_MAX} matchers a rule",
        ),
        ("Rules", f"(up to {ALIASES_MAX:,} each)"),
        ("Rules", f"a `title` {TITLE_MAX}"),
        ("Rules", f"up to {FAULTS_MAX} of them"),
        ("Matchers", f"A value has at most {VALUE_MAX:,} characters, a label's name {LABEL_NAME_MAX}"),
        ("Matchers", f"at most {PROGRAM_MAX:,} RE2 instructions"),
        (
            "Matchers",
            f"a document {REGEXES_MAX:,} of them with {PROGRAMS_MAX:,} instructions, and asks for {FIELDS_MAX} different",
        ),
        ("Matchers", f"({TITLE_MAX} of a title, {DESCRIPTION_SEEN:,} of a description, else {LABEL_VALUE_MAX:,})"),
        ("Matchers", f"are {WORK_MAX // 1_000_000} million at most"),
        ("Matchers", f"of a description the first {DESCRIPTION_SEEN:,} characters"),
        ("Matchers", ", ".join(f"`{severity}`" for severity in Severity)),
        ("Classification", ", ".join(f"`{category}`" for category in Category)),
        ("How alerts become incidents", f"up to {GROUP_BY_MAX} fields and labels"),
        ("How alerts become incidents", f"{DEFAULT_FLAPPING.times} times in {DEFAULT_FLAPPING.within_s // 60} m"),
        ("Over HTTP", f"more than {REGROUPED_MAX:,} incidents are open"),
    ],
)
def test_bounds_and_defaults_are_those_of_the_code(title: str, words: str) -> None:
    assert words in section(title)


def test_descriptions_are_cut_as_it_says() -> None:
    assert DESCRIPTION_SEEN < DESCRIPTION_MAX


def test_every_warning_is_listed_and_no_other() -> None:
    assert set(get_args(Code)) == set(first_cells(section("Warnings")))


def test_its_matchers_are_read() -> None:
    """Texts in code that name an operator; those of the list of what is refused are refused."""
    refused = {"job=", "foo=bar}", 'foo=~"\\d+"'}
    found = set()
    for text in re.findall(r"`([^`\n]*[a-z]!?=~?\"?[^`\n]*)`", section("Matchers") + section("Classification")):
        written = read(text) if text.startswith("'") else text
        if text in refused:
            with pytest.raises(MatcherError):
                parse_matchers(written)
        else:
            assert parse_matchers(written)
        found.add(text)
    assert refused < found
    assert len(found) >= 7


def test_its_durations_are_read() -> None:
    durations = re.findall(r"`(\d+[wdhms](?:\d+[dhms])*)`", REFERENCE)
    assert [parse_duration(text) for text in durations][:4] == [90, 1800, 5400, 604_800]


def examples() -> Iterator[tuple[str, str]]:
    for title in ("How alerts become incidents", "Escalation"):
        yield from re.findall(r"^\| `(\w+)` \| [^`|]*`([{\[][^`]*)`", section(title), re.MULTILINE)


@pytest.mark.parametrize(("name", "text"), list(examples()))
def test_its_examples_are_read(name: str, text: str) -> None:
    if name == "spike":
        read_rule_set({"version": 1, "escalation": [{"name": "a", "at_least": "HIGH", name: read(text)}]})
    else:
        read_rule_set({"version": 1, "rules": [{"name": "a", name: read(text)}]})


def test_there_are_examples() -> None:
    assert {name for name, _ in examples()} == {"group_by", "threshold", "resolve", "flapping", "spike"}


def test_words_of_the_default_set_are_told_in_its_order() -> None:
    rows = [name for name in first_cells(section("Classification")) if name in set(Category)]
    ordered = [rule.category for rule in DEFAULT_CLASSIFICATION if "-title-" in rule.name]
    assert rows[-len(ordered) :] == ordered


def test_its_order_of_questions_holds() -> None:
    """Severity map and aliases, heartbeats, classification, rules, escalation."""
    rules = compiled(
        {"name": "r", "matchers": 'category="data",team="dba",service="db",severity="HIGH"', "severity_map": {"HIGH": "LOW"}},
        severity_map={"CRITICAL": "HIGH"},
        services={"database": "db"},
        classification=[{"name": "c", "matchers": 'service="db",severity="HIGH"', "team": "dba", "category": "data"}],
        escalation=[{"name": "e", "matchers": 'severity="HIGH",category="data"', "at_least": "CRITICAL"}],
        heartbeats=[{"name": "h", "matchers": 'service="db",severity="HIGH"', "every": "5m"}],
    )
    event = rules.prepare(alert(service="Database", severity=Severity.CRITICAL))
    assert rules.heartbeat_of("s", "i", event) is not None
    assert (rule_for(rules, event).rule, rule_for(rules, event).severity) == ("r", Severity.LOW)
    classified = rules.classify("s", "i", event)
    assert [rule.name for rule in rules.escalations("s", "i", event, classified)] == ["e"]


def test_the_rules_of_the_how_to_pass_the_tests_of_the_how_to(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text("".join(re.findall(r"```yaml\n(.*?)```", HOWTO, re.DOTALL)))
    assert main(["rules", "lint", "--strict", str(file)]) == 0
    assert main(["rules", "test", str(file)]) == 0
    assert capsys.readouterr().out.endswith("1 tests, 0 failed.\n")


def test_the_commands_of_the_how_to_exist(capsys: pytest.CaptureFixture[str]) -> None:
    for text in (REFERENCE, HOWTO):
        for command in set(re.findall(r"tocsin rules (\w+)", text)):
            assert main(["rules", command, "--help"]) == 0
    capsys.readouterr()
