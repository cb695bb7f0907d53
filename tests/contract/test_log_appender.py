"""Appending: the same promises from the in-memory twin and from real Kafka."""

import asyncio
import secrets

import pytest

from tests.support.seam import Seam, entry, turn
from tocsin_runtime.clock import SystemClock
from tocsin_runtime.log import (
    HEADROOM,
    MIB,
    AppendBusy,
    AppendFailed,
    AppendLimits,
    AppendTooLarge,
    Entry,
    entry_size,
)


async def test_an_append_answers_with_the_offset_at_which_it_is_stored(seam: Seam) -> None:
    await seam.make(partitions=3)
    appender = await seam.appender()
    answers = await asyncio.gather(*(appender.append(n % 3, entry(f"v{n}")) for n in range(60)))
    reader = await seam.reader()
    for n, offset in enumerate(answers):
        [record, *_] = await reader.read(seam.topic, n % 3, offset)
        assert record.value == f"v{n}".encode()


async def test_appends_of_one_partition_are_stored_in_call_order_without_gaps(seam: Seam) -> None:
    await seam.make()
    appender = await seam.appender()
    answers = await asyncio.gather(*(appender.append(0, entry(f"v{n}")) for n in range(500)))
    assert answers == list(range(500))


async def test_key_value_and_headers_come_back_as_they_were_given(seam: Seam) -> None:
    await seam.make()
    appender = await seam.appender()
    given = [
        Entry(b"tenant", b"\x00\xff{}", [("a", b""), ("a", b"again"), ("schlüssel", b"\x00")]),
        Entry(None, b"", []),
    ]
    for one in given:
        await appender.append(0, one)
    records = await (await seam.reader()).read(seam.topic, 0, 0)
    assert [Entry(r.key, r.value, list(r.headers)) for r in records] == given


async def test_records_carry_the_time_at_which_the_log_took_them(seam: Seam) -> None:
    await seam.make(message_timestamp_type="LogAppendTime")
    clock = SystemClock()
    before = clock.now() // 1000
    appender = await seam.appender()
    await appender.append(0, entry("v"))
    after = clock.now() // 1000
    [record] = await (await seam.reader()).read(seam.topic, 0, 0)
    assert before <= record.appended_at_ms <= after


async def test_an_entry_at_the_limit_is_stored(seam: Seam) -> None:
    """The limit is far enough below the topic's own that even incompressible bytes pass."""
    limit = 64 * 1024
    await seam.make(max_message_bytes=str(limit))
    appender = await seam.appender(AppendLimits(message_bytes_max=limit))
    room = limit - HEADROOM - entry_size(entry(b""))
    assert await appender.append(0, entry(secrets.token_bytes(room))) == 0


async def test_an_entry_over_the_limit_is_refused_unsent_and_others_go_on(seam: Seam) -> None:
    limit = 64 * 1024
    await seam.make(max_message_bytes=str(limit))
    appender = await seam.appender(AppendLimits(message_bytes_max=limit))
    with pytest.raises(AppendTooLarge):
        await appender.append(0, entry(b"x" * limit))
    with pytest.raises(AppendTooLarge):
        await appender.append(0, Entry(None, b"", [("h", b"x" * limit)]))
    assert await appender.append(0, entry("small")) == 0


async def test_a_queue_larger_than_a_batch_is_stored_in_several_in_order(seam: Seam) -> None:
    limit = 64 * 1024
    await seam.make(max_message_bytes=str(limit))
    appender = await seam.appender(AppendLimits(message_bytes_max=limit, round_bytes_max=100 * 1024))
    answers = await asyncio.gather(*(appender.append(0, entry(secrets.token_bytes(20_000))) for _ in range(30)))
    assert answers == list(range(30))


async def test_too_many_waiting_bytes_are_refused_as_busy(seam: Seam) -> None:
    await seam.make()
    appender = await seam.appender(AppendLimits(queued_bytes_max=3_000))
    tries = [appender.append(0, entry(b"x" * 1_000)) for _ in range(5)]
    answers = await asyncio.gather(*tries, return_exceptions=True)
    assert [isinstance(answer, AppendBusy) for answer in answers] == [False, False, True, True, True]
    assert appender.queued_bytes == 0
    assert await appender.append(0, entry("room again")) == 2


async def test_a_refused_batch_costs_its_own_callers_only(seam: Seam) -> None:
    """One rejection desynchronises an idempotent producer for good: a new one must take over."""
    await seam.make(partitions=2, max_message_bytes="20000")
    appender = await seam.appender(AppendLimits(message_bytes_max=MIB))
    assert await appender.append(0, entry("before")) == 0
    poisoned, neighbour = await asyncio.gather(
        appender.append(0, entry(secrets.token_bytes(50_000))), appender.append(1, entry("v")), return_exceptions=True
    )
    assert isinstance(poisoned, AppendFailed)
    assert neighbour == 0
    answers = await asyncio.gather(*(appender.append(0, entry(f"v{n}")) for n in range(50)))
    assert answers == list(range(1, 51))


async def test_a_cancelled_append_leaves_its_neighbours_alone(seam: Seam) -> None:
    await seam.make()
    appender = await seam.appender()
    tasks = [asyncio.ensure_future(appender.append(0, entry(f"v{n}"))) for n in range(10)]
    await turn()  # let them queue
    for task in tasks[::2]:
        task.cancel()
    answers = await asyncio.gather(*tasks[1::2])
    values = {r.offset: r.value for r in await (await seam.reader()).read(seam.topic, 0, 0)}
    assert [values[offset] for offset in answers] == [f"v{n}".encode() for n in range(1, 10, 2)]
    assert appender.queued_bytes == 0


async def test_a_producer_is_replaced_before_its_sequence_runs_out(seam: Seam) -> None:
    await seam.make()
    appender = await seam.appender(AppendLimits(records_per_producer_max=10))
    for start in range(0, 40, 5):
        answers = await asyncio.gather(*(appender.append(0, entry(f"v{n}")) for n in range(5)))
        assert answers == list(range(start, start + 5))


async def test_an_unknown_partition_fails_and_the_others_go_on(seam: Seam) -> None:
    await seam.make()
    appender = await seam.appender()
    with pytest.raises(AppendFailed):
        await appender.append(7, entry("v"))
    assert await appender.append(0, entry("v")) == 0


async def test_a_partition_added_later_is_found(seam: Seam) -> None:
    await seam.make(partitions=1)
    appender = await seam.appender()
    await appender.append(0, entry("v"))
    await seam.make(partitions=2)
    assert await appender.append(1, entry("v")) == 0


async def test_a_closed_appender_takes_no_more(seam: Seam) -> None:
    await seam.make()
    appender = await seam.appender()
    pending = asyncio.ensure_future(appender.append(0, entry("v")))
    await turn()  # let it queue
    await appender.close()
    assert await pending == 0
    with pytest.raises(AppendBusy):
        await appender.append(0, entry("v"))
