"""Which alerts are one incident: many of one problem, many problems of one delivery, a resolve that says less."""

import asyncio

from tests.support.bodies import LATER, alertmanager, am_alert, am_many, hook, sentry_event, sentry_issue
from tests.support.customer import move_in
from tests.support.system import System


async def test_200_alerts_of_one_alertname_are_one_incident(shared: System) -> None:
    """A group of four notifications of fifty pods each, sent at the same time; then all of them are up again."""
    customer = await move_in(shared)
    bodies = [am_many(50, first=first) for first in range(0, 200, 50)]
    sent = await asyncio.gather(*(customer.deliver(body) for body in bodies))
    assert {(await customer.outcome(each))["outcome"] for each in sent} == {"processed"}
    incident = await customer.incident()
    assert (incident["alert_count"], incident["firing_count"], incident["status"]) == (200, 200, "OPEN")
    assert (await customer.get("/alerts", incident_id=incident["id"], limit="1"))["total"] == 200

    up = alertmanager(*(am_alert(f"pod-{number}", name="PodDown", ends=LATER) for number in range(200)))
    await customer.settle(up)
    incident = await customer.incident()
    assert (incident["alert_count"], incident["firing_count"], incident["status"]) == (200, 0, "RESOLVED")


async def test_one_pod_that_is_up_again_does_not_resolve_what_199_others_still_say(shared: System) -> None:
    customer = await move_in(shared)
    await customer.settle(am_many(200))
    await customer.settle(alertmanager(am_alert("pod-7", name="PodDown", ends=LATER)))
    incident = await customer.incident()
    assert (incident["firing_count"], incident["status"]) == (199, "OPEN")


async def test_a_resolve_whose_environment_is_missing_closes_what_its_firing_opened(shared: System) -> None:
    """Sentry's event names an environment, its issue's resolve does not: membership is sticky, no group key is computed anew."""
    customer = await move_in(shared, "sentry")
    await customer.settle(sentry_event(), hook("event_alert"))
    opened = await customer.incident()
    resolve = await customer.settle(sentry_issue("resolved"), hook("issue", 1_772_450_000))
    closed = await customer.incident()
    assert (opened["environment"], opened["status"]) == ("prod", "OPEN")
    assert (closed["id"], closed["status"]) == (opened["id"], "RESOLVED")
    assert resolve["incident_ids"] == [opened["id"]]


async def test_one_delivery_of_six_problems_is_six_incidents(shared: System) -> None:
    customer = await move_in(shared)
    names = [f"Problem{number}" for number in range(6)]
    shown = await customer.settle(alertmanager(*(am_alert(name=name) for name in names)))
    incidents = await customer.incidents()
    assert [incident["title"].split()[0] for incident in sorted(incidents, key=lambda each: str(each["title"]))] == names
    assert sorted(shown["incident_ids"]) == sorted(incident["id"] for incident in incidents)
    assert {event["effect"] for event in shown["events"]} == {"opened"}


async def test_a_resolved_group_starts_a_new_incident_that_names_the_one_before(shared: System) -> None:
    customer = await move_in(shared)
    for alert in (am_alert(), am_alert(ends=LATER), am_alert(starts="2026-03-02T12:00:00Z")):
        await customer.settle(alertmanager(alert))
    first, second = await customer.incidents()
    assert (await customer.get(f"/incidents/{second['id']}"))["previous_id"] == first["id"]


async def test_the_highest_severity_stays(shared: System) -> None:
    customer = await move_in(shared)
    for instance, severity in (("a", "warning"), ("b", "critical"), ("c", "info")):
        await customer.settle(alertmanager(am_alert(instance, severity=severity)))
    assert (await customer.incident())["severity"] == "CRITICAL"
