"""The gateway's appender over a broker that freezes, dies and comes back."""

import asyncio
import os
import secrets
import signal
from collections.abc import AsyncIterator

import pytest

from tests.integration.runtime.traffic import PARTITIONS, WORKERS, Traffic, stored
from tests.support.servers import OwnKafka
from tocsin_runtime.kafka_log import KafkaLog
from tocsin_runtime.log import AppendFailed, AppendLimits, AppendTimeout, Entry, TopicSpec


@pytest.fixture
async def topic(own_kafka: OwnKafka) -> str:
    name = f"faults-{secrets.token_hex(4)}"
    admin = KafkaLog(own_kafka.bootstrap).admin()
    await admin.start()
    await admin.ensure_topics([TopicSpec(name=name, partitions=PARTITIONS)])
    await admin.close()
    return name


@pytest.fixture
async def traffic(own_kafka: OwnKafka, topic: str) -> AsyncIterator[Traffic]:
    appender = KafkaLog(own_kafka.bootstrap).appender(topic, AppendLimits(deadline_s=1.0))
    await appender.start()
    yield Traffic(appender)
    await appender.close()


async def test_a_broker_that_is_killed_loses_nothing_acknowledged_and_appends_go_on(
    own_kafka: OwnKafka, topic: str, traffic: Traffic
) -> None:
    traffic.start()
    await traffic.until_acked(500)
    await own_kafka.kill()
    await traffic.until_refused(WORKERS)
    await own_kafka.start()
    await traffic.until_acked(500)
    await traffic.stop()
    traffic.assert_kept(await stored(own_kafka.bootstrap, topic))


async def test_a_broker_that_freezes_is_answered_for_and_goes_on_when_it_wakes(
    own_kafka: OwnKafka, topic: str, traffic: Traffic
) -> None:
    """Every caller is told in time; what was told *maybe stored* is stored once or not at all."""
    traffic.start()
    await traffic.until_acked(500)
    child = own_kafka.broker.child
    assert child is not None
    os.kill(child.pid, signal.SIGSTOP)
    try:
        await traffic.until_refused(2 * WORKERS)
    finally:
        os.kill(child.pid, signal.SIGCONT)
    await traffic.until_acked(500)
    await traffic.stop()
    traffic.assert_kept(await stored(own_kafka.bootstrap, topic))


async def test_a_producer_thrown_away_never_writes_again(own_kafka: OwnKafka, topic: str) -> None:
    """A forgotten idempotent producer would go on trying for ever, and store an old batch behind newer ones."""
    limits = AppendLimits(deadline_s=0.5, round_s=0.5)
    appender = KafkaLog(own_kafka.bootstrap).appender(topic, limits)
    await appender.start()
    assert await appender.append(0, Entry(None, b"before", [])) == 0
    await own_kafka.kill()
    with pytest.raises(AppendTimeout):
        await appender.append(0, Entry(None, b"lost", []))
    await appender.close()
    leftover = [task.get_name() for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    await own_kafka.start()
    assert leftover == []
    assert await stored(own_kafka.bootstrap, topic) == {b"before": [(0, 0)]}


async def test_an_appender_started_before_its_broker_works_once_it_is_there(own_kafka: OwnKafka, topic: str) -> None:
    """A gateway must come up, and answer 503, while Kafka is down."""
    await own_kafka.kill()
    appender = KafkaLog(own_kafka.bootstrap).appender(topic, AppendLimits(deadline_s=0.5))
    with pytest.raises(AppendFailed):
        await appender.start()
    with pytest.raises(AppendTimeout):
        await appender.append(0, Entry(None, b"too early", []))
    await own_kafka.start()
    offset = None
    while offset is None:
        try:
            offset = await appender.append(0, Entry(None, b"in time", []))
        except AppendFailed:
            continue
    assert (await stored(own_kafka.bootstrap, topic))[b"in time"][-1] == (0, offset)
    await appender.close()
