"""When an episode must not end (DESIGN 3, P10): until it does, nothing opens a second incident."""

from collections.abc import Callable

import pytest

from tests.support.folding import Folding, effects, episode, firing, kinds, resolved
from tocsin_contracts.integration import IntegrationSettings
from tocsin_contracts.status import AlertStatus, IncidentStatus

SILENT = IntegrationSettings(silence_s=3600)
WINDOW = IntegrationSettings(group_window_s=1800)


def test_an_alert_whose_incident_was_resolved_by_hand_still_follows_it_while_it_fires() -> None:
    """Its repeats count there, open nothing and do not wake it; its resolve ends the episode without another fact of an end."""
    folding = Folding()
    folding.deliver(firing("a", **episode(0)))
    folding.command(folding.incident().id, IncidentStatus.RESOLVED)
    for _ in range(6):
        folding.tick_for(4 * 3600)
        assert effects(folding.deliver(firing("a", **episode(0)))) == ["repeated"]
    assert folding.incident().status is IncidentStatus.RESOLVED
    assert kinds(folding.wait(15).deliver(resolved("a", **episode(0, 86_400)))) == ["alerts-recorded"]
    assert (folding.incident().firing_count, folding.incident().event_count) == (0, 8)


def test_another_alert_of_a_problem_resolved_by_hand_opens_an_incident() -> None:
    folding = Folding()
    folding.deliver(firing("a"))
    folding.command(folding.incident().id, IncidentStatus.RESOLVED)
    assert effects(folding.wait(60).deliver(firing("b"), firing("a", title="still"))) == ["opened", "repeated"]
    first, second = folding.incidents()
    assert (first.firing_count, second.firing_count) == (1, 1)


def test_silence_never_ends_an_episode_whose_incident_is_open() -> None:
    """Alertmanager repeats every 4 h; a sender that went silent for three days did not say that anything is well."""
    folding = Folding(settings=SILENT)
    folding.deliver(firing("a"))
    assert kinds(folding.tick_for(3 * 86_400)) == []
    assert effects(folding.deliver(firing("a"))) == ["repeated"]


def test_repeats_move_the_end_of_the_window() -> None:
    folding = Folding(settings=WINDOW)
    folding.deliver(firing("a", never_resolves=True))
    for number in range(5):
        folding.tick_for(1500)
        folding.deliver(firing("a", never_resolves=True, title=f"again {number}"))
    assert folding.incident().alert_count == 1


def test_a_duplicate_by_content_moves_the_end_of_the_window() -> None:
    folding = Folding(settings=WINDOW)
    body = firing("a", never_resolves=True)
    folding.deliver(body)
    folding.tick_for(840)
    folding.deliver(body)
    folding.tick_for(1500)
    assert folding.alert().status is AlertStatus.OPEN
    folding.tick_for(480)
    assert folding.alert().status is AlertStatus.CLOSED


def _gap(folding: Folding) -> None:
    folding.wait(7200).tick()


def _many_gaps(folding: Folding) -> None:
    for _ in range(40):
        folding.wait(90).tick()


def _step_ahead(folding: Folding) -> None:
    folding.wait(30 * 86_400).tick()


def _refused(folding: Folding) -> None:
    folding.tick_for(3600, refused=["prod"])


def _all_refused(folding: Folding) -> None:
    folding.tick_for(3600, all_refused=True)


def _clock_steps_back(folding: Folding) -> None:
    folding.wait(-3600).tick()
    folding.tick_for(600)


@pytest.mark.parametrize("disturb", [_gap, _many_gaps, _step_ahead, _refused, _all_refused, _clock_steps_back])
@pytest.mark.parametrize("over", [False, True], ids=["window", "silence"])
def test_our_own_outage_ends_nothing(disturb: Callable[[Folding], None], over: bool) -> None:
    """P10: lag, gaps, a clock that steps and refusals extend both deadlines; what is truly silent ends, once."""
    folding = Folding(settings=IntegrationSettings(group_window_s=1800, silence_s=1800))
    folding.deliver(firing("a", never_resolves=not over))
    if over:
        folding.command(folding.incident().id, IncidentStatus.RESOLVED)
    folding.tick_for(1200)
    disturb(folding)
    folding.tick_for(300 if disturb is not _clock_steps_back else 0)
    assert folding.alert().status is AlertStatus.OPEN
    assert kinds(folding.tick_for(3600)) == ["alerts-recorded"]
    assert folding.alert().status is AlertStatus.CLOSED


def test_refusals_after_the_end_of_the_incident_extend_the_silence() -> None:
    """The alert was silent for long before its incident was over, and refused for the rest: nobody could have heard it."""
    folding = Folding(settings=SILENT)
    folding.deliver(firing("a"))
    folding.tick_for(3000)
    folding.command(folding.incident().id, IncidentStatus.RESOLVED)
    folding.tick_for(3600, refused=["prod"])
    folding.tick_for(3600)
    assert folding.alert().status is AlertStatus.OPEN
    folding.tick_for(120)
    assert folding.alert().status is AlertStatus.CLOSED


def test_what_is_heard_behind_the_end_sets_when_the_silence_is_over() -> None:
    """Until then the end may have set a later time: what was refused before it, and how much of that, is not known any more."""
    folding = Folding(settings=SILENT)
    folding.deliver(firing("a"))
    folding.tick_for(7200, refused=["prod"])
    folding.command(folding.incident().id, IncidentStatus.RESOLVED)
    folding.tick_for(3720)
    assert effects(folding.deliver(firing("a", title="still"))) == ["repeated"]
    folding.tick_for(3600)
    assert folding.alert().status is AlertStatus.OPEN
    folding.tick_for(120)
    assert folding.alert().status is AlertStatus.CLOSED


def test_refusals_of_long_ago_extend_nothing() -> None:
    """Both deadlines count what was refused inside them: a bad day last month is no credit."""
    folding = Folding(settings=SILENT)
    folding.tick_for(7200, refused=["prod"])
    folding.deliver(firing("a"))
    folding.tick_for(600)
    folding.command(folding.incident().id, IncidentStatus.RESOLVED)
    folding.tick_for(3720)
    assert folding.alert().status is AlertStatus.CLOSED


def test_what_another_integration_was_refused_extends_nothing() -> None:
    folding = Folding(settings=WINDOW)
    folding.deliver(firing("a", never_resolves=True))
    folding.tick_for(1920, refused=["other"])
    assert folding.alert().status is AlertStatus.CLOSED


def test_a_refusal_told_by_the_tick_behind_the_deadline_still_counts() -> None:
    """A gateway tells what it refused up to 15 s later: nothing is judged before that."""
    folding = Folding(settings=WINDOW)
    folding.deliver(firing("a", never_resolves=True))
    folding.tick_for(1800)
    folding.wait(15).tick(refused=["prod"], covers_s=600)
    folding.tick_for(540)
    assert folding.alert().status is AlertStatus.OPEN
