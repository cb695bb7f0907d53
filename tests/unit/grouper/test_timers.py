"""When timers fire (DESIGN 3): at ticks and at the tenant's own records, before the record, ordered by (due, key)."""

from dataclasses import replace

import pytest

from tests.support.folding import Folding, effects, firing
from tocsin_contracts.integration import IntegrationSettings
from tocsin_contracts.times import SECOND
from tocsin_grouper.domain.clock import GRACE
from tocsin_grouper.domain.facts import TimerSet
from tocsin_grouper.domain.fold import TIMERS_AT_ONCE
from tocsin_grouper.domain.keys import TimerKey
from tocsin_grouper.domain.state import Timer
from tocsin_grouper.domain.step import Step
from tocsin_grouper.domain.timers import Due, Timers


class Watching:
    """A fold with a kind of timer that only notes when it fires; each fires once."""

    def __init__(self) -> None:
        self.fired: list[tuple[str, str]] = []
        self.alerts_seen: list[int] = []
        self.arms: dict[str, float] = {}
        """By key, for when a timer arms itself anew: once."""
        self.folding = Folding(handlers={"note": self.note, **Folding().handlers})
        self.folding.tick()

    def note(self, step: Step, due: Due) -> None:
        self.fired.append(due.key)
        self.alerts_seen.append(len(step.facts))
        self.folding.state.timers.drop(due.key)
        again = self.arms.pop(due.key.key, None)
        if again is not None:
            step.record(TimerSet(key=due.key, timer=replace(due.timer, due=round(again * SECOND))))

    def arm(self, key: str, due_s: float, tenant: str = "acme", integration: str = "prod") -> None:
        timer = Timer(kind="note", integration=integration, subject="x", due=round(due_s * SECOND))
        self.folding.state.timers.put(TimerKey(tenant, key), timer)


def test_timers_fire_in_order_of_due_time_then_key() -> None:
    watching = Watching()
    for key, due in (("b", 30), ("a", 30), ("c", 10), ("d", 40)):
        watching.arm(key, due)
    watching.folding.tick_for(45)
    watching.folding.wait(59).tick()
    assert [key for _, key in watching.fired] == ["c", "a", "b", "d"]


def test_a_tick_fires_everybodys_timers_and_a_record_its_tenants_only() -> None:
    watching = Watching()
    watching.arm("a", 0, "acme")
    watching.arm("b", 0, "other")
    watching.folding.tick_for(45)
    watching.folding.wait(16).deliver(firing("x"))
    assert watching.fired == [("acme", "a")]
    watching.folding.tick()
    assert watching.fired == [("acme", "a"), ("other", "b")]


def test_a_tenants_command_fires_its_timers() -> None:
    watching = Watching()
    watching.arm("a", 0)
    watching.folding.tick_for(45)
    watching.folding.wait(16)
    watching.folding.command("nobody", "RESOLVED")  # type: ignore[arg-type] # as JSON has it
    assert watching.fired == [("acme", "a")]


def test_timers_fire_before_the_record_counts() -> None:
    """The window passed: the record that lets the fold notice opens a new incident."""
    folding = Folding()
    folding.deliver(firing("a", never_resolves=True))
    folding.tick_for(1845)
    folding.wait(16)
    assert effects(folding.deliver(firing("a", never_resolves=True))) == ["opened"]


def test_what_a_timer_arms_anew_fires_at_the_same_record_if_that_is_due_too() -> None:
    """Armed for its first event, moved to its second: both windows passed before the third, which opens a new incident."""
    folding = Folding(settings=IntegrationSettings(group_window_s=120, dedup_window_s=0))
    folding.deliver(firing("a", never_resolves=True))
    folding.wait(10).deliver(firing("a", never_resolves=True))
    folding.tick_for(165)
    assert effects(folding.wait(60).deliver(firing("a", never_resolves=True))) == ["opened"]


def test_what_is_armed_anew_overtakes_none_of_the_timers_left_to_the_next_record() -> None:
    watching = Watching()
    for number in range(TIMERS_AT_ONCE + 1):
        watching.arm(f"{number:04}", number / 1000)
    watching.arms["0000"] = 5.0
    watching.folding.tick_for(90)
    assert watching.fired[-2:] == [("acme", f"{TIMERS_AT_ONCE:04}"), ("acme", "0000")]


def test_refusals_of_a_tick_count_before_its_timers_fire() -> None:
    watching = Watching()
    watching.arm("a", 0)
    watching.folding.tick_for(45)
    watching.folding.wait(15).tick(refused=["prod"])
    assert watching.fired == []
    watching.folding.wait(15).tick()
    assert watching.fired == [("acme", "a")]


def test_a_deadline_is_judged_a_minute_behind_it() -> None:
    watching = Watching()
    watching.arm("a", 15)
    watching.folding.tick_for(60)
    watching.folding.now += 15 * SECOND - 1
    watching.folding.tick()
    assert watching.fired == []
    watching.folding.now += 1
    watching.folding.tick()
    assert watching.fired == [("acme", "a")]


def test_one_record_fires_so_many_and_the_next_the_rest() -> None:
    watching = Watching()
    for number in range(TIMERS_AT_ONCE + 1):
        watching.arm(f"{number:04}", 0)
    watching.folding.tick_for(60)
    assert len(watching.fired) == TIMERS_AT_ONCE
    watching.folding.tick()
    assert watching.fired[-1] == ("acme", f"{TIMERS_AT_ONCE:04}")


def due_keys(timers: Timers, observed_s: float, refusals: dict[tuple[str, str], int] | None = None) -> list[str]:
    return [due.key.key for due in timers.due(["t"], round(observed_s * SECOND) + GRACE, refusals or {}, most=500)]


def timer(due_s: float) -> Timer:
    return Timer(kind="k", integration="i", subject="s", due=round(due_s * SECOND))


@pytest.mark.parametrize(("first", "second"), [(10, 20), (20, 10)], ids=["later", "earlier"])
def test_arming_anew_replaces_the_deadline(first: float, second: float) -> None:
    timers = Timers()
    timers.put(TimerKey("t", "a"), timer(first))
    timers.put(TimerKey("t", "a"), timer(second))
    assert due_keys(timers, second - 1) == []
    assert due_keys(timers, second) == ["a"]
    assert due_keys(timers, 100) == ["a"], "asking fires nothing: it is due until it is armed anew or disarmed"


def test_a_disarmed_timer_is_not_due_and_may_be_armed_again() -> None:
    timers = Timers({TimerKey("t", "a"): timer(10)})
    timers.drop(TimerKey("t", "a"))
    assert due_keys(timers, 50) == []
    timers.put(TimerKey("t", "a"), timer(60))
    assert (due_keys(timers, 59), due_keys(timers, 60)) == ([], ["a"])


def test_what_an_integration_is_owed_moves_its_deadlines_and_no_others() -> None:
    timers = Timers({TimerKey("t", "a"): timer(10), TimerKey("t", "b"): Timer(kind="k", integration="j", subject="s", due=0)})
    assert due_keys(timers, 20, {("t", "i"): 30 * SECOND}) == ["b"]
    assert due_keys(timers, 40, {("t", "i"): 30 * SECOND}) == ["b", "a"]


def test_an_alert_that_flaps_all_day_leaves_one_entry() -> None:
    """Disarmed entries lie in the heap until their time comes: arming again must not add another one each time."""
    timers = Timers()
    for number in range(10_000):
        timers.put(TimerKey("t", "a"), timer(86_400 + number))
        timers.drop(TimerKey("t", "a"))
    assert sum(len(heap) for heap in timers._heaps.values()) <= 1


def test_entries_of_disarmed_timers_are_swept_once_they_are_the_most() -> None:
    timers = Timers()
    for number in range(10_000):
        timers.put(TimerKey("t", f"{number}"), timer(number))
        timers.drop(TimerKey("t", f"{number}"))
    timers.put(TimerKey("t", "z"), timer(5))
    assert sum(len(heap) for heap in timers._heaps.values()) <= 1100
    assert due_keys(timers, 20_000) == ["z"]
