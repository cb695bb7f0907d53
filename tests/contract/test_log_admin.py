"""Making and describing topics: the same promises from the in-memory twin and from real Kafka."""

import secrets
from collections.abc import Awaitable, Callable

import pytest

from tests.support.seam import Seam, entry
from tocsin_runtime.errors import Invalid, Recoverable
from tocsin_runtime.kafka_log import KafkaLog
from tocsin_runtime.log import (
    MIB,
    AppendFailed,
    AppendLimits,
)


async def test_ensuring_topics_again_changes_nothing_and_widens_what_is_narrow(seam: Seam) -> None:
    await seam.make(partitions=2)
    made = await seam.admin.describe(seam.topic)
    await seam.make(partitions=1)
    assert await seam.admin.describe(seam.topic) == made
    await seam.make(partitions=3)
    widened = await seam.admin.describe(seam.topic)
    assert (widened.topic_id, widened.partitions) == (made.topic_id, 3)


async def test_a_setting_is_changed_and_the_others_stay(seam: Seam) -> None:
    limit = 64 * 1024
    await seam.make(max_message_bytes=str(limit))
    await seam.make(retention_ms="86400000")
    appender = await seam.appender(AppendLimits(message_bytes_max=MIB))
    with pytest.raises(AppendFailed):
        await appender.append(0, entry(secrets.token_bytes(2 * limit)))


async def test_a_topic_made_anew_has_another_id(seam: Seam) -> None:
    await seam.make()
    before = await seam.admin.describe(seam.topic)
    await seam.admin.delete_topic(seam.topic)
    with pytest.raises(Invalid):
        await seam.admin.describe(seam.topic)
    await seam.make()
    assert (await seam.admin.describe(seam.topic)).topic_id != before.topic_id


async def test_parts_that_cannot_connect_say_so_recoverably() -> None:
    nowhere = KafkaLog("127.0.0.1:1")
    starts: list[Callable[[], Awaitable[None]]] = [
        nowhere.reader().start,
        nowhere.admin().start,
        nowhere.appender("t").start,
        nowhere.writer("t").start,
        nowhere.group_reader("t", "g").start,
    ]
    for start in starts:
        with pytest.raises(Recoverable, match=r"127\.0\.0\.1:1"):
            await start()
