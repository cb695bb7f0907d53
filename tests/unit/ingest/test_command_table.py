"""Every command of the table: routed, read, keyed, and written into the log as the deed that it asks for."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.unit.ingest.commanding import ask, logged
from tests.unit.ingest.gateway import ACME, RIVAL, Gateway, running
from tocsin_contracts import command as deeds
from tocsin_contracts.envelope import Kind
from tocsin_contracts.routes import CANONICAL, ROUTES, Owner, allowed_methods, owner
from tocsin_contracts.severity import Severity
from tocsin_contracts.status import IncidentStatus
from tocsin_control.principal import Scope
from tocsin_ingest.commands.table import OPERATIONS, Operation
from tocsin_ingest.commands.telling import REASONS
from tocsin_ingest.domain.target import Commanded, find_target
from tocsin_query.domain.shapes import IncidentChoice
from tocsin_runtime.clock import ManualClock

NOW = 1_800_000_000_000_000
I = "7K3QF2B0000000000000000001"  # noqa: E741 - an incident
J = "7K3QF2C0000000000000000002"
K = "8K3QF2C0000000000000000003"
A, B = "0A" * 13, "0B" * 13
KEY = {"Idempotency-Key": "key-1"}
DAY = 86_400_000_000


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    async with running(clock=ManualClock(NOW), commands_burst=1000, heavy_commands_burst=1000) as gateway:
        for name in (I, J, K):
            gateway.incidents.record(ACME, name)
        yield gateway


DEEDS: list[tuple[str, str, Any, deeds.Body]] = [
    (
        "PATCH",
        "status",
        {"status": "RESOLVED", "comment": "c"},
        deeds.SetStatus(incident=I, status=IncidentStatus.RESOLVED, comment="c"),
    ),
    (
        "POST",
        "acknowledge",
        {"comment": "c"},
        deeds.SetStatus(incident=I, status=IncidentStatus.ACKNOWLEDGED, comment="c"),
    ),
    ("POST", "acknowledge", None, deeds.SetStatus(incident=I, status=IncidentStatus.ACKNOWLEDGED)),
    ("PUT", "assignee", {"assignee": " ada ", "comment": "c"}, deeds.Assign(incident=I, assignee="ada", comment="c")),
    ("PUT", "assignee", {"assignee": None}, deeds.Assign(incident=I, assignee=None)),
    ("PUT", "assignee", {"assignee": "Zoë 大", "comment": "  "}, deeds.Assign(incident=I, assignee="Zoë 大")),
    ("PUT", "snooze", {"until": "2027-01-15T08:01:40Z"}, deeds.Snooze(incident=I, until=NOW + 100_000_000)),
    ("PUT", "snooze", {"for": "2h30m", "comment": "c"}, deeds.Snooze(incident=I, until=NOW + 9_000_000_000, comment="c")),
    ("PUT", "snooze", {"for": 90}, deeds.Snooze(incident=I, until=NOW + 90_000_000)),
    ("PUT", "snooze", {"for": "30d"}, deeds.Snooze(incident=I, until=NOW + 30 * DAY)),
    ("DELETE", "snooze", None, deeds.Unsnooze(incident=I)),
    ("DELETE", "snooze", {"comment": "c"}, deeds.Unsnooze(incident=I, comment="c")),
    ("POST", "comments", {"text": "It is the disk."}, deeds.Comment(incident=I, text="It is the disk.")),
    ("PUT", "severity", {"severity": "LOW"}, deeds.SetSeverity(incident=I, severity=Severity.LOW)),
    ("PUT", "team", {"team": "storage"}, deeds.SetTeam(incident=I, team="storage")),
    ("PUT", "team", {"team": None}, deeds.SetTeam(incident=I, team=None)),
    ("PUT", "category", {"category": "capacity"}, deeds.SetCategory(incident=I, category="capacity")),
    ("PUT", "runbook", {"url": "https://r.example/1"}, deeds.SetRunbook(incident=I, url="https://r.example/1")),
    ("PUT", "runbook", {"url": None}, deeds.SetRunbook(incident=I, url=None)),
    ("POST", "links", {"incident": J}, deeds.Link(incident=I, other=J)),
    ("DELETE", f"links/{J}", None, deeds.Unlink(incident=I, other=J)),
    ("POST", "merge", {"incidents": [J, K, J]}, deeds.Merge(incident=I, sources=(J, K))),
    ("POST", "split", {"alerts": [A.lower(), B, A]}, deeds.Split(incident=I, alerts=(A, B))),
    ("POST", "reopen", None, deeds.Reopen(incident=I)),
    ("POST", "undo", {"version": 7}, deeds.Undo(incident=I, version=7)),
]


@pytest.mark.parametrize(("method", "verb", "body", "deed"), DEEDS, ids=[f"{each[0]} {each[1]}" for each in DEEDS])
async def test_a_command_is_logged_as_its_deed(gateway: Gateway, method: str, verb: str, body: Any, deed: deeds.Body) -> None:
    """By either path, by whole id or short code, in either case: one deed, with whole ids."""
    for prefix in (f"/api/v1/incidents/{I}", f"/incidents/{I.lower()}", "/incidents/INC-7K3QF2B", "/incidents/inc-7k3qf2b"):
        answer = await ask(gateway, method, f"{prefix}/{verb}", body, KEY)
        assert answer.status == 202, answer.body
    commands = logged(gateway)
    assert [command.body for command in commands] == [deed] * 4
    assert {(command.tenant, command.id, command.issued_at) for command in commands} == {(ACME, "key-1", NOW)}


UNFIT: list[tuple[str, str, Any, str, str]] = [
    ("PUT", "assignee", {}, "/assignee", "missing"),
    ("PUT", "assignee", {"assignee": ""}, "/assignee", "string_too_short"),
    ("PUT", "assignee", {"assignee": "a\nb"}, "/assignee", "string_pattern_mismatch"),
    ("PUT", "assignee", {"assignee": "a\u202eb"}, "/assignee", "string_pattern_mismatch"),
    ("PUT", "team", {"team": "a\x9b31mb"}, "/team", "string_pattern_mismatch"),
    ("PUT", "assignee", {"assignee": "ada", "tenant": "x"}, "/tenant", "extra_forbidden"),
    ("PUT", "snooze", {}, "", "value_error"),
    ("PUT", "snooze", {"for": 60, "until": "2027-01-15T08:01:40Z"}, "", "value_error"),
    ("PUT", "snooze", {"for": "soon"}, "/for", "duration"),
    ("PUT", "snooze", {"for": "0s"}, "/for", "out-of-range"),
    ("PUT", "snooze", {"for": "31d"}, "/for", "out-of-range"),
    ("PUT", "snooze", {"for": 0}, "/for", "greater_than_equal"),
    ("PUT", "snooze", {"for": 2_592_001}, "/for", "less_than_equal"),
    ("PUT", "snooze", {"until": "2027-01-15T08:01:40"}, "/until", "timezone_aware"),
    ("PUT", "snooze", {"until": "2027-01-15T08:00:00Z"}, "/until", "out-of-range"),
    ("PUT", "snooze", {"until": "2027-03-15T08:00:00Z"}, "/until", "out-of-range"),
    ("POST", "comments", {"text": ""}, "/text", "string_too_short"),
    ("POST", "comments", {"text": " \n"}, "/text", "value_error"),
    ("POST", "comments", {"text": "a\u0000b"}, "/text", "string_pattern_mismatch"),
    ("POST", "comments", {"text": "x" * 10_001}, "/text", "string_too_long"),
    ("POST", "comments", {"text": "t", "comment": "c"}, "/comment", "extra_forbidden"),
    ("PATCH", "status", {"status": "OPEN", "comment": "a\u0000b"}, "/comment", "string_pattern_mismatch"),
    ("PATCH", "status", {"status": "OPEN", "comment": 7}, "/comment", "string_type"),
    ("PUT", "severity", {"severity": "WORST"}, "/severity", "enum"),
    ("PUT", "category", {"category": "weather"}, "/category", "enum"),
    ("PUT", "runbook", {"url": "javascript:alert(1)"}, "/url", "string_pattern_mismatch"),
    ("POST", "links", {"incident": "non-sense"}, "/incident", "id"),
    ("POST", "merge", {"incidents": []}, "/incidents", "too_short"),
    ("POST", "merge", {"incidents": [J, "non-sense"]}, "/incidents/1", "id"),
    ("POST", "merge", {"incidents": [J] * 51}, "/incidents", "too_long"),
    ("POST", "split", {"alerts": [A, "INC-7K3QF2B"]}, "/alerts/1", "id"),
    ("POST", "undo", {"version": 0}, "/version", "greater_than_equal"),
    ("POST", "undo", {"version": "7"}, "/version", "int_type"),
]


@pytest.mark.parametrize(("method", "verb", "body", "pointer", "code"), UNFIT)
async def test_a_value_that_does_not_fit_is_422_with_its_place(
    gateway: Gateway, method: str, verb: str, body: Any, pointer: str, code: str
) -> None:
    answer = await ask(gateway, method, f"/api/v1/incidents/{I}/{verb}", body, KEY)
    assert (answer.status, answer.problem) == (422, "invalid-value"), answer.body
    assert (pointer, code) in {(each["pointer"], each["code"]) for each in answer.json["errors"]}
    assert not logged(gateway)


async def test_a_member_that_stands_twice_is_refused(gateway: Gateway) -> None:
    """Of two severities, who knows which was meant (security S31)."""
    answer = await ask(gateway, "PUT", f"/incidents/{I}/severity", b'{"severity":"LOW","severity":"HIGH"}')
    assert (answer.status, answer.problem) == (400, "not-json")


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_every_command_is_a_public_route(operation: Operation) -> None:
    path = operation.form.replace("{id}", I).replace("{other}", J)
    assert operation.method in allowed_methods(CANONICAL + path)
    assert owner(operation.method, CANONICAL + path) is Owner.INGEST
    target = find_target(CANONICAL + path)
    assert isinstance(target, Commanded)
    assert target.form == operation.form


def test_every_route_of_a_command_is_in_the_table() -> None:
    routed = {
        (method, route.path)
        for route in ROUTES
        for method in route.methods
        if method != "GET" and (route.path.startswith("/incidents") or route.path == "/rules")
    }
    assert routed == {(each.method, each.form) for each in OPERATIONS}


def test_every_command_and_every_reason_is_told_of_in_the_reference() -> None:
    page = (Path(__file__).parents[3] / "docs/reference/commands.md").read_text(encoding="utf-8")
    told = set(re.findall(r"^\| `([A-Z]+) (/[^`]+)` \|", page, re.MULTILINE))
    assert told == {(each.method, each.form) for each in OPERATIONS}
    assert {reason for reason in REASONS if f"`{reason}`" not in page} == set()


def test_what_done_twice_is_two_needs_a_key_and_nothing_else_does() -> None:
    assert {each.name for each in OPERATIONS if each.key_required} == {"commentIncident", "mergeIncidents", "splitIncident"}


def test_every_command_needs_a_scope_that_its_kind_of_key_has() -> None:
    assert {each.scope for each in OPERATIONS} == {Scope.INCIDENTS_WRITE, Scope.RULES_WRITE}
    assert {each.name for each in OPERATIONS if each.scope is Scope.RULES_WRITE} == {"setRules"}


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
async def test_a_key_of_another_scope_is_403(gateway: Gateway, operation: Operation) -> None:
    path = operation.form.replace("{id}", I).replace("{other}", J)
    answer = await ask(gateway, operation.method, CANONICAL + path, operation.example, KEY, key="reader")
    assert (answer.status, answer.problem) == (403, "forbidden")


@pytest.mark.parametrize("operation", [each for each in OPERATIONS if each.key_required], ids=lambda operation: operation.name)
async def test_without_the_key_that_it_needs_a_command_is_400_and_says_so(gateway: Gateway, operation: Operation) -> None:
    answer = await ask(gateway, operation.method, operation.form.replace("{id}", I), operation.example)
    assert (answer.status, answer.problem) == (400, "malformed-request")
    assert "Idempotency-Key" in answer.json["detail"]
    assert not logged(gateway)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
async def test_the_example_of_a_command_is_taken(gateway: Gateway, operation: Operation) -> None:
    path = operation.form.replace("{id}", I).replace("{other}", J)
    asking = "ruler" if operation.scope is Scope.RULES_WRITE else "writer"
    answer = await ask(gateway, operation.method, CANONICAL + path, operation.example, KEY, key=asking)
    assert answer.status == 202, answer.body
    assert len(logged(gateway, operation.kind)) == 1


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("POST", f"/api/v1/incidents/{I}/snooze", "PUT, DELETE"),
        ("DELETE", f"/incidents/{I}/links", "POST"),
        ("PUT", f"/incidents/{I}/links/{J}", "DELETE"),
        ("DELETE", f"/incidents/{I}", "GET, HEAD"),
        ("DELETE", "/incidents/bulk", "GET, HEAD, POST"),
    ],
)
async def test_another_method_is_405_with_all_that_the_path_takes(gateway: Gateway, method: str, path: str, allow: str) -> None:
    answer = await ask(gateway, method, path, {})
    assert (answer.status, answer.headers["Allow"]) == (405, allow)


@pytest.mark.parametrize("path", [f"/incidents/{I}/explode", f"/incidents/{I}/links/{J}/x", f"/incidents/{I}/status/x", "/rules"])
async def test_what_is_no_command_is_404(gateway: Gateway, path: str) -> None:
    answer = await ask(gateway, "PUT", path, {})
    assert (answer.status, answer.problem) == (404, "not-found")


async def test_what_may_be_hundreds_of_facts_has_a_quota_of_its_own() -> None:
    assert {each.name for each in OPERATIONS if each.is_heavy} == {
        "mergeIncidents",
        "splitIncident",
        "changeIncidents",
        "setRules",
    }
    async with running(clock=ManualClock(NOW), heavy_commands_burst=1) as gateway:
        body = {"incidents": [I], "action": {"kind": "reopen"}}
        assert [(await ask(gateway, "POST", "/incidents/bulk", body)).status for _ in range(2)] == [202, 429]
        over = await ask(gateway, "POST", f"/incidents/{I}/split", {"alerts": [A]}, KEY)
        assert (over.status, over.json["violated-policies"]) == (429, ["heavy-commands"])
        assert (await ask(gateway, "POST", f"/incidents/{I}/reopen")).status == 202


async def test_a_code_that_means_several_is_409_with_the_choices(gateway: Gateway) -> None:
    twin = "7K3QF2B0000000000000000009"
    gateway.incidents.record(ACME, twin, "Disk full")
    gateway.incidents.record(RIVAL, "7K3QF2B0000000000000000008")
    answer = await ask(gateway, "POST", "/incidents/INC-7K3QF2B/acknowledge")
    assert (answer.status, answer.problem) == (409, "ambiguous-id")
    assert [each["id"] for each in answer.json["choices"]] == [I, twin]
    assert answer.json["choices"][1] == {"id": twin, "short_code": "INC-7K3QF2B", "title": "Disk full", "status": "OPEN"}
    assert all(IncidentChoice.model_validate_json(orjson.dumps(each)) for each in answer.json["choices"]), "as reads show them"
    assert not logged(gateway)
    assert (await ask(gateway, "POST", f"/incidents/{twin[:-1]}9/acknowledge")).status == 202


async def test_a_code_in_a_body_is_resolved_and_named_where_it_cannot_be(gateway: Gateway) -> None:
    taken = await ask(gateway, "POST", f"/incidents/{I}/merge", {"incidents": ["INC-7K3QF2C", K, "8k3qf2c"]}, KEY)
    assert taken.status == 202
    [command] = logged(gateway)
    assert isinstance(command.body, deeds.Merge)
    assert command.body.sources == (J, K)
    unknown = await ask(gateway, "POST", f"/incidents/{I}/merge", {"incidents": [K, "INC-0000000"]}, {"Idempotency-Key": "2"})
    assert (unknown.status, unknown.json["pointer"]) == (404, "/incidents/1")


async def test_a_code_of_another_tenants_incident_is_404(gateway: Gateway) -> None:
    answer = await ask(gateway, "POST", "/incidents/INC-7K3QF2B/acknowledge", key="rival")
    assert (answer.status, answer.problem) == (404, "not-found")


async def test_with_postgres_away_whole_ids_are_taken_and_codes_are_503(gateway: Gateway) -> None:
    gateway.incidents.away = True
    assert (await ask(gateway, "POST", f"/incidents/{I}/links", {"incident": J})).status == 202
    answer = await ask(gateway, "POST", f"/incidents/{I}/links", {"incident": "INC-7K3QF2C"})
    assert (answer.status, answer.problem) == (503, "unavailable")
    assert "whole id" in answer.json["detail"]


async def test_one_command_spelled_in_two_ways_is_one_request(gateway: Gateway) -> None:
    for path in (f"/api/v1/incidents/{I}/reopen", f"/incidents/{I.lower()}/reopen/"):
        await ask(gateway, "POST", path, {})
    assert len({command.request_hash for command in logged(gateway)}) == 1


async def test_rules_are_a_record_of_their_own_kind(gateway: Gateway) -> None:
    document = {"version": 1, "rules": [{"name": "db", "matchers": 'service="db"', "group_by": ["host"]}]}
    asked = {"document": document, "comment": "c", "dry_run": True}
    answer = await ask(gateway, "PUT", "/api/v1/rules", asked, {"If-Match": '"v3"'}, key="ruler")
    assert answer.status == 202, answer.body
    [command] = logged(gateway, Kind.RULE_SET)
    assert command.body == deeds.SetRules(document=document, comment="c", dry_run=True)
    assert command.if_revision == 3
    assert not logged(gateway)


async def test_rules_that_are_none_are_422_with_every_fault(gateway: Gateway) -> None:
    document = {"version": 1, "rules": [{"name": "a", "matchers": "service=~'('"}, {"name": "b", "windou": "1m"}]}
    answer = await ask(gateway, "PUT", "/api/v1/rules", {"document": document}, key="ruler")
    assert (answer.status, answer.problem) == (422, "invalid-value")
    pointers = [each["pointer"] for each in answer.json["errors"]]
    assert len(pointers) >= 2
    assert all(pointer.startswith("/document/rules/") for pointer in pointers)
    assert not logged(gateway, Kind.RULE_SET)


async def test_so_many_rule_sets_are_checked_at_once() -> None:
    async with running(clock=ManualClock(NOW), rule_checks_max=1) as gateway:
        slow = gateway.ingest._commands._resolver._slow
        async with slow:
            busy = await ask(gateway, "PUT", "/api/v1/rules", {"document": {"version": 1}}, key="ruler")
        assert (busy.status, busy.problem) == (503, "unavailable")
        assert (await ask(gateway, "PUT", "/api/v1/rules", {"document": {"version": 1}}, key="ruler")).status == 202


@pytest.mark.parametrize(("header", "status"), [('"v3"', 202), ('"r3"', 400), ("*", 202)])
async def test_rules_have_a_version_as_precondition(gateway: Gateway, header: str, status: int) -> None:
    answer = await ask(gateway, "PUT", "/api/v1/rules", {"document": {"version": 1}}, {"If-Match": header}, key="ruler")
    assert answer.status == status
