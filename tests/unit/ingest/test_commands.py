"""What holds for every command, shown by status ones: through the log, and the caller gets the fold's answer (C4)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from typing import Any

import orjson
import pytest

from tests.unit.ingest.gateway import ACME, ACME_PARTITION, RIVAL, RIVAL_PARTITION, Answer, Gateway, running
from tocsin_contracts.command import Command, SetStatus, decode_command
from tocsin_contracts.envelope import Kind
from tocsin_contracts.status import IncidentStatus
from tocsin_ingest.commands.telling import REASONS
from tocsin_ingest.ports import Outcome
from tocsin_runtime.clock import ManualClock

INCIDENT = "0123456789ABCDEFGHJKMNPQRS"
PATH = f"/api/v1/incidents/{INCIDENT}/status"
ASYNC = {"Prefer": "respond-async"}


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    async with running() as gateway:
        yield gateway


async def patch(
    gateway: Gateway, body: Any = None, headers: Mapping[str, str] = ASYNC, *, key: str = "writer", path: str = PATH
) -> Answer:
    raw = body if isinstance(body, bytes) else orjson.dumps({"status": "ACKNOWLEDGED"} if body is None else body)
    sent = {"Authorization": gateway.keys[key], "Content-Type": "application/json", **headers}
    return await gateway.send("PATCH", path, data=raw, headers=sent)


def appended(gateway: Gateway, partition: int = ACME_PARTITION) -> list[Command]:
    return [decode_command(record.value) for record in gateway.records(partition, Kind.COMMAND)]


async def decide(gateway: Gateway, number: int, status: int, detail: Mapping[str, object]) -> None:
    """Do as the grouper does with the command that was appended as the `number`th."""
    await gateway.log.until_handed(number)
    while len(appended(gateway)) < number:
        await gateway.log.changed.wait(1.0)
    command = appended(gateway)[number - 1]
    gateway.outcomes.record(ACME, command.id, Outcome(request_hash=command.request_hash, status=status, detail=detail))


async def test_a_command_is_a_record_of_its_tenants_partition(gateway: Gateway) -> None:
    body = {"status": "RESOLVED", "comment": "restarted"}
    answer = await patch(gateway, body, ASYNC | {"Idempotency-Key": "key-1", "If-Match": '"r3"'})

    assert answer.status == 202
    assert answer.json == {"command_id": "key-1", "status": "pending"}
    [command] = appended(gateway)
    [record] = gateway.records(ACME_PARTITION, Kind.COMMAND)
    place = f"/api/v1/commands/key-1?position={ACME_PARTITION}:{record.offset}&request={command.request_hash}"
    assert (answer.headers["Location"], answer.headers["Retry-After"]) == (place, "1")
    assert (command.tenant, command.id, command.if_revision) == (ACME, "key-1", 3)
    assert command.body == SetStatus(incident=INCIDENT, status=IncidentStatus.RESOLVED, comment="restarted")
    assert (command.actor.kind, command.actor.name) == ("person", "Ada")
    assert record.key == ACME.encode()


async def test_the_bare_path_asks_the_same(gateway: Gateway) -> None:
    await patch(gateway)
    await patch(gateway, path=f"/incidents/{INCIDENT.lower()}/status")
    assert len({command.request_hash for command in appended(gateway)}) == 1


async def test_the_caller_gets_what_the_fold_decided(gateway: Gateway) -> None:
    detail = {"incident": INCIDENT, "status": "ACKNOWLEDGED", "version": 4, "revision": 2}
    asking = asyncio.create_task(patch(gateway, headers={}))
    await decide(gateway, 1, 200, detail)
    answer = await asking

    assert answer.status == 200
    assert answer.json == {"command_id": appended(gateway)[0].id, **detail}


REJECTED: list[tuple[int, Mapping[str, object], int, str, Mapping[str, object]]] = [
    (404, {"reason": "no-such-incident"}, 404, "not-found", {"reason": "no-such-incident"}),
    (
        409,
        {"reason": "transition-not-allowed", "status": "RESOLVED", "allowed": ["CLOSED"]},
        409,
        "transition-not-allowed",
        {"current": "RESOLVED", "allowed": ["CLOSED"], "status": 409},
    ),
    (409, {"reason": "not-over", "status": "OPEN", "revision": 3}, 409, "command-rejected", {"current": "OPEN", "revision": 3}),
    (409, {"reason": "over", "status": "CLOSED"}, 409, "command-rejected", {"current": "CLOSED"}),
    (409, {"reason": "merged-elsewhere", "merged_into": "X"}, 409, "command-rejected", {"merged_into": "X"}),
    (409, {"reason": "nothing-to-undo"}, 409, "command-rejected", {"reason": "nothing-to-undo"}),
    (409, {"reason": "not-a-member", "alerts": ["A"]}, 409, "command-rejected", {"alerts": ["A"]}),
    (409, {"reason": "of a newer release"}, 409, "command-rejected", {"reason": "of a newer release"}),
    (412, {"reason": "revision-changed", "revision": 9}, 412, "revision-changed", {"revision": 9}),
    (422, {"reason": "until-has-passed"}, 422, "invalid-value", {}),
    (500, {"reason": "fold-error", "error": "KeyError"}, 500, "internal", {"reason": "fold-error"}),
    (418, {"type": "x", "title": "x", "detail": "x"}, 422, "invalid-value", {}),
]


@pytest.mark.parametrize("case", REJECTED, ids=lambda case: str(case[1].get("reason", "unknown")))
async def test_a_rejection_is_an_outcome(
    gateway: Gateway, case: tuple[int, Mapping[str, object], int, str, Mapping[str, object]]
) -> None:
    """The caller is told why, how things stand and what to do; nothing of an outcome takes the place of a problem's members."""
    decided, detail, status, problem, members = case
    asking = asyncio.create_task(patch(gateway, headers={"Idempotency-Key": "key-1"}))
    await decide(gateway, 1, decided, detail)
    answer = await asking

    assert (answer.status, answer.problem) == (status, problem)
    assert answer.json.items() >= {**members, "command_id": "key-1"}.items()
    assert answer.json["detail"] not in {"", "x"}


def test_what_is_said_of_a_rejection_says_what_to_do() -> None:
    assert all(len(sentence) > 20 and sentence.endswith(".") for _, sentence in REASONS.values())


async def test_the_same_key_again_gets_the_first_outcome_and_appends_nothing(gateway: Gateway) -> None:
    headers = {"Idempotency-Key": "key-1"}
    asking = asyncio.create_task(patch(gateway, headers=headers))
    await decide(gateway, 1, 409, {"reason": "transition-not-allowed", "allowed": []})
    first, again = await asking, await patch(gateway, headers=headers)

    assert (first.status, again.status) == (409, 409)
    assert len(appended(gateway)) == 1


async def test_the_same_key_for_something_else_is_422(gateway: Gateway) -> None:
    headers = {"Idempotency-Key": "key-1"}
    asking = asyncio.create_task(patch(gateway, headers=headers))
    await decide(gateway, 1, 200, {})
    await asking
    other = await patch(gateway, {"status": "RESOLVED"}, headers)

    assert (other.status, other.problem) == (422, "idempotency-key-reused")
    assert len(appended(gateway)) == 1


async def test_the_same_key_of_somebody_else_is_422(gateway: Gateway) -> None:
    """Who asks is part of the request: otherwise Bob is told that he resolved what Ada did."""
    headers = {"Idempotency-Key": "key-1"}
    asking = asyncio.create_task(patch(gateway, headers=headers))
    await decide(gateway, 1, 200, {})
    assert (await asking).status == 200
    other = await patch(gateway, headers=headers, key="colleague")

    assert (other.status, other.problem) == (422, "idempotency-key-reused")
    assert len(appended(gateway)) == 1


async def test_what_was_heeded_of_prefer_is_told(gateway: Gateway) -> None:
    asking = asyncio.create_task(patch(gateway, headers={"Prefer": "wait=99, respond-async", "Idempotency-Key": "key-1"}))
    await decide(gateway, 1, 409, {"reason": "over"})
    rejected = await asking
    later = await patch(gateway, headers={"Prefer": "respond-async"})

    assert (rejected.status, rejected.headers["Preference-Applied"]) == (409, "wait=20")
    assert (later.status, later.headers["Preference-Applied"]) == (202, "respond-async")


async def test_a_parameter_is_refused_and_not_passed_over(gateway: Gateway) -> None:
    answer = await patch(gateway, path=PATH + "?dry_run=true")
    assert (answer.status, answer.problem) == (422, "invalid-value")
    assert answer.json["errors"] == [
        {"parameter": "dry_run", "code": "unknown-parameter", "detail": "a command takes no parameters"}
    ]
    assert not appended(gateway)


async def test_two_at_once_with_one_key_and_different_requests_do_not_both_succeed(gateway: Gateway) -> None:
    """Neither sees an outcome before it appends: the row's hash tells whose it is."""
    headers = {"Idempotency-Key": "key-1"}
    one = asyncio.create_task(patch(gateway, headers=headers))
    await gateway.log.until_handed(1)
    two = asyncio.create_task(patch(gateway, {"status": "RESOLVED"}, headers))
    await gateway.log.until_handed(2)
    await decide(gateway, 1, 200, {})

    assert ((await one).status, (await two).status) == (200, 422)


async def test_without_an_outcome_in_time_it_is_202_and_where_to_look(gateway: Gateway) -> None:
    answer = await patch(gateway, headers={"Prefer": "wait=0", "Idempotency-Key": "a/b?c"})
    assert answer.status == 202
    assert answer.headers["Location"].startswith("/api/v1/commands/a%2Fb%3Fc?position=")


async def test_with_postgres_away_a_command_is_202_at_once(gateway: Gateway) -> None:
    gateway.outcomes.away = True
    answer = await patch(gateway, headers={"Idempotency-Key": "key-1"})

    assert answer.status == 202
    assert len(appended(gateway)) == 1


async def test_beyond_so_many_waiting_callers_are_told_202_at_once() -> None:
    async with running(commands_waiting_max=0) as gateway:
        assert (await patch(gateway, headers={})).status == 202


async def test_a_log_that_does_not_answer_is_503() -> None:
    async with running(append_deadline_s=0.05) as gateway:
        gateway.log.freeze()
        answer = await patch(gateway)
        assert (answer.status, answer.problem, answer.headers["Retry-After"]) == (503, "unavailable", "1")
        assert re.fullmatch("[0-9a-f]{32}", answer.json["command_id"]), "what to repeat it with, though it had no key"
        keyed = await patch(gateway, headers={"Idempotency-Key": "key-1"})
        assert (keyed.status, keyed.json["command_id"]) == (503, "key-1")


async def test_another_tenants_incident_is_asked_for_in_ones_own_partition(gateway: Gateway) -> None:
    """The gateway knows no incidents: the fold finds none of this tenant, and says 404."""
    await patch(gateway, key="rival")
    assert not appended(gateway)
    [command] = appended(gateway, RIVAL_PARTITION)
    assert command.tenant == RIVAL


UNFIT: dict[str, tuple[Any, Mapping[str, str], int, str]] = {
    "not-json": (b"{", {}, 400, "not-json"),
    "no-body": (b"", {}, 400, "malformed-request"),
    "unknown-status": ({"status": "SNOOZED"}, {}, 422, "invalid-value"),
    "unknown-member": ({"status": "OPEN", "version": 7}, {}, 422, "invalid-value"),
    "a-list": ([], {}, 422, "invalid-value"),
    "if-match": (None, {"If-Match": 'W/"7"'}, 400, "malformed-request"),
    "key": (None, {"Idempotency-Key": "x" * 256}, 400, "malformed-request"),
    "form": (None, {"Content-Type": "application/x-www-form-urlencoded"}, 415, "unsupported-media-type"),
    "text": (None, {"Content-Type": "text/plain"}, 415, "unsupported-media-type"),
    "gzip": (None, {"Content-Encoding": "gzip"}, 415, "unsupported-media-type"),
    "large": ({"status": "OPEN", "comment": "x" * 20_000}, {}, 413, "too-large"),
}


@pytest.mark.parametrize("case", UNFIT)
async def test_what_cannot_be_read_appends_nothing(gateway: Gateway, case: str) -> None:
    body, headers, status, problem = UNFIT[case]
    answer = await patch(gateway, body, headers)

    assert (answer.status, answer.problem) == (status, problem)
    assert not appended(gateway)


async def test_a_body_that_is_no_json_says_why(gateway: Gateway) -> None:
    answer = await patch(gateway, b'{"status": "OPEN", "status": "RESOLVED"}')
    assert (answer.status, answer.problem, answer.json["code"]) == (400, "not-json", "duplicate-key")


async def test_errors_name_members_and_repeat_no_values(gateway: Gateway) -> None:
    answer = await patch(gateway, {"status": "canary-value"})
    assert [(each["pointer"], each["code"]) for each in answer.json["errors"]] == [("/status", "enum")]
    assert b"canary" not in answer.body


@pytest.mark.parametrize("name", ["INC-123", "INC-UUUUUUU", "x", "0" * 27, "bulk"])
async def test_an_id_that_none_of_ours_looks_like_is_404(gateway: Gateway, name: str) -> None:
    answer = await patch(gateway, path=f"/incidents/{name}/status")
    assert (answer.status, answer.problem) == (404, "not-found")
    assert not appended(gateway)


@pytest.mark.parametrize("authorization", [None, "Bearer wrong", "Basic abc", "Bearer tocsin_" + "x" * 61])
async def test_no_key_of_ours_is_401(gateway: Gateway, authorization: str | None) -> None:
    headers = {"Content-Type": "application/json"} | ({} if authorization is None else {"Authorization": authorization})
    answer = await gateway.send("PATCH", PATH, data=b"{", headers=headers)
    assert (answer.status, answer.problem) == (401, "unauthenticated")


async def test_a_key_without_the_scope_is_403(gateway: Gateway) -> None:
    answer = await patch(gateway, key="reader")
    assert (answer.status, answer.problem) == (403, "forbidden")
    assert answer.json["scope"] == "incidents:write"


@pytest.mark.parametrize("name", ["api_key", "access_token", "TOKEN"])
async def test_a_key_in_the_url_is_refused(gateway: Gateway, name: str) -> None:
    answer = await patch(gateway, path=f"{PATH}?{name}=abc")
    assert (answer.status, answer.problem) == (400, "malformed-request")


async def test_commands_have_a_quota_of_their_own() -> None:
    async with running(clock=ManualClock(), commands_burst=1) as gateway:
        assert [(await patch(gateway)).status for _ in range(2)] == [202, 429]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_another_method_is_405(gateway: Gateway, method: str) -> None:
    answer = await gateway.send(method, PATH)
    assert (answer.status, answer.headers["Allow"]) == (405, "PATCH")


async def test_who_waits_while_the_gateway_stops_is_told_202(gateway: Gateway) -> None:
    asking = asyncio.create_task(patch(gateway, headers={"Prefer": "wait=20"}))
    await gateway.log.until_handed(1)
    while not gateway.ingest._commands.waiting:
        await gateway.log.changed.wait(0.01)
    await gateway.ingest.stop()
    assert (await asking).status == 202
