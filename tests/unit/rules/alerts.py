"""Alerts as rules see them, written in one line."""

from typing import Any

from tocsin_contracts.alert import AlertEvent
from tocsin_contracts.severity import Severity
from tocsin_contracts.status import EventStatus
from tocsin_rules.compiled import CompiledRules, compile_rules
from tocsin_rules.reading import read_rule_set
from tocsin_rules.ruling import Classification, Ruling

SOURCE, INTEGRATION = "alertmanager", "int_1"


def alert(title: str = "High 5xx rate on checkout-1", **said: Any) -> AlertEvent:
    values: dict[str, Any] = {
        "identity": "i1",
        "problem": "p1",
        "status": EventStatus.FIRING,
        "content": "c",
        "severity": Severity.HIGH,
    }
    return AlertEvent(**values | {"title": title} | said)


def compiled(*rules: dict[str, Any], **parts: Any) -> CompiledRules:
    return compile_rules(read_rule_set({"version": 1, "rules": list(rules), **parts}))


def classify(rules: CompiledRules, event: AlertEvent, source: str = SOURCE) -> Classification:
    return rules.classify(source, INTEGRATION, event)


def rule_for(rules: CompiledRules, event: AlertEvent, source: str = SOURCE) -> Ruling:
    return rules.rule_for(source, INTEGRATION, event, classify(rules, event, source))
