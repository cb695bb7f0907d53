"""Escalation (E9; issue 5, item 3): by a higher alert, by rule, by spike; each a fact with its reason; never lowered silently."""

from tests.support.folding import START, Folding, firing, incident_facts
from tocsin_contracts.incident import SeverityRaised
from tocsin_contracts.severity import Severity
from tocsin_contracts.times import SECOND
from tocsin_grouper.domain.facts import Fact

PROD = {"name": "prod-is-high", "matchers": 'environment="prod"', "at_least": "HIGH"}
SPIKE = {"name": "spike", "at_least": "CRITICAL", "spike": {"events": 5, "within": "3m"}}


def raises(facts: list[Fact]) -> list[tuple[str, str, str]]:
    found = [fact for fact in incident_facts(facts) if isinstance(fact, SeverityRaised)]
    return [(fact.before.value, fact.after.value, fact.reason) for fact in found]


def test_by_environment() -> None:
    folding = Folding()
    folding.rules(escalation=[PROD])
    facts = folding.deliver(firing("a", environment="prod", severity=Severity.LOW))
    assert raises(facts) == [("LOW", "HIGH", "escalation rule prod-is-high")]
    assert raises(folding.deliver(firing("b", environment="dev", severity=Severity.LOW, problem="p2"))) == []


def test_one_that_is_high_already_is_not_raised() -> None:
    folding = Folding()
    folding.rules(escalation=[PROD])
    assert raises(folding.deliver(firing("a", environment="prod", severity=Severity.CRITICAL))) == []


def test_by_spike() -> None:
    folding = Folding()
    folding.rules(escalation=[SPIKE])
    told = []
    for number in range(7):
        told += raises(folding.wait(10).deliver(firing("a", title=f"{number}", severity=Severity.MEDIUM)))
    assert told == [("MEDIUM", "CRITICAL", "escalation rule spike: 5 events within 180 s")]


def test_events_far_apart_are_no_spike() -> None:
    folding = Folding()
    folding.rules(escalation=[SPIKE])
    for number in range(20):
        assert raises(folding.wait(61).deliver(firing("a", title=f"{number}"))) == []


def test_events_that_did_not_match_count_too_but_only_a_match_raises() -> None:
    folding = Folding()
    folding.rules({"name": "all", "group_by": ["source"]}, escalation=[SPIKE | {"matchers": 'environment="prod"'}])
    for number in range(6):
        assert raises(folding.deliver(firing("a", title=f"{number}", environment="dev"))) == []
    assert len(raises(folding.deliver(firing("b", environment="prod")))) == 1


def test_a_rule_set_without_spikes_forgets_the_counts() -> None:
    folding = Folding()
    folding.rules(escalation=[SPIKE])
    folding.deliver(firing("a"))
    folding.rules()
    folding.deliver(firing("a", title="again"))
    assert folding.incident().recent == ()


def test_what_a_person_lowered_is_raised_only_above_the_worst_so_far() -> None:
    folding = Folding()
    folding.deliver(firing("a", severity=Severity.HIGH))
    folding.ask({"kind": "set-severity", "incident": folding.incident().id, "severity": "LOW"})
    assert folding.incident().severity is Severity.LOW
    assert raises(folding.deliver(firing("a", severity=Severity.HIGH, title="again"))) == []
    assert raises(folding.deliver(firing("b", severity=Severity.CRITICAL))) == [("LOW", "CRITICAL", "a higher alert")]


def test_what_a_person_raised_stays_above_what_alerts_say() -> None:
    folding = Folding()
    folding.deliver(firing("a", severity=Severity.LOW))
    folding.ask({"kind": "set-severity", "incident": folding.incident().id, "severity": "CRITICAL"})
    assert raises(folding.deliver(firing("b", severity=Severity.HIGH))) == [("CRITICAL", "CRITICAL", "a higher alert")]
    assert raises(folding.deliver(firing("b", severity=Severity.HIGH, title="again"))) == [], "that is known"
    assert (folding.incident().severity, folding.incident().worst) == (Severity.CRITICAL, Severity.HIGH)


def test_incidents_that_are_over_are_not_raised() -> None:
    folding = Folding()
    folding.deliver(firing("a", severity=Severity.LOW))
    folding.command(folding.incident().id, "RESOLVED")  # type: ignore[arg-type] # as JSON has it
    assert raises(folding.deliver(firing("a", severity=Severity.CRITICAL, title="still"))) == []


def test_a_spike_is_one_on_either_side_of_a_full_minute() -> None:
    """Whole minutes are counted, so up to a minute more than the rule says; never less."""
    folding = Folding(now=START + 45 * SECOND)
    folding.rules(escalation=[SPIKE | {"spike": {"events": 5, "within": "30s"}}])
    told = []
    for number in range(5):
        told += raises(folding.wait(5).deliver(firing("a", title=f"{number}", severity=Severity.LOW)))
    assert told == [("LOW", "CRITICAL", "escalation rule spike: 5 events within 30 s")]
