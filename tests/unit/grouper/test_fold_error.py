"""Poison (P7): what makes `decide` raise fails alone; a timer that raises is cleared; nothing else moves."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.support.folding import Folding, decided, effects, firing, incident_facts, kinds, outcome
from tocsin_contracts.image import Image
from tocsin_contracts.integration import IntegrationSettings
from tocsin_contracts.status import AlertStatus, IncidentStatus
from tocsin_grouper.domain import deeds
from tocsin_grouper.domain.facts import AlertMoved
from tocsin_grouper.domain.fold import LogRecord, decide
from tocsin_grouper.domain.gathering import Gathering
from tocsin_grouper.domain.keys import AlertKey, GroupKey, TimerKey
from tocsin_grouper.domain.lately import Lately
from tocsin_grouper.domain.state import Group, Timer
from tocsin_grouper.domain.step import Step
from tocsin_grouper.domain.tally import settle
from tocsin_grouper.domain.timers import Due
from tocsin_grouper.domain.view import Draft

GATHERING = "tocsin_grouper.domain.deliveries.Gathering"


def break_after(count: int, function: Callable[..., object], error: Exception) -> Callable[..., object]:
    """Let a function work `count` times, then raise."""
    calls = iter(range(count))

    def broken(*args: object, **kwargs: object) -> object:
        if next(calls, None) is None:
            raise error
        return function(*args, **kwargs)

    return broken


def test_a_delivery_that_cannot_be_decided_fails_and_leaves_everything_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """It raises half way through, behind an incident that it opened already: nothing of that stays, and the next is fine."""
    folding = Folding()
    folding.deliver(firing("a"))
    before = dict(folding.state.loaded)
    with monkeypatch.context() as broken:
        broken.setattr("tocsin_grouper.domain.gathering.settle", break_after(1, settle, RuntimeError("a bug")))
        facts = folding.wait(15).deliver(firing("b", problem="p1"), firing("c", problem="p2"), sender_id="e1")
    assert (outcome(facts), kinds(facts), effects(facts)) == (("failed", "fold-error"), [], [])
    assert isinstance(folding.decisions[-1].error, RuntimeError)
    after = dict(folding.state.loaded)
    assert {key: value for key, value in after.items() if key.space != "delivery"} == {
        key: value for key, value in before.items() if key.space != "delivery"
    }
    assert folding.state.clock is not None
    assert folding.state.clock.clock == folding.now, "the clock of a failed record counts"
    assert outcome(folding.deliver(firing("b", problem="p1"), sender_id="e1")) == ("processed", None)
    assert folding.incidents()[-1].version == 2


def test_a_failed_delivery_of_a_fixed_fold_can_be_redriven(monkeypatch: pytest.MonkeyPatch) -> None:
    folding = Folding()
    with monkeypatch.context() as broken:
        broken.setattr(GATHERING, break_after(0, Gathering, KeyError("x")))
        folding.deliver(firing("a"))
    facts = folding.deliver(firing("a"), redrive_of=folding.records[0].position)
    assert outcome(facts) == ("processed", None)


def test_a_command_that_cannot_be_decided_is_answered_500(monkeypatch: pytest.MonkeyPatch) -> None:
    folding = Folding()
    folding.deliver(firing("a"))
    before = folding.incident()
    with monkeypatch.context() as broken:
        broken.setattr(deeds, "do", break_after(0, deeds.do, RuntimeError("a bug")))
        answer = decided(folding.command(before.id, IncidentStatus.ACKNOWLEDGED))
    assert (answer.applied, answer.status, answer.detail["reason"]) == (False, 500, "fold-error")
    assert folding.incident() == before


def test_timers_fire_though_the_record_that_let_them_cannot_be_decided(monkeypatch: pytest.MonkeyPatch) -> None:
    folding = Folding(settings=IntegrationSettings(group_window_s=600))
    folding.deliver(firing("a", never_resolves=True))
    folding.tick_for(645)
    with monkeypatch.context() as broken:
        broken.setattr(GATHERING, break_after(0, Gathering, RuntimeError("a bug")))
        facts = folding.wait(15).deliver(firing("b"))
    assert (outcome(facts), kinds(facts)) == (("failed", "fold-error"), ["alerts-recorded"])
    assert folding.alert().status is AlertStatus.CLOSED
    assert [fact.version for fact in incident_facts(facts)] == [3]


def test_a_lack_of_memory_is_never_recorded_as_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would not be raised again at a replay, so the outcome would differ (P5): the worker dies and folds it again."""
    folding = Folding()
    with monkeypatch.context() as broken:
        broken.setattr(GATHERING, break_after(0, Gathering, MemoryError()))
        with pytest.raises(MemoryError):
            folding.deliver(firing("a"))
    assert folding.records == []


def test_a_timer_that_raises_is_cleared_told_and_changes_nothing_else() -> None:
    """Or it would raise at every record of its tenant, for ever."""

    def explode(step: Step, due: Due) -> None:
        alert = folding.alert()
        step.draft.put(AlertKey(alert.tenant, alert.id), replace(alert, status=AlertStatus.CLOSED))
        step.record(AlertMoved(alert=alert))
        raise RuntimeError("a bug")

    folding = Folding(handlers={"bomb": explode, **Folding().handlers})
    folding.deliver(firing("a"))
    key = TimerKey("acme", "bomb")
    folding.state.timers.put(key, Timer(kind="bomb", integration="prod", subject="x", due=0))
    alert = folding.alert()
    folding.tick_for(75)
    fired = [decision for decision in folding.decisions if decision.timer_errors]
    assert [type(error) for decision in fired for _, error in decision.timer_errors] == [RuntimeError]
    assert key not in dict(folding.state.timers.items())
    assert not [fact for decision in fired for fact in decision.facts if isinstance(fact, AlertMoved)]
    assert folding.alert() == alert
    assert effects(folding.deliver(firing("a", title="still"))) == ["repeated"]


def test_deciding_changes_no_state() -> None:
    """`decide` may be asked again: what it gave is only state once it is absorbed."""
    folding = Folding()
    folding.deliver(firing("a"))
    before, clock = dict(folding.state.loaded), folding.state.clock
    image: Image = folding.image(firing("b"))
    record = LogRecord(
        position=folding.records[-1].position._replace(offset=1), appended_at=folding.now, release="1", payload=image
    )
    first, second = decide(folding.state, record), decide(folding.state, record)
    assert first.facts == second.facts
    assert (dict(folding.state.loaded), folding.state.clock) == (before, clock)


def test_a_draft_goes_back_to_its_mark_whatever_was_written_over_what() -> None:
    first, second = GroupKey("acme", "one"), GroupKey("acme", "two")
    draft = Draft({first: None, second: None}, Lately())
    draft.put(first, Group(incident="before"))
    draft.mark()
    for number in range(3):
        draft.put(first, Group(incident=f"behind-{number}"))
        draft.put(second, Group(incident=f"behind-{number}"))
    draft.rewind()
    assert draft.writes == {first: Group(incident="before")}
    assert draft.group(second) is None
