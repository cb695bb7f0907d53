"""P10: our own lag, outage or refusal never resolves, opens or pages anything.

What an absence ends is an alert of a source that never resolves: one of Sentry's legacy plugin is CLOSED once its window
passed, and its next firing opens another incident; the incident itself stays open, for silence resolves none. First
through the running system, as far as real time allows; then on the twin (the same appender, ticks, map and fold in one
process), where days pass at once. That an absence *opens* nothing either is shown on the fold:
tests/unit/grouper/test_absence.py.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime

import pytest

from tests.acceptance.conftest import WINDOW_S, Fragile, Silence
from tests.support.bodies import sentry_plugin
from tests.support.customer import Customer, move_in
from tests.support.faults import FAULTS, OUTAGE_S, Fault
from tests.support.instance import eventually
from tests.support.system import System
from tests.support.twin import Gateway, Twin
from tocsin_contracts.integration import IntegrationSettings
from tocsin_contracts.times import SECOND
from tocsin_control.integrations import Terms

WINDOW = IntegrationSettings(group_window_s=600)
BEHIND_S = 600 + 60 + 30
"""The window, the grace, and two ticks: by then a silence that nobody is to blame for has ended."""


async def test_a_silence_ends_by_itself_and_a_refusal_extends_it(shared: System, silence: Silence) -> None:
    """Both fell silent when the folder's tests began; one of them was answered 429 then, for whole ticks."""
    ended = {name: await _ended(customer) for name, customer in silence.customers.items()}
    owed = await _owed(shared, silence.customers["refused"])
    assert ended["silent"] >= WINDOW_S
    assert owed > 0
    assert ended["refused"] - ended["silent"] == pytest.approx(owed / SECOND, abs=0.01)


async def test_what_is_owed_is_owed_to_who_was_refused(shared: System, silence: Silence) -> None:
    assert await _owed(shared, silence.customers["silent"]) == 0


async def _freeze(fragile: Fragile) -> None:
    fragile.freeze_kafka()


async def _kill_gateway(fragile: Fragile) -> None:
    fragile.system.kill("ingest")


@pytest.mark.parametrize("break_it", [_freeze, _kill_gateway])
async def test_what_a_gateway_could_not_take_is_owed(fragile: Fragile, break_it: Callable[[Fragile], Awaitable[None]]) -> None:
    """A gateway that could append nothing says so in its next tick; so does one that died with all that it knew."""
    customer = await move_in(fragile.system, "sentry", terms=Terms(settings=IntegrationSettings(group_window_s=1)))
    await customer.settle(sentry_plugin())
    before, facts = await _owed(fragile.system, customer, all_told=True), await customer.facts()

    await break_it(fragile)
    if fragile.system.instance("ingest").running:
        assert (await customer.send(sentry_plugin(event_id="2"))).status == 503
    await fragile.mend()

    outage_s = 3 if break_it is _freeze else 1  # an append's deadline less a tick that was under way; an interval of ticks
    least = before + outage_s * SECOND
    await eventually(lambda: _grows(fragile.system, customer, least), what="the time of the outage is owed")
    assert (await customer.facts())[: len(facts)] == facts
    assert (await customer.incident())["firing_count"] == 1


@pytest.mark.parametrize("late", ["normalizer", "grouper"])
async def test_what_is_folded_late_is_folded_as_it_was_said(fragile: Fragile, late: str) -> None:
    """What came while a worker was away changes by what it says, and by nothing else."""
    customer = await move_in(fragile.system, "sentry", terms=Terms(settings=IntegrationSettings(group_window_s=1)))
    await customer.settle(sentry_plugin())
    assert (await fragile.system.stop(late)).code == 0
    sent = [await customer.deliver(sentry_plugin(event_id=f"{number}" * 32)) for number in range(4)]
    await fragile.system.start(late)
    assert [(await customer.outcome(each))["outcome"] for each in sent] == ["processed"] * 4
    incident = await customer.incident()
    assert (incident["status"], incident["event_count"], incident["alert_count"]) == ("OPEN", 5, 1)
    assert {fact.kind for fact in await customer.facts()} == {"incident-opened", "alerts-recorded"}


# On the twin


@pytest.fixture
async def twin() -> Twin:
    """An alert that is open, its window ten minutes."""
    twin = Twin("sentry", WINDOW)
    await twin.tick()  # the first one of a gateway: before it, everything was refused
    await twin.deliver(sentry_plugin())
    await twin.catch_up()
    assert twin.firing == [1]
    return twin


async def test_on_an_idle_partition_a_silence_ends_by_ticks_alone(twin: Twin) -> None:
    """Without this, no test below could fail."""
    await twin.tick_for(600)
    await twin.catch_up()
    assert twin.firing == [1]
    await twin.tick_for(BEHIND_S - 600)
    await twin.catch_up()
    assert twin.firing == [0]


@pytest.mark.parametrize("batch", [1, 7, 500])
@pytest.mark.parametrize("late", ["normalizer", "grouper"])
async def test_a_day_of_lag_ends_nothing_that_was_said_again(twin: Twin, late: str, batch: int) -> None:
    """The source repeats every nine minutes; we read none of it for a day, then all at once, in whatever batches."""
    for number in range(160):
        await twin.tick_for(540)
        await twin.deliver(sentry_plugin(event_id=f"{number:032}"))
        if late == "grouper":
            twin.normalize()
    await twin.catch_up(batch)
    (incident,) = twin.incidents
    assert (incident.firing_count, incident.event_count) == (1, 161)


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_fault_of_ours_ends_nothing_and_opens_nothing(twin: Twin, fault: Fault) -> None:
    """Not in the fault, and not in most of a window behind it; a silence that goes on beyond ends as ever."""
    facts = [incident.version for incident in twin.incidents]
    await fault(twin)
    await twin.tick()
    await twin.catch_up()
    assert twin.firing == [1]
    await twin.tick_for(540)
    await twin.catch_up()
    assert (twin.firing, [incident.version for incident in twin.incidents]) == ([1], facts)

    await twin.tick_for(BEHIND_S + OUTAGE_S)  # what was refused in a gap is owed beside the gap: later than needed, never sooner
    await twin.catch_up()
    assert twin.firing == [0]


async def test_a_refusal_before_the_deadline_is_heard_though_it_is_told_behind_it(twin: Twin) -> None:
    """One of two gateways cannot reach the log: it says so once it can, and the other's ticks have not judged by then.

    That holds for less than the minute of grace: who is cut off for longer, while another ticks on, tells it too late.
    """
    other = Gateway(twin.log, twin.clock, "g2")
    await twin.tick(other)
    await twin.tick_for(555, twin.gateway, other)
    for _ in range(3):
        twin.clock.advance(15)
        twin.log.fail_next_appends(2)
        assert not await twin.deliver(sentry_plugin(event_id="1" * 32), gateway=other)
        await twin.tick(other)
        await twin.tick()
    await twin.tick(other)
    await twin.tick_for(90, twin.gateway, other)
    await twin.catch_up()
    assert twin.firing == [1]
    await twin.tick_for(60, twin.gateway, other)
    await twin.catch_up()
    assert twin.firing == [0]


async def test_a_refusal_of_one_integration_holds_back_no_others_silence() -> None:
    twin = Twin("sentry", WINDOW)
    await twin.tick()
    await twin.deliver(sentry_plugin("1"))
    await twin.deliver(sentry_plugin("2", event_id="2" * 32), integration="other")
    for _ in range(BEHIND_S // 15):
        twin.refuse("other")
        await twin.tick_for(15)
    await twin.catch_up()
    assert twin.firing == [0, 1]


async def _ended(customer: Customer) -> float:
    """Wait until silence ended the customer's alert; give the seconds from its firing to its end."""

    async def closed() -> float | None:
        (alert,) = (await customer.get("/alerts"))["items"]
        if alert["status"] != "CLOSED":
            assert alert["status"] == "OPEN"
            return None
        end, begin = (datetime.fromisoformat(alert[name]) for name in ("resolved_at", "opened_at"))
        return (end - begin).total_seconds()

    seconds = await eventually(closed, what="silence ends the alert", within_s=150)
    assert (await customer.incident())["status"] == "OPEN"
    return seconds


async def _owed(system: System, customer: Customer, *, all_told: bool = False) -> int:
    """Give what the customer's integration is owed by itself, or with what everybody in its partition is, µs."""
    everybody = [""] if all_told else []
    async with system.db() as connection:
        owed = await connection.fetchval(
            "SELECT sum(owed) FROM proj.refusals WHERE partition = $1 AND integration_id = ANY($2)",
            customer.tenant.partition,
            [customer.sender.id, *everybody],
        )
    return int(owed or 0)


async def _grows(system: System, customer: Customer, least: int) -> bool:
    return await _owed(system, customer, all_told=True) >= least
