"""Rules end to end (issue 5): put in force by PUT /rules, obeyed by the next webhook, seen at GET /incidents.

Each case puts one rule set in force and delivers what monitoring tools send; what a rule means in detail is held by the
fold's own tables (tests/unit/grouper) and the library's (tests/unit/rules).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
import pytest

from tests.support.bodies import LATER, alertmanager, am_alert, hook, sentry_event
from tests.support.customer import Customer, move_in
from tests.support.system import Answer, System
from tocsin_control.principal import Scope

Rule = Mapping[str, Any]
CYCLES = 4


async def put(customer: Customer, *rules: Rule, **document: Any) -> int:
    """Put a rule set in force: `rules`, and other parts of the document by name; gives its version."""
    answer = await _put(customer, {"version": 1, "rules": rules, **document})
    assert answer.status == 200, answer.body
    return int(answer.json()["version"])


async def _put(customer: Customer, document: object, **headers: str) -> Answer:
    return await customer.command("PUT", "/rules", {"document": document, "comment": "a test"}, prefer="wait=20", **headers)


async def with_rules(system: System, *rules: Rule, source: str = "alertmanager", **document: Any) -> Customer:
    customer = await move_in(system, source)
    assert await put(customer, *rules, **document) == 1
    return customer


async def fire(customer: Customer, instance: str = "a", **labels: str) -> None:
    assert (await customer.settle(alertmanager(am_alert(instance, **labels))))["outcome"] == "processed"


async def whole(customer: Customer) -> list[Any]:
    """Give every incident whole, oldest first."""
    return [await customer.get(f"/incidents/{incident['id']}") for incident in await customer.incidents()]


def etag(answer: Answer) -> str:
    return next(value for name, value in answer.headers.items() if name.lower() == "etag")


def datadog(scope: str, *, transition: str = "Triggered", cycle: str = "1", service: str = "api", env: str = "prod") -> bytes:
    """Give what a template of Datadog makes of a monitor's notification."""
    return orjson.dumps({
        "alert_title": f"[{transition}] Latency is high",
        "alert_id": "1234",
        "alert_cycle_key": f"{cycle}-{scope}",
        "alert_transition": transition,
        "alert_type": "error",
        "alert_priority": "P3",
        "alert_scope": scope,
        "tags": f"env:{env},service:{service},{scope}",
    })  # fmt: skip


# How alerts become incidents


async def test_a_rule_groups_by_a_label_and_what_it_does_not_match_as_ever(shared: System) -> None:
    by_region = {"name": "by-region", "matchers": 'alertname=~"Disk.*"', "group_by": ["labels.region"]}
    customer = await with_rules(shared, by_region)
    for instance, name, region in (("a", "DiskFull", "eu"), ("b", "DiskSlow", "eu"), ("c", "DiskFull", "us")):
        await fire(customer, instance, name=name, region=region)
    await fire(customer, "d", name="Other", region="eu")
    found = [(incident["rule"], incident["alert_count"]) for incident in await whole(customer)]
    assert found == [("by-region", 2), ("by-region", 1), ("default", 1)]


async def test_a_rule_may_take_each_alert_by_itself(shared: System) -> None:
    customer = await with_rules(shared, {"name": "each", "group_by": ["..."]})
    await customer.settle(alertmanager(am_alert("a"), am_alert("b"), am_alert("c")))
    assert [incident["alert_count"] for incident in await customer.incidents()] == [1, 1, 1]


async def test_one_rule_set_rules_every_source_of_the_tenant(shared: System) -> None:
    """Datadog, Sentry and Alertmanager say the same service each in its way, and make one incident."""
    one = {"name": "one", "matchers": 'service="checkout"', "group_by": ["service"], "team": "shop"}
    customer = await with_rules(shared, one, services={"chk": "checkout", "Checkout-V2": "checkout"})
    other = await move_in(shared, "datadog", tenant=customer.tenant)
    sentry = await move_in(shared, "sentry", tenant=customer.tenant)
    await fire(customer, service="checkout-v2")
    await other.settle(datadog("host:x", service="chk"))
    event = orjson.loads(sentry_event())
    event["data"]["event"]["tags"].append(["service", "checkout"])
    await sentry.settle(orjson.dumps(event), hook("event_alert"))
    incident = await customer.incident()
    assert (incident["alert_count"], incident["service"], incident["team"]) == (3, "checkout", "shop")
    assert sorted({alert["source"] for alert in incident["alerts"]}) == ["alertmanager", "datadog", "sentry"]


async def test_below_a_threshold_nothing_opens_and_at_it_all_who_waited_are_in(shared: System) -> None:
    """One that resolved meanwhile does not count."""
    customer = await with_rules(shared, {"name": "three", "threshold": {"alerts": 3, "within": "10m"}})
    await fire(customer, "a")
    await fire(customer, "b")
    await customer.settle(alertmanager(am_alert("b", ends=LATER)))
    await fire(customer, "c")
    assert await customer.incidents() == []
    held = (await customer.get("/alerts", status="OPEN"))["items"]
    assert [alert["incident_id"] for alert in held] == [None, None]
    why = await customer.get(f"/alerts/{held[0]['id']}/why")
    assert (why["waiting_for"] is not None, why["began"]["decision"]["threshold"]["counted"]) == (True, 2)

    await fire(customer, "d")
    incident = await customer.incident()
    assert (incident["alert_count"], incident["firing_count"], incident["rule"]) == (3, 3, "three")


async def test_what_fires_again_is_a_new_incident_by_default_and_the_old_one_where_a_rule_says_so(shared: System) -> None:
    for rules, count, status in (((), 2, "OPEN"), (({"name": "again", "refire": "reopen"},), 1, "OPEN")):
        customer = await with_rules(shared, *rules)
        await fire(customer)
        await customer.settle(alertmanager(am_alert(ends=LATER)))
        assert (await customer.incident())["status"] == "RESOLVED"
        await fire(customer, starts="2026-03-02T12:00:00Z")
        incidents = await customer.incidents()
        assert ([each["status"] for each in incidents][-1], len(incidents)) == (status, count)


async def test_what_flaps_stays_one_incident_marked_and_open(shared: System) -> None:
    """Two openings are allowed; what comes back beyond them opens the last one again, and a resolve does not end it."""
    customer = await with_rules(shared, {"name": "calm", "flapping": {"times": 2, "within": "30m"}})
    for number in range(CYCLES):
        starts = f"2026-03-02T1{number}:00:00Z"
        await fire(customer, starts=starts)
        await customer.settle(alertmanager(am_alert(starts=starts, ends=f"2026-03-02T1{number}:30:00Z")))
    *_, last = await customer.incidents()
    incident = await customer.get(f"/incidents/{last['id']}")
    assert (len(await customer.incidents()), incident["flapping"], incident["status"]) == (1, True, "OPEN")
    kinds = [fact.kind for fact in await customer.facts()]
    assert kinds.count("flapping-began") == 1
    assert kinds.count("incident-opened") == 1


async def test_a_rule_may_leave_the_end_to_people(shared: System) -> None:
    customer = await with_rules(shared, {"name": "people", "resolve": {"when": "never"}})
    await fire(customer)
    await customer.settle(alertmanager(am_alert(ends=LATER)))
    incident = await customer.incident()
    assert (incident["status"], incident["firing_count"]) == ("OPEN", 0)


# What rules make of an alert


async def test_severities_are_mapped_for_all_and_by_rule(shared: System) -> None:
    staging = {"name": "staging", "matchers": 'env="staging"', "severity_map": {"CRITICAL": "LOW", "HIGH": "LOW"}}
    customer = await with_rules(shared, staging, severity_map={"CRITICAL": "HIGH"}, environments={"stg": "staging"})
    await fire(customer, "a", name="One", env="stg")
    await fire(customer, "b", name="Two", env="prod")
    found = {incident["environment"]: incident["severity"] for incident in await customer.incidents()}
    assert found == {"staging": "LOW", "prod": "HIGH"}


async def test_team_and_category_come_of_classification_and_are_corrected_by_people(shared: System) -> None:
    own = {"name": "db", "matchers": 'service=~"pg.*"', "team": "dba", "category": "data"}
    customer = await with_rules(shared, classification=[own])
    await fire(customer, "a", name="Strange", service="pg-orders")
    await fire(customer, "b", name="DiskWillFillIn4Hours", service="web")
    found = {each["service"]: (each["team"], each["category"]) for each in await customer.incidents()}
    assert found == {"pg-orders": ("dba", "data"), "web": (None, "capacity")}
    (web,) = [each for each in await customer.incidents() if each["service"] == "web"]
    assert (await customer.command("PUT", f"/incidents/{web['id']}/category", {"category": "availability"})).status == 200
    assert (await customer.get(f"/incidents/{web['id']}"))["category"] == "availability"


async def test_an_environment_raises_what_happens_there(shared: System) -> None:
    prod = {"name": "prod", "matchers": 'environment="prod"', "at_least": "HIGH"}
    customer = await with_rules(shared, escalation=[prod], source="datadog")
    await customer.settle(datadog("host:x", env="staging"))
    await customer.settle(datadog("host:y", env="prod"))
    found = {incident["environment"]: incident["severity"] for incident in await customer.incidents()}
    assert found == {"staging": "MEDIUM", "prod": "HIGH"}
    (raised,) = [each for each in await whole(customer) if each["environment"] == "prod"]
    told = [fact["body"] for fact in raised["timeline"]]
    assert "escalation rule prod" in [body.get("reason") for body in told]


async def test_a_spike_of_events_raises_and_fewer_do_not(shared: System) -> None:
    storm = {"name": "storm", "at_least": "CRITICAL", "spike": {"events": 6, "within": "5m"}}
    customer = await with_rules(shared, escalation=[storm])
    for number in range(5):
        await fire(customer, f"pod-{number}", severity="warning")
    assert (await customer.incident())["severity"] == "MEDIUM"
    await fire(customer, "pod-5", severity="warning")
    incident = await customer.incident()
    assert incident["severity"] == "CRITICAL"
    reasons = [fact["body"].get("reason") for fact in incident["timeline"]]
    assert "escalation rule storm: 6 events within 300 s" in reasons


async def test_a_severity_that_a_person_lowered_stays_until_something_worse_comes(shared: System) -> None:
    prod = {"name": "prod", "matchers": 'env="prod"', "at_least": "HIGH"}
    customer = await with_rules(shared, escalation=[prod])
    await fire(customer, "a", severity="warning", env="prod")
    incident = (await customer.incident())["id"]
    assert (await customer.command("PUT", f"/incidents/{incident}/severity", {"severity": "LOW"})).status == 200
    await fire(customer, "b", severity="warning", env="prod")
    assert (await customer.incident())["severity"] == "LOW"
    await fire(customer, "c", severity="critical", env="prod")
    assert (await customer.incident())["severity"] == "CRITICAL"


# A change of the rules


async def test_a_change_carries_open_incidents_over_and_loses_none(shared: System) -> None:
    """Three incidents of one region come under one key: the oldest collects, the others stay, with their members."""
    customer = await move_in(shared)
    for instance, name in (("a", "One"), ("b", "Two"), ("c", "Three")):
        await fire(customer, instance, name=name, region="eu")
    before = await customer.incidents()
    answer = await _put(customer, {"version": 1, "rules": [{"name": "region", "group_by": ["labels.region"]}]})
    assert (answer.status, answer.json()["regrouped"]) == (200, 3)
    after = await whole(customer)
    assert [each["id"] for each in after] == [each["id"] for each in before]
    assert {(each["status"], each["rule"], each["rule_version"], each["alert_count"]) for each in after} == {
        ("OPEN", "region", 1, 1)
    }

    await fire(customer, "d", name="Four", region="eu")
    assert [each["alert_count"] for each in await customer.incidents()] == [2, 1, 1]
    await customer.settle(alertmanager(am_alert("c", name="Three", region="eu", ends=LATER)))
    assert [each["status"] for each in await customer.incidents()] == ["OPEN", "OPEN", "RESOLVED"]
    why = await customer.get(f"/incidents/{before[1]['id']}/why")
    assert before[0]["id"] in orjson.dumps(why).decode(), "it says which incident collects in its place"

    assert await put(customer) == 2
    await fire(customer, "e", name="One", region="us")
    assert [each["alert_count"] for each in await customer.incidents()] == [3, 1, 1]


async def test_what_came_before_a_change_is_ruled_by_what_held_then(shared: System) -> None:
    customer = await with_rules(shared, {"name": "team", "team": "one"})
    await fire(customer, "a", name="One")
    assert await put(customer, {"name": "team", "team": "two"}) == 2
    await fire(customer, "b", name="Two")
    found = [(each["team"], each["rule_version"]) for each in await whole(customer)]
    assert [team for team, _ in found] == ["one", "two"]
    assert found[-1] == ("two", 2)


async def test_rules_are_read_as_they_were_put_and_changed_by_their_etag(shared: System) -> None:
    customer = await move_in(shared)
    document = {"version": 1, "rules": [{"name": "a", "matchers": ['service="x"'], "team": "sre"}]}
    none = await customer.system.get("/api/v1/rules", customer.key)
    assert (none.status, etag(none), none.json()["version"]) == (200, '"v0"', 0)

    first = await _put(customer, document, if_match=etag(none))
    assert (first.status, first.json()["version"]) == (200, 1)
    late = await _put(customer, {"version": 1}, if_match=etag(none))
    assert (late.status, late.json()["version"]) == (412, 1)

    shown = await customer.system.get("/api/v1/rules", customer.key)
    assert (etag(shown), shown.json()["document"], shown.json()["comment"]) == ('"v1"', document, "a test")
    second = await _put(customer, {"version": 1}, if_match=etag(shown))
    assert (second.status, second.json()["version"]) == (200, 2)
    versions = (await customer.get("/rules/versions"))["items"]
    assert [(each["version"], each["actor_name"]) for each in versions] == [(2, "Ada"), (1, "Ada")]
    assert (await customer.get("/rules/versions/1"))["document"] == document


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        ({"version": 2}, "/document/version"),
        ({"version": 1, "rules": [{"name": "a", "matchers": "severity=~'('"}]}, "/document/rules/0/matchers"),
        ({"version": 1, "rules": [{"name": "a"}, {"name": "a"}]}, "/document/rules/1/name"),
        (
            {"version": 1, "rules": [{"name": "a", "threshold": {"alerts": 0, "within": "5m"}}]},
            "/document/rules/0/threshold/alerts",
        ),
        ({"version": 1, "heartbeats": [{"name": "a", "matchers": [], "every": "5m"}]}, "/document/heartbeats/0/matchers"),
        ({"version": 1, "surprise": True}, "/document/surprise"),
    ],
)
async def test_a_document_with_a_fault_is_refused_with_its_pointer_and_changes_nothing(
    shared: System, document: object, pointer: str
) -> None:
    customer = await move_in(shared)
    answer = await _put(customer, document)
    assert answer.status == 422
    pointers: Sequence[str] = [error["pointer"] for error in answer.json()["errors"]]
    assert any(each.startswith(pointer) for each in pointers), pointers
    assert (await customer.get("/rules"))["version"] == 0


async def test_a_key_without_the_scope_puts_no_rules(shared: System) -> None:
    customer = await move_in(shared)
    from_reader = (await customer.keys(Scope.INCIDENTS_READ))[Scope.INCIDENTS_READ]
    answer = await customer.command("PUT", "/rules", {"document": {"version": 1}}, key=from_reader)
    assert answer.status == 403
    assert (await customer.system.get("/api/v1/rules", from_reader)).status == 200


async def test_one_tenants_rules_are_no_others(shared: System) -> None:
    one = await with_rules(shared, {"name": "mine", "team": "mine"})
    other = await move_in(shared)
    await fire(other)
    assert ((await other.incident())["team"], (await other.get("/rules"))["version"]) == (None, 0)
    assert (await other.system.get("/api/v1/rules/versions/1", other.key)).status == 404
    assert (await one.get("/rules"))["version"] == 1
