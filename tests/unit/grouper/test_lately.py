"""What a merge, a split or a change of rules looks at: rows, and what changed since they were written; never the whole cache."""

import asyncio
from collections.abc import Iterator
from typing import Any, NoReturn

from tests.simulation.tables import Tables
from tests.support.folding import Folding, firing
from tests.support.images import records_of
from tocsin_grouper.domain.keys import Key
from tocsin_grouper.domain.state import Value
from tocsin_grouper.handler import PartitionHandler


class NeverScanned(dict[Key, Value | None]):
    """A cache that nobody may walk through."""

    def items(self) -> NoReturn:
        raise AssertionError("somebody walks through the whole cache")

    def __iter__(self) -> Iterator[Any]:
        raise AssertionError("somebody walks through the whole cache")


def merging(*between: str) -> Folding:
    """Merge two incidents, then change the rules; alerts come in between."""
    folding = Folding()
    folding.deliver(firing("a", problem="p1", service="x"), firing("b", problem="p2", service="y"))
    folding.deliver(*(firing(name, problem="p2", service="y") for name in between))
    target, source = [incident.id for incident in folding.incidents()]
    folding.ask({"kind": "merge", "incident": target, "sources": [source]})
    folding.rules({"name": "by-service", "group_by": ["service"]})
    return folding


def test_neither_a_merge_nor_a_change_of_rules_walks_through_the_cache() -> None:
    tables, folding = Tables(), merging("c")

    async def run() -> None:
        state = await tables.load_partition(0)
        state.loaded = NeverScanned()
        handler = PartitionHandler(tables, tables.claim, state)
        for record in records_of(folding.records):
            await handler.handle([record])

    asyncio.run(run())
    assert sorted(row["alert_count"] for row in tables.incidents.values()) == [0, 3]


def test_what_the_batch_before_changed_is_seen_though_it_is_not_written_yet() -> None:
    """A shadow folds a batch while the one before it is being written."""
    tables, folding = Tables(), merging("c")
    records = folding.records

    async def run() -> list[tuple[int, str | None]]:
        handler = PartitionHandler(tables, tables.claim, await tables.load_partition(0))
        await handler.fold(records[:2])
        changes = await handler.fold(records[2:])
        assert tables.incidents == {}
        return [(incident.alert_count, incident.merged_into) for incident in changes.incidents.values()]

    target, source = asyncio.run(run())[::-1]
    assert (target[0], source[0]) == (3, 0)
