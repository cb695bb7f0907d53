"""Each kind of fact is told in a sentence and in fields; what a newer release recorded is said to be just that."""

from dataclasses import fields
from datetime import UTC, datetime
from typing import Any, get_args

import orjson
import pytest
from pydantic import TypeAdapter

from tocsin_contracts.incident import (
    AlertsCame,
    AlertsLeft,
    AlertsRecorded,
    AnyIncidentFact,
    Commented,
    FieldChanged,
    FlappingBegan,
    FlappingEnded,
    IncidentOpened,
    IncidentRegrouped,
    IncidentReopened,
    IncidentResolved,
    LinkChanged,
    SeverityOverridden,
    SeverityRaised,
    Snoozed,
    StatusChanged,
    encode_fact,
)
from tocsin_contracts.severity import Severity
from tocsin_contracts.status import IncidentStatus
from tocsin_grouper.adapters.rows import _OWN_COLUMNS
from tocsin_query.domain.details import ALERTS_SHOWN, detail_of
from tocsin_query.domain.incident_facts import fact_of, fact_of_action
from tocsin_query.domain.sentences import sentence_of
from tocsin_query.domain.shapes import Detail

OTHER = "7K3QF2B" + "0" * 19
CODE = "INC-7K3QF2B"
ELSEWHERE = f"alerts of that key go to {CODE}: it is older, and collects under this key"
AT = datetime(2026, 1, 1, tzinfo=UTC)
NOON = 1_767_268_800_000_000
HEAD: dict[str, Any] = {"incident": "I" * 26, "version": 4, "at": 1_767_225_600_000_000}
ADA: dict[str, Any] = {**HEAD, "actor_kind": "person", "actor_id": "u1", "actor_name": "Ada", "command": "c1"}
BEGAN: dict[str, Any] = {
    **HEAD, "group_key": "g", "source": "s", "integration": "n", "project": "", "problem": "p", "title": "t",
    "severity": Severity.HIGH, "first_seen_at": 1, "rule": "default", "rule_version": 0,
}  # fmt: skip
MOVE: dict[str, Any] = {**ADA, "alerts": ("a", "b"), "active": 1, "events": 3}
CAME: dict[str, Any] = {**MOVE, "origin": OTHER, "first_seen_at": 1, "last_alert_at": 2}
OPEN, RESOLVED, CLOSED = IncidentStatus.OPEN, IncidentStatus.RESOLVED, IncidentStatus.CLOSED

TOLD: list[tuple[AnyIncidentFact, str, dict[str, Any]]] = [
    (
        IncidentOpened(**BEGAN, alert="a", reason="the same problem"),
        "An alert fired that no incident of its group could take, and opened it: the same problem.",
        {"reason": "the same problem", "alerts": ["a"], "alerts_total": 1},
    ),
    (
        IncidentOpened(**BEGAN, alert=None, reason="heartbeat w: nothing was heard for 300 s"),
        "It began with an absence: heartbeat w: nothing was heard for 300 s.",
        {"reason": "heartbeat w: nothing was heard for 300 s"},
    ),
    (
        IncidentOpened(**BEGAN, alert="a", reason="split off by Ada", split_from=OTHER),
        f"It began with alerts of {CODE}: split off by Ada.",
        {"reason": "split off by Ada", "alerts": ["a"], "alerts_total": 1, "other_id": OTHER, "other_short_code": CODE},
    ),
    (AlertsRecorded(**HEAD, events=1, last_alert_at=1), "1 alert event came.", {}),
    (
        AlertsRecorded(**HEAD, events=0, last_alert_at=1, ended=("a", "b"), silent=True, why="its window passed"),
        "Silence ended 2 alerts: its window passed.",
        {"reason": "its window passed", "alerts": ["a", "b"], "alerts_total": 2},
    ),
    (
        AlertsRecorded(**HEAD, events=1, last_alert_at=1, ended=("a",), fired=("b",)),
        "1 alert ended without a resolve: a newer episode began.",
        {"alerts": ["a"], "alerts_total": 1},
    ),
    (
        SeverityRaised(**HEAD, before=Severity.LOW, after=Severity.HIGH, reason="a higher alert", alert="a"),
        "Its severity rose from LOW to HIGH: a higher alert.",
        {"field": "severity", "before": "LOW", "after": "HIGH", "reason": "a higher alert", "alerts": ["a"], "alerts_total": 1},
    ),
    (
        IncidentResolved(**HEAD, before=OPEN, reason="every alert resolved"),
        "It resolved by itself: every alert resolved.",
        {"field": "status", "before": "OPEN", "after": "RESOLVED", "reason": "every alert resolved"},
    ),
    (
        IncidentRegrouped(**HEAD, group_key="new", before="old", rule="hosts", rule_version=3, reason="r"),
        "Version 3 of the rules is in force: it goes on under rule hosts, with another key.",
        {"field": "group_key", "before": "old", "after": "new", "reason": "r"},
    ),
    (
        IncidentRegrouped(
            **HEAD, group_key="g", before="g", rule="hosts", rule_version=3, reason="r",
            why={"competing": {"incident": OTHER, "because": "it is older, and collects under this key"}},
        ),
        f"Version 3 of the rules is in force: it goes on under rule hosts, with the key that it had; {ELSEWHERE}.",
        {"field": "group_key", "before": "g", "after": "g", "reason": "r"},
    ),
    (
        FlappingBegan(**HEAD, openings=4, within_s=1800),
        "It flaps: it opened 4 times within 1800 s. It is kept open, and quiet.",
        {"field": "flapping", "before": "false", "after": "true"},
    ),
    (
        FlappingEnded(**HEAD, reason="calm"),
        "It flaps no more: calm.",
        {"field": "flapping", "before": "true", "after": "false", "reason": "calm"},
    ),
    (
        IncidentReopened(**HEAD, before=RESOLVED, after=OPEN, reason="rule hosts: it fires again", alert="a"),
        "It opened again: rule hosts: it fires again.",
        {
            "field": "status", "before": "RESOLVED", "after": "OPEN", "reason": "rule hosts: it fires again", "alerts": ["a"],
            "alerts_total": 1,
        },
    ),
    (
        IncidentReopened(**ADA, before=CLOSED, after=OPEN, reason="by a command"),
        "Ada opened it again.",
        {"field": "status", "before": "CLOSED", "after": "OPEN", "reason": "by a command"},
    ),
    (
        StatusChanged(**ADA, before=OPEN, after=RESOLVED),
        "Ada moved it from OPEN to RESOLVED.",
        {"field": "status", "before": "OPEN", "after": "RESOLVED"},
    ),
    (
        FieldChanged(**ADA, name="runbook_url", after="https://example.org"),
        "Ada changed its runbook from none to https://example.org.",
        {"field": "runbook_url", "after": "https://example.org"},
    ),
    (
        FieldChanged(**ADA, name="category", before="data", after="data"),
        "Ada set its category to data, which it was.",
        {"field": "category", "before": "data", "after": "data"},
    ),
    (
        SeverityOverridden(**ADA, before=Severity.HIGH, after=Severity.LOW),
        "Ada changed its severity from HIGH to LOW.",
        {"field": "severity", "before": "HIGH", "after": "LOW"},
    ),
    (
        Snoozed(**ADA, until=NOON),
        "Ada snoozed it until 2026-01-01T12:00:00Z.",
        {"field": "snoozed_until", "after": "2026-01-01T12:00:00Z"},
    ),
    (
        Snoozed(**ADA, until=None, before=NOON),
        "Ada ended its snooze.",
        {"field": "snoozed_until", "before": "2026-01-01T12:00:00Z"},
    ),
    (
        Snoozed(**ADA, until=None, before=NOON, undoes=3),
        "Ada took back the snooze of version 3.",
        {"field": "snoozed_until", "before": "2026-01-01T12:00:00Z", "undoes": 3},
    ),
    (
        Snoozed(**ADA, until=NOON, undoes=3),
        "Ada took back what version 3 did to its snooze: it is snoozed until 2026-01-01T12:00:00Z, as before.",
        {"field": "snoozed_until", "after": "2026-01-01T12:00:00Z", "undoes": 3},
    ),
    (Commented(**ADA, text="Looks like the deploy."), "Ada wrote a comment.", {}),
    (LinkChanged(**ADA, other=OTHER, linked=True), f"Ada linked it to {CODE}.", {"linked": True}),
    (LinkChanged(**ADA, other=OTHER, linked=False), f"Ada unlinked it from {CODE}.", {"linked": False}),
    (
        AlertsLeft(**MOVE, to=OTHER, reason="merge", closes=OPEN),
        f"Ada merged it into {CODE}: 2 alerts went there.",
        {"field": "status", "before": "OPEN", "after": "CLOSED", "reason": "merge", "alerts": ["a", "b"], "alerts_total": 2},
    ),
    (
        AlertsLeft(**MOVE, to=OTHER, reason="split"),
        f"Ada split 2 alerts off into {CODE}.",
        {"reason": "split", "alerts": ["a", "b"], "alerts_total": 2},
    ),
    (
        AlertsLeft(**MOVE, to=OTHER, reason="undo-merge", undoes=3),
        f"Ada took back the merge of {CODE}: 2 alerts went back there.",
        {"reason": "undo-merge", "alerts": ["a", "b"], "alerts_total": 2, "undoes": 3},
    ),
    (
        AlertsLeft(**MOVE, to=OTHER, reason="undo-split"),
        f"Ada took back the split from {CODE}: 2 alerts went back there.",
        {"reason": "undo-split", "alerts": ["a", "b"], "alerts_total": 2},
    ),
    (
        AlertsCame(**CAME, reason="merge"),
        f"Ada merged {CODE} into it: 2 alerts came.",
        {"reason": "merge", "alerts": ["a", "b"], "alerts_total": 2},
    ),
    (
        AlertsCame(**CAME, reason="split"),
        f"Ada split 2 alerts off {CODE} into it.",
        {"reason": "split", "alerts": ["a", "b"], "alerts_total": 2},
    ),
    (
        AlertsCame(**CAME, reason="undo-merge", restores=OPEN),
        f"Ada took back its merge into {CODE}: 2 alerts came back.",
        {"field": "status", "before": "CLOSED", "after": "OPEN", "reason": "undo-merge", "alerts": ["a", "b"], "alerts_total": 2},
    ),
    (
        AlertsCame(**CAME, reason="undo-split"),
        f"Ada took back the split of {CODE}: 2 alerts came back.",
        {"reason": "undo-split", "alerts": ["a", "b"], "alerts_total": 2},
    ),
]  # fmt: skip
NOTHING = {name: {"alerts": [], "alerts_total": 0}.get(name) for name in Detail.model_fields}
_NAMES_ANOTHER = (LinkChanged, AlertsLeft, AlertsCame)


def _row(fact: AnyIncidentFact, body: str) -> dict[str, object]:
    return {"kind": fact.kind, "version": fact.version, "at": AT, "body": body}


@pytest.mark.parametrize(("fact", "sentence", "detail"), TOLD, ids=lambda each: each.kind if hasattr(each, "kind") else "")
def test_a_fact_is_told_as_it_was_recorded(fact: AnyIncidentFact, sentence: str, detail: dict[str, Any]) -> None:
    read = fact_of(_row(fact, encode_fact(fact)), fact.incident)
    other = {"other_id": OTHER, "other_short_code": CODE} if isinstance(fact, _NAMES_ANOTHER) else {}

    assert sentence_of(read) == sentence
    assert detail_of(read) == {**NOTHING, **other, **detail}
    TypeAdapter(Detail).validate_python(detail_of(read))


def test_every_kind_of_fact_is_told() -> None:
    assert {type(fact) for fact, _, _ in TOLD} == set(get_args(AnyIncidentFact))


@pytest.mark.parametrize("fact", [fact for fact, _, _ in TOLD if getattr(fact, "actor_id", None)], ids=lambda fact: fact.kind)
def test_an_action_is_told_like_its_fact(fact: AnyIncidentFact) -> None:
    """Its row keeps who, why and by which command in columns, the rest as the grouper writes it."""
    said = fact.text if isinstance(fact, Commented) else getattr(fact, "comment", None)
    columns = {name: getattr(fact, name) for name in ("actor_kind", "actor_id", "actor_name")}
    columns |= {"command_id": getattr(fact, "command", None), "comment": said}
    row = _row(fact, "") | columns | {"detail": encode_fact(fact, without=_OWN_COLUMNS)}

    read = fact_of_action(row, fact.incident)

    assert read is not None
    assert [getattr(read, each.name) for each in fields(read)] == [getattr(fact, each.name) for each in fields(fact)]


def test_what_a_newer_release_recorded_is_said_to_be_that() -> None:
    row = {"kind": "incident-painted", "version": 4, "at": AT, "body": orjson.dumps({"colour": "red"}).decode()}

    assert fact_of(row, "I" * 26) is None
    assert "does not know" in sentence_of(None)
    assert detail_of(None) == NOTHING


def test_alerts_that_moved_are_named_up_to_a_bound_and_counted_all() -> None:
    many = tuple(f"a{number}" for number in range(5000))
    detail = detail_of(AlertsLeft(**{**MOVE, "alerts": many}, to=OTHER, reason="merge"))

    assert (len(detail["alerts"]), detail["alerts_total"]) == (ALERTS_SHOWN, 5000)
