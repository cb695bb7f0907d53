"""P10 on the fold: our own lag, outage or refusal never opens anything, with a test-only timer that waits for a beat.

The timer is what an absence rule of a later release is: armed by every delivery of its integration, it opens an incident
when nothing came for ten minutes.
"""

from collections.abc import Callable

import pytest

from tests.support.folding import Folding, alert, firing, incident_facts
from tocsin_contracts.ids import timer_incident_id
from tocsin_contracts.incident import IncidentOpened
from tocsin_contracts.severity import Severity
from tocsin_contracts.status import IncidentStatus
from tocsin_contracts.times import SECOND
from tocsin_grouper.domain.clock import happened_at
from tocsin_grouper.domain.facts import TimerCleared
from tocsin_grouper.domain.keys import TimerKey
from tocsin_grouper.domain.state import Timer
from tocsin_grouper.domain.step import Step
from tocsin_grouper.domain.timers import Due

LIMIT_S = 600
KEY = TimerKey("acme", "absence:beat")


def open_absence(step: Step, due: Due) -> None:
    """Open an incident about the silence, once."""
    name = timer_incident_id(due.key.tenant, due.key.key, due.due)
    at = happened_at(step.clock, due.due, 0)
    step.emit(
        due.key.tenant,
        IncidentOpened(
            incident=name, version=1, at=step.now, group_key="g", alert="", source="absence", integration=due.timer.integration,
            project="", problem="beat", title="Nothing was heard", severity=Severity.HIGH, first_seen_at=at, rule="absence",
            rule_version=1, reason="nothing came for ten minutes",
        ),
        None,
    )  # fmt: skip
    step.record(TimerCleared(key=due.key))


class Beating:
    """An integration that should be heard every ten minutes."""

    def __init__(self) -> None:
        self.folding = Folding(handlers={"absence": open_absence, **Folding().handlers})
        self.beat()

    def beat(self) -> None:
        self.folding.deliver(alert("watchdog", heartbeat=True, title=f"{self.folding.now}"))
        heard = self.folding.alert("watchdog").last_observed
        timer = Timer(kind="absence", integration="prod", subject="beat", due=heard + LIMIT_S * SECOND)
        self.folding.state.timers.put(KEY, timer)

    @property
    def opened(self) -> int:
        return len(self.folding.incidents())


def test_nothing_fires_while_it_beats_and_once_when_it_is_truly_absent() -> None:
    beating = Beating()
    for _ in range(5):
        beating.folding.tick_for(540)
        beating.beat()
    assert beating.opened == 0
    beating.folding.tick_for(LIMIT_S)
    assert beating.opened == 0, "not before the deadline was judged"
    beating.folding.tick_for(60)
    assert beating.opened == 1
    beating.folding.tick_for(7200)
    assert beating.opened == 1, "once"


def test_it_is_dated_when_the_absence_was_complete() -> None:
    beating = Beating()
    heard_at = beating.folding.now
    beating.folding.tick_for(LIMIT_S + 60)
    (fact,) = [fact for decision in beating.folding.decisions for fact in incident_facts(decision.facts)]
    assert isinstance(fact, IncidentOpened)
    assert fact.first_seen_at == heard_at + LIMIT_S * SECOND


def test_an_idle_partition_without_ticks_fires_nothing() -> None:
    """No gateway ran for a day: the first record behind it knows nothing of that day."""
    beating = Beating()
    beating.folding.wait(86_400)
    beating.folding.deliver(firing("x"))
    assert len(beating.folding.incidents()) == 1, "the alert's own"
    assert beating.folding.incidents()[0].group_key != "g"


def _lag(beating: Beating) -> None:
    """Records came and were folded late: append times are all that counts, and they are as always."""
    beating.folding.tick_for(300)


def _gap(beating: Beating) -> None:
    beating.folding.wait(61).tick()
    beating.folding.wait(3600).tick()


def _step_ahead(beating: Beating) -> None:
    beating.folding.wait(10 * 365 * 86_400).tick()


def _step_back(beating: Beating) -> None:
    beating.folding.wait(-7200).tick()
    beating.folding.tick_for(300)


def _step_ahead_and_back(beating: Beating) -> None:
    beating.folding.wait(7200).tick()
    beating.folding.wait(-7185).tick()


def _refused(beating: Beating) -> None:
    beating.folding.tick_for(3600, refused=["prod"])


def _all_refused(beating: Beating) -> None:
    beating.folding.tick_for(3600, all_refused=True)


def _refused_by_two_gateways(beating: Beating) -> None:
    for _ in range(100):
        beating.folding.tick(refused=["prod"])
        beating.folding.wait(15).tick(refused=["prod"])


def _outage_told_by_one_tick(beating: Beating) -> None:
    beating.folding.wait(1800).tick(all_refused=True, covers_s=1800)


DISTURBANCES = [
    _lag, _gap, _step_ahead, _step_back, _step_ahead_and_back, _refused, _all_refused, _refused_by_two_gateways,
    _outage_told_by_one_tick,
]  # fmt: skip


@pytest.mark.parametrize("disturb", DISTURBANCES)
@pytest.mark.parametrize("heard_s", [0, 285])
def test_our_own_trouble_fires_nothing_and_a_true_absence_behind_it_still_does(
    disturb: Callable[[Beating], None], heard_s: int
) -> None:
    """Whatever happened, less than ten minutes of it were time in which a beat could have been heard."""
    beating = Beating()
    beating.folding.tick_for(heard_s)
    disturb(beating)
    assert beating.opened == 0
    beating.beat()
    beating.folding.tick_for(LIMIT_S - 15)
    assert beating.opened == 0
    beating.folding.tick_for(3 * 3600)
    assert beating.opened == 1
    assert beating.folding.incident().status is IncidentStatus.OPEN


def test_many_gateways_do_not_make_time_run_faster() -> None:
    """Extra ticks change nothing."""
    beating = Beating()
    for _ in range((LIMIT_S + 45) // 15):
        beating.folding.wait(15)
        for _ in range(3):
            beating.folding.tick()
    assert beating.opened == 0


def test_another_tenants_records_are_no_tick() -> None:
    """Between ticks only its own records let a tenant's timers fire: a neighbour's traffic must not decide when."""
    beating = Beating()
    beating.folding.tick_for(LIMIT_S + 45)
    beating.folding.wait(20).deliver(firing("x"), tenant="other")
    assert beating.opened == 0
    beating.folding.tick()
    assert beating.opened == 1
