"""Configured heartbeats (issue 5, item 4): one that stays away opens an incident, by ticked time; Watchdogs make none."""

from typing import Any

import pytest

from tests.support.folding import Folding, alert, effects, firing, incident_facts, kinds, outcome, resolved
from tocsin_contracts.incident import IncidentOpened
from tocsin_contracts.severity import Severity
from tocsin_contracts.status import AlertStatus, EventStatus, IncidentStatus
from tocsin_contracts.tick import Tick

WATCHDOG = {"name": "dead-mans-switch", "matchers": 'alertname="Watchdog"', "every": "5m", "severity": "CRITICAL", "team": "sre"}


def watched(**values: Any) -> Folding:
    """Give a fold that expects a Watchdog every five minutes, and heard one."""
    folding = Folding(**values)
    folding.rules(heartbeats=[WATCHDOG])
    beat(folding)
    return folding


def missed_and_took_in_an_alert() -> Folding:
    """Give a fold whose heartbeat stays away; into its incident, the second, that of a firing alert was merged."""
    folding = watched()
    folding.deliver(firing("a"))
    folding.tick_for(400)
    alerts, heartbeat = folding.incidents()
    folding.ask({"kind": "merge", "incident": heartbeat.id, "sources": [alerts.id]})
    return folding


def beat(folding: Folding) -> list[str]:
    return effects(folding.deliver(firing("w", labels={"alertname": "Watchdog"}, title=f"beat at {folding.now}")))


def test_a_sign_of_life_makes_no_incident() -> None:
    folding = watched().wait(60)
    assert beat(folding) == ["heartbeat"]
    assert folding.incidents() == []


def test_one_that_says_the_same_each_time_is_heard_each_time() -> None:
    """Alertmanager repeats a Watchdog word for word: a duplicate, and alive."""
    folding = watched()
    same = firing("w", labels={"alertname": "Watchdog"}, title="always the same")
    for _ in range(8):
        folding.tick_for(240)
        folding.deliver(same)
    assert outcome(folding.deliver(same)) == ("duplicate", "same-content")
    assert folding.incidents() == []


def test_a_watchdog_that_no_rule_names_makes_no_incident_and_is_missed_by_nobody() -> None:
    folding = Folding()
    folding.deliver(firing("w", heartbeat=True))
    folding.tick_for(86_400)
    assert folding.incidents() == []


def test_while_it_beats_nothing_opens() -> None:
    folding = watched()
    for _ in range(12):
        folding.tick_for(240)
        beat(folding)
    assert folding.incidents() == []


def test_one_that_stays_away_opens_one_incident_that_says_why() -> None:
    folding = watched()
    folding.tick_for(300)
    assert folding.incidents() == []
    folding.tick_for(75)
    opened = folding.incident()
    assert (opened.severity, opened.team, opened.alert_count) == (Severity.CRITICAL, "sre", 0)
    facts = [fact for decision in folding.decisions for fact in incident_facts(decision.facts)]
    (fact,) = [fact for fact in facts if isinstance(fact, IncidentOpened)]
    assert (fact.rule, fact.rule_version, fact.alert) == ("dead-mans-switch", 1, None)
    assert fact.reason == "heartbeat dead-mans-switch: nothing was heard for 300 s"
    folding.tick_for(3600)
    assert len(folding.incidents()) == 1, "once"


def test_its_return_resolves_the_incident_and_the_next_absence_opens_a_new_one() -> None:
    folding = watched()
    folding.tick_for(400)
    beat(folding)
    assert folding.incident().status is IncidentStatus.RESOLVED
    folding.tick_for(400)
    first, second = folding.incidents()
    assert (first.status, second.status) == (IncidentStatus.RESOLVED, IncidentStatus.OPEN)


def test_one_that_never_came_is_missed_as_well() -> None:
    folding = Folding()
    folding.rules(heartbeats=[WATCHDOG])
    folding.tick_for(400)
    assert folding.incident().status is IncidentStatus.OPEN


def test_a_resolved_watchdog_is_no_sign_of_life() -> None:
    folding = watched()
    folding.tick_for(240)
    folding.deliver(resolved("w", labels={"alertname": "Watchdog"}))
    folding.tick_for(150)
    assert len(folding.incidents()) == 1


def test_its_return_does_not_resolve_what_its_incident_was_merged_into() -> None:
    folding = watched()
    folding.deliver(firing("a"))
    folding.tick_for(400)
    alerts, heartbeat = folding.incidents()
    folding.ask({"kind": "merge", "incident": alerts.id, "sources": [heartbeat.id]})
    beat(folding)
    assert folding.incidents()[0].status is IncidentStatus.OPEN


def test_what_its_incident_took_in_does_not_end_it_while_it_stays_away() -> None:
    """Else the absence would be over for everybody, and nothing would tell of it again."""
    folding = missed_and_took_in_an_alert()
    folding.deliver(resolved("a"))
    assert folding.incidents()[1].status is IncidentStatus.OPEN
    beat(folding)
    assert folding.incidents()[1].status is IncidentStatus.RESOLVED


def test_a_sign_of_life_does_not_end_what_fires_in_its_incident() -> None:
    folding = missed_and_took_in_an_alert()
    beat(folding)
    assert folding.incidents()[1].status is IncidentStatus.OPEN
    folding.deliver(resolved("a"))
    assert folding.incidents()[1].status is IncidentStatus.OPEN
    beat(folding)
    assert folding.incidents()[1].status is IncidentStatus.RESOLVED


def test_an_acknowledgement_is_no_sign_of_life_and_is_one_as_of_any_alert() -> None:
    folding = Folding()
    folding.deliver(firing("w", heartbeat=True))
    assert effects(folding.wait(60).deliver(alert("w", EventStatus.ACKNOWLEDGED, heartbeat=True))) == ["acknowledged"]
    assert folding.alert("w").status is AlertStatus.ACKNOWLEDGED
    folding.wait(60).deliver(resolved("w", heartbeat=True))
    assert effects(folding.wait(60).deliver(alert("w", EventStatus.ACKNOWLEDGED, heartbeat=True))) == ["late"]
    assert folding.alert("w").status is AlertStatus.RESOLVED, "nobody acknowledges what is over"


def test_an_alert_that_runs_in_an_incident_from_before_the_rule_goes_on_there_and_is_a_sign_of_life() -> None:
    """It was missed while it came, in ever other words: an incident opened, though its sender was well."""
    folding = Folding()
    assert beat(folding) == ["opened"]
    folding.rules(heartbeats=[WATCHDOG])
    for _ in range(8):
        folding.tick_for(240)
        assert beat(folding) == ["repeated"]
    assert [incident.rule for incident in folding.incidents()] == ["default"]
    folding.tick_for(600)
    assert [incident.rule for incident in folding.incidents()] == ["default", "dead-mans-switch"]
    assert beat(folding) == ["repeated"]
    assert [incident.status for incident in folding.incidents()] == [IncidentStatus.OPEN, IncidentStatus.RESOLVED]


def test_an_incident_of_it_that_a_person_opened_again_ends_with_its_next_sign() -> None:
    folding = watched()
    folding.tick_for(420)
    folding.command(folding.incident().id, IncidentStatus.RESOLVED)
    folding.ask({"kind": "reopen", "incident": folding.incident().id})
    beat(folding)
    assert folding.incident().status is IncidentStatus.RESOLVED


def test_a_rule_set_without_it_waits_no_more_and_resolves_what_it_opened() -> None:
    folding = watched()
    folding.tick_for(400)
    assert "incident-resolved" in kinds(folding.rules())
    folding.tick_for(3600)
    assert folding.incident().status is IncidentStatus.RESOLVED


def test_the_same_heartbeat_in_another_rule_set_goes_on_waiting() -> None:
    folding = watched()
    folding.tick_for(240)
    folding.rules({"name": "other"}, heartbeats=[WATCHDOG])
    folding.tick_for(150)
    assert len(folding.incidents()) == 1


@pytest.mark.parametrize(
    "silence",
    [
        lambda folding: folding.tick_for(7200, refused=["prod"]),
        lambda folding: folding.tick_for(7200, all_refused=True),
        lambda folding: folding.wait(7200).tick(),
        lambda folding: folding.wait(7200).wait(-3600).tick(),
    ],
    ids=["429 or 503 for it", "Kafka away: all refused", "the gateway was down", "a clock that stepped"],
)
def test_our_own_absence_opens_nothing(silence: Any) -> None:
    """P10."""
    folding = watched()
    folding.tick_for(60)
    silence(folding)
    assert folding.incidents() == []
    folding.tick_for(360)
    assert len(folding.incidents()) == 1, "but a real one does, later"


def test_before_the_first_sign_a_refusal_of_any_of_the_tenants_integrations_counts() -> None:
    folding = Folding()
    folding.rules(heartbeats=[WATCHDOG])
    folding.tick_for(600, refused=["another"])
    assert folding.incidents() == []


def tick_of(folding: Folding, process: str, **values: Any) -> None:
    folding.fold(Tick(gateway="g", process=process, covers_ms=15_000, **values))


def test_a_gateway_that_is_cut_off_is_waited_for_while_others_tick() -> None:
    """P10 with several gateways: what it refused is told when it comes back; until then nothing is judged."""
    folding = watched()
    tick_of(folding, "one")
    tick_of(folding, "two")
    for _ in range(40):
        folding.wait(15)
        tick_of(folding, "one")
    assert folding.incidents() == [], "two may have refused it"
    folding.fold(
        Tick.model_validate({
            "gateway": "g", "process": "two", "covers_ms": 600_000, "refused": [{"tenant": "acme", "integration": "prod"}],
        })
    )  # fmt: skip
    assert folding.incidents() == [], "it did"
    for _ in range(25):
        folding.wait(15)
        tick_of(folding, "one")
        tick_of(folding, "two")
    assert len(folding.incidents()) == 1


def test_a_gateway_that_said_goodbye_is_not_waited_for() -> None:
    folding = watched()
    tick_of(folding, "one")
    tick_of(folding, "two")
    tick_of(folding, "two", last=True)
    for _ in range(27):
        folding.wait(15)
        tick_of(folding, "one")
    assert len(folding.incidents()) == 1


def test_a_gateway_that_died_without_a_word_is_waited_for_a_quarter_of_an_hour() -> None:
    folding = watched()
    tick_of(folding, "one")
    tick_of(folding, "two")
    for _ in range(59):
        folding.wait(15)
        tick_of(folding, "one")
    assert folding.incidents() == []
    for _ in range(3):
        folding.wait(15)
        tick_of(folding, "one")
    assert len(folding.incidents()) == 1
