"""Writing batches in order: the same promises from the in-memory twin and from real Kafka."""

import secrets

import pytest

from tests.support.seam import Seam, entry
from tocsin_runtime.log import (
    MIB,
    AppendTooLarge,
    BatchWriter,
    Interleaved,
    WriteFailed,
)


async def test_a_batch_is_stored_side_by_side_and_answers_with_its_first_offset(seam: Seam) -> None:
    await seam.make(partitions=2)
    writer = await seam.writer()
    assert await writer.write(0, [entry(f"a{n}") for n in range(10)]) == 0
    assert await writer.write(0, [entry(f"b{n}") for n in range(5)]) == 10
    assert await writer.write(1, [entry("c")]) == 0
    records = await (await seam.reader()).read(seam.topic, 0, 0)
    assert [r.value for r in records] == [f"a{n}".encode() for n in range(10)] + [f"b{n}".encode() for n in range(5)]


async def test_entries_beyond_one_kafka_batch_stay_in_order(seam: Seam) -> None:
    await seam.make(max_message_bytes=str(64 * 1024))
    writer = await seam.writer(64 * 1024)
    bodies = [secrets.token_bytes(20_000) for _ in range(10)]
    assert await writer.write(0, [entry(body) for body in bodies]) == 0
    reader = await seam.reader()
    stored = [record.value async for records in reader.scan(seam.topic, 0, 0, 10) for record in records]
    assert stored == bodies


async def test_an_entry_too_large_stores_nothing_of_its_batch(seam: Seam) -> None:
    await seam.make()
    writer = await seam.writer(64 * 1024)
    with pytest.raises(AppendTooLarge):
        await writer.write(0, [entry("fits"), entry(b"x" * 64 * 1024)])
    assert await writer.write(0, [entry("v")]) == 0


async def test_after_a_failure_nothing_is_written_until_reopened(seam: Seam) -> None:
    await seam.make(max_message_bytes="20000")
    writer = await seam.writer(MIB)
    with pytest.raises(WriteFailed):
        await writer.write(0, [entry(secrets.token_bytes(50_000))])
    with pytest.raises(WriteFailed):
        await writer.write(0, [entry("small")])
    await writer.reopen()
    assert await writer.write(0, [entry("small")]) == 0


async def test_a_second_writer_of_the_partition_is_noticed(seam: Seam) -> None:
    await seam.make()
    mine, other = await seam.writer(), await seam.writer()
    await mine.write(0, [entry("1")])
    await other.write(0, [entry("2")])
    with pytest.raises(Interleaved):
        await mine.write(0, [entry("3")])


async def test_a_writer_without_its_topic_fails_recoverably(seam: Seam) -> None:
    with pytest.raises(WriteFailed):
        await (await _started(seam.log.writer(seam.topic), seam)).write(0, [entry("v")])


async def _started(writer: BatchWriter, seam: Seam) -> BatchWriter:
    seam.stack.push_async_callback(writer.close)
    await writer.start()
    return writer
