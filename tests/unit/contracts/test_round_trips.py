"""Every kind of fact and of command, drawn from its types, is read as it was written."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from tests.unit.contracts.drawn import QUICKLY, TEXTS
from tocsin_contracts.command import Actor, Body, Bulk, BulkDeed, Command, Deed, decode_command, encode_command
from tocsin_contracts.incident import AnyIncidentFact, decode_fact, encode_fact
from tocsin_contracts.severity import Severity
from tocsin_contracts.status import IncidentStatus

FACTS = get_args(AnyIncidentFact)
DEEDS = get_args(Deed)
NUMBERS = st.integers(0, 2**53)
JSON = st.recursive(
    st.booleans() | NUMBERS | TEXTS, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXTS, inner, max_size=2)
)
NAMES = st.text("abcdefgh0123", min_size=1, max_size=26)


def drawn(hint: Any) -> st.SearchStrategy[Any]:
    """Draw a value of one of the few types that facts have."""
    if type(None) in get_args(hint):
        (other,) = (each for each in get_args(hint) if each is not type(None))
        return st.none() | drawn(other)
    if get_origin(hint) is tuple:
        inner = get_args(hint)
        return st.lists(drawn(inner[0]), max_size=3).map(tuple) if inner[-1] is ... else st.tuples(*map(drawn, inner))
    if get_origin(hint) is Mapping:
        return st.dictionaries(TEXTS, TEXTS if get_args(hint)[1] is str else JSON, max_size=3)
    known = {int: NUMBERS, str: TEXTS, bool: st.booleans(), Severity: st.sampled_from(Severity)}
    return st.sampled_from(IncidentStatus) if hint is IncidentStatus else known[hint]


def facts_of(kind: type[Any]) -> st.SearchStrategy[Any]:
    """Draw facts of a kind, every field of them."""
    hints = get_type_hints(kind)
    return st.builds(kind, **{each.name: drawn(hints[each.name]) for each in fields(kind)})


@pytest.mark.parametrize("kind", FACTS, ids=lambda kind: kind.kind)
def test_every_kind_of_fact(kind: type[AnyIncidentFact]) -> None:
    @QUICKLY
    @given(facts_of(kind))
    def holds(fact: AnyIncidentFact) -> None:
        assert decode_fact(fact.kind, fact.incident, fact.version, fact.at, encode_fact(fact)) == fact

    holds()


VALUES: dict[str, st.SearchStrategy[Any]] = {
    "status": st.sampled_from(IncidentStatus), "assignee": st.none() | NAMES, "until": NUMBERS, "text": TEXTS.filter(bool),
    "severity": st.sampled_from(Severity), "team": st.none() | NAMES, "category": NAMES,
    "url": st.none() | st.just("https://wiki.example/x"), "other": NAMES, "version": st.integers(1, 2**53),
    "sources": st.lists(NAMES, min_size=1, max_size=3).map(tuple), "alerts": st.lists(NAMES, min_size=1, max_size=3).map(tuple),
    "comment": st.none() | TEXTS, "incident": NAMES,
}  # fmt: skip


def deeds_of(kind: type[Any], **given_values: Any) -> st.SearchStrategy[Any]:
    """Draw deeds of a kind, every member of them."""
    return st.builds(kind, **{name: VALUES[name] for name in kind.model_fields if name != "kind"} | given_values)


def commands(body: st.SearchStrategy[Any]) -> st.SearchStrategy[Command]:
    """Draw commands with such a body."""
    actor = st.builds(Actor, kind=st.sampled_from(["person", "machine"]), id=NAMES, name=TEXTS)
    return st.builds(
        Command, id=NAMES, request_hash=TEXTS, tenant=NAMES, actor=actor, issued_at=NUMBERS, if_revision=st.none() | NUMBERS,
        body=body,
    )  # fmt: skip


@pytest.mark.parametrize("kind", DEEDS, ids=lambda kind: kind.model_fields["kind"].default)
def test_every_kind_of_command(kind: type[Any]) -> None:
    @QUICKLY
    @given(commands(deeds_of(kind)))
    def holds(command: Command) -> None:
        assert decode_command(encode_command(command)) == command

    holds()


@QUICKLY
@given(st.data())
def test_bulks_of_every_kind(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(get_args(get_args(BulkDeed)[0])))
    incidents = st.lists(NAMES, min_size=1, max_size=4).map(tuple)
    command = data.draw(commands(st.builds(Bulk, incidents=incidents, deed=deeds_of(kind, incident=st.just("")))))
    assert decode_command(encode_command(command)) == command


@QUICKLY
@given(st.dictionaries(TEXTS, JSON, max_size=3), st.none() | TEXTS)
def test_rule_sets(document: dict[str, Any], comment: str | None) -> None:
    body = TypeAdapter(Body).validate_python({"kind": "set-rules", "document": document, "comment": comment})
    command = Command(id="c", request_hash="h", tenant="t", actor=Actor(id="u", name="Ada"), issued_at=1, body=body)
    assert decode_command(encode_command(command)) == command
