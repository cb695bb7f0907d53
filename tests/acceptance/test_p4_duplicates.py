"""P4: the same delivery sent again is answered 202 and opens, counts and pages nothing."""

from typing import Any

import pytest

from tests.support.bodies import LATER, alertmanager, am_alert, hook, sentry_event, sentry_issue
from tests.support.customer import Customer, move_in
from tests.support.system import System
from tests.support.twin import Twin
from tocsin_contracts.integration import IntegrationSettings
from tocsin_contracts.times import DAY, SECOND
from tocsin_control.integrations import Terms

COUNTS = ("alert_count", "event_count", "firing_count", "version", "revision", "status", "severity", "updated_at")


async def test_the_same_body_of_alertmanager_again_is_a_duplicate(shared: System) -> None:
    customer = await move_in(shared)
    body = alertmanager(am_alert("a"), am_alert("b"))
    assert (await customer.settle(body))["outcome"] == "processed"
    before = await customer.incident()

    again = [await customer.settle(body) for _ in range(3)]

    assert {(each["outcome"], each["reason"]) for each in again} == {("duplicate", "same-content")}
    assert {(each["alert_count"], len(each["events"])) for each in again} == {(2, 0)}
    assert _counts(await customer.incident()) == _counts(before)


async def test_a_body_with_one_alert_that_is_news_is_no_duplicate(shared: System) -> None:
    """Without a sender's id *every* alert must equal its own previous event."""
    customer = await move_in(shared)
    await customer.settle(alertmanager(am_alert("a")))
    more = await customer.settle(alertmanager(am_alert("a"), am_alert("b")))
    assert more["outcome"] == "processed"
    assert (await customer.incident())["alert_count"] == 2


async def test_the_same_event_of_sentry_again_is_a_duplicate_of_the_first(shared: System) -> None:
    """Sentry names its event; Request-ID is new on every attempt and says nothing."""
    customer = await move_in(shared, "sentry")
    first = await customer.settle(sentry_event(), hook("event_alert") | {"request-id": "1"})
    before = await customer.incident()
    again = await customer.settle(sentry_event(), hook("event_alert") | {"request-id": "2"})
    assert (again["outcome"], again["reason"]) == ("duplicate", "same-sender-id")
    assert again["duplicate_of"] == first["id"]
    assert _counts(await customer.incident()) == _counts(before)


async def test_another_event_of_the_same_issue_counts(shared: System) -> None:
    customer = await move_in(shared, "sentry")
    await customer.settle(sentry_event(event_id="1" * 32), hook("event_alert"))
    assert (await customer.settle(sentry_event(event_id="2" * 32), hook("event_alert")))["outcome"] == "processed"
    assert (await customer.incident())["event_count"] == 2


async def test_down_up_down_are_three_and_a_late_copy_of_the_first_is_nothing(shared: System) -> None:
    customer = await move_in(shared)
    down, up, down_again = am_alert(), am_alert(ends=LATER), am_alert(starts="2026-03-02T12:00:00Z")
    first = [(await customer.settle(alertmanager(alert)))["outcome"] for alert in (down, up)]
    before = _counts(await customer.incident())

    late = await customer.settle(alertmanager(down))

    assert [event["effect"] for event in late["events"]] == ["late"]
    assert _counts(await customer.incident()) == before
    third = (await customer.settle(alertmanager(down_again)))["outcome"]
    assert [*first, third] == ["processed"] * 3
    assert [incident["status"] for incident in await customer.incidents()] == ["RESOLVED", "OPEN"]


async def test_down_up_down_without_times_are_three(shared: System) -> None:
    """An issue of Sentry has no episode of its own: created, resolved, unresolved; the hook's time alone orders them."""
    customer = await move_in(shared, "sentry")
    said = [("created", 1772446800), ("resolved", 1772446860), ("unresolved", 1772446920)]
    outcomes = [await customer.settle(sentry_issue(action), hook("issue", at)) for action, at in said]
    assert [each["outcome"] for each in outcomes] == ["processed"] * 3
    assert [incident["status"] for incident in await customer.incidents()] == ["RESOLVED", "OPEN"]


async def test_the_same_content_behind_its_window_counts(shared: System) -> None:
    """The window is the integration's: at none at all, a repeat counts as one more event of the same episode."""
    customer = await _with_window(shared, 0)
    await customer.settle(alertmanager(am_alert()))
    assert (await customer.settle(alertmanager(am_alert())))["outcome"] == "processed"
    assert (await customer.incident())["alert_count"] == 1


@pytest.mark.parametrize(("after", "outcome"), [(7 * DAY, "duplicate"), (7 * DAY + SECOND, "processed")])
async def test_a_senders_id_makes_a_duplicate_for_seven_days(after: int, outcome: str) -> None:
    """On the twin: the real normalizer's map and the real fold, with a clock that tests move."""
    twin = Twin("sentry")
    await twin.deliver(sentry_event(), hook("event_alert"))
    first = await twin.outcome()
    twin.clock.advance(after / SECOND)
    await twin.deliver(sentry_event(), hook("event_alert"))
    assert (first, await twin.outcome()) == ("processed", outcome)


async def _with_window(system: System, seconds: int) -> Customer:
    return await move_in(system, terms=Terms(settings=IntegrationSettings(dedup_window_s=seconds)))


def _counts(incident: Any) -> dict[str, Any]:
    return {name: incident[name] for name in COUNTS}
