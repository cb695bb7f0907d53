"""P2, P4 and P5 over a generated stream of ten sources, through real processes: retries, reordering and late deliveries in it."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from itertools import islice
from typing import Any

from tests.support.system import Sender, System
from tocsin.streams.registry import SOURCES
from tocsin.streams.stream import Sending, Traffic, stream

START = 1_772_446_530_000_000
MANY = 240
SHOWN = ("title", "severity", "status", "service", "environment", "source", "alert_count", "event_count", "firing_count")


async def test_a_mixed_stream_has_one_outcome_each_its_retries_change_nothing_and_a_rebuild_says_the_same(
    shared: System,
) -> None:
    """One tenant hears the whole stream, another one the same without its retries: both have the same incidents."""
    traffic = Traffic(seed=11, start_at=START, troubles=40, retried=0.15, late=0.05)
    sendings = list(islice(stream(traffic), MANY))
    assert {each.trouble.source for each in sendings} == set(SOURCES)
    whole, once = await asyncio.gather(_tell(shared, sendings), _tell(shared, [each for each in sendings if not each.retry]))

    assert set(whole.outcomes) | set(once.outcomes) == {"processed", "duplicate"}
    retries = sum(each.retry for each in sendings)
    assert retries > 10
    assert whole.outcomes["duplicate"] == once.outcomes["duplicate"] + retries
    assert whole.outcomes["processed"] == once.outcomes["processed"]
    assert whole.incidents == once.incidents
    await shared.caught_up()
    assert {table.table for table in await shared.verify() if not table.equal} == set()


class Heard:
    """What became of a stream."""

    def __init__(self, outcomes: Counter[str], incidents: Sequence[Any]) -> None:
        self.outcomes = outcomes
        self.incidents = Counter(repr([incident[name] for name in SHOWN]) for incident in incidents)


async def _tell(system: System, sendings: Sequence[Sending]) -> Heard:
    """Deliver in order, wait for every outcome (P2), read all incidents."""
    tenant = await system.tenant()
    made = await asyncio.gather(*(system.integration(tenant, source) for source in SOURCES))
    key, senders = await system.key(tenant), {sender.source: sender for sender in made}
    ids = [await _deliver(system, senders[each.sample.source], each) for each in sendings]
    outcomes = Counter([str((await system.outcome(key, delivery))["outcome"]) for delivery in ids])
    page = (await system.get("/api/v1/incidents", key, limit="200")).json()
    assert page["total"] == len(page["items"])
    return Heard(outcomes, page["items"])


async def _deliver(system: System, sender: Sender, sending: Sending) -> str:
    answer = await system.post(sender, sending.sample.body, sending.sample.headers)
    assert answer.status == 202, (sending.sample.source, answer.status, answer.body)
    return str(answer.json()["delivery_id"])
