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
    rest = {"held": None, "heartbeat": False, "never_resolves": False, "ruled_window_s": None, "group_window_s": 1800}
    return made | rest | values


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


def test_an_incident_that_opened_again_did_not_compete_with_itself() -> None:
    told = {
        **WHY,
        "reopened": "rule pairs: it fires again",
        "competing": {"incident": MINE, "status": "RESOLVED", "because": "over"},
    }

    decision = happening(event("reopened", told), ACME)["decision"]

    assert (decision["reopened"], decision["competing"]) == ("rule pairs: it fires again", None)


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
            "It waited for others; INC-7K3QF2B took it in.",
        ),
        (alert(), event("opened", WHY, OTHER), "It is of INC-7K3QF2B."),
    ],
)
def test_an_alert_says_where_it_stands(row: dict[str, object], began: dict[str, object] | None, sentence: str) -> None:
    assert alert_why(row, began=began, history=[], tenant=ACME)["sentence"] == sentence


def test_an_alert_that_people_moved_says_who_did_it_also_where_it_had_waited_for_others() -> None:
    """Whoever took it in when they were enough was another one: the action is what is known, not what may be guessed."""
    merge = {
        "version": 7, "kind": "alerts-came", "actor_kind": "person", "actor_id": "b", "actor_name": "Bob", "from_status": None,
        "to_status": None, "comment": "one cause", "command_id": "c", "at": AT, "partition": 0, "offset": 9,
        "detail": orjson.dumps(
            {
                "origin": OTHER, "reason": "merge", "alerts": ["A" * 26, "B" * 26], "active": 1, "events": 3, "first_seen_at": 1,
                "last_alert_at": 2,
            }
        ).decode(),
    }  # fmt: skip
    shown: dict[str, Any] = alert_why(alert(), began=event("held", {**WHY, **WAITS}, None), moved=merge, history=[], tenant=ACME)

    assert shown["sentence"] == "It is of INC-7K3QF2B. Bob merged INC-AAAAAAA into it: 2 alerts came."
    assert (shown["moved"]["comment"], shown["moved"]["detail"]["other_id"]) == ("one cause", OTHER)


def test_an_episode_that_silence_ended_says_why() -> None:
    body = {"events": 0, "last_alert_at": 1, "ended": ["A" * 26], "silent": True, "why": "its window passed"}
    fact = {"version": 5, "kind": "alerts-recorded", "at": AT, "partition": 0, "offset": 9, "body": orjson.dumps(body).decode()}
    shown: dict[str, Any] = alert_why(
        alert(status="CLOSED", never_resolves=True),
        began=event("opened", WHY),
        ended=(fact, MINE),
        history=[],
        tenant=ACME,
    )

    assert shown["sentence"] == "It is of INC-7K3QF2B. Silence ended 1 alert: its window passed."
    assert (shown["ended"]["reason"], shown["ended"]["detail"]["alerts"]) == ("its window passed", ["A" * 26])
    assert shown["window_s"] == 1800


def test_a_rules_window_counts_before_the_integrations_and_only_where_the_source_never_resolves() -> None:
    rows = (alert(), alert(never_resolves=True), alert(never_resolves=True, ruled_window_s=60))
    assert [alert_why(row, began=None, history=[], tenant=ACME)["window_s"] for row in rows] == [None, 1800, 60]


def test_the_document_before_any_rules_is_the_default_one() -> None:
    """Query does not load the library of rules for this one constant."""
    assert document_of(RuleSet(version=1)) == NO_RULES
