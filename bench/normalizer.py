"""The normalizer's CPU against orjson and a bare producer: from a batch of records to its acknowledged images."""

import time
from dataclasses import dataclass, field
from typing import Any

import orjson
import uvloop
from aiokafka import AIOKafkaProducer

from bench import images, servers, statistics, traffic
from bench.result import Result, at_most_times, told
from tocsin_contracts.topics import ALERTS, ALERTS_MAX_MESSAGE_BYTES
from tocsin_normalizer.adapters.dead_man import DeadManSwitch
from tocsin_normalizer.domain.normalize import Normalizer
from tocsin_normalizer.handler.batch import BatchMapper, entries, open_batch
from tocsin_runtime.kafka_log import KafkaLog
from tocsin_runtime.log import BatchWriter, Record, TopicSpec

BATCH = 500
BATCHES = 40
WARM = 6
MIXED_BATCHES = 10
GOAL = 2.5
FLOOR_TOPIC = "floor"


@dataclass(slots=True)
class Cost:
    """CPU of this process, µs a delivery, batch by batch."""

    floor: list[float] = field(default_factory=list)
    ours: list[float] = field(default_factory=list)
    mapping: list[float] = field(default_factory=list)
    mixed: list[float] = field(default_factory=list)
    """Mapping of a stream of ten sources."""


class _Known:
    """Integration settings that are in memory, as they are after the first batch."""

    async def erased(self) -> frozenset[str]:
        return frozenset()

    async def find(self, integration: str, version: int) -> Any:
        return images.SETTINGS.get((integration, version))


def measure() -> list[Result]:
    """Measure both in turns on a real Kafka."""
    with servers.running_servers() as running:
        return uvloop.run(_measure(running.broker.bootstrap))


async def _measure(bootstrap: str) -> list[Result]:
    log = KafkaLog(bootstrap)
    admin = log.admin()
    await admin.start()
    await admin.ensure_topics([TopicSpec(name=name, partitions=1) for name in (ALERTS, FLOOR_TOPIC)])
    await admin.close()
    floor = AIOKafkaProducer(
        bootstrap_servers=bootstrap, acks="all", enable_idempotence=True, compression_type="zstd",
        max_batch_size=ALERTS_MAX_MESSAGE_BYTES // 4,
    )  # fmt: skip
    await floor.start()
    writer = log.writer(ALERTS)
    await writer.start()
    mapper = BatchMapper(normalizer=Normalizer(release="bench"), versions=_Known(), dead_man=DeadManSwitch(60.0))
    cost = Cost()
    records = images.log_records(traffic.stream(BATCH * BATCHES))
    for number in range(BATCHES):
        batch = records[number * BATCH : (number + 1) * BATCH]
        into = cost if number >= WARM else Cost()
        await _floor(floor, batch, into)
        await _ours(mapper, writer, batch, into)
    await floor.stop()
    await writer.close()
    await _mixed(mapper, cost)
    middle = statistics.middle
    return [
        at_most_times(GOAL, "normalizer: CPU a delivery", middle(cost.ours), "µs", floor=middle(cost.floor)),
        told("normalizer: of it mapping", middle(cost.mapping), "µs"),
        told("normalizer: mapping of ten sources, mixed", middle(cost.mixed), "µs"),
        told("normalizer: CPU an alert", middle(cost.ours) / traffic.ALERTS_PER_DELIVERY, "µs"),
    ]


async def _mixed(mapper: BatchMapper, cost: Cost) -> None:
    """Map a mixed stream, batch by batch, and write nothing."""
    records = images.mixed_records(traffic.mixed(BATCH * MIXED_BATCHES))
    for number in range(MIXED_BATCHES):
        batch = records[number * BATCH : (number + 1) * BATCH]
        began = time.process_time()
        opened = open_batch(batch)
        mapper.map(opened, await mapper.settings(opened))
        cost.mixed.append((time.process_time() - began) / len(batch) * 1e6)


async def _floor(producer: Any, batch: list[Record], cost: Cost) -> None:
    """Read every body and send them all as they are, in one batch."""
    began = time.process_time()
    building = producer.create_batch()
    for record in batch:
        orjson.loads(record.value)
        if building.append(timestamp=None, key=record.key, value=record.value, headers=record.headers) is None:
            raise RuntimeError("the floor's batch is too small")
    building.close()
    await (await producer.send_batch(building, FLOOR_TOPIC, partition=0))
    cost.floor.append((time.process_time() - began) / len(batch) * 1e6)


async def _ours(mapper: BatchMapper, writer: BatchWriter, batch: list[Record], cost: Cost) -> None:
    """Do what the pipeline does with a batch, from the records it was given to the acknowledgement."""
    began = time.process_time()
    opened = open_batch(batch)
    mapped = mapper.map(opened, await mapper.settings(opened))
    between = time.process_time()
    await writer.write(0, entries(mapped))
    cost.ours.append((time.process_time() - began) / len(batch) * 1e6)
    cost.mapping.append((between - began) / len(batch) * 1e6)
