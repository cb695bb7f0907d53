"""An incident's severity only rises (E9), and says which alert raised it."""

import pytest

from tests.support.folding import Folding, firing, incident_facts, kinds, resolved
from tocsin_contracts.incident import SeverityRaised
from tocsin_contracts.severity import Severity
from tocsin_contracts.status import IncidentStatus


def test_what_came_while_a_persons_higher_severity_stood_does_not_overrule_who_lowers_it() -> None:
    folding = Folding()
    folding.deliver(firing("a"))
    incident = folding.incident().id
    folding.ask({"kind": "set-severity", "incident": incident, "severity": "CRITICAL"})
    facts = folding.deliver(firing("a", severity=Severity.HIGH))
    (told,) = [fact for fact in incident_facts(facts) if isinstance(fact, SeverityRaised)]
    assert (told.before, told.after, told.worst) == (Severity.CRITICAL, Severity.CRITICAL, Severity.HIGH)
    folding.ask({"kind": "set-severity", "incident": incident, "severity": "LOW"})
    folding.deliver(firing("a", severity=Severity.HIGH, title="still"))
    assert folding.incident().severity is Severity.LOW
    folding.deliver(firing("a", severity=Severity.CRITICAL))
    assert folding.incident().severity is Severity.CRITICAL, "something worse came"


def test_a_worse_alert_raises_it_and_is_named() -> None:
    folding = Folding()
    folding.deliver(firing("a", severity=Severity.LOW))
    facts = incident_facts(folding.deliver(firing("b", severity=Severity.HIGH), firing("c", severity=Severity.CRITICAL)))
    raised = facts[-1]
    assert isinstance(raised, SeverityRaised)
    assert (raised.before, raised.after, raised.alert) == ("LOW", "CRITICAL", folding.alert("c").id)
    assert len(facts) == 2, "one step, not one for each worse alert"


def test_an_alert_that_becomes_worse_raises_it() -> None:
    folding = Folding()
    folding.deliver(firing("a", severity=Severity.LOW))
    folding.deliver(firing("a", severity=Severity.HIGH))
    assert folding.incident().severity is Severity.HIGH


@pytest.mark.parametrize("how", ["lower alert", "resolve of the worst", "resolve that says less"])
def test_it_is_never_lowered(how: str) -> None:
    folding = Folding()
    folding.deliver(firing("a", severity=Severity.CRITICAL), firing("b", severity=Severity.LOW))
    match how:
        case "lower alert":
            folding.deliver(firing("a", severity=Severity.INFO))
        case "resolve of the worst":
            folding.deliver(resolved("a"))
        case _:
            folding.deliver(resolved("a", severity=Severity.INFO))
            assert folding.alert("a").severity is Severity.CRITICAL
    assert folding.incident().severity is Severity.CRITICAL


def test_an_alert_that_does_not_say_is_medium() -> None:
    folding = Folding()
    folding.deliver(firing("a"))
    assert (folding.incident().severity, folding.alert().severity) == (Severity.MEDIUM, Severity.MEDIUM)


def test_an_alert_that_says_nothing_of_it_keeps_what_it_had_and_opens_with_it() -> None:
    folding = Folding()
    folding.deliver(firing("a", severity=Severity.HIGH))
    folding.wait(60).deliver(resolved("a"))
    assert kinds(folding.wait(60).deliver(firing("a"))) == ["incident-opened", "alerts-recorded"]
    assert folding.incidents()[-1].severity is Severity.HIGH


def test_an_incident_that_is_over_is_not_raised() -> None:
    folding = Folding()
    folding.deliver(firing("a", severity=Severity.LOW))
    folding.command(folding.incident().id, IncidentStatus.RESOLVED)
    folding.deliver(firing("a", severity=Severity.CRITICAL))
    assert folding.incident().severity is Severity.LOW
