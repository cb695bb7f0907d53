"""A group member over a broker that dies: it goes on, or it starts over, and never skips."""

import secrets
from collections.abc import AsyncIterator

import pytest

from tests.support.servers import OwnKafka
from tocsin_runtime.errors import Recoverable
from tocsin_runtime.kafka_group import KafkaGroupReader
from tocsin_runtime.kafka_log import KafkaLog
from tocsin_runtime.log import Entry, TopicSpec


@pytest.fixture
async def topic(own_kafka: OwnKafka) -> str:
    name = f"group-{secrets.token_hex(4)}"
    admin = KafkaLog(own_kafka.bootstrap).admin()
    await admin.start()
    await admin.ensure_topics([TopicSpec(name=name, partitions=1)])
    await admin.close()
    return name


@pytest.fixture
async def member(own_kafka: OwnKafka, topic: str) -> AsyncIterator[KafkaGroupReader]:
    member = KafkaLog(own_kafka.bootstrap).group_reader(topic, f"of-{topic}")
    await member.start()
    await member.wait_assignment_change()
    yield member
    await member.close()


async def fill(own_kafka: OwnKafka, topic: str, count: int) -> None:
    writer = KafkaLog(own_kafka.bootstrap).writer(topic)
    await writer.start()
    await writer.write(0, [Entry(None, b"v", [])] * count)
    await writer.close()


async def collect(member: KafkaGroupReader, handled: int, end: int) -> list[int]:
    """Poll up to offset `end`, beginning again at `handled` whenever the partition waits for it."""
    seen: list[int] = []
    while handled < end:
        if 0 in member.waiting():
            member.begin(0, handled)
        try:
            polled = await member.poll(100, 1.0)
        except Recoverable:
            continue
        for record in polled.get(0, []):
            seen.append(record.offset)
            handled = record.offset + 1
    return seen


async def test_reading_goes_on_after_the_broker_was_killed(own_kafka: OwnKafka, topic: str, member: KafkaGroupReader) -> None:
    await fill(own_kafka, topic, 50)
    assert await collect(member, 0, 50) == list(range(50))
    await own_kafka.kill()
    assert await member.poll(100, 0.5) == {}
    await own_kafka.start()
    await fill(own_kafka, topic, 50)
    assert await collect(member, 50, 100) == list(range(50, 100))


async def test_a_member_whose_session_ended_must_begin_again(own_kafka: OwnKafka, topic: str, member: KafkaGroupReader) -> None:
    """While it was away others may have moved its partition: only a fresh claim says where it stands."""
    await fill(own_kafka, topic, 10)
    await collect(member, 0, 10)
    member._member._coordinator.reset_generation()  # what the coordinator's "unknown member" makes aiokafka do
    await member.wait_assignment_change()
    while not member.assigned():
        await member.wait_assignment_change()
    assert member.waiting() == {0}
    member.begin(0, 5)
    assert [r.offset for r in (await member.poll(100, 5.0))[0]] == list(range(5, 10))
