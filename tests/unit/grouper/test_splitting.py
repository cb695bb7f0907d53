"""What an incident says of itself that alerts were split off to: what these say, as if they had opened it."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from tests.simulation.tables import Tables
from tests.support.folding import Folding, decided, firing, incident_facts, kinds
from tests.support.images import records_of
from tocsin_contracts.incident import IncidentOpened, SeverityRaised
from tocsin_contracts.severity import Severity
from tocsin_grouper.domain.facts import AlertRecorded, Fact
from tocsin_grouper.handler import PartitionHandler

EVERYTHING = {"name": "all", "group_by": ["source"]}
DISK = {"title": "Disk full", "service": "db", "environment": "prod", "host": "db-1", "link": "https://x.example/1"}
API = {"title": "API answers 503", "service": "api", "environment": "dev", "labels": {"pod": "p1"}, "description": "slow"}


def storm() -> Folding:
    """Give one incident of an API's alert, and a later one of a disk."""
    folding = Folding()
    folding.rules(EVERYTHING)
    folding.deliver(firing("api", team="web", severity=Severity.HIGH, **API))
    folding.wait(60).deliver(firing("disk", team="dba", severity=Severity.LOW, **DISK))
    return folding


def split(folding: Folding, *names: str) -> IncidentOpened:
    alerts = [folding.alert(name).id for name in names]
    facts = folding.ask({"kind": "split", "incident": folding.incidents()[0].id, "alerts": alerts})
    assert decided(facts).applied
    return opened(facts)


def opened(facts: list[Fact]) -> IncidentOpened:
    (fact,) = [fact for fact in incident_facts(facts) if isinstance(fact, IncidentOpened)]
    return fact


def test_it_says_what_its_alert_says_and_not_what_its_parent_does() -> None:
    folding = storm()
    fact = split(folding, "disk")
    assert {name: getattr(fact, name) for name in DISK} == DISK
    assert (fact.team, fact.category, fact.severity, fact.description, dict(fact.labels)) == (
        "dba", "capacity", Severity.LOW, None, {},
    )  # fmt: skip
    assert (fact.alert, fact.identity) == (folding.alert("disk").id, "disk")
    assert fact.first_seen_at == folding.alert("disk").opened_at


def test_it_says_what_the_alert_said_last() -> None:
    folding = storm()
    folding.deliver(firing("disk", title="Disk fuller", severity=Severity.MEDIUM))
    fact = split(folding, "disk")
    assert (fact.title, fact.service, fact.severity) == ("Disk fuller", "db", Severity.MEDIUM)


def test_of_several_it_says_what_the_first_to_fire_says_and_has_the_worst_severity() -> None:
    folding = storm()
    folding.wait(60).deliver(firing("cpu", title="CPU", severity=Severity.CRITICAL))
    fact = split(folding, "cpu", "disk")
    assert (fact.title, fact.severity) == ("Disk full", Severity.CRITICAL)


def test_of_those_that_began_together_it_is_the_first_named() -> None:
    folding = storm()
    folding.deliver(firing("cpu", title="CPU"))
    assert split(folding, "cpu", "disk").title == "CPU"


def test_it_is_of_the_integration_of_its_alert() -> None:
    """What that one was refused extends its waits (P10)."""
    folding = storm()
    folding.deliver(firing("other", problem="p"), integration="other")
    folding.ask({
        "kind": "split", "incident": folding.incidents()[0].id,
        "alerts": [fact.alert.id for fact in folding.decisions[-1].facts if isinstance(fact, AlertRecorded)],
    })  # fmt: skip
    assert folding.incidents()[-1].integration == "other"


@pytest.mark.parametrize(
    ("deed", "name", "value"),
    [
        ({"kind": "set-team", "team": "storage"}, "team", "storage"),
        ({"kind": "set-team", "team": None}, "team", None),
        ({"kind": "set-category", "category": "data"}, "category", "data"),
    ],
)
def test_what_a_person_made_of_its_parent_goes_along(deed: dict[str, object], name: str, value: str | None) -> None:
    folding = storm()
    folding.ask(deed | {"incident": folding.incidents()[0].id})
    fact = split(folding, "disk")
    assert getattr(fact, name) == value
    assert {"team": fact.team, "category": fact.category} == {"team": "dba", "category": "capacity"} | {name: value}


def test_a_severity_that_a_person_set_stays_with_the_parent() -> None:
    """It judged all of it; what was taken out is judged by its own alerts."""
    folding = storm()
    folding.ask({"kind": "set-severity", "incident": folding.incidents()[0].id, "severity": "CRITICAL"})
    assert split(folding, "disk").severity is Severity.LOW


def test_escalation_rules_are_asked_of_its_alerts() -> None:
    folding = Folding()
    folding.rules(
        EVERYTHING,
        escalation=[
            {"name": "prod", "matchers": 'environment="prod"', "at_least": "HIGH"},
            {"name": "web", "matchers": 'team="web"', "at_least": "CRITICAL"},
            {"name": "spike", "at_least": "CRITICAL", "spike": {"events": 2, "within": "5m"}},
        ],
    )
    folding.deliver(firing("api", team="web", severity=Severity.LOW, **API))
    folding.deliver(firing("disk", severity=Severity.LOW, **DISK))
    split(folding, "disk")
    facts = folding.decisions[-1].facts
    (raised,) = [fact for fact in incident_facts(facts) if isinstance(fact, SeverityRaised)]
    assert (raised.incident, raised.after, raised.reason) == (
        folding.incidents()[1].id, Severity.HIGH, "escalation rule prod",
    )  # fmt: skip
    assert kinds(facts) == ["incident-opened", "alerts-left", "alerts-came", "severity-raised"]


def test_what_is_worse_already_is_not_raised() -> None:
    folding = Folding()
    folding.rules(EVERYTHING, escalation=[{"name": "prod", "matchers": 'environment="prod"', "at_least": "HIGH"}])
    folding.deliver(firing("api", **API), firing("disk", severity=Severity.CRITICAL, **DISK))
    split(folding, "disk")
    assert "severity-raised" not in kinds(folding.decisions[-1].facts)


def split_and_said_anew_and_split() -> Folding:
    folding = storm()
    folding.deliver(firing("cpu", title="CPU"), firing("net", title="Net", labels={"a": "1"}))
    split(folding, "disk")
    folding.deliver(firing("cpu", title="CPU 100 %", description="all of it"))
    split(folding, "cpu")
    return folding


async def at_once(tables: Tables, folding: Folding) -> None:
    handler = PartitionHandler(tables, tables.claim, await tables.load_partition(0))
    await handler.handle(records_of(folding.records))


async def each_in_a_cold_cache(tables: Tables, folding: Folding) -> None:
    for record in records_of(folding.records):
        handler = PartitionHandler(tables, tables.claim, await tables.load_partition(0))
        await handler.handle([record])


async def each_while_the_one_before_is_written(tables: Tables, folding: Folding) -> None:
    """As a shadow does: rows are a batch behind."""
    handler = PartitionHandler(tables, tables.claim, await tables.load_partition(0))
    unwritten = None
    for number, record in enumerate(folding.records):
        changes = await handler.fold([record])
        if unwritten is not None:
            tables.claim = await tables.write(tables.claim, unwritten, next=number, source_next=number)
            handler.trim()
        unwritten = changes
    assert unwritten is not None
    await tables.write(tables.claim, unwritten, next=0, source_next=0)


@pytest.mark.parametrize("fold", [at_once, each_in_a_cold_cache, each_while_the_one_before_is_written])
def test_it_says_the_same_whatever_was_in_memory(fold: Callable[[Tables, Folding], Coroutine[Any, Any, None]]) -> None:
    tables, folding = Tables(), split_and_said_anew_and_split()
    asyncio.run(fold(tables, folding))
    assert [row["title"] for row in tables.incidents.values()] == ["API answers 503", "Disk full", "CPU 100 %"]
    told = [fact for decision in folding.decisions for fact in incident_facts(decision.facts)]
    assert [(row["incident_id"], row["kind"]) for _, row in sorted(tables.facts.items())] == [
        (fact.incident, fact.kind) for fact in told
    ]


def test_what_an_alert_says_is_not_kept_in_memory() -> None:
    tables, folding = Tables(), split_and_said_anew_and_split()

    async def run() -> PartitionHandler:
        handler = PartitionHandler(tables, tables.claim, await tables.load_partition(0))
        await handler.handle(records_of(folding.records))
        return handler

    assert [key for key in asyncio.run(run()).state.loaded if key.space == "texts"] == []
