"""The fold's Python: a batch from Kafka's records to the rows that asyncpg is given, everything counted."""

import time

import orjson
import uvloop

from bench import images, sink, statistics, traffic
from bench.result import Result, at_most, told
from tocsin_runtime import collector
from tocsin_runtime.log import Record

BATCH = 1000
BATCHES = 24
WARM = 4
GOAL_US = 60.0


def measure() -> list[Result]:
    """Measure handler and floor in turns, batch by batch, on CPU time of this process."""
    records = images.image_records(images.log_records(traffic.stream(BATCH * BATCHES)))
    with collector.spared():  # as the service does
        return uvloop.run(_measure([records[first : first + BATCH] for first in range(0, len(records), BATCH)]))


async def _measure(batches: list[list[Record]]) -> list[Result]:
    taking = sink.Sink()
    handler = sink.handler(taking)
    ours: list[float] = []
    floor: list[float] = []
    alerts = BATCH * traffic.ALERTS_PER_DELIVERY
    for number, batch in enumerate(batches):
        began = time.process_time()
        for record in batch:
            orjson.loads(record.value)
        between = time.process_time()
        changes = await handler.handle(batch)
        ended = time.process_time()
        if len(changes.events) != alerts:
            raise RuntimeError(f"{len(changes.events)} events of {alerts}: the traffic is not what it should be")
        if number >= WARM:
            floor.append((between - began) / alerts * 1e6)
            ours.append((ended - between) / alerts * 1e6)
    return [
        at_most(GOAL_US, "fold: Python an alert", statistics.middle(ours), "µs", floor=statistics.middle(floor)),
        told("fold: rows an alert", taking.rows / (alerts * len(batches)), "rows"),
    ]
