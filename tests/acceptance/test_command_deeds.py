"""What people do to incidents (issue 5): through gateway, log and fold, and every caller gets a true answer."""

import asyncio
import itertools
from collections import Counter
from typing import Any

import pytest

from tests.acceptance.conftest import Fragile
from tests.support.bodies import alertmanager, am_alert
from tests.support.customer import Customer, move_in
from tests.support.system import Answer, System
from tocsin_contracts.notification import INCIDENT_LABEL
from tocsin_ingest.commands.table import OPERATIONS

_KEYS = itertools.count()
SERVICES = ("one", "two", "three")


@pytest.fixture
async def ada(shared: System) -> Customer:
    customer = await move_in(shared)
    await customer.settle(alertmanager(am_alert("a"), am_alert("b")))
    return customer


@pytest.fixture
async def bob(shared: System) -> Customer:
    """Has three incidents, of a service each."""
    customer = await move_in(shared)
    for name in SERVICES:
        await customer.settle(alertmanager(am_alert(name, name=f"Down {name}", service=name)))
    return customer


async def do(customer: Customer, method: str, path: str, body: object = None, status: int = 200, **headers: str) -> Any:
    """Ask for a command with a key of its own, and give what its caller was told."""
    headers.setdefault("idempotency_key", f"deed-{next(_KEYS)}")
    answer = await customer.command(method, path, body, **headers)
    assert answer.status == status, (answer.status, answer.body)
    return answer.json()


async def by_service(customer: Customer) -> dict[str, Any]:
    return {incident["service"]: incident for incident in await customer.incidents()}


DEEDS: list[tuple[str, str, Any, str, Any]] = [
    ("POST", "acknowledge", {"comment": "mine"}, "status", "ACKNOWLEDGED"),
    ("PUT", "assignee", {"assignee": "ada"}, "assignee", "ada"),
    ("PUT", "severity", {"severity": "LOW", "comment": "staging"}, "severity", "LOW"),
    ("PUT", "team", {"team": "storage"}, "team", "storage"),
    ("PUT", "runbook", {"url": "https://runbooks.example/1"}, "runbook_url", "https://runbooks.example/1"),
]


@pytest.mark.parametrize(("method", "verb", "body", "name", "after"), DEEDS, ids=[each[1] for each in DEEDS])
async def test_a_deed_changes_the_incident_and_is_an_action(
    ada: Customer, method: str, verb: str, body: Any, name: str, after: Any
) -> None:
    before = await ada.incident()
    said = await do(ada, method, f"/incidents/{before['short_code'].lower()}/{verb}", body)
    incident = await ada.incident()

    assert incident[name] == after != before[name]
    assert (said["incident"], said["version"], said["revision"]) == (incident["id"], incident["version"], incident["revision"])
    assert incident["revision"] == before["revision"] + 1
    (action,) = incident["actions"]
    assert (action["actor_name"], action["comment"], action["command_id"]) == ("Ada", body.get("comment"), said["command_id"])
    decided = await ada.get(f"/commands/{said['command_id']}")
    assert (decided["outcome"], decided["detail"]["revision"]) == ("applied", incident["revision"])


async def test_a_snooze_is_set_ended_and_taken_back(ada: Customer) -> None:
    path = f"/incidents/{(await ada.incident())['id']}"
    said = await do(ada, "PUT", f"{path}/snooze", {"for": "2h"})
    assert (await ada.incident())["snoozed_until"] is not None
    await do(ada, "DELETE", f"{path}/snooze")
    assert (await ada.incident())["snoozed_until"] is None
    again = await do(ada, "DELETE", f"{path}/snooze", status=409)
    assert again["reason"] == "not-snoozed"
    await do(ada, "POST", f"{path}/undo", {"version": said["version"]}, status=409)
    snoozed = await do(ada, "PUT", f"{path}/snooze", {"for": 3600})
    await do(ada, "POST", f"{path}/undo", {"version": snoozed["version"]})
    assert (await ada.incident())["snoozed_until"] is None


async def test_comments_are_kept_in_order(ada: Customer) -> None:
    path = f"/incidents/{(await ada.incident())['id']}/comments"
    for text in ("first", "second"):
        await do(ada, "POST", path, {"text": text})
    facts = [fact["body"]["text"] for fact in (await ada.incident())["timeline"] if fact["kind"] == "commented"]
    assert facts == ["second", "first"]


async def test_what_is_over_is_opened_again_by_reopen_alone(ada: Customer) -> None:
    incident = (await ada.incident())["id"]
    early = await do(ada, "POST", f"/incidents/{incident}/reopen", status=409)
    assert (early["reason"], early["current"], early["revision"]) == ("not-over", "OPEN", 0)
    await do(ada, "PATCH", f"/incidents/{incident}/status", {"status": "RESOLVED"})
    over = await do(ada, "PUT", f"/incidents/{incident}/snooze", {"for": "1h"}, status=409)
    assert (over["reason"], over["current"]) == ("over", "RESOLVED")
    await do(ada, "POST", f"/incidents/{incident}/reopen", {"comment": "back"})
    assert (await ada.incident())["status"] == "OPEN"


async def test_a_merge_takes_the_alerts_over_and_is_taken_back(bob: Customer) -> None:
    found = await by_service(bob)
    one, two, three = (found[name]["id"] for name in SERVICES)
    merged = await do(bob, "POST", f"/incidents/{one}/merge", {"incidents": [found["two"]["short_code"], three]})
    assert (await bob.get(f"/incidents/{one}"))["alert_count"] == 3
    assert (await bob.get(f"/incidents/{two}"))["status"] == "CLOSED"
    elsewhere = await do(bob, "POST", f"/incidents/{two}/reopen", status=409)
    assert (elsewhere["reason"], elsewhere["merged_into"]) == ("merged-elsewhere", one)
    await bob.settle(alertmanager(am_alert("more", name="Down two", service="two")))
    assert (await bob.get(f"/incidents/{one}"))["alert_count"] == 4, "the group's next alert goes there too"
    await do(bob, "POST", f"/incidents/{one}/merge", {"incidents": [one]}, status=409)
    await do(bob, "POST", f"/incidents/{one}/undo", {"version": merged["version"]})
    assert {(await bob.get(f"/incidents/{name}"))["status"] for name in (two, three)} == {"OPEN", "CLOSED"}


async def test_alerts_are_split_off_and_taken_back(ada: Customer) -> None:
    incident = await ada.incident()
    alerts = [alert["id"] for alert in incident["alerts"]]
    stranger = await do(ada, "POST", f"/incidents/{incident['id']}/split", {"alerts": ["0" * 26]}, status=409)
    assert stranger["reason"] == "not-a-member"
    said = await do(ada, "POST", f"/incidents/{incident['id']}/split", {"alerts": alerts[:1]})
    child = await ada.get(f"/incidents/{said['new']['incident']}")
    assert ([alert["id"] for alert in child["alerts"]], child["status"]) == (alerts[:1], "OPEN")
    await do(ada, "POST", f"/incidents/{incident['id']}/undo", {"version": said["version"]})
    assert (await ada.get(f"/incidents/{incident['id']}"))["alert_count"] == 2


async def test_links_are_made_and_taken_back(bob: Customer) -> None:
    found = await by_service(bob)
    one, two = found["one"]["id"], found["two"]["id"]
    await do(bob, "POST", f"/incidents/{one}/links", {"incident": found["two"]["short_code"]})
    assert [[link["id"] for link in (await bob.get(f"/incidents/{each}"))["links"]] for each in (one, two)] == [[two], [one]]
    await do(bob, "DELETE", f"/incidents/{one}/links/{two}")
    assert [(await bob.get(f"/incidents/{each}"))["links"] for each in (one, two)] == [[], []]
    kinds = [
        (fact["body"]["other"], fact["body"].get("linked", False))
        for fact in (await bob.get(f"/incidents/{one}"))["timeline"][:2]
    ]
    assert kinds == [(two, False), (two, True)]
    await do(bob, "POST", f"/incidents/{one}/links", {"incident": one}, status=409)
    await do(bob, "POST", f"/incidents/{one}/links", {"incident": "0" * 26}, status=404)


async def test_many_are_changed_by_one_command_each_by_itself(bob: Customer) -> None:
    found = await by_service(bob)
    await do(bob, "PATCH", f"/incidents/{found['two']['id']}/status", {"status": "RESOLVED"})
    asked = {"filter": {"service": ["one", "two"]}, "action": {"kind": "acknowledge"}, "comment": "ours"}
    said = await do(bob, "POST", "/incidents/bulk", asked, idempotency_key="bulk")
    again = await do(bob, "POST", "/incidents/bulk", asked, idempotency_key="bulk")

    assert (said["applied"], said["rejected"]) == (1, 1)
    results = {result["incident"]: (result["status"], result.get("reason")) for result in said["results"]}
    assert results == {found["one"]["id"]: (200, None), found["two"]["id"]: (409, "transition-not-allowed")}
    assert again == said
    after = await by_service(bob)
    assert {name: after[name]["status"] for name in SERVICES} == {"one": "ACKNOWLEDGED", "two": "RESOLVED", "three": "OPEN"}
    (action,) = (await bob.get(f"/incidents/{found['one']['id']}"))["actions"]
    assert action["comment"] == "ours"


async def test_what_a_list_shows_is_what_a_bulk_with_its_filter_changes(bob: Customer) -> None:
    """Also by what only the fold's clock tells: who is snoozed now."""
    found = await by_service(bob)
    await do(bob, "PUT", f"/incidents/{found['two']['id']}/snooze", {"for": "1h"})
    await do(bob, "PUT", f"/incidents/{found['three']['id']}/category", {"category": "data"})
    filters: list[dict[str, Any]] = [{"snoozed": True}, {"category": "data", "flapping": False}, {"snoozed": False}]
    for said in filters:
        query = {name: str(value).lower() for name, value in said.items()}
        listed = {item["id"] for item in (await bob.get("/incidents", **query))["items"]}
        told = await do(bob, "POST", "/incidents/bulk", {"filter": said, "action": {"kind": "assign", "assignee": "ada"}})
        assert {result["incident"] for result in told["results"]} == listed
        assert listed


async def test_rules_come_into_force_version_by_version(ada: Customer) -> None:
    document = {"version": 1, "rules": [{"name": "by-instance", "matchers": 'service="checkout"', "group_by": ["instance"]}]}
    said = await do(ada, "PUT", "/rules", {"document": document})
    assert said["version"] == 1
    late = await do(ada, "PUT", "/rules", {"document": {"version": 1}}, status=412, if_match='"v0"')
    assert (late["reason"], late["version"]) == ("revision-changed", 1)
    await ada.settle(alertmanager(am_alert("c"), am_alert("d")))
    assert len({incident["id"] for incident in await ada.incidents()}) >= 3
    decided = await ada.get(f"/commands/{said['command_id']}")
    assert (decided["outcome"], decided["detail"]["version"]) == ("applied", 1)


async def test_two_hundred_at_once_on_one_incident_get_true_answers_and_gapless_versions(ada: Customer) -> None:
    """P3, and the caller's side of it: who was told 200 is an action at the version that he was told, and nobody else is."""
    incident = await ada.incident()
    path, read = f"/incidents/{incident['id']}", f'"r{incident["revision"]}"'
    wait = {"prefer": "wait=20"}

    def one(number: int) -> Any:
        key = {"idempotency_key": f"crowd-{number}"}
        match number % 5:
            case 0:
                return ada.command("POST", f"{path}/comments", {"text": f"comment {number}"}, **wait, **key)
            case 1:
                return ada.command("PUT", f"{path}/assignee", {"assignee": f"person {number}"}, **wait, **key)
            case 2:
                return ada.command("PUT", f"{path}/severity", {"severity": "HIGH"}, if_match=read, **wait, **key)
            case 3:
                return ada.command("PATCH", f"{path}/status", {"status": "INVESTIGATING"}, **wait, **key)
            case _:
                return ada.command("PUT", f"{path}/snooze", {"for": 60 + number}, **wait, **key)

    answers: list[Answer] = await asyncio.gather(*(one(number) for number in range(200)))
    assert {answer.status for answer in answers} == {200, 409, 412}
    async with ada.system.db() as connection:
        rows = await connection.fetch(
            "SELECT command_id, version FROM proj.incident_actions WHERE tenant_id = $1 AND incident_id = $2",
            ada.tenant.id,
            incident["id"],
        )
    told = {answer.json()["command_id"]: answer.json()["version"] for answer in answers if answer.status == 200}
    assert told == {row["command_id"]: row["version"] for row in rows}
    assert [answer.status for answer in answers[3::5]].count(200) == 1
    assert [answer.status for answer in answers[2::5]].count(200) <= 1
    assert {answer.status for answer in (*answers[::5], *answers[1::5], *answers[4::5])} == {200}
    versions = [fact.version for fact in await ada.facts() if fact.incident == incident["id"]]
    assert versions == list(range(1, len(versions) + 1))
    after = await ada.incident()
    assert (after["version"], after["revision"]) == (len(versions), incident["revision"] + len(told))


async def test_another_tenants_incident_is_reached_by_no_command(ada: Customer, shared: System) -> None:
    """P9, of writes: by id or code, in path, body, bulk or filter there is nothing, and nothing is changed."""
    eve = await move_in(shared)
    await eve.settle(alertmanager(am_alert("hers", name="Hers", service="hers")))
    hers, incident = await eve.incident(), await ada.incident()
    for name in (incident["id"], incident["short_code"]):
        asked = {each.name: (each.method, each.form.format(id=name, other=name), each.example) for each in OPERATIONS}
        del asked["changeIncidents"], asked["setRules"]
        asked["linkIncidents"] = ("POST", f"/incidents/{name}/links", {"incident": hers["id"]})
        asked["mergeIncidents"] = ("POST", f"/incidents/{name}/merge", {"incidents": [hers["id"]]})
        for method, path, body in asked.values():
            await do(eve, method, path, body, status=404)
        await do(eve, "POST", f"/incidents/{hers['id']}/merge", {"incidents": [name]}, status=404)
        await do(eve, "POST", f"/incidents/{hers['id']}/links", {"incident": name}, status=404)
    alert = incident["alerts"][0]["id"]
    await do(eve, "POST", f"/incidents/{hers['id']}/split", {"alerts": [alert]}, status=409)
    action = {"kind": "set-status", "status": "RESOLVED"}
    said = await do(eve, "POST", "/incidents/bulk", {"incidents": [incident["id"]], "action": action})
    assert (said["applied"], said["results"][0]["status"]) == (0, 404)
    nothing = await do(eve, "POST", "/incidents/bulk", {"filter": {"service": "checkout"}, "action": action}, status=422)
    assert nothing["matched"] == 0
    assert (await ada.incident())["version"] == incident["version"]


async def test_of_two_hundred_with_one_precondition_one_wins_and_all_others_are_told_by_what_revision(ada: Customer) -> None:
    incident = await ada.incident()
    path, read = f"/incidents/{incident['id']}", f'"r{incident["revision"]}"'
    asked: list[tuple[str, str, object]] = [
        ("POST", "comments", {"text": "mine"}),
        ("PUT", "team", {"team": "sre"}),
        ("POST", "acknowledge", {}),
        ("POST", "split", {"alerts": [incident["alerts"][0]["id"]]}),
    ]

    def one(number: int) -> Any:
        method, verb, body = asked[number % len(asked)]
        key = f"only-{number}"
        return ada.command(method, f"{path}/{verb}", body, if_match=read, idempotency_key=key, prefer="wait=20")

    answers: list[Answer] = await asyncio.gather(*(one(number) for number in range(200)))
    tally = Counter(answer.status for answer in answers)
    assert {status: count for status, count in tally.items() if status != 429} == {200: 1, 412: tally.total() - tally[429] - 1}
    late = {answer.json()["revision"] for answer in answers if answer.status == 412}
    assert late == {incident["revision"] + 1}
    after = await ada.get(path)
    assert (after["revision"], len(after["actions"])) == (incident["revision"] + 1, 1)


async def test_a_notification_of_our_own_that_comes_back_is_ignored(ada: Customer) -> None:
    incident = await ada.incident()
    came_back = am_alert("loop", name="Incident", **{INCIDENT_LABEL: incident["id"]})
    outcome = await ada.settle(alertmanager(came_back))
    assert (outcome["outcome"], outcome["reason"]) == ("ignored", "own-notification")
    assert (await ada.incident())["version"] == incident["version"]


async def test_with_postgres_down_a_command_by_whole_id_is_taken_and_a_short_code_is_not(fragile: Fragile) -> None:
    ada = await move_in(fragile.system)
    await ada.settle(alertmanager(am_alert()))
    incident = await ada.incident()

    await fragile.postgres.kill()
    taken = await ada.command("PUT", f"/incidents/{incident['id']}/assignee", {"assignee": "ada"}, idempotency_key="dark")
    code = await ada.command("PUT", f"/incidents/{incident['short_code']}/assignee", {"assignee": "eve"})
    many = await ada.command("POST", "/incidents/bulk", {"filter": {"status": "OPEN"}, "action": {"kind": "acknowledge"}})
    assert (taken.status, code.status, many.status) == (202, 503, 503)
    assert "whole id" in code.json()["detail"]
    await fragile.mend()

    again = await do(
        ada, "PUT", f"/incidents/{incident['id']}/assignee", {"assignee": "ada"}, idempotency_key="dark", prefer="wait=20"
    )
    assert again["revision"] == incident["revision"] + 1
    assert (await ada.incident())["assignee"] == "ada"
