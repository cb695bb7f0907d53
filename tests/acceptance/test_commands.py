"""Commands (C4): a person asks for another status; it goes through the log, and the caller gets the fold's answer."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from tests.acceptance.conftest import Fragile
from tests.support.bodies import alertmanager, am_alert
from tests.support.customer import Customer, move_in
from tests.support.instance import eventually
from tests.support.system import System
from tocsin_control.principal import Scope


@pytest.fixture
async def ada(shared: System) -> Customer:
    customer = await move_in(shared)
    await customer.settle(alertmanager(am_alert()))
    return customer


async def test_a_status_is_changed_and_the_change_is_an_action(ada: Customer) -> None:
    before = await ada.incident()
    answer = await ada.set_status(before["id"], "ACKNOWLEDGED", comment="mine")
    after = await ada.incident()

    assert (answer.status, answer.json()["status"]) == (200, "ACKNOWLEDGED")
    assert (after["status"], after["revision"]) == ("ACKNOWLEDGED", before["revision"] + 1)
    assert answer.json()["revision"] == after["revision"]
    (action,) = after["actions"]
    assert [action[name] for name in ("from_status", "to_status", "actor_name", "actor_kind", "comment")] == [
        "OPEN",
        "ACKNOWLEDGED",
        "Ada",
        "person",
        "mine",
    ]
    decided = await ada.get(f"/commands/{answer.json()['command_id']}")
    assert (decided["outcome"], decided["status"]) == ("applied", 200)


async def test_the_whole_way_forward_and_never_back(ada: Customer) -> None:
    """ACKNOWLEDGED and INVESTIGATING may be skipped, RESOLVED may not: 409 says where to one may go."""
    incident = (await ada.incident())["id"]

    early = await ada.set_status(incident, "CLOSED")
    assert (early.status, early.json()["allowed"]) == (409, ["ACKNOWLEDGED", "INVESTIGATING", "RESOLVED"])
    assert early.json()["current"] == "OPEN"
    assert (await ada.set_status(incident, "INVESTIGATING")).status == 200
    back = await ada.set_status(incident, "ACKNOWLEDGED")
    assert (back.status, back.json()["allowed"]) == (409, ["RESOLVED"])
    assert [(await ada.set_status(incident, status)).status for status in ("RESOLVED", "CLOSED")] == [200, 200]
    over = await ada.set_status(incident, "OPEN")
    assert (over.status, over.json()["allowed"]) == (409, [])
    assert [action["to_status"] for action in (await ada.incident())["actions"]] == ["CLOSED", "RESOLVED", "INVESTIGATING"]


@pytest.mark.parametrize("incident", ["0" * 26, "nonsense", "INC-0000000"])
async def test_an_incident_that_there_is_not_is_a_404(ada: Customer, incident: str) -> None:
    answer = await ada.set_status(incident, "RESOLVED")
    assert (answer.status, answer.json()["type"].rsplit("/", 1)[1]) == (404, "not-found")


async def test_a_revision_that_is_no_longer_is_a_412(ada: Customer) -> None:
    """The precondition is the revision, which people change; what alerts do meanwhile does not matter."""
    incident = await ada.incident()
    read = f'"r{incident["revision"]}"'
    await ada.settle(alertmanager(am_alert("another")))

    assert (await ada.set_status(incident["id"], "ACKNOWLEDGED", if_match=read)).status == 200
    late = await ada.set_status(incident["id"], "RESOLVED", if_match=read)
    assert (late.status, late.json()["revision"]) == (412, incident["revision"] + 1)
    assert (await ada.incident())["status"] == "ACKNOWLEDGED"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"status":"SNOOZED"}', 422),
        (b'{"status":"RESOLVED","tenant_id":"other"}', 422),
        (b'{"status":"RESOLVED","version":7}', 422),
        (b"{}", 422),
        (b"[]", 422),
        (b"{", 400),
        (b'{"status":"RESOLVED","comment":"' + b"x" * 20_000 + b'"}', 413),
        (b'{"status":"RESOLVED","comment":"' + b"x" * 2_000 + b'"}', 422),
    ],
)
async def test_what_is_no_status_command_is_refused_and_changes_nothing(ada: Customer, body: bytes, status: int) -> None:
    incident = await ada.incident()
    path = f"/api/v1/incidents/{incident['id']}/status"
    answer = await ada.system.request("PATCH", path, key=ada.key, headers={"content-type": "application/json"}, body=body)
    assert answer.status == status
    assert (await ada.incident())["version"] == incident["version"]


@pytest.mark.parametrize(
    ("header", "value", "status"),
    [
        ("if-match", 'W/"3"', 400),
        ("if-match", '"3"', 400),
        ("idempotency-key", "two words", 400),
        ("content-type", "text/plain", 415),
        ("content-encoding", "gzip", 415),
    ],
)
async def test_what_cannot_be_read_of_a_command_is_refused(ada: Customer, header: str, value: str, status: int) -> None:
    incident = await ada.incident()
    answer = await ada.set_status(incident["id"], "RESOLVED", **{header.replace("-", "_"): value})
    assert answer.status == status
    assert (await ada.incident())["version"] == incident["version"]


async def test_a_caller_who_will_not_wait_is_told_where_the_outcome_will_be(ada: Customer) -> None:
    incident = (await ada.incident())["id"]
    answer = await ada.set_status(incident, "ACKNOWLEDGED", prefer="respond-async", idempotency_key="later-1")
    assert (answer.status, answer.headers["Preference-Applied"]) == (202, "respond-async")
    assert answer.headers["Location"].startswith("/api/v1/commands/later-1?position=")
    assert (await _decided(ada, "later-1"))["outcome"] == "applied"
    found = await ada.system.get(answer.headers["Location"], ada.key)
    assert (found.status, found.json()["outcome"]) == (200, "applied")
    assert (await ada.incident())["status"] == "ACKNOWLEDGED"


async def test_a_command_sent_again_with_its_key_is_decided_once(ada: Customer) -> None:
    """Sixteen at the same time, and one more: one action, and everybody gets the same answer."""
    incident = (await ada.incident())["id"]
    answers = await asyncio.gather(*(ada.set_status(incident, "RESOLVED", idempotency_key="once") for _ in range(16)))
    answers.append(await ada.set_status(incident, "RESOLVED", idempotency_key="once"))

    assert {answer.status for answer in answers} == {200}
    assert len({answer.body for answer in answers}) == 1
    assert len((await ada.incident())["actions"]) == 1


async def test_a_key_that_somebody_else_used_is_a_422(ada: Customer) -> None:
    """Bob is not told that he did what Ada did; not where both were told to look later either."""
    incident = (await ada.incident())["id"]
    key = await ada.system.key(ada.tenant, Scope.INCIDENTS_READ, Scope.INCIDENTS_WRITE)
    bob = replace(ada, key=key)
    later = [
        await each.set_status(incident, "ACKNOWLEDGED", idempotency_key="shared", prefer="respond-async") for each in (ada, bob)
    ]
    assert (await _decided(ada, "shared"))["outcome"] == "applied"
    told = [  # Bob is told at once where Ada's was decided by then, and else where he was told to look
        await ada.system.get(answer.headers["Location"], each.key) if answer.status == 202 else answer
        for answer, each in zip(later, (ada, bob), strict=True)
    ]
    again = await bob.set_status(incident, "ACKNOWLEDGED", idempotency_key="shared")

    assert [answer.status for answer in (*told, again)] == [200, 422, 422]
    assert again.json()["type"] == told[1].json()["type"]


async def test_a_key_used_for_something_else_is_a_422(ada: Customer) -> None:
    incident = (await ada.incident())["id"]
    await ada.set_status(incident, "ACKNOWLEDGED", idempotency_key="mine")
    other = await ada.set_status(incident, "RESOLVED", idempotency_key="mine")
    assert (other.status, other.json()["type"].rsplit("/", 1)[1]) == (422, "idempotency-key-reused")
    assert (await ada.incident())["status"] == "ACKNOWLEDGED"


async def test_of_concurrent_commands_with_one_precondition_one_wins(ada: Customer) -> None:
    incident = await ada.incident()
    read = f'"r{incident["revision"]}"'
    answers = await asyncio.gather(*(ada.set_status(incident["id"], "RESOLVED", if_match=read) for _ in range(12)))
    assert sorted(answer.status for answer in answers) == [200, *[412] * 11]
    assert len((await ada.incident())["actions"]) == 1


async def test_with_postgres_down_a_command_is_taken_at_once_and_applied_later(fragile: Fragile) -> None:
    ada = await move_in(fragile.system)
    await ada.settle(alertmanager(am_alert()))
    incident = (await ada.incident())["id"]

    await fragile.postgres.kill()
    answer = await ada.set_status(incident, "RESOLVED", idempotency_key="in-the-dark")
    assert (answer.status, answer.json()["status"]) == (202, "pending")
    await fragile.mend()

    assert (await _decided(ada, "in-the-dark"))["outcome"] == "applied"
    assert (await ada.incident())["status"] == "RESOLVED"
    again = await ada.set_status(incident, "RESOLVED", idempotency_key="in-the-dark")
    assert again.status == 200


async def _decided(customer: Customer, command: str) -> Any:
    async def ask() -> Any:
        answer = await customer.system.get(f"/api/v1/commands/{command}", customer.key)
        assert answer.status in {200, 202}
        return answer.json() if answer.status == 200 else None

    return await eventually(ask, what=f"command {command} is decided")
