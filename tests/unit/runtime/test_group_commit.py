"""Group commit under faults that only the twin can make at will."""

import asyncio

import pytest

from tocsin_runtime.clock import ManualClock
from tocsin_runtime.group_commit import GroupCommit
from tocsin_runtime.log import AppendFailed, AppendLimits, AppendTimeout, Entry
from tocsin_runtime.memory_log import MemoryLog
from tocsin_runtime.producer import Producer


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def log(clock: ManualClock) -> MemoryLog:
    return MemoryLog(clock, {"t": 3})


def entry(value: str) -> Entry:
    return Entry(None, value.encode(), [])


def stored(log: MemoryLog, partition: int = 0) -> list[bytes]:
    return [record.value for record in log.partition("t", partition).records]


async def test_what_waits_while_the_log_is_frozen_is_answered_in_time_and_let_go(log: MemoryLog) -> None:
    """A frozen broker holds one round; what queues behind it must not pile up for as long as it is frozen."""
    appender = log.appender("t", AppendLimits(deadline_s=0.02))
    log.freeze()
    for _ in range(3):
        answers = await asyncio.gather(*(appender.append(0, entry("x")) for _ in range(5)), return_exceptions=True)
        assert all(isinstance(answer, AppendTimeout) for answer in answers)
    assert appender.queued_bytes == 0
    assert sum(map(len, appender._queues.values())) == 0
    log.thaw()
    assert await appender.append(0, entry("after")) == 5
    assert stored(log) == [b"x"] * 5 + [b"after"]  # only the round under way was stored, once
    await appender.close()


async def test_a_lost_acknowledgement_is_not_repaired_by_sending_again(log: MemoryLog) -> None:
    """The caller is told *maybe stored* and decides; a second copy from here would be one too many."""
    appender = log.appender("t")
    log.fail_next_appends(1, stored=True)
    with pytest.raises(AppendFailed):
        await appender.append(0, entry("once"))
    assert await appender.append(0, entry("next")) == 1
    assert stored(log) == [b"once", b"next"]
    await appender.close()


async def test_the_age_of_the_last_acknowledgement_tells_of_an_outage(log: MemoryLog, clock: ManualClock) -> None:
    appender = log.appender("t")
    clock.advance(10)
    assert appender.last_ack_age_s == 10
    await appender.append(0, entry("x"))
    assert appender.last_ack_age_s == 0
    await appender.close()


async def test_whatever_queued_during_a_round_goes_into_one_batch(log: MemoryLog) -> None:
    appender = log.appender("t")
    log.freeze()
    first = asyncio.ensure_future(appender.append(0, entry("first")))
    while not appender._in_round:
        await turn()
    rest = [asyncio.ensure_future(appender.append(0, entry(f"{n}"))) for n in range(20)]
    await turn()
    log.fail_next_appends(0)
    log.thaw()
    assert await first == 0
    assert await asyncio.gather(*rest) == list(range(1, 21))
    await appender.close()


async def test_a_close_answers_everybody(log: MemoryLog) -> None:
    appender: GroupCommit = log.appender("t")
    log.freeze()
    waiting = [asyncio.ensure_future(appender.append(n % 3, entry("x"))) for n in range(9)]
    await turn()
    await appender.close(timeout_s=0.05)
    answers = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(answer, AppendFailed) for answer in answers)
    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []


async def test_a_close_waits_until_a_connection_that_is_being_opened_is_given_up(clock: ManualClock) -> None:
    opening, given_up = asyncio.Event(), asyncio.Event()

    async def never_open() -> Producer:
        opening.set()
        never: asyncio.Future[Producer] = asyncio.get_running_loop().create_future()
        try:
            return await never
        finally:
            await turn()  # as disconnecting takes a moment
            await turn()
            given_up.set()

    appender = GroupCommit(never_open, clock=clock)
    waiting = asyncio.ensure_future(appender.append(0, entry("x")))
    await opening.wait()
    await appender.close(timeout_s=0.01)
    assert given_up.is_set()
    with pytest.raises(AppendFailed):
        await waiting


async def turn() -> None:
    """Let every task that is ready run once."""
    turned = asyncio.Event()
    asyncio.get_running_loop().call_soon(turned.set)
    await turned.wait()
