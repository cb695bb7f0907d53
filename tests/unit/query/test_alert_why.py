"""Why an alert is where it is, told from its events alone."""

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from tocsin_contracts.ids import TenantId
from tocsin_grouper.domain.facts import Effect
from tocsin_query.domain.alert_why import _PLAIN, alert_why, happening
from tocsin_query.domain.rendering import NO_RULES
from tocsin_rules.document import RuleSet, document_of

ACME = TenantId("acme")
MINE, OTHER = "7K3QF2B" + "0" * 19, "AAAAAAA" + "0" * 19
AT = datetime(2026, 1, 1, tzinfo=UTC)
WHY: dict[str, Any] = {
    "rule": "pairs", "rule_version": 2, "rules": ["pairs"], "reason": "r", "key": "k", "key_rule": "default",
    "values": {"a": "b"},
}  # fmt: skip
WAITS = {"threshold": {"alerts": 3, "within_s": 600, "counted": 2}}


def event(effect: str, why: dict[str, Any] | None = None, incident: str | None = MINE) -> dict[str, object]:
    stored = None if why is None else orjson.dumps(why).decode()
    place = {"partition": 0, "offset": 5, "seq": 0, "occurred_at": AT, "logged_at": AT}
    return {**place, "incident_id": incident, "status": "firing", "severity": "HIGH", "effect": effect, "why": stored}


def alert(**values: object) -> dict[str, object]:
    made: dict[str, object] = {"id": "A" * 26, "title": "t", "status": "OPEN", "severity": "HIGH", "incident_id": MINE}
    return made | {"held": None, "heartbeat": False} | values


@pytest.mark.parametrize(
    ("effect", "why", "sentence"),
    [
        ("opened", WHY, "It fired, and opened INC-7K3QF2B."),
        (
            "opened",
            {**WHY, "competing": {"incident": OTHER, "status": "RESOLVED", "because": "over"}},
            "It fired, and opened INC-7K3QF2B: INC-AAAAAAA of its group did not take it, because it was over.",
        ),
        (
            "opened",
            {**WHY, "competing": {"incident": OTHER, "status": "OPEN", "because": "its window passed"}},
            "It fired, and opened INC-7K3QF2B: INC-AAAAAAA of its group did not take it, because its window passed.",
        ),
        (
            "opened",
            {**WHY, "threshold": {"alerts": 3, "within_s": 600, "counted": 3}},
            "It fired, and opened INC-7K3QF2B: with it there were 3 alerts, and 3 were wanted.",
        ),
        ("joined", WHY, "It fired, and joined INC-7K3QF2B, which collects its group."),
        ("held", {**WHY, **WAITS}, "It fired, and waits: rule pairs wants 3 alerts within 600 s, and this makes 2."),
        (
            "reopened",
            {**WHY, "reopened": "rule pairs: it fires again"},
            "It fired, and INC-7K3QF2B opened again: rule pairs: it fires again.",
        ),
        ("repeated", None, "Its source said again that it fires."),
        ("painted", None, "It did this: painted."),
    ],
)
def test_an_event_says_what_it_did(effect: str, why: dict[str, Any] | None, sentence: str) -> None:
    shown = happening(event(effect, why), ACME)

    assert shown["sentence"] == sentence
    assert (shown["decision"] is None) == (why is None)


def test_every_effect_of_the_fold_has_words() -> None:
    assert {effect.value for effect in Effect} - _PLAIN.keys() == {"reopened", "held"}


@pytest.mark.parametrize(
    ("row", "began", "sentence"),
    [
        (alert(), event("opened", WHY), "It is of INC-7K3QF2B."),
        (alert(), None, "It is of INC-7K3QF2B."),
        (alert(incident_id=None), None, "It has no incident."),
        (alert(incident_id=None, heartbeat=True), None, "It is a sign of life: it never has an incident."),
        (
            alert(incident_id=None, held="k"),
            event("held", {**WHY, **WAITS}, None),
            "It waits for others of its group before there is an incident: rule pairs wants 3 within 600 s.",
        ),
        (alert(incident_id=None, held="k"), None, "It waits for others of its group before there is an incident."),
        (
            alert(),
            event("held", {**WHY, **WAITS}, None),
            "It waited for others; INC-7K3QF2B took it in when they were enough.",
        ),
        (
            alert(),
            event("opened", WHY, OTHER),
            "It is of INC-7K3QF2B: people moved it there, by a merge or a split or the undoing of one.",
        ),
    ],
)
def test_an_alert_says_where_it_stands(row: dict[str, object], began: dict[str, object] | None, sentence: str) -> None:
    assert alert_why(row, began=began, history=[], tenant=ACME)["sentence"] == sentence


def test_the_document_before_any_rules_is_the_default_one() -> None:
    """Query does not load the library of rules for this one constant."""
    assert document_of(RuleSet(version=1)) == NO_RULES
