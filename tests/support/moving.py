"""What people do with alerts of two incidents: merge, split, undo; and what is looked at behind it."""

from typing import Any

from tests.support.folding import Folding, decided, firing, kinds
from tocsin_grouper.domain.facts import Fact
from tocsin_grouper.domain.state import Alert, Incident


def two(**second: Any) -> Folding:
    """Give two open incidents: `a` and `b` of the first, `c` of the second."""
    folding = Folding()
    folding.deliver(firing("a", problem="p1"), firing("b", problem="p1"))
    folding.deliver(firing("c", **({"problem": "p2"} | second)))
    return folding


def merge(folding: Folding, target: int = 0, *sources: int) -> list[Fact]:
    incidents = folding.incidents()
    names = [incidents[number].id for number in sources or (1,)]
    return folding.ask({"kind": "merge", "incident": incidents[target].id, "sources": names})


def split(folding: Folding, *alerts: str, incident: int = 0) -> list[Fact]:
    names = [folding.alert(name).id for name in alerts]
    return folding.ask({"kind": "split", "incident": folding.incidents()[incident].id, "alerts": names})


def undo(folding: Folding, incident: int, version: int) -> list[Fact]:
    return folding.ask({"kind": "undo", "incident": folding.incidents()[incident].id, "version": version})


def refusal(facts: list[Fact]) -> tuple[int, object]:
    answer = decided(facts)
    assert not answer.applied
    assert kinds(facts) == []
    return answer.status, answer.detail["reason"]


def counts(incident: Incident) -> tuple[int, int, int]:
    return incident.alert_count, incident.firing_count, incident.event_count


def members(folding: Folding, incident: Incident) -> set[str]:
    found = dict(folding.state.loaded).values()
    return {alert.id for alert in found if isinstance(alert, Alert) and alert.incident == incident.id}
