"""An alert whose sender says no severity is matched as what people will see: MEDIUM."""

from tests.support.folding import firing
from tocsin_rules.compiled import compile_rules
from tocsin_rules.reading import read_rule_set


def test_no_severity_is_matched_as_the_default_one() -> None:
    rules = compile_rules(read_rule_set({"version": 1, "rules": [{"name": "medium", "matchers": 'severity="MEDIUM"'}]}))
    event = firing("a", severity=None)
    assert rules.rule_for("alertmanager", "prod", event, rules.classify("alertmanager", "prod", event)).rule == "medium"
