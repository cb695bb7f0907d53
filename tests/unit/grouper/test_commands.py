"""Commands (C4, DESIGN 3): applied, or rejected with what the caller can do about it; the first decision stands."""

import pytest

from tests.support.folding import Folding, decided, firing, incident_facts, kinds
from tocsin_contracts.command import SetStatus
from tocsin_contracts.incident import StatusChanged
from tocsin_contracts.status import TRANSITIONS, IncidentStatus
from tocsin_grouper.domain.facts import CommandDecided

WAYS = {
    IncidentStatus.OPEN: [],
    IncidentStatus.ACKNOWLEDGED: [IncidentStatus.ACKNOWLEDGED],
    IncidentStatus.INVESTIGATING: [IncidentStatus.INVESTIGATING],
    IncidentStatus.RESOLVED: [IncidentStatus.RESOLVED],
    IncidentStatus.CLOSED: [IncidentStatus.RESOLVED, IncidentStatus.CLOSED],
}
"""How an incident gets to each status."""


def incident_in(status: IncidentStatus) -> Folding:
    folding = Folding()
    folding.deliver(firing("a"))
    for number, step in enumerate(WAYS[status]):
        folding.wait(60).command(folding.incident().id, step, id=f"way{number}")
    assert folding.incident().status is status
    return folding


@pytest.mark.parametrize("after", IncidentStatus)
@pytest.mark.parametrize("before", IncidentStatus)
def test_an_incident_moves_forward_only_and_is_closed_from_resolved_alone(before: IncidentStatus, after: IncidentStatus) -> None:
    """REQUIREMENTS, conflicts: every pair of statuses; a refusal says what would be allowed."""
    folding = incident_in(before)
    state = folding.incident()
    answer = decided(folding.wait(60).command(state.id, after))
    ranks = list(IncidentStatus)
    closes = after is IncidentStatus.CLOSED
    allowed = ranks.index(after) > ranks.index(before) and (not closes or before is IncidentStatus.RESOLVED)
    if allowed:
        assert (answer.applied, answer.status) == (True, 200)
        assert folding.incident().status is after
        assert folding.incident().revision == state.revision + 1
    else:
        assert (answer.applied, answer.status, answer.detail["reason"]) == (False, 409, "transition-not-allowed")
        assert answer.detail["allowed"] == list(TRANSITIONS[before])
        assert folding.incident() == state


def test_a_change_is_told_with_who_asked_and_why() -> None:
    folding = Folding()
    folding.deliver(firing("a"))
    name = folding.incident().id
    body = SetStatus(incident=name, status=IncidentStatus.ACKNOWLEDGED, comment="on it")
    (fact,) = incident_facts(folding.command(name, IncidentStatus.ACKNOWLEDGED, id="c9", body=body))
    assert isinstance(fact, StatusChanged)
    assert (fact.before, fact.after, fact.actor_name, fact.command, fact.comment) == (
        "OPEN",
        "ACKNOWLEDGED",
        "Ada",
        "c9",
        "on it",
    )


def test_the_times_of_the_first_change_are_kept() -> None:
    folding = incident_in(IncidentStatus.ACKNOWLEDGED)
    at = folding.now
    folding.wait(60).command(folding.incident().id, IncidentStatus.RESOLVED)
    assert (folding.incident().acknowledged_at, folding.incident().resolved_at) == (at, folding.now)


def test_an_incident_that_is_not_there_is_404() -> None:
    folding = Folding()
    answer = decided(folding.command("nobody", IncidentStatus.ACKNOWLEDGED))
    assert (answer.applied, answer.status, answer.detail["reason"]) == (False, 404, "no-such-incident")


def test_another_tenants_incident_is_404_and_untouched() -> None:
    """P9: not 403, which would say that it exists."""
    folding = Folding()
    folding.deliver(firing("a"))
    before = folding.incident()
    answer = decided(folding.command(before.id, IncidentStatus.ACKNOWLEDGED, tenant="other"))
    assert (answer.status, answer.detail) == (404, {"reason": "no-such-incident"})
    assert folding.incident() == before


def test_another_revision_is_412_and_says_the_present_one() -> None:
    folding = incident_in(IncidentStatus.ACKNOWLEDGED)
    answer = decided(folding.command(folding.incident().id, IncidentStatus.RESOLVED, if_revision=0))
    assert (answer.status, answer.detail["reason"], answer.detail["revision"]) == (412, "revision-changed", 1)
    assert folding.incident().status is IncidentStatus.ACKNOWLEDGED
    assert decided(folding.command(folding.incident().id, IncidentStatus.RESOLVED, if_revision=1, id="again")).applied


def test_alerts_that_come_meanwhile_do_not_change_the_revision() -> None:
    """What people change is their precondition, not every repeat of an alert."""
    folding = Folding()
    folding.deliver(firing("a"))
    folding.deliver(firing("b"))
    assert decided(folding.command(folding.incident().id, IncidentStatus.ACKNOWLEDGED, if_revision=0)).applied


@pytest.mark.parametrize("request_hash", ["h1", "h2"])
def test_a_repeated_command_id_changes_nothing(request_hash: str) -> None:
    """Whatever it asks: the row keeps the first hash, by which the gateway answers 422 for another."""
    folding = incident_in(IncidentStatus.OPEN)
    name = folding.incident().id
    folding.command(name, IncidentStatus.ACKNOWLEDGED, id="c1", request_hash="h1")
    before = folding.incident()
    facts = folding.command(name, IncidentStatus.RESOLVED, id="c1", request_hash=request_hash)
    assert not [fact for fact in facts if isinstance(fact, CommandDecided)]
    assert folding.incident() == before


def test_a_rejected_command_id_stays_rejected() -> None:
    folding = incident_in(IncidentStatus.OPEN)
    name = folding.incident().id
    folding.command(name, IncidentStatus.CLOSED, id="c1")
    folding.command(name, IncidentStatus.RESOLVED, id="c2")
    facts = folding.command(name, IncidentStatus.CLOSED, id="c1")
    assert kinds(facts) == []


def test_two_tenants_may_use_the_same_command_id() -> None:
    folding = incident_in(IncidentStatus.OPEN)
    folding.deliver(firing("a"), tenant="other")
    folding.command(folding.incident().id, IncidentStatus.ACKNOWLEDGED, id="c1")
    (theirs,) = folding.incidents("other")
    assert decided(folding.command(theirs.id, IncidentStatus.ACKNOWLEDGED, id="c1", tenant="other")).applied
