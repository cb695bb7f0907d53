"""What people do to one incident (issue 5, item 5): what it changes, who is named, and what it refuses."""

from typing import Any

import pytest

from tests.support.folding import Folding, decided, effects, firing, incident_facts, kinds, resolved
from tocsin_contracts.incident import FieldChanged, IncidentAction, IncidentReopened
from tocsin_contracts.status import IncidentStatus
from tocsin_contracts.times import SECOND
from tocsin_grouper.domain.facts import Fact


def opened() -> Folding:
    folding = Folding()
    folding.deliver(firing("a"))
    return folding


def ask(folding: Folding, kind: str, **values: Any) -> list[Fact]:
    return folding.ask({"kind": kind, "incident": folding.incidents()[0].id, **values})


def refusal(facts: list[Fact]) -> tuple[int, object]:
    answer = decided(facts)
    assert not answer.applied
    assert kinds(facts) == []
    return answer.status, answer.detail["reason"]


@pytest.mark.parametrize(
    ("kind", "values", "name", "after"),
    [
        ("assign", {"assignee": "ada"}, "assignee", "ada"),
        ("assign", {"assignee": None}, "assignee", None),
        ("set-team", {"team": "sre"}, "team", "sre"),
        ("set-category", {"category": "data"}, "category", "data"),
        ("set-runbook", {"url": "https://wiki.example/x"}, "runbook_url", "https://wiki.example/x"),
    ],
)
def test_a_field_is_changed_with_who_and_why(kind: str, values: dict[str, Any], name: str, after: str | None) -> None:
    folding = opened()
    (fact,) = incident_facts(ask(folding, kind, comment="because", **values))
    assert isinstance(fact, FieldChanged)
    assert (fact.name, fact.after, fact.actor_name, fact.comment, fact.command) == (name, after, "Ada", "because", "c1")
    assert getattr(folding.incident(), name) == after


@pytest.mark.parametrize(
    "values",
    [
        {"kind": "assign", "assignee": "ada"},
        {"kind": "set-severity", "severity": "INFO"},
        {"kind": "comment", "text": "x"},
        {"kind": "snooze", "until": 4_000_000_000_000_000},
        {"kind": "set-status", "status": "ACKNOWLEDGED"},
    ],
)
def test_every_deed_is_a_revision_and_what_alerts_do_is_none(values: dict[str, Any]) -> None:
    folding = opened()
    folding.deliver(firing("a", title="again"))
    assert folding.incident().revision == 0
    ask(folding, **values)
    assert folding.incident().revision == 1


def test_an_older_revision_is_refused_with_the_one_that_is() -> None:
    folding = opened()
    ask(folding, "assign", assignee="ada")
    incident = folding.incident()
    facts = folding.ask({"kind": "comment", "incident": incident.id, "text": "x"}, if_revision=0)
    assert refusal(facts) == (412, "revision-changed")
    assert decided(facts).detail["revision"] == 1


def test_no_such_incident_and_another_tenants_are_the_same_answer() -> None:
    folding = opened()
    folding.deliver(firing("b"), tenant="other")
    theirs = folding.incidents("other")[0].id
    assert [refusal(folding.ask({"kind": "comment", "incident": name, "text": "x"})) for name in ("nobody", theirs)] == [
        (404, "no-such-incident")
    ] * 2


def test_a_snoozed_incident_collects_silently_and_its_snooze_ends_by_itself() -> None:
    folding = opened()
    until = folding.now + 600 * SECOND
    ask(folding, "snooze", until=until)
    assert folding.incident().snoozed_until == until
    assert effects(folding.deliver(firing("b"))) == ["joined"]
    folding.tick_for(660)
    assert refusal(ask(folding, "unsnooze")) == (409, "not-snoozed")


def test_a_snooze_needs_a_time_to_come_and_an_incident_that_is_not_over() -> None:
    folding = opened()
    assert refusal(ask(folding, "snooze", until=folding.now)) == (422, "until-has-passed")
    folding.deliver(resolved("a"))
    assert refusal(ask(folding, "snooze", until=folding.now + SECOND)) == (409, "over")


def test_a_snooze_is_ended_and_taken_back() -> None:
    folding = opened()
    first, second = folding.now + 600 * SECOND, folding.now + 900 * SECOND
    ask(folding, "snooze", until=first)
    ask(folding, "snooze", until=second)
    version = folding.incident().version
    ask(folding, "undo", version=version)
    assert folding.incident().snoozed_until == first
    assert refusal(ask(folding, "undo", version=version)) == (409, "nothing-to-undo")
    ask(folding, "unsnooze")
    assert folding.incident().snoozed_until is None


def test_a_snooze_that_passed_took_itself_back() -> None:
    folding = opened()
    ask(folding, "snooze", until=folding.now + 60 * SECOND)
    folding.tick_for(75)
    assert refusal(ask(folding, "undo", version=folding.incident().version)) == (409, "nothing-to-undo")


def test_what_a_person_opened_again_collects_again_unless_a_later_one_is_open() -> None:
    """E8: a group collects while it is open; so no third incident opens beside it."""
    folding = opened()
    folding.deliver(resolved("a"))
    folding.deliver(firing("b"))
    folding.deliver(resolved("b"))
    first, second = (incident.id for incident in folding.incidents())
    folding.ask({"kind": "reopen", "incident": first})
    folding.deliver(firing("c"))
    assert folding.alert("c").incident == first
    folding.ask({"kind": "reopen", "incident": second})
    folding.deliver(firing("d"))
    assert folding.alert("d").incident == first


def test_a_snooze_ends_with_its_incident_and_is_not_there_when_it_is_open_again() -> None:
    folding = opened()
    ask(folding, "snooze", until=folding.now + 600 * SECOND)
    ask(folding, "unsnooze")
    ended = folding.incident().version
    ask(folding, "snooze", until=folding.now + 900 * SECOND)
    folding.deliver(resolved("a"))
    assert folding.incident().snoozed_until is None
    assert refusal(ask(folding, "undo", version=ended)) == (409, "nothing-to-undo")
    ask(folding, "reopen")
    assert folding.incident().snoozed_until is None


@pytest.mark.parametrize("deed", [{"kind": "set-status", "status": "RESOLVED"}, {"kind": "snooze"}, {"kind": "reopen"}])
def test_what_was_merged_away_is_told_where_it_is_and_not_to_reopen_it(deed: dict[str, Any]) -> None:
    """To reopen it first, as what is over otherwise, would be refused as well."""
    folding = opened()
    folding.deliver(firing("b", problem="p2"))
    first, second = folding.incidents()
    folding.ask({"kind": "merge", "incident": first.id, "sources": [second.id]})
    facts = folding.ask({**deed, "incident": second.id} | ({"until": folding.now + SECOND} if deed["kind"] == "snooze" else {}))
    assert (refusal(facts), decided(facts).detail["merged_into"]) == ((409, "merged-elsewhere"), first.id)


def test_links_name_incidents_that_there_are() -> None:
    folding = opened()
    folding.deliver(firing("b", problem="p2"))
    first, second = folding.incidents()
    assert kinds(ask(folding, "link", other=second.id)) == ["link-changed"]
    assert kinds(ask(folding, "unlink", other=second.id)) == ["link-changed"]
    for verb in ("link", "unlink"):
        facts = ask(folding, verb, other="nobody")
        assert (refusal(facts), decided(facts).detail["incident"]) == ((404, "no-such-incident"), "nobody")
    assert refusal(ask(folding, "link", other=first.id)) == (409, "same-incident")


@pytest.mark.parametrize("status", [IncidentStatus.RESOLVED, IncidentStatus.CLOSED])
def test_a_person_opens_again_what_was_over(status: IncidentStatus) -> None:
    folding = opened()
    folding.command(folding.incident().id, IncidentStatus.RESOLVED)
    if status is IncidentStatus.CLOSED:
        folding.command(folding.incident().id, status)
    (fact,) = incident_facts(ask(folding, "reopen", comment="not yet"))
    assert isinstance(fact, IncidentReopened)
    assert (fact.before, fact.after, fact.actor_name, fact.comment) == (status, IncidentStatus.OPEN, "Ada", "not yet")
    assert (folding.incident().resolved_at, folding.incident().closed_at) == (None, None)
    folding.deliver(resolved("a"))
    assert folding.incident().status is IncidentStatus.RESOLVED, "its alert still fired, and is over now"


def test_what_is_not_over_cannot_be_opened_again() -> None:
    assert refusal(ask(opened(), "reopen")) == (409, "not-over")


def test_a_manual_resolve_while_it_fires_opens_no_incident_a_minute() -> None:
    """A known bug of rivals."""
    folding = opened()
    folding.command(folding.incident().id, IncidentStatus.RESOLVED)
    for number in range(60):
        folding.tick_for(60)
        assert effects(folding.deliver(firing("a", title=f"still {number}"))) == ["repeated"]
    assert len(folding.incidents()) == 1


def test_histories_have_no_end() -> None:
    """A known bug of rivals: histories that keep a hundred entries."""
    folding = opened()
    for number in range(150):
        ask(folding, "comment", text=f"comment {number}")
    told = [fact for decision in folding.decisions for fact in incident_facts(decision.facts) if isinstance(fact, IncidentAction)]
    assert (len(told), folding.incident().version) == (150, 152)


def bulk(folding: Folding, incidents: list[str], **deed: Any) -> dict[str, Any]:
    answer = decided(folding.ask({"kind": "bulk", "incidents": incidents, "deed": deed}))
    assert (answer.applied, answer.status) == (True, 200)
    return dict(answer.detail)


def test_a_bulk_does_the_same_to_each_and_tells_of_each() -> None:
    folding = Folding()
    folding.deliver(*(firing(f"a{number}", problem=f"p{number}") for number in range(3)))
    folding.deliver(resolved("a1"))
    names = [incident.id for incident in folding.incidents()]
    told = bulk(folding, [*names, "nobody"], kind="set-status", status="ACKNOWLEDGED")
    assert (told["applied"], told["rejected"]) == (2, 2)
    assert [(each["status"], each.get("reason")) for each in told["results"]] == [
        (200, None), (409, "transition-not-allowed"), (200, None), (404, "no-such-incident"),
    ]  # fmt: skip


def test_a_bulk_that_names_an_incident_twice_does_it_once() -> None:
    folding = opened()
    name = folding.incident().id
    assert bulk(folding, [name, name], kind="comment", text="x")["applied"] == 1


def test_a_command_asked_again_changes_nothing() -> None:
    folding = opened()
    body = {"kind": "comment", "incident": folding.incident().id, "text": "x"}
    folding.ask(body, id="key-1")
    assert folding.ask(body, id="key-1")[1:] == []
    assert folding.incident().revision == 1
