"""P10 for configured heartbeats: one that really stays away opens one incident; our own lag, outage or refusal opens none.

Through the running system first: who fell silent when the folder's tests began, looked at behind all of them. Then on the twin
(the same appender, ticks, map and fold in one process), where each of our faults lasts for hours. `make p10` lets the real
processes have them for longer than a heartbeat may stay away.
"""

from datetime import datetime

import pytest

from tests.acceptance.conftest import Silence
from tests.support.bodies import LATER, alertmanager, am_alert, watchdog
from tests.support.customer import Customer
from tests.support.faults import FAULTS, OUTAGE_S, Fault
from tests.support.instance import eventually
from tests.support.twin import Gateway, Twin
from tocsin_contracts.status import IncidentStatus
from tocsin_contracts.times import SECOND
from tocsin_grouper.domain.clock import GRACE

EVERY_S = 1
GRACE_S = GRACE // SECOND
_LAST_BEAT = "SELECT max(logged_at) FROM proj.alert_events WHERE tenant_id = $1 AND effect = 'heartbeat'"
_OWED = "SELECT coalesce(sum(owed), 0)::bigint FROM proj.refusals WHERE tenant_id = $1"


async def test_a_heartbeat_that_stays_away_opens_one_incident_that_says_why(silence: Silence) -> None:
    """Minutes later it is still one: an absence that goes on is no second one."""
    customer = silence.heartbeats["absent"]
    assert await _waited(customer) >= EVERY_S + GRACE_S
    incident = await customer.incident()
    assert (incident["status"], incident["severity"], incident["team"]) == ("OPEN", "CRITICAL", "sre")
    assert (incident["source"], incident["rule"], incident["alert_count"]) == ("tocsin", "watchdog", 0)
    assert [fact.kind for fact in await customer.facts()] == ["incident-opened"]
    why = await customer.get(f"/incidents/{incident['id']}/why")
    assert why["began"]["reason"] == "heartbeat watchdog: nothing was heard for 1 s"


async def test_what_was_refused_of_a_heartbeats_integration_extends_its_wait(silence: Silence) -> None:
    """It was answered 429 when the folder's tests began: that time does not count."""
    customer = silence.heartbeats["refused"]
    waited = await _waited(customer)
    async with customer.system.db() as connection:
        owed = await connection.fetchval(_OWED, customer.tenant.id)
    assert owed > 0
    assert waited >= EVERY_S + GRACE_S + owed / SECOND


async def test_one_that_may_stay_away_for_longer_opens_nothing(silence: Silence) -> None:
    assert await silence.heartbeats["patient"].incidents() == []


async def test_its_return_resolves_the_incident_and_nobody_opens_it_again_by_itself(silence: Silence) -> None:
    customer = silence.heartbeats["absent"]
    await _waited(customer)
    assert (await customer.settle(watchdog()))["outcome"] in {"processed", "duplicate"}
    (first, *_) = await customer.incidents()
    assert first["status"] == "RESOLVED"


async def _waited(customer: Customer) -> float:
    """Wait until the absence opened an incident; give the seconds since the last sign of life, by the log's clock."""

    async def opened() -> datetime | None:
        found = await customer.incidents()
        return datetime.fromisoformat(found[0]["created_at"]) if found else None

    at = await eventually(opened, what="the absence opens an incident", within_s=180)
    async with customer.system.db() as connection:
        beat: datetime = await connection.fetchval(_LAST_BEAT, customer.tenant.id)
    return (at - beat).total_seconds()


# On the twin

WAIT_S = 600
BEHIND_S = WAIT_S + GRACE_S + 30
"""What is expected, the grace, and two ticks."""
RULES = {
    "heartbeats": [{"name": "watchdog", "matchers": 'alertname="Watchdog"', "every": "10m"}],
    "rules": [{"name": "calm", "resolve": {"when": "all-resolved", "after": "10m"}}],
}


@pytest.fixture
async def twin() -> Twin:
    """A heartbeat each ten minutes, which was heard; and an incident whose alerts resolved, over after ten quiet minutes."""
    twin = Twin("alertmanager")
    await twin.tick()  # the first one of a gateway: before it, everything was refused
    await twin.rules(**RULES)
    await twin.deliver(watchdog())
    await twin.deliver(alertmanager(am_alert()))
    await twin.deliver(alertmanager(am_alert(ends=LATER)))
    await twin.catch_up()
    assert statuses(twin) == [IncidentStatus.OPEN]
    return twin


def statuses(twin: Twin) -> list[IncidentStatus]:
    return [incident.status for incident in twin.incidents]


async def test_an_absence_that_nobody_is_to_blame_for_opens_one_and_a_quiet_time_ends(twin: Twin) -> None:
    """Without this, no test below could fail."""
    await twin.tick_for(WAIT_S)
    await twin.catch_up()
    assert statuses(twin) == [IncidentStatus.OPEN]
    await twin.tick_for(BEHIND_S - WAIT_S)
    await twin.catch_up()
    assert statuses(twin) == [IncidentStatus.RESOLVED, IncidentStatus.OPEN]
    await twin.tick_for(10 * BEHIND_S)
    await twin.catch_up()
    assert statuses(twin) == [IncidentStatus.RESOLVED, IncidentStatus.OPEN]
    await twin.deliver(watchdog())
    await twin.catch_up()
    assert statuses(twin) == [IncidentStatus.RESOLVED, IncidentStatus.RESOLVED]


@pytest.mark.parametrize("fault", FAULTS)
async def test_no_fault_of_ours_opens_or_resolves_anything(twin: Twin, fault: Fault) -> None:
    """Not in the fault, and not in most of the wait behind it; a beat then is in time. An absence beyond opens as ever."""
    versions = [incident.version for incident in twin.incidents]
    await fault(twin)
    await twin.tick()
    await twin.catch_up()
    await twin.tick_for(WAIT_S - 60)
    await twin.catch_up()
    assert (statuses(twin), [incident.version for incident in twin.incidents]) == ([IncidentStatus.OPEN], versions)

    await twin.deliver(watchdog())
    await twin.tick_for(WAIT_S - 60)
    await twin.catch_up()
    assert len(twin.incidents) == 1
    await twin.tick_for(BEHIND_S + OUTAGE_S)
    await twin.catch_up()
    assert statuses(twin) == [IncidentStatus.RESOLVED, IncidentStatus.OPEN]


@pytest.mark.parametrize("fault", FAULTS)
async def test_one_that_is_away_already_is_not_resolved_and_not_opened_twice_by_a_fault(twin: Twin, fault: Fault) -> None:
    await twin.tick_for(BEHIND_S)
    await twin.catch_up()
    opened = twin.incidents
    await fault(twin)
    await twin.tick_for(2 * BEHIND_S)
    await twin.catch_up()
    assert twin.incidents == opened


@pytest.mark.parametrize("batch", [1, 500])
@pytest.mark.parametrize("late", ["normalizer", "grouper"])
async def test_a_day_of_lag_misses_no_beat_that_was_sent(twin: Twin, late: str, batch: int) -> None:
    """Prometheus beats every five minutes, and nobody reads it for a day; then everything at once."""
    for _ in range(288):
        await twin.tick_for(300)
        await twin.deliver(watchdog())
        if late == "grouper":
            twin.normalize()
    await twin.catch_up(batch)
    assert statuses(twin) == [IncidentStatus.RESOLVED]


async def test_a_gateway_that_was_killed_is_waited_for_and_in_the_end_taken_for_dead(twin: Twin) -> None:
    """It may have refused the beat and cannot tell: the other's ticks judge nothing before a quarter of an hour."""
    other = Gateway(twin.log, twin.clock, "g2")
    await twin.tick(other)
    await twin.deliver(watchdog(), gateway=other)
    await twin.tick_for(BEHIND_S)
    await twin.catch_up()
    assert len(twin.incidents) == 1
    await twin.tick_for(15 * 60 + BEHIND_S)
    await twin.catch_up()
    assert len(twin.incidents) == 2


async def test_a_gateway_that_said_goodbye_is_waited_for_by_nobody(twin: Twin) -> None:
    other = Gateway(twin.log, twin.clock, "g2")
    await twin.tick(other)
    await other.leave()
    await twin.tick_for(BEHIND_S + 60)
    await twin.catch_up()
    assert len(twin.incidents) == 2


async def test_before_its_first_beat_whatever_the_tenant_was_refused_counts(twin: Twin) -> None:
    """Nobody knows yet which integration it comes from."""
    await twin.rules(heartbeats=[{"name": "other", "matchers": 'alertname="Other"', "every": "10m"}])
    for _ in range(2 * BEHIND_S // 15):
        twin.refuse("other")
        await twin.tick_for(15)
    await twin.catch_up()
    assert [incident.rule for incident in twin.incidents] == ["default"]
    await twin.tick_for(BEHIND_S)
    await twin.catch_up()
    assert [incident.rule for incident in twin.incidents] == ["default", "other"]
