"""What rules demand of alerts that wait for a threshold: the incident has it when it opens, with its reasons (E9)."""

import asyncio
from typing import Any

import pytest

from tests.simulation.tables import Tables
from tests.support.folding import Folding, effects, firing, incident_facts, kinds, resolved
from tests.support.images import records_of
from tocsin_contracts.incident import AlertsRecorded, SeverityRaised
from tocsin_contracts.severity import Severity
from tocsin_grouper.adapters import rows
from tocsin_grouper.adapters.postgres import _group
from tocsin_grouper.domain.changes import Changes
from tocsin_grouper.domain.facts import Fact
from tocsin_grouper.domain.state import Group
from tocsin_grouper.handler import PartitionHandler

PAIRS = {"name": "pairs", "group_by": ["service"], "threshold": {"alerts": 2, "within": "10m"}}
PROD = {"name": "prod-is-high", "matchers": 'environment="prod"', "at_least": "HIGH"}
SPIKE = {"name": "spike", "matchers": 'title=~".*now"', "at_least": "CRITICAL", "spike": {"events": 4, "within": "2m"}}
LOW: dict[str, Any] = {"severity": Severity.LOW, "service": "x"}


def pairs(*escalation: dict[str, Any]) -> Folding:
    """Give a fold whose incidents open at the second alert of a service."""
    folding = Folding()
    folding.rules(PAIRS, escalation=list(escalation))
    return folding


def raises(facts: list[Fact]) -> list[tuple[str, str]]:
    found = [fact for fact in incident_facts(facts) if isinstance(fact, SeverityRaised)]
    return [(fact.after.value, fact.reason) for fact in found]


def test_what_a_rule_demanded_of_an_alert_that_waited_is_the_incidents() -> None:
    folding = pairs(PROD)
    folding.deliver(firing("a", environment="prod", **LOW))
    facts = folding.deliver(firing("b", **LOW))
    (fact,) = [fact for fact in incident_facts(facts) if isinstance(fact, SeverityRaised)]
    assert (fact.before, fact.after, fact.alert) == (Severity.LOW, Severity.HIGH, folding.alert("a").id)
    assert fact.reason == "escalation rule prod-is-high, while it waited for others"
    assert (folding.incident().severity, folding.incident().worst) == (Severity.HIGH, Severity.HIGH)


def test_it_stands_though_the_alert_was_told_of_otherwise_since() -> None:
    """As in an incident that is open: what a rule demanded is not taken back."""
    folding = pairs(PROD)
    folding.deliver(firing("a", environment="prod", **LOW))
    folding.deliver(firing("a", environment="dev", **LOW))
    folding.deliver(firing("b", **LOW))
    assert folding.incident().severity is Severity.HIGH


def test_what_is_worse_already_says_nothing_of_it() -> None:
    folding = pairs(PROD)
    folding.deliver(firing("a", environment="prod", **LOW))
    assert raises(folding.deliver(firing("b", **LOW | {"severity": Severity.CRITICAL}))) == []


def test_of_one_body_too() -> None:
    folding = pairs(PROD)
    facts = folding.deliver(firing("a", environment="prod", **LOW), firing("b", **LOW))
    assert raises(facts) == [("HIGH", "escalation rule prod-is-high")]


def test_a_spike_counts_all_of_a_delivery_whether_it_opens_or_waits() -> None:
    """As in an incident that is open: who matched may be named before those that make it a spike."""
    for alerts, waits in ((4, ""), (5, ", while it waited for others")):
        folding = Folding()
        folding.rules(PAIRS | {"threshold": {"alerts": alerts, "within": "10m"}}, escalation=[SPIKE])
        facts = folding.deliver(firing("a", title="now", **LOW), *(firing(name, **LOW) for name in "bcd"))
        facts += folding.wait(300).deliver(firing("e", **LOW))
        assert raises(facts) == [("CRITICAL", "escalation rule spike: 4 events within 120 s" + waits)]


def test_a_spike_while_it_waited_is_kept() -> None:
    folding = pairs(SPIKE)
    for number in range(4):
        folding.wait(10).deliver(firing("a", title=f"{number} now", **LOW))
    facts = folding.wait(400).deliver(firing("b", **LOW))
    assert raises(facts) == [("CRITICAL", "escalation rule spike: 4 events within 120 s, while it waited for others")]


def test_events_of_the_wait_count_towards_a_spike_of_the_incident() -> None:
    folding = pairs(SPIKE)
    for number in range(3):
        folding.wait(10).deliver(firing("a", title=f"{number} then", **LOW))
    facts = folding.wait(10).deliver(firing("b", title="and now", **LOW))
    assert raises(facts) == [("CRITICAL", "escalation rule spike: 4 events within 120 s")]
    (recorded,) = [fact for fact in incident_facts(facts) if isinstance(fact, AlertsRecorded)]
    assert sum(events for _, events in recorded.earlier) == 3
    assert folding.incident().event_count == 1, "they stay events of alerts that waited"


def test_spikes_count_what_all_that_wait_were_told() -> None:
    folding = Folding()
    folding.rules(PAIRS | {"threshold": {"alerts": 3, "within": "10m"}}, escalation=[SPIKE])
    for number in range(3):
        folding.wait(10).deliver(firing("a", title=f"{number} then", **LOW))
    folding.deliver(firing("b", title="b now", **LOW))
    assert raises(folding.wait(300).deliver(firing("c", **LOW))) == [
        ("CRITICAL", "escalation rule spike: 4 events within 120 s, while it waited for others")
    ]


def test_of_a_body_that_names_an_alert_twice_each_time_is_asked_for_itself() -> None:
    """As in an incident that is open: what it said first does not match what it says next."""
    folding = pairs(SPIKE | {"spike": {"events": 2, "within": "2m"}})
    folding.deliver(firing("a", title="now", **LOW), firing("a", title="then", **LOW))
    assert raises(folding.deliver(firing("b", **LOW))) == []


def test_minutes_further_back_than_any_spike_looks_are_forgotten() -> None:
    folding = pairs(SPIKE)
    for number in range(8):
        folding.wait(60).deliver(firing("a", title=f"{number}", **LOW))
    (group,) = [value for value in dict(folding.state.loaded).values() if isinstance(value, Group)]
    assert [len(each.events) for each in group.held] == [3]


def test_events_of_an_alert_that_resolved_while_it_waited_do_not_count() -> None:
    folding = pairs(SPIKE)
    for number in range(3):
        folding.deliver(firing("a", title=f"{number} then", **LOW))
    folding.deliver(resolved("a"))
    folding.deliver(firing("b", title="b now", **LOW))
    assert raises(folding.deliver(firing("c", title="c now", **LOW))) == []


def test_what_waited_too_long_brings_nothing_along() -> None:
    folding = pairs(PROD)
    folding.deliver(firing("a", environment="prod", **LOW))
    folding.wait(601).deliver(firing("a", environment="dev", **LOW))
    assert raises(folding.deliver(firing("b", **LOW))) == []


def test_what_waits_in_another_group_takes_it_along() -> None:
    folding = pairs(PROD)
    folding.deliver(firing("a", environment="prod", **LOW))
    folding.deliver(firing("a", **LOW | {"service": "y"}))
    folding.deliver(firing("b", **LOW | {"service": "y"}))
    assert folding.incident().severity is Severity.HIGH


def test_where_other_rules_want_no_threshold_it_opens_with_what_was_demanded() -> None:
    folding = pairs(PROD)
    folding.deliver(firing("a", environment="prod", **LOW))
    folding.rules({"name": "pairs", "group_by": ["service"]})
    assert effects(folding.deliver(firing("a", **LOW))) == ["opened"]
    assert folding.incident().severity is Severity.HIGH


def test_what_joins_an_incident_that_is_open_again_brings_it_along() -> None:
    folding = pairs(PROD)
    folding.deliver(firing("a", **LOW), firing("b", **LOW))
    folding.deliver(resolved("a"), resolved("b"))
    folding.wait(60).deliver(firing("c", environment="prod", **LOW))
    folding.ask({"kind": "reopen", "incident": folding.incident().id})
    assert folding.incident().severity is Severity.LOW
    folding.deliver(firing("c", title="still", **LOW))
    assert folding.incident().severity is Severity.HIGH


def test_a_rule_set_without_spikes_forgets_what_was_counted() -> None:
    folding = pairs(SPIKE)
    for number in range(3):
        folding.deliver(firing("a", title=f"{number} then", **LOW))
    folding.rules(PAIRS)
    folding.deliver(firing("a", title="still", **LOW))
    folding.rules(PAIRS, escalation=[SPIKE])
    assert raises(folding.deliver(firing("b", title="b now", **LOW))) == []


@pytest.mark.parametrize("escalation", [[PROD], [SPIKE], [PROD, SPIKE]])
def test_a_cold_cache_at_every_record_decides_the_same(escalation: list[dict[str, Any]]) -> None:
    folding, tables = pairs(*escalation), Tables()
    for number in range(4):
        folding.wait(10).deliver(firing("a", title=f"{number} now", environment="prod", **LOW))
    folding.wait(30).deliver(firing("b", **LOW))

    async def run() -> None:
        for record in records_of(folding.records):
            handler = PartitionHandler(tables, tables.claim, await tables.load_partition(0))
            await handler.handle([record])

    asyncio.run(run())
    told = [kind for decision in folding.decisions for kind in kinds(decision.facts)]
    assert [row["kind"] for _, row in sorted(tables.facts.items())] == told
    assert "severity-raised" in told


def test_a_row_gives_back_what_waits() -> None:
    folding, changes = pairs(PROD, SPIKE), Changes()
    folding.deliver(firing("a", environment="prod", **LOW), firing("c", service="z"))
    for decision in folding.decisions:
        changes.add(decision)
    columns = ("tenant_id", "group_key", "incident_id", "held", "openings")
    found = dict(_group(dict(zip(columns, row, strict=True))) for row in rows.groups(changes))  # type: ignore[arg-type] # a row by name
    assert found == changes.groups
    assert sorted(each.severity for group in changes.groups.values() for each in group.held if each.severity) == [Severity.HIGH]
