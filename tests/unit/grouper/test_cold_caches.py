"""A decision asks for what it needs in a few rounds, however much it is: with an empty memory nothing stops a partition (P7).

Each case is the last record of a story, folded by a worker that has just started.
"""

import asyncio
from collections.abc import Callable, Sequence

import pytest

from tests.simulation.tables import Tables
from tests.support.folding import Folding, firing, kinds, resolved
from tests.support.images import records_of
from tocsin_contracts.status import IncidentStatus
from tocsin_grouper.domain.facts import AlertMoved
from tocsin_grouper.domain.keys import Key
from tocsin_grouper.domain.state import Value
from tocsin_grouper.handler import PartitionHandler

MANY = 50
ROUNDS = 12
THRESHOLD = {"name": "pairs", "group_by": ["service"], "group_window": "1m", "threshold": {"alerts": 2, "within": "10m"}}
BEATS = [{"name": f"beat-{number}", "matchers": f'alertname="W{number}"', "every": "10m"} for number in range(MANY)]


class Counted(Tables):
    """Counts how often it is asked."""

    loads = 0

    async def load(self, keys: Sequence[Key]) -> dict[Key, Value | None]:
        self.loads += 1
        return await super().load(keys)


def signs_of_life(folding: Folding) -> None:
    folding.deliver(*[firing(f"w{number}", labels={"alertname": f"W{number}"}) for number in range(MANY)])


def a_merge_of_many() -> Folding:
    folding = Folding()
    for number in range(MANY + 1):
        folding.deliver(firing(f"a{number}", problem=f"p{number}"))
    target, *sources = [incident.id for incident in folding.incidents()]
    folding.ask({"kind": "merge", "incident": target, "sources": sources})
    return folding


def thresholds_that_are_reached_at_once() -> Folding:
    folding = Folding()
    folding.rules(THRESHOLD)
    for name in "ab":
        folding.deliver(*[firing(f"{name}{number}", service=f"s{number}") for number in range(MANY)])
    return folding


def alerts_that_stop_waiting_at_once() -> Folding:
    folding = Folding()
    folding.rules(THRESHOLD)
    folding.deliver(*[firing(f"a{number}", service=f"s{number}", never_resolves=True) for number in range(MANY)])
    while not any(isinstance(fact, AlertMoved) for fact in folding.wait(15).tick()):
        pass
    return folding


def heartbeats_that_stay_away_at_once() -> Folding:
    folding = Folding()
    folding.rules(heartbeats=BEATS)
    while kinds(folding.wait(15).tick()).count("incident-opened") < MANY:
        pass
    return folding


def heartbeats_that_come_at_once() -> Folding:
    folding = heartbeats_that_stay_away_at_once()
    signs_of_life(folding)
    return folding


def heartbeats_that_say_the_same_again() -> Folding:
    folding = heartbeats_that_come_at_once()
    signs_of_life(folding.wait(60))
    return folding


def rules_without_heartbeats_that_stay_away() -> Folding:
    folding = heartbeats_that_stay_away_at_once()
    folding.rules()
    return folding


def many_that_are_opened_again_while_later_ones_are_over() -> Folding:
    folding = Folding()
    for title in ("first", "second"):
        names = range(MANY)
        folding.deliver(*[firing(f"a{number}", problem=f"p{number}", title=title) for number in names])
        folding.deliver(*[resolved(f"a{number}", problem=f"p{number}", title=title) for number in names])
        folding.wait(4000)
    first = [incident.id for incident in folding.incidents()[:MANY]]
    folding.ask({"kind": "bulk", "incidents": first, "deed": {"kind": "reopen"}})
    return folding


def a_split_of_many() -> Folding:
    folding = Folding()
    folding.rules(
        {"name": "all", "group_by": ["source"]}, escalation=[{"name": "prod", "matchers": 'env="prod"', "at_least": "HIGH"}]
    )
    folding.deliver(*[firing(f"a{number}", environment="prod") for number in range(MANY + 1)])
    names = [folding.alert(f"a{number}").id for number in range(MANY)]
    folding.ask({"kind": "split", "incident": folding.incident().id, "alerts": names})
    return folding


def a_change_of_rules_with_many_merged() -> Folding:
    folding = a_merge_of_many()
    folding.rules({"name": "by-title", "group_by": ["title"]})
    return folding


def many_that_are_opened_again_behind_a_change_of_rules() -> Folding:
    folding = Folding()
    folding.deliver(*[firing(f"a{number}", problem=f"p{number}") for number in range(MANY)])
    folding.deliver(*[resolved(f"a{number}", problem=f"p{number}") for number in range(MANY)])
    folding.rules({"name": "by-title", "group_by": ["title"]})
    names = [incident.id for incident in folding.incidents()]
    folding.ask({"kind": "bulk", "incidents": names, "deed": {"kind": "reopen"}})
    return folding


def an_undo_behind_a_change_of_rules() -> Folding:
    folding = a_merge_of_many()
    folding.command(folding.incidents()[0].id, IncidentStatus.RESOLVED)
    folding.rules({"name": "by-title", "group_by": ["title"]})
    folding.ask({"kind": "undo", "incident": folding.incidents()[0].id, "version": 3})
    return folding


@pytest.mark.parametrize(
    "story",
    [
        a_merge_of_many,
        a_split_of_many,
        a_change_of_rules_with_many_merged,
        an_undo_behind_a_change_of_rules,
        many_that_are_opened_again_while_later_ones_are_over,
        many_that_are_opened_again_behind_a_change_of_rules,
        thresholds_that_are_reached_at_once,
        alerts_that_stop_waiting_at_once,
        heartbeats_that_stay_away_at_once,
        heartbeats_that_come_at_once,
        heartbeats_that_say_the_same_again,
        rules_without_heartbeats_that_stay_away,
    ],
    ids=lambda story: story.__name__,
)
def test_a_few_rounds_load_what_a_record_needs(story: Callable[[], Folding]) -> None:
    tables, folding = Counted(), story()
    records = records_of(folding.records)

    async def run() -> None:
        before = PartitionHandler(tables, tables.claim, await tables.load_partition(0))
        await before.handle(records[:-1])
        started = PartitionHandler(tables, tables.claim, await tables.load_partition(0))
        tables.loads = 0
        await started.handle(records[-1:])

    asyncio.run(run())
    assert tables.loads <= ROUNDS
    told = sum(len(kinds(decision.facts)) for decision in folding.decisions)
    assert len(tables.facts) == told, "and the same is decided as with everything in memory"


def test_what_the_rules_made_of_deliveries_is_forgotten_behind_each_batch() -> None:
    """It holds whole deliveries: kept by number, not by size, they would fill the memory of a busy partition."""
    tables, folding = Tables(), Folding()
    folding.deliver(firing("a"))

    async def run() -> PartitionHandler:
        handler = PartitionHandler(tables, tables.claim, await tables.load_partition(0))
        await handler.handle(records_of(folding.records))
        return handler

    assert asyncio.run(run()).state.judgements == {}
