"""Facts are read as they were written; what they do not know is refused, what is newer passed over."""

import json
from dataclasses import MISSING, fields
from typing import Any, ClassVar, get_args, get_origin, get_type_hints

import pytest

from tocsin_contracts.incident import (
    AlertsRecorded,
    AnyIncidentFact,
    IncidentOpened,
    IncidentResolved,
    SeverityRaised,
    StatusChanged,
    decode_fact,
    encode_fact,
)
from tocsin_contracts.severity import Severity
from tocsin_contracts.status import IncidentStatus

_SCALARS = {ClassVar}
WHO: dict[str, Any] = {"incident": "i", "at": 5}
FACTS: list[AnyIncidentFact] = [
    IncidentOpened(
        **WHO, version=1, group_key="g", alert="a", source="s", integration="n", project="", problem="p", title="t",
        severity=Severity.HIGH, first_seen_at=4, rule="default", rule_version=1, reason="why", labels={"k": "v"}, team="x",
    ),
    AlertsRecorded(**WHO, version=2, events=3, last_alert_at=4, joined=("a",), fired=("b",), confirmed=("c",), why="because"),
    AlertsRecorded(**WHO, version=3, events=0, last_alert_at=0),
    SeverityRaised(**WHO, version=4, before=Severity.LOW, after=Severity.CRITICAL, reason="r", alert="a"),
    IncidentResolved(**WHO, version=5, before=IncidentStatus.OPEN, reason="r"),
    StatusChanged(
        **WHO, version=6, before=IncidentStatus.RESOLVED, after=IncidentStatus.CLOSED, actor_kind="person", actor_id="u",
        actor_name="Ada", command="c", comment=None,
    ),
]  # fmt: skip


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: f"{fact.version} {fact.kind}")
def test_a_fact_is_read_as_it_was_written(fact: AnyIncidentFact) -> None:
    read = decode_fact(fact.kind, fact.incident, fact.version, fact.at, encode_fact(fact))
    assert read == fact
    assert type(read) is type(fact)


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: f"{fact.version} {fact.kind}")
def test_a_body_leaves_out_what_is_empty_or_a_column(fact: AnyIncidentFact) -> None:
    body = json.loads(encode_fact(fact))
    assert not body.keys() & {"incident", "version", "at", "kind"}
    assert [] not in body.values()
    assert None not in body.values()


@pytest.mark.parametrize("kind", get_args(AnyIncidentFact), ids=lambda kind: kind.kind)
def test_what_a_body_may_leave_out_has_a_default(kind: type[AnyIncidentFact]) -> None:
    """Else a fact is written that nobody reads: an absence that opened an incident, a snooze that ended."""
    hints = get_type_hints(kind)
    empty = {name for name, hint in hints.items() if type(None) in get_args(hint) or get_origin(hint) not in {None, *_SCALARS}}
    needed = {each.name for each in fields(kind) if each.default is MISSING and each.default_factory is MISSING}
    assert needed & empty == set()


def test_zero_is_not_empty() -> None:
    assert json.loads(encode_fact(FACTS[2])) == {"events": 0, "last_alert_at": 0}


def test_a_kind_of_a_newer_release_is_refused() -> None:
    with pytest.raises(ValueError, match="not known to this release"):
        decode_fact("incident-merged", "i", 1, 5, "{}")


def test_a_member_of_a_newer_release_is_passed_over() -> None:
    body = json.loads(encode_fact(FACTS[4])) | {"new": 1}
    assert decode_fact("incident-resolved", "i", 5, 5, json.dumps(body)) == FACTS[4]
