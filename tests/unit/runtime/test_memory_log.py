"""What the twin does that no real broker can be asked to do."""

import asyncio

import pytest

from tocsin_runtime.clock import ManualClock
from tocsin_runtime.log import Entry, WriteFailed
from tocsin_runtime.memory_log import MemoryLog

ONE = [Entry(None, b"v", [])]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(5_000_000)


@pytest.fixture
def log(clock: ManualClock) -> MemoryLog:
    return MemoryLog(clock, {"t": 4})


async def test_append_time_is_the_given_clocks(log: MemoryLog, clock: ManualClock) -> None:
    writer = log.writer("t")
    await writer.start()
    await writer.write(0, ONE)
    clock.advance(60)
    await writer.write(0, ONE)
    assert [r.appended_at_ms for r in await log.reader().read("t", 0, 0)] == [5_000, 65_000]


async def test_a_failed_batch_is_stored_or_not_as_asked(log: MemoryLog) -> None:
    writer = log.writer("t")
    for kept, expected in ((False, 0), (True, 1)):
        await writer.reopen()
        log.fail_next_appends(1, stored=kept)
        with pytest.raises(WriteFailed):
            await writer.write(0, ONE)
        assert log.partition("t", 0).next == expected


async def test_a_frozen_log_holds_writers_and_readers(log: MemoryLog) -> None:
    writer, reader = log.writer("t"), log.reader()
    await writer.start()
    log.freeze()
    writing, reading = asyncio.ensure_future(writer.write(0, ONE)), asyncio.ensure_future(reader.bounds("t", 0))
    done, _ = await asyncio.wait({writing, reading}, timeout=0.02)
    assert done == set()
    log.thaw()
    assert await writing == 0
    await reading


async def test_a_dropped_member_must_begin_everywhere_again(log: MemoryLog) -> None:
    """Its session ended without it knowing: others may have moved its partitions meanwhile."""
    first, second = log.group_reader("t", "g"), log.group_reader("t", "g")
    await first.start()
    await second.start()
    for partition in first.assigned():
        first.begin(partition, 0)
    for partition in second.assigned():
        second.begin(partition, 0)
    kept = second.assigned()
    log.drop_member(first)
    assert first.waiting() == first.assigned() != frozenset()
    assert second.waiting() == second.assigned() - kept
    assert first.assigned() | second.assigned() == {0, 1, 2, 3}


async def test_groups_do_not_share_partitions_with_each_other(log: MemoryLog) -> None:
    first, other = log.group_reader("t", "g"), log.group_reader("t", "h")
    await first.start()
    await other.start()
    assert first.assigned() == other.assigned() == {0, 1, 2, 3}
