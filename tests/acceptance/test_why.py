"""Why: what decided about alerts and incidents is answered from what was recorded, through the running system (issue 5, 6)."""

from typing import Any

import pytest

from tests.support.bodies import LATER, alertmanager, am_alert
from tests.support.customer import Customer, move_in
from tests.support.system import System

BY_INSTANCE = {"name": "by-instance", "matchers": ['alertname="HighErrorRate"'], "group_by": ["labels.instance"]}
PAIRS = {"name": "pairs", "matchers": ['alertname="Down"'], "threshold": {"alerts": 2, "within": "10m"}}


@pytest.fixture
async def ada(shared: System) -> Customer:
    return await move_in(shared)


async def test_two_alerts_tell_why_they_are_where_they_are_before_and_after_other_rules(ada: Customer) -> None:
    shown = await ada.settle(alertmanager(am_alert("a"), am_alert("b")))
    one, two = (event["alert_id"] for event in shown["events"])
    incident = await ada.incident()
    first, second = [await ada.get(f"/alerts/{alert}/why") for alert in (one, two)]

    assert [each["began"]["effect"] for each in (first, second)] == ["opened", "joined"]
    for each in (first, second):
        decision = each["began"]["decision"]
        assert (decision["rule"], decision["rule_version"], decision["key"]) == ("default", 0, incident["group_key"])
        assert decision["values"]["source"] == "alertmanager"
        assert (each["short_code"], each["waiting_for"], each["next_cursor"]) == (incident["short_code"], None, None)
        assert each["began"]["delivery_id"] == shown["id"]

    said = await ada.command("PUT", "/rules", {"document": {"version": 1, "rules": [BY_INSTANCE]}, "comment": "one each"})
    assert (said.status, said.json()["regrouped"]) == (200, 1)
    why = await ada.get(f"/incidents/{incident['short_code']}/why")
    assert (why["began"]["alert_id"], why["began"]["decision"]["rule"]) == (one, "default")
    (regrouped,) = why["history"]
    assert (regrouped["kind"], regrouped["decision"]["rule"]) == ("incident-regrouped", "by-instance")
    assert (regrouped["decision"]["rule_version"], regrouped["decision"]["values"]) == (1, {"labels.instance": "a"})
    assert await ada.get(f"/alerts/{one}/why", limit="1") | {"as_of": 0} == first | {"as_of": 0}, "what was decided stays"

    await ada.settle(alertmanager(am_alert("a", ends=LATER), am_alert("b", ends=LATER)))
    await ada.settle(alertmanager(am_alert("a", starts=LATER)))
    again = await ada.get(f"/alerts/{one}/why")
    assert again["incident_id"] != incident["id"]
    assert (again["began"]["effect"], again["began"]["decision"]["rule"]) == ("opened", "by-instance")
    assert again["began"]["decision"]["competing"] == {
        "incident_id": incident["id"],
        "short_code": incident["short_code"],
        "status": "RESOLVED",
        "because": "over",
    }
    assert [each["effect"] for each in again["history"]] == ["opened", "resolved", "opened"]
    assert (await ada.get(f"/alerts/{two}/why"))["began"] == second["began"]
    ended = (await ada.get(f"/incidents/{incident['id']}/why"))["history"][0]
    assert (ended["kind"], ended["detail"]["after"], ended["actor_name"]) == ("incident-resolved", "RESOLVED", None)


async def test_an_alert_that_waits_for_others_says_for_how_many(ada: Customer) -> None:
    assert (await ada.command("PUT", "/rules", {"document": {"version": 1, "rules": [PAIRS]}})).status == 200
    shown = await ada.settle(alertmanager(am_alert("a", name="Down")))
    waiting = shown["events"][0]["alert_id"]
    wanted = {"rule": "pairs", "alerts": 2, "within_s": 600, "counted": 1}

    (listed,) = (await ada.get("/alerts"))["items"]
    assert listed["waiting_for"].items() >= wanted.items()
    assert (await ada.get(f"/alerts/{waiting}"))["waiting_for"] == listed["waiting_for"]
    why = await ada.get(f"/alerts/{waiting}/why")
    assert (why["began"]["effect"], why["waiting_for"], why["incident_id"]) == ("held", listed["waiting_for"], None)

    await ada.settle(alertmanager(am_alert("b", name="Down")))
    incident = await ada.incident()
    why = await ada.get(f"/alerts/{waiting}/why")
    assert (why["waiting_for"], why["incident_id"]) == (None, incident["id"])
    assert why["sentence"] == f"It waited for others; {incident['short_code']} took it in."
    assert (await ada.get(f"/incidents/{incident['id']}/why"))["began"]["decision"]["threshold"]["counted"] == 2


async def test_what_people_did_is_told_with_who_and_why(ada: Customer) -> None:
    await ada.settle(alertmanager(am_alert("a"), am_alert("b")))
    await ada.settle(alertmanager(am_alert("z", name="Other")))
    one, other = await ada.incidents()
    moved = (await ada.get("/alerts", incident_id=one["short_code"]))["items"][0]["id"]
    path = f"/incidents/{one['id']}"
    await _done(ada, "PUT", f"{path}/assignee", {"assignee": "bob", "comment": "hers was the deploy"})
    await _done(ada, "POST", f"{path}/merge", {"incidents": [other["id"]]}, idempotency_key="merge")
    split = await _done(ada, "POST", f"{path}/split", {"alerts": [moved]}, idempotency_key="split")
    await _done(ada, "PUT", f"{path}/severity", {"severity": "LOW"})

    shown = await ada.get(path)
    severity, left, came, assigned = shown["actions"]
    assert (shown["severity"], shown["worst_severity"], shown["assignee"]) == ("LOW", "CRITICAL", "bob")
    assert [severity["detail"][name] for name in ("field", "before", "after")] == ["severity", "CRITICAL", "LOW"]
    assert (left["detail"]["other_id"], left["detail"]["alerts"]) == (split["new"]["incident"], [moved])
    assert (came["detail"]["other_id"], came["detail"]["reason"]) == (other["id"], "merge")
    assert [assigned["detail"][name] for name in ("field", "before", "after")] == ["assignee", None, "bob"]
    assert (assigned["comment"], assigned["actor_name"]) == ("hers was the deploy", "Ada")
    assert (await ada.get(f"/incidents/{other['id']}"))["merged_into"] == one["id"]
    assert (await ada.get(f"/incidents/{split['new']['incident']}"))["split_from"] == one["id"]
    assert (await ada.get("/commands/split"))["detail"]["new"]["incident"] == split["new"]["incident"]
    why = await ada.get(f"{path}/why")
    assert [each["version"] for each in why["history"]] == [action["version"] for action in shown["actions"]]
    assert [each["sentence"] for each in why["history"]] == [action["sentence"] for action in shown["actions"]]
    moved_to = await ada.get(f"/alerts/{moved}/why")
    assert (moved_to["moved"]["command_id"], moved_to["moved"]["detail"]["other_id"]) == ("split", one["id"])
    assert f"Ada split 1 alert off {one['short_code']} into it." in moved_to["sentence"]
    assert [item["id"] for item in (await ada.get("/incidents", assignee="bob"))["items"]] == [one["id"]]


async def test_the_rules_are_read_with_the_tag_that_changes_them(ada: Customer) -> None:
    before = await ada.system.get("/api/v1/rules", ada.key)
    assert (before.json()["version"], before.headers["Etag"]) == (0, '"v0"')
    document = {"rules": [PAIRS], "version": 1}
    sent = {"document": document, "comment": "fewer pages"}
    assert (await ada.command("PUT", "/rules", sent, if_match=before.headers["Etag"])).status == 200
    assert (await ada.command("PUT", "/rules", sent, if_match=before.headers["Etag"])).status == 412

    now = await ada.system.get("/api/v1/rules", ada.key)
    shown = now.json()
    assert (shown["version"], now.headers["Etag"], shown["document"]) == (1, '"v1"', document)
    assert (shown["actor_name"], shown["comment"]) == ("Ada", "fewer pages")
    listed = await ada.get("/rules/versions")
    assert [row["version"] for row in listed["items"]] == [1]
    assert (await ada.get("/rules/versions/1"))["document"] == document
    assert (await ada.get("/rules/versions/0"))["document"] == before.json()["document"]


async def _done(customer: Customer, method: str, path: str, body: object, **headers: str) -> Any:
    answer = await customer.command(method, path, body, **headers)
    assert answer.status == 200, answer.body
    return answer.json()
