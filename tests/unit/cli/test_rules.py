"""`tocsin rules lint` and `test` say what a file means, with no server to ask; `diff` says what changes."""

import json
from pathlib import Path
from typing import Any

import pytest

from tocsin.__main__ import main
from tocsin.rules.difference import differences
from tocsin_rules.reading import read_rule_set

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "docs" / "examples" / "rules.yaml"
GOOD = """\
version: 1
rules:
  - name: api
    matchers: 'service="api"'
    team: payments
tests:
  - alert: {title: x, service: api}
    expect: {rule: api, team: payments}
"""


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = main(["rules", *map(str, arguments)])
    said = capsys.readouterr()
    return code, said.out, said.err


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "rules.yaml"
    path.write_text(GOOD)
    return path


def test_the_example_of_the_documents_has_no_finding_and_its_tests_hold(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "lint", "--strict", EXAMPLE)[:2] == (0, f"{EXAMPLE}: 9 rules, 0 warnings.\n")
    code, said, _ = run(capsys, "test", EXAMPLE)
    assert (code, said.splitlines()[-1]) == (0, "5 tests, 0 failed.")


def test_every_fault_is_told_with_its_line(capsys: pytest.CaptureFixture[str], file: Path) -> None:
    file.write_text("version: 1\nrules:\n  - name: a\n    matchers: 'x=~('\n    grop_by: [a]\n")
    code, said, _ = run(capsys, "lint", file)
    assert code == 1
    assert [line.split(": ")[1:3] for line in said.splitlines()] == [
        [f"{file}:4", "rules[0].matchers"], [f"{file}:5", "rules[0].grop_by"],
    ]  # fmt: skip


def test_a_warning_fails_only_where_it_is_asked_for(capsys: pytest.CaptureFixture[str], file: Path) -> None:
    file.write_text("version: 1\nrules:\n  - name: a\n    matchers: 'sevrity=HIGH'\n")
    code, said, _ = run(capsys, "lint", file)
    assert (code, "warning: " in said, f"{file}:4: " in said) == (0, True, True)
    code, said, _ = run(capsys, "lint", "--strict", "--json", file)
    assert (code, [each["code"] for each in json.loads(said)]) == (1, ["mistyped"])


@pytest.mark.parametrize(
    ("command", "text", "said"),
    [
        ("lint", "version: [", ":1: "),
        ("test", "version: 1\n", "nothing to test"),
        ("test", "version: 2\n", "rules.yaml:1: version: "),
        (
            "test",
            "version: 1\ntests: [{alert: {titel: x}, expect: {}}]\n",
            "rules.yaml:2: tests[0].alert.titel: there is no such member: is 'title' meant?",
        ),
        (
            "lint",
            "version: 1\ntests: [{alert: {title: x}, expect: {rul: x}}]\n",
            "rules.yaml:2: tests[0].expect.rul: there is no such member: is 'rule' meant?",
        ),
        ("lint", "- version: 1\n", "an object"),
        ("lint", "", ":1: the file is empty"),
        ("lint", "version: 1\n---\nversion: 1\n", ":2: but found another document: a file holds one"),
        (
            "lint",
            "version: 1\nrules:\n\t- name: a\n",
            ":3: found character '\\t' that cannot start any token: indent with spaces",
        ),
        ("lint", "version: 1\nrules:\n- name: a\n   team: x\n", ":4: mapping values are not allowed"),
        ("lint", "a: &a [x]\nb: [*a, *a]\n", ":2: aliases (*a) are not read"),
        ("lint", "version: 1\nversion: 1\n", ":2: found duplicate key"),
        ("lint", "version: 1\nx: !!python/name:os.system\n", "no tags (!...) are read"),
        ("lint", "version: 1\nrules:\n- name: 2026-01-01\n", ":3: rules[0].name: this reads as a date: write it in quotes"),
        ("lint", "version: 1\nx: " + "[" * 50 + "\n", ":2: deeper than 40"),
        ("lint", "#" * (1 << 20) + "\n", "larger than"),
        ("lint", "hello\n", "rules.yaml:1: the file: a rule set is an object"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_line(
    capsys: pytest.CaptureFixture[str], file: Path, command: str, text: str, said: str
) -> None:
    file.write_text(text)
    code, out, error = run(capsys, command, file)
    assert code in {1, 2}
    assert said in out + error
    assert (out + error).count("\n") == 1


def test_a_test_that_fails_says_what_was_expected_and_why_it_is_not_so(capsys: pytest.CaptureFixture[str], file: Path) -> None:
    file.write_text(GOOD.replace("service: api}", "service: web}"))
    code, said, _ = run(capsys, "test", file)
    assert code == 1
    assert "FAILED  test 1: x" in said
    assert "rule: expected api, found default" in said
    assert "team: expected payments, found nothing" in said
    assert "- rule api: service=\"api\" does not hold: it is 'web'" in said
    assert said.endswith("1 tests, 1 failed.\n")


def test_cases_may_stand_in_a_file_of_their_own(capsys: pytest.CaptureFixture[str], file: Path, tmp_path: Path) -> None:
    cases = tmp_path / "cases.yaml"
    cases.write_text("tests: [{name: other, alert: {title: y}, expect: {rule: default, team: null, category: other}}]\n")
    code, said, _ = run(capsys, "test", file, "--cases", cases)
    assert (code, said) == (0, "passed  test 1: x\npassed  other\n2 tests, 0 failed.\n")


def test_a_payload_goes_through_its_sources_file(capsys: pytest.CaptureFixture[str], file: Path) -> None:
    body = ROOT / "tests" / "payloads" / "alertmanager" / "firing_instance_down_two.json"
    code, said, _ = run(capsys, "test", file, "--source", "alertmanager", "--payload", body, "--json")
    answer = json.loads(said)
    assert (code, [alert["rule"] for alert in answer["alerts"]]) == (0, ["default", "default"])
    assert {alert["category"] for alert in answer["alerts"]} == {"availability"}
    assert [each["differences"] for each in answer["tests"]] == [[]]


def test_what_trying_an_integration_prints_is_read(capsys: pytest.CaptureFixture[str], file: Path, tmp_path: Path) -> None:
    body = ROOT / "tests" / "payloads" / "alertmanager" / "firing_instance_down_two.json"
    assert main(["integrations", "try", "--source", "alertmanager", "--payload", str(body), "--json"]) == 0
    alerts = tmp_path / "alerts.json"
    alerts.write_text(capsys.readouterr().out)
    code, said, _ = run(capsys, "test", file, "--alerts", alerts, "--source", "alertmanager")
    assert code == 0
    assert said.count("default rule: alertmanager problem") == 2


def test_what_rules_are_not_asked_of_is_said(capsys: pytest.CaptureFixture[str], file: Path, tmp_path: Path) -> None:
    """The fold asks rules of what fires alone, and of no sign of life."""
    file.write_text(GOOD + "heartbeats: [{name: beat, matchers: title=alive, every: 5m}]\n")
    alerts = tmp_path / "alerts.json"
    said = [
        {"title": "x", "status": "resolved"},
        {"title": "y", "status": "acknowledged"},
        {"title": "z", "heartbeat": True},
        {"title": "alive"},
        {"title": "alive", "status": "resolved"},
        {"title": "w"},
    ]
    alerts.write_text(json.dumps(said))
    code, out, _ = run(capsys, "test", file, "--alerts", alerts, "--json")
    told = [alert["not_asked"] for alert in json.loads(out)["alerts"]]
    assert code == 0
    assert [words and words.split(":")[0] for words in told] == [
        "it resolves", "it is acknowledged", "a sign of life, says its source", "a sign of life of heartbeat beat", "it resolves",
        None,
    ]  # fmt: skip
    assert "\n  it resolves: it follows its alert" in run(capsys, "test", file, "--alerts", alerts)[1]


def test_of_many_rules_that_do_not_match_the_nearest_are_explained(capsys: pytest.CaptureFixture[str], file: Path) -> None:
    far = "".join(f"  - {{name: far-{number}, matchers: 'a=1,b=2'}}\n" for number in range(40))
    file.write_text(GOOD.replace("tests:", far + "tests:").replace("service: api}", "service: web}"))
    _, said, _ = run(capsys, "test", file)
    assert "- rule api: service=" in said
    assert (said.count("- rule far-"), "… 21 more do not match: --all explains them" in said) == (19, True)
    _, said, _ = run(capsys, "test", file, "--all")
    assert (said.count("- rule far-"), "more do not match" in said) == (40, False)


def test_a_test_that_expects_nothing_is_told_of(capsys: pytest.CaptureFixture[str], file: Path) -> None:
    file.write_text("version: 1\ntests:\n  - {alert: {title: x}, expect: {rule: default}}\n  - {alert: {title: x}, expect: {}}\n")
    assert run(capsys, "lint", file)[1].splitlines()[0] == f"warning: {file}:4: tests[1]: it expects nothing"


def test_a_source_that_is_none_is_told_of(capsys: pytest.CaptureFixture[str], file: Path) -> None:
    case = "{alert: {title: x, source: snetry}, expect: {rule: default}}"
    file.write_text(f"version: 1\nrules: [{{name: a, matchers: source=alertmanger}}]\ntests: [{case}]\n")
    said = run(capsys, "lint", file)[1]
    assert 'source="alertmanger" never holds: source is one of alertmanager, ' in said
    assert "tests[0].alert.source: there is no source 'snetry'" in said


def test_an_environment_that_no_alert_has_is_told_of(capsys: pytest.CaptureFixture[str], file: Path) -> None:
    case = "{alert: {title: x, environment: stg}, expect: {rule: default}}"
    file.write_text(f"version: 1\nrules: [{{name: a, matchers: env=Production}}]\ntests: [{case}]\n")
    said = run(capsys, "lint", file)[1]
    assert "never holds: an environment 'Production' comes as 'prod'" in said
    assert "tests[0].alert.environment: an environment 'stg' comes as 'staging'" in said


def test_a_body_of_which_no_alerts_come_is_refused(capsys: pytest.CaptureFixture[str], file: Path, tmp_path: Path) -> None:
    body = tmp_path / "body.json"
    body.write_text("{}")
    code, _, error = run(capsys, "test", file, "--source", "alertmanager", "--payload", body)
    assert (code, "no alerts come of this body" in error) == (1, True)


def change(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    return differences(read_rule_set({"version": 1, **before}), read_rule_set({"version": 1, **after}))


def test_what_means_the_same_differs_in_nothing() -> None:
    written = {"rules": [{"name": "a", "matchers": '{a="b"}', "group_by": ["env"], "group_window": "60s"}]}
    again = {"rules": [{"name": "a", "matchers": ["a=b"], "group_by": ["environment"], "group_window": "1m"}]}
    assert change(written, again) == []


def test_what_comes_goes_changes_and_moves_is_told() -> None:
    before = {"services": {"x": "y"}, "rules": [{"name": "a", "team": "x"}, {"name": "b"}, {"name": "c"}]}
    after = {"rules": [{"name": "b"}, {"name": "a", "team": "y"}, {"name": "d", "matchers": "e=f"}]}
    assert change(before, after) == [
        '~ services: {"x": "y"} -> not said',
        "~ rules a",
        '  ~ team: "x" -> "y"',
        "- rules c",
        '+ rules d: {"matchers": ["e=\\"f\\""]}',
        "~ rules: in another order: b, a, d",
    ]
