"""`GET /api/v1/deliveries/{id}` and `/commands/{id}`: outcome, pending, or never heard of (P2)."""

import asyncio

import pytest

from tests.integration.query.conftest import Client
from tests.support.projection_rows import ProjectionDatabase
from tocsin_contracts.ids import delivery_id
from tocsin_contracts.position import Position

FOLDED = 50
"""Offset of the first record that is not folded yet."""


@pytest.fixture(scope="module", autouse=True)
def deliveries(module_projection: ProjectionDatabase) -> None:
    """Deliveries and commands at some offsets of partition 0; others hold another tenant's."""
    asyncio.run(_seed(module_projection))


async def _seed(projection: ProjectionDatabase) -> None:
    async with projection.writing() as rows:
        alert = await rows.alert("acme", identity="a", incident_id="A" * 26)
        await rows.delivery("acme", 10, incident_ids=["A" * 26], alert_count=2)
        await rows.event("acme", alert, 10, seq=0, incident_id="A" * 26)
        await rows.event("acme", alert, 10, seq=1, status="resolved", effect="resolved")
        await rows.delivery("acme", 11, outcome="duplicate", reason="same-content", duplicate_of=10, alert_count=0)
        await rows.delivery("acme", 12, outcome="redriven", reason="unknown-shape", detail="/alerts is missing", redriven_to=13)
        await rows.delivery("acme", 13, redrive_of=12)
        await rows.delivery("globex", 20)
        await rows.command("acme", "key-1", offset=30)
        await rows.command("acme", "key-2", offset=31, outcome="rejected", status=409, detail='{"allowed": ["CLOSED"]}')
        await rows.command("globex", "key-9", offset=32)
        await rows.folded(partition=0, source_next=FOLDED, appended_at=0)


def named(offset: int, tenant: str = "acme", partition: int = 0) -> str:
    return delivery_id(tenant, Position(partition, offset))


async def test_a_processed_delivery_shows_its_alert_events_and_incidents(reading: Client) -> None:
    found = await reading.get(f"/api/v1/deliveries/{named(10)}")

    assert (found.status, found.body["outcome"], found.body["position"]) == (200, "processed", "0:10")
    assert found.body["incident_ids"] == ["A" * 26]
    assert [(event["seq"], event["effect"], event["incident_id"]) for event in found.body["events"]] == [
        (0, "opened", "A" * 26),
        (1, "resolved", None),
    ]
    assert found.body["body_url"] == f"/api/v1/deliveries/{named(10)}/body"


async def test_other_deliveries_are_named_by_their_ids(reading: Client) -> None:
    duplicate = (await reading.get(f"/deliveries/{named(11)}")).body
    failed = (await reading.get(f"/deliveries/{named(12)}")).body
    redrive = (await reading.get(f"/deliveries/{named(13)}")).body

    assert (duplicate["outcome"], duplicate["reason"], duplicate["duplicate_of"]) == ("duplicate", "same-content", named(10))
    assert (failed["outcome"], failed["detail"], failed["redriven_to"]) == ("redriven", "/alerts is missing", named(13))
    assert (redrive["outcome"], redrive["redrive_of"]) == ("processed", named(12))


async def test_an_id_may_be_written_as_it_was_heard(reading: Client) -> None:
    assert (await reading.get(f"/deliveries/{named(10).lower()}")).body["id"] == named(10)


@pytest.mark.parametrize("offset", [FOLDED, FOLDED + 1, 2**47])
async def test_a_position_that_is_not_folded_is_pending(reading: Client, offset: int) -> None:
    found = await reading.get(f"/api/v1/deliveries/{named(offset)}")

    assert (found.status, found.body["outcome"], found.body["id"]) == (200, "pending", named(offset))
    assert found.headers["Retry-After"] == "1"


@pytest.mark.parametrize("offset", [0, 14, 20, 30, FOLDED - 1])
async def test_a_folded_position_without_a_row_is_404(reading: Client, offset: int) -> None:
    """A tick, a command, another tenant's record, or a day that retention dropped."""
    assert (await reading.get(f"/api/v1/deliveries/{named(offset)}")).status == 404


async def test_an_id_that_was_not_made_for_this_tenant_is_404(reading: Client) -> None:
    """The hash holds the tenant; a partition that is not the tenant's can never hold its deliveries."""
    for name in (named(20, "globex"), named(FOLDED, "globex"), named(FOLDED, partition=1), "x", "0" * 21, named(10)[:-1] + "0"):
        assert (await reading.get(f"/api/v1/deliveries/{name}")).status == 404


async def test_pending_before_anything_was_folded(projection: ProjectionDatabase, client: Client) -> None:
    assert (await client.get(f"/deliveries/{named(0)}")).body["outcome"] == "pending"


async def test_a_decided_command_shows_its_decision(reading: Client) -> None:
    applied = await reading.get("/api/v1/commands/key-1")
    rejected = await reading.get("/api/v1/commands/key-2")

    assert (applied.status, applied.body["outcome"], applied.body["status"]) == (200, "applied", 200)
    assert applied.body["position"] == "0:30"
    assert (rejected.body["outcome"], rejected.body["status"], rejected.body["detail"]) == (
        "rejected",
        409,
        {"allowed": ["CLOSED"]},
    )


async def test_an_undecided_command_is_202(reading: Client) -> None:
    """Without a position an id that was never given is pending too: only the log knows, and nobody learns of others' keys."""
    for command in ("key-3", "key-9", "no such thing", "a%2Fb", "é"):
        found = await reading.get(f"/api/v1/commands/{command}")
        assert (found.status, found.body["outcome"]) == (202, "pending")
        assert found.headers["Retry-After"] == "1"


async def test_a_command_asked_with_its_position_is_told_from_one_never_given(reading: Client) -> None:
    assert (await reading.get(f"/commands/key-3?position=0:{FOLDED}")).status == 202
    assert (await reading.get("/commands/key-1?position=0:30")).status == 200
    for position in ("0:32", f"0:{FOLDED - 1}", f"1:{FOLDED}"):
        assert (await reading.get(f"/commands/key-9?position={position}")).status == 404
    assert (await reading.get("/commands/key-1?position=30")).faults == {"position": "not-a-position"}


async def test_a_command_asked_with_its_request_is_told_from_another_of_its_key(reading: Client) -> None:
    """Two used one key, and both were answered 202: the second must not read that its own was applied."""
    assert (await reading.get("/commands/key-1?request=h")).status == 200
    other = await reading.get("/commands/key-1?position=0:31&request=" + "0" * 32)
    assert (other.status, other.body["type"].rsplit("/", 1)[1]) == (422, "idempotency-key-reused")
    assert (await reading.get(f"/commands/key-3?position=0:{FOLDED}&request=h")).status == 202


async def test_an_impossible_command_id_is_404(reading: Client) -> None:
    for command in ("%00", "x" * 256):
        assert (await reading.get(f"/commands/{command}")).status == 404
