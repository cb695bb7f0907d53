"""The grouper's handler on a real database, and what its tables then hold."""

from typing import Any

from tests.support.folding import Folding, episode, firing, resolved
from tocsin_contracts.outcome import Mapped
from tocsin_contracts.position import Position
from tocsin_contracts.status import IncidentStatus
from tocsin_contracts.times import SECOND
from tocsin_contracts.topics import GROUPER_CONSUMER, LIVE
from tocsin_grouper.adapters import guard
from tocsin_grouper.adapters.codec import Connection
from tocsin_grouper.adapters.postgres import Projection
from tocsin_grouper.handler import PartitionHandler
from tocsin_runtime import fence

TOPIC_ID = "memory-1"
"""What the in-memory log calls its first topic."""


async def handler_on(connection: Connection, partition: int = 0) -> PartitionHandler:
    """Claim a partition and load its state, as the worker does."""
    await guard.ensure(connection)
    claim = await fence.claim(connection, generation=LIVE, consumer=GROUPER_CONSUMER, partition=partition, topic_id=TOPIC_ID)
    store = Projection(connection)
    return PartitionHandler(store, claim, await store.load_partition(partition))


def a_day_in_the_life(**values: Any) -> Folding:
    """Fold deliveries, duplicates, a failure and its redrive, commands, refusals, an erased tenant: every table gets rows."""
    folding = Folding(**values)
    first = (firing("a", environment="prod", raw='{"n": 1}', labels={"k": "v"}, **episode(0)), firing("b", **episode(0)))
    folding.deliver(*first)
    folding.wait(5).deliver(*first)
    folding.wait(15).tick()
    opened = folding.incidents()[0]
    folding.command(opened.id, IncidentStatus.ACKNOWLEDGED)
    folding.command(opened.id, IncidentStatus.OPEN)
    folding.deliver(firing("z"), tenant="gone")
    folding.erase("gone")
    folding.wait(15).tick(refused=["prod"])
    folding.deliver(firing("c", problem="Disk", never_resolves=True), sender_id="s1")
    folding.deliver(firing("c", problem="Disk", never_resolves=True), sender_id="s1")
    failed = len(folding.records)
    folding.deliver(mapped=Mapped.FAILED, reason="unknown-shape", detail="/alerts")
    folding.tick_for(2400)
    folding.deliver(firing("d", problem="Late"), redrive_of=Position(folding.partition, failed))
    folding.deliver(resolved("a", **episode(0, 60)), resolved("b", **episode(0, 60)))
    folding.deliver(firing("a", environment="prod", raw='{"n": 2}', **episode(3000)))
    _live_by_rules(folding)
    return folding


def _live_by_rules(folding: Folding) -> None:
    """Let rules come and change, and people merge, split, snooze and take back."""
    folding.rules(
        {"name": "pairs", "matchers": ['service="pair"'], "group_by": ["service"], "threshold": {"alerts": 2, "within": "10m"}},
        {"name": "hosts", "matchers": ['service="api"'], "group_by": ["host"], "group_window": "1h", "team": "payments"},
        escalation=[
            {"name": "pairs-matter", "matchers": ['service="pair"'], "at_least": "HIGH"},
            {"name": "spike", "at_least": "CRITICAL", "spike": {"events": 3, "within": "5m"}},
        ],
        heartbeats=[{"name": "watchdog", "matchers": ['alertname="Watchdog"'], "every": "5m"}],
    )
    folding.deliver(firing("p1", service="pair"))
    folding.deliver(firing("p2", service="pair"), firing("p3", service="pair", description="its disk", labels={"disk": "sda"}))
    folding.deliver(firing("h1", service="api", host="a"), firing("h2", service="api", host="b"))
    folding.deliver(firing("w", labels={"alertname": "Watchdog"}))
    pair, api = folding.incidents()[-3], folding.incidents()[-2]
    folding.ask({"kind": "snooze", "incident": pair.id, "until": folding.now + 3600 * SECOND})
    folding.ask({"kind": "undo", "incident": pair.id, "version": pair.version + 1})
    folding.ask({"kind": "assign", "incident": api.id, "assignee": "ada", "comment": "hers"})
    folding.ask({"kind": "comment", "incident": api.id, "text": "Looks like the deploy."})
    folding.ask({"kind": "merge", "incident": pair.id, "sources": [api.id]})
    folding.ask({"kind": "split", "incident": pair.id, "alerts": [folding.alert("p3").id]})
    folding.rules({"name": "hosts", "matchers": ['service="api"'], "group_by": ["service"]})
    folding.deliver(firing("h3", service="api", host="c"))
    folding.deliver(resolved("p1"), resolved("p2"), resolved("h1"), resolved("h3"))


async def dump(connection: Connection, schema: str = "proj") -> dict[str, list[tuple[object, ...]]]:
    """Read every table of a projection, ordered."""
    tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = $1 ORDER BY 1", schema)
    return {
        name: sorted((tuple(row) for row in await connection.fetch(f"SELECT * FROM {schema}.{name}")), key=repr)
        for (name,) in tables
    }
