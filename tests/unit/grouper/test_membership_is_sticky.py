"""Membership is sticky (DESIGN 3): later events follow identity to the incident that took the firing."""

import pytest

from tests.support.folding import Folding, effects, firing, resolved
from tocsin_contracts.status import IncidentStatus


def test_a_resolve_whose_environment_is_missing_closes_what_its_firing_opened() -> None:
    """A Sentry event_alert has an environment, the issue's resolve has none."""
    folding = Folding()
    folding.deliver(firing("issue:1", environment="prod", project="shop"))
    assert effects(folding.wait(60).deliver(resolved("issue:1"))) == ["resolved"]
    assert folding.incident().status is IncidentStatus.RESOLVED


@pytest.mark.parametrize("change", [{"environment": "dev"}, {"problem": "Renamed"}, {"project": "moved"}])
def test_a_repeat_whose_group_key_changed_stays_where_its_episode_began(change: dict[str, str]) -> None:
    folding = Folding()
    folding.deliver(firing("a", environment="prod"))
    assert effects(folding.wait(60).deliver(firing("a", **{"environment": "prod"} | change))) == ["repeated"]
    assert folding.incident().alert_count == 1


def test_the_next_episode_goes_by_its_own_group_key() -> None:
    folding = Folding()
    folding.deliver(firing("a", environment="prod"))
    folding.wait(60).deliver(resolved("a"))
    folding.wait(60).deliver(firing("a", environment="dev"))
    assert [incident.status for incident in folding.incidents()] == [IncidentStatus.RESOLVED, IncidentStatus.OPEN]
