"""Commands to many incidents: one record with every id, whatever the request named them by."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.unit.ingest.commanding import ask, logged
from tests.unit.ingest.gateway import ACME, RIVAL, Answer, Gateway, running
from tocsin_contracts import command as deeds
from tocsin_contracts.status import IncidentStatus
from tocsin_ingest.domain.ask import Wanted
from tocsin_ingest.domain.many import IncidentFilter
from tocsin_ingest.ports import Outcome
from tocsin_query.domain.incidents import INCIDENTS

I = "7K3QF2B0000000000000000001"  # noqa: E741 - an incident
J = "7K3QF2C0000000000000000002"
RESOLVE = {"kind": "set-status", "status": "RESOLVED"}


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    async with running() as gateway:
        gateway.incidents.record(ACME, I)
        gateway.incidents.record(ACME, J, status="RESOLVED")
        gateway.incidents.record(RIVAL, "8K3QF2C0000000000000000003")
        yield gateway


async def bulk(gateway: Gateway, body: Any, **headers: str) -> Answer:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return await ask(gateway, "POST", "/api/v1/incidents/bulk", body, sent)


def the_bulk(gateway: Gateway) -> deeds.Bulk:
    [command] = logged(gateway)
    assert isinstance(command.body, deeds.Bulk)
    return command.body


async def test_named_incidents_are_logged_by_their_whole_ids(gateway: Gateway) -> None:
    answer = await bulk(gateway, {"incidents": ["INC-7K3QF2C", I.lower(), J], "action": RESOLVE, "comment": "fixed"})
    assert answer.status == 202
    deed = deeds.SetStatus(status=IncidentStatus.RESOLVED, comment="fixed")
    assert the_bulk(gateway) == deeds.Bulk(incidents=(J, I), deed=deed)


async def test_a_filter_becomes_the_ids_that_it_matches_now(gateway: Gateway) -> None:
    asked = {"filter": {"status": "OPEN", "service": ["api", "db"], "created_from": "2026-01-01T00:00:00Z"}, "action": RESOLVE}
    assert (await bulk(gateway, asked)).status == 202
    assert the_bulk(gateway).incidents == (I,)
    wanted = Wanted(statuses=("OPEN",), services=("api", "db"), created_from=1_767_225_600_000_000)
    assert gateway.incidents.asked == [wanted]


def test_a_bulk_filters_by_what_the_list_filters_by() -> None:
    """Who looks at a list and does something to all of it needs no other words."""
    assert set(IncidentFilter.model_fields) == {each.parameter.name for each in INCIDENTS.filters}


async def test_every_condition_is_passed_on(gateway: Gateway) -> None:
    asked = {
        "status": "OPEN",
        "severity": ["LOW", "HIGH"],
        "category": "errors",
        "snoozed": False,
        "flapping": True,
        "updated_from": "2026-01-01T00:00:00Z",
        "updated_to": "2026-01-01T00:00:01Z",
    }
    assert (await bulk(gateway, {"filter": asked, "action": RESOLVE})).status == 202
    at = 1_767_225_600_000_000
    wanted = Wanted(
        statuses=("OPEN",),
        severities=("LOW", "HIGH"),
        categories=("errors",),
        snoozed=False,
        flapping=True,
        updated_from=at,
        updated_to=at + 1_000_000,
    )
    assert gateway.incidents.asked == [wanted]


async def test_more_than_a_bulk_takes_are_refused_with_their_number(gateway: Gateway) -> None:
    for number in range(600):
        gateway.incidents.record(ACME, f"9{number:025d}")
    refused = await bulk(gateway, {"filter": {"status": ["OPEN"]}, "action": RESOLVE})
    assert (refused.status, refused.json["matched"]) == (422, 601)
    assert refused.json["errors"][0]["code"] == "matches-too-many"
    assert not logged(gateway)
    limited = await bulk(gateway, {"filter": {"status": ["OPEN"]}, "limit": 500, "action": RESOLVE})
    assert limited.status == 202
    assert the_bulk(gateway).incidents[0] == f"9{599:025d}", "the newest first"
    assert len(the_bulk(gateway).incidents) == 500


async def test_a_filter_that_matches_nothing_is_422(gateway: Gateway) -> None:
    answer = await bulk(gateway, {"filter": {"status": "CLOSED"}, "action": RESOLVE})
    assert (answer.status, answer.json["matched"], answer.json["errors"][0]["code"]) == (422, 0, "matches-nothing")


ACTIONS: list[tuple[Any, deeds.BulkDeed]] = [
    (RESOLVE, deeds.SetStatus(status=IncidentStatus.RESOLVED)),
    ({"kind": "acknowledge", "comment": "c"}, deeds.SetStatus(status=IncidentStatus.ACKNOWLEDGED, comment="c")),
    ({"kind": "assign", "assignee": "ada"}, deeds.Assign(assignee="ada")),
    ({"kind": "unsnooze"}, deeds.Unsnooze()),
    ({"kind": "set-team", "team": None}, deeds.SetTeam(team=None)),
    ({"kind": "set-category", "category": "deploy"}, deeds.SetCategory(category="deploy")),
    ({"kind": "set-runbook", "url": "https://r.example"}, deeds.SetRunbook(url="https://r.example")),
    ({"kind": "reopen"}, deeds.Reopen()),
]


@pytest.mark.parametrize(("action", "deed"), ACTIONS, ids=[each[0]["kind"] for each in ACTIONS])
async def test_each_action_is_its_deed(gateway: Gateway, action: Any, deed: deeds.BulkDeed) -> None:
    assert (await bulk(gateway, {"incidents": [I], "action": action})).status == 202
    assert the_bulk(gateway).deed == deed


async def test_comments_on_many_need_a_key(gateway: Gateway) -> None:
    asked = {"incidents": [I], "action": {"kind": "comment", "text": "t"}}
    assert (await bulk(gateway, asked)).status == 400
    assert (await bulk(gateway, asked, Idempotency_Key="k")).status == 202


async def test_a_revision_is_of_one_incident_so_many_have_none(gateway: Gateway) -> None:
    answer = await bulk(gateway, {"incidents": [I], "action": RESOLVE}, If_Match='"r1"')
    assert (answer.status, answer.problem) == (400, "malformed-request")


UNFIT: list[tuple[Any, str]] = [
    ({"action": RESOLVE}, ""),
    ({"incidents": [I], "filter": {"status": "OPEN"}, "action": RESOLVE}, ""),
    ({"incidents": [I], "limit": 3, "action": RESOLVE}, ""),
    ({"incidents": [I] * 501, "action": RESOLVE}, "/incidents"),
    ({"incidents": [I, "x"], "action": RESOLVE}, "/incidents/1"),
    ({"filter": {}, "action": RESOLVE}, "/filter"),
    ({"filter": {"severty": "LOW"}, "action": RESOLVE}, "/filter/severty"),
    ({"filter": {"snoozed": "true"}, "action": RESOLVE}, "/filter/snoozed"),
    (
        {"filter": {"updated_from": "2026-01-01T00:00:00Z", "updated_to": "2026-01-01T00:00:00Z"}, "action": RESOLVE},
        "/filter",
    ),
    ({"filter": {"status": "OPEN"}, "limit": 501, "action": RESOLVE}, "/limit"),
    ({"incidents": [I]}, "/action"),
    ({"incidents": [I], "action": {"kind": "merge"}}, "/action"),
    ({"incidents": [I], "action": {"kind": "set-status", "status": "NOWHERE"}}, "/action/status"),
    ({"incidents": [I], "action": {"kind": "assign"}}, "/action/assignee"),
    ({"incidents": [I], "action": {"kind": "snooze", "for": "soon"}}, "/action/for"),
    ({"incidents": [I], "action": {"kind": "comment", "text": " "}}, "/action/text"),
    ({"incidents": [I], "action": {"kind": "comment", "text": "t"}, "comment": "c"}, ""),
]


@pytest.mark.parametrize(("body", "pointer"), UNFIT)
async def test_a_value_that_does_not_fit_is_422_with_its_place(gateway: Gateway, body: Any, pointer: str) -> None:
    answer = await bulk(gateway, body)
    assert (answer.status, answer.problem) == (422, "invalid-value")
    assert pointer in {each["pointer"] for each in answer.json["errors"]}
    assert not logged(gateway)


async def test_a_repeated_key_gets_the_first_outcome_whatever_the_filter_matches_by_then(gateway: Gateway) -> None:
    """The key names the request, not what it came to: the second one may match nothing any more."""
    asked = {"filter": {"status": "OPEN"}, "action": RESOLVE}
    first = asyncio.create_task(bulk(gateway, asked, Idempotency_Key="k", Prefer="wait=20"))
    await gateway.log.until_handed(1)
    while not logged(gateway):
        await gateway.log.changed.wait(1.0)
    [command] = logged(gateway)
    detail = {"applied": 1, "rejected": 0, "results": [{"incident": I, "status": 200}]}
    gateway.outcomes.record(ACME, "k", Outcome(request_hash=command.request_hash, status=200, detail=detail))
    gateway.incidents.record(ACME, I, status="RESOLVED")
    again = await bulk(gateway, asked, Idempotency_Key="k")

    assert ((await first).json, again.json) == ({"command_id": "k", **detail},) * 2
    assert len(logged(gateway)) == 1


async def test_a_repeated_key_waits_for_its_first_attempt_before_it_is_told_that_nothing_matches(gateway: Gateway) -> None:
    """The first attempt may have emptied the filter, and be folded only now."""
    asked = {"filter": {"status": "CLOSED"}, "action": RESOLVE}
    again = asyncio.create_task(bulk(gateway, asked, Idempotency_Key="k", Prefer="wait=20"))
    while not gateway.ingest._commands.waiting and not again.done():
        await gateway.log.changed.wait(0.01)
    gateway.outcomes.record(ACME, "k", Outcome(request_hash="of the first attempt", status=200, detail={}))
    answer = await again
    assert (answer.status, answer.problem) == (422, "idempotency-key-reused"), "it is the key's outcome that answers"


@pytest.mark.parametrize(
    "body",
    [
        {"incidents": [I], "action": {"kind": "snooze", "for": "soon"}},
        {"incidents": [I], "action": {"kind": "snooze", "for": "40d"}},
    ],
)
async def test_what_no_moment_would_take_is_refused_at_once_whatever_the_key(gateway: Gateway, body: Any) -> None:
    """Nobody waits for the first attempt of a request that would have been refused as well."""
    gateway.outcomes.waited = 0
    answer = await bulk(gateway, body, Idempotency_Key="k", Prefer="wait=20")
    assert (answer.status, gateway.outcomes.waited) == (422, 0)
    late = {"incidents": [I], "action": {"kind": "snooze", "until": "2020-01-01T00:00:00Z"}}
    answer = await bulk(gateway, late, Idempotency_Key="k", Prefer="wait=1")
    assert (answer.status, gateway.outcomes.waited) == (422, 1), "it may have been in time when it was sent first"


async def test_with_postgres_away_whole_ids_are_taken_and_a_filter_is_503(gateway: Gateway) -> None:
    gateway.incidents.away = True
    assert (await bulk(gateway, {"incidents": [I, J], "action": RESOLVE})).status == 202
    answer = await bulk(gateway, {"filter": {"status": "OPEN"}, "action": RESOLVE})
    assert (answer.status, answer.problem) == (503, "unavailable")
    assert "whole ids" in answer.json["detail"]
