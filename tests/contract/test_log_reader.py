"""Reading without a group: the same promises from the in-memory twin and from real Kafka."""

import asyncio
import secrets

import pytest

from tests.support.seam import Seam, entry, offsets
from tocsin_runtime.errors import Invalid
from tocsin_runtime.log import (
    Bounds,
)


async def test_reading_starts_at_any_offset(seam: Seam) -> None:
    await seam.make()
    await seam.fill(20)
    reader = await seam.reader()
    assert offsets(await reader.read(seam.topic, 0, 7, max_records=3)) == [7, 8, 9]
    assert offsets(await reader.read(seam.topic, 0, 18)) == [18, 19]
    assert await reader.read(seam.topic, 0, 20) == []


async def test_reading_gives_at_least_one_record_however_few_bytes_are_asked(seam: Seam) -> None:
    await seam.make()
    writer = await seam.writer()
    await writer.write(0, [entry(secrets.token_bytes(100_000))])
    assert offsets(await (await seam.reader()).read(seam.topic, 0, 0, max_bytes=10)) == [0]


async def test_reading_outside_what_the_log_holds_is_invalid(seam: Seam) -> None:
    await seam.make()
    await seam.fill(10)
    await seam.admin.truncate(seam.topic, 0, 4)
    reader = await seam.reader()
    assert await reader.bounds(seam.topic, 0) == Bounds(4, 10)
    for offset in (3, 11):
        with pytest.raises(Invalid) as refused:
            await reader.read(seam.topic, 0, offset)
        assert refused.value.reason == "offset-out-of-range"


async def test_the_last_record_is_found_and_an_empty_partition_has_none(seam: Seam) -> None:
    await seam.make(partitions=2)
    await seam.fill(10)
    reader = await seam.reader()
    last = await reader.last(seam.topic, 0)
    assert last is not None
    assert (last.offset, last.value) == (9, b"value 9")
    assert await reader.last(seam.topic, 1) is None
    assert await reader.bounds(seam.topic, 1) == Bounds(0, 0)


async def test_a_scan_gives_every_record_of_its_range_once(seam: Seam) -> None:
    await seam.make()
    writer = await seam.writer()
    for start in range(0, 3_000, 100):
        await writer.write(0, [entry(f"{n}" * 200) for n in range(start, start + 100)])
    reader = await seam.reader()
    seen = [record.offset async for records in reader.scan(seam.topic, 0, 150, 2_950) for record in records]
    assert seen == list(range(150, 2_950))
    assert [records async for records in reader.scan(seam.topic, 0, 5, 5)] == []


async def test_a_scan_over_deleted_records_says_so(seam: Seam) -> None:
    await seam.make()
    await seam.fill(10)
    await seam.admin.truncate(seam.topic, 0, 4)
    reader = await seam.reader()
    with pytest.raises(Invalid):
        assert [records async for records in reader.scan(seam.topic, 0, 0, 10)]


async def test_many_reads_at_once_do_not_disturb_each_other(seam: Seam) -> None:
    await seam.make(partitions=2)
    await seam.fill(50)
    await seam.fill(50, partition=1)
    reader = await seam.reader()
    reads = [reader.read(seam.topic, n % 2, n // 2, max_records=1) for n in range(100)]
    answers = await asyncio.gather(*reads)
    assert [(r[0].partition, r[0].offset) for r in answers] == [(n % 2, n // 2) for n in range(100)]
