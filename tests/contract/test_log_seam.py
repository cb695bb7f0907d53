"""One behaviour suite for the log seam, run over the in-memory twin and over real Kafka."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import pytest

from tests.support.servers import SharedKafka
from tocsin_runtime.clock import SystemClock
from tocsin_runtime.errors import Fatal, Invalid, Recoverable
from tocsin_runtime.kafka_log import KafkaLog
from tocsin_runtime.log import (
    HEADROOM,
    MIB,
    AppendBusy,
    Appender,
    AppendFailed,
    AppendLimits,
    AppendTooLarge,
    BatchWriter,
    Bounds,
    Entry,
    GroupReader,
    Interleaved,
    Log,
    LogAdmin,
    LogReader,
    NotAssigned,
    Record,
    TopicSpec,
    WriteFailed,
    WriteLimits,
    entry_size,
)
from tocsin_runtime.memory_log import MemoryLog


@dataclass
class Seam:
    """A log, a topic of this test's own, and everything opened on it, closed at the end."""

    log: Log
    admin: LogAdmin
    topic: str
    stack: AsyncExitStack
    opened: list[object] = field(default_factory=list)

    async def make(self, partitions: int = 1, **config: str) -> str:
        settings = {name.replace("_", "."): value for name, value in config.items()}
        await self.admin.ensure_topics([TopicSpec(name=self.topic, partitions=partitions, config=settings)])
        return self.topic

    async def appender(self, limits: AppendLimits | None = None) -> Appender:
        appender = self.log.appender(self.topic, limits or AppendLimits())
        self.stack.push_async_callback(appender.close)
        await appender.start()
        return appender

    async def writer(self, message_bytes_max: int = MIB) -> BatchWriter:
        writer = self.log.writer(self.topic, WriteLimits(message_bytes_max=message_bytes_max))
        self.stack.push_async_callback(writer.close)
        await writer.start()
        return writer

    async def reader(self) -> LogReader:
        reader = self.log.reader()
        self.stack.push_async_callback(reader.close)
        await reader.start()
        return reader

    async def member(self) -> GroupReader:
        member = self.log.group_reader(self.topic, f"group-of-{self.topic}")
        self.stack.push_async_callback(member.close)
        await member.start()
        return member

    async def fill(self, count: int, partition: int = 0) -> None:
        writer = await self.writer()
        await writer.write(partition, [entry(f"value {n}") for n in range(count)])


@pytest.fixture(params=["memory", "kafka"])
async def seam(request: pytest.FixtureRequest) -> AsyncIterator[Seam]:
    log: Log
    if request.param == "kafka":
        kafka: SharedKafka = request.getfixturevalue("kafka")
        log = KafkaLog(kafka.bootstrap)
    else:
        log = MemoryLog(SystemClock())
    async with AsyncExitStack() as stack:
        admin = log.admin()
        await admin.start()
        stack.push_async_callback(admin.close)
        yield Seam(log=log, admin=admin, topic=f"seam-{secrets.token_hex(6)}", stack=stack)


def entry(value: str | bytes, key: bytes | None = b"key") -> Entry:
    return Entry(key, value.encode() if isinstance(value, str) else value, [])


def offsets(records: Iterable[Record]) -> list[int]:
    return [record.offset for record in records]


async def collect(member: GroupReader, count: int) -> dict[int, list[Record]]:
    """Poll until `count` records came."""
    found: dict[int, list[Record]] = {}
    while sum(map(len, found.values())) < count:
        for partition, records in (await member.poll(500, 5.0)).items():
            found.setdefault(partition, []).extend(records)
    return found


async def settled(members: list[GroupReader], done: Callable[[], bool]) -> None:
    """Wait for assignment changes until `done`."""
    while not done():
        waits = [asyncio.ensure_future(member.wait_assignment_change()) for member in members]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED, timeout=10)
        for wait in waits:
            wait.cancel()


async def turn() -> None:
    """Let every task that is ready run once."""
    turned = asyncio.Event()
    asyncio.get_running_loop().call_soon(turned.set)
    await turned.wait()


# --- appender


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


# --- batch writer


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


# --- reader without a group


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


# --- group reader


async def test_nothing_is_delivered_before_begin(seam: Seam) -> None:
    await seam.make(partitions=2)
    await seam.fill(10)
    await seam.fill(10, partition=1)
    member = await seam.member()
    await member.wait_assignment_change()
    assert member.assigned() == member.waiting() == {0, 1}
    assert await member.poll(100, 0.2) == {}
    member.begin(1, 6)
    assert member.waiting() == {0}
    assert {p: offsets(r) for p, r in (await collect(member, 4)).items()} == {1: [6, 7, 8, 9]}


async def test_the_committed_offset_never_decides_where_reading_starts(seam: Seam) -> None:
    await seam.make()
    await seam.fill(10)
    member = await seam.member()
    await member.wait_assignment_change()
    await member.commit({0: (9, "")})
    member.begin(0, 2)
    assert offsets((await collect(member, 8))[0]) == list(range(2, 10))


async def test_deliveries_continue_each_other_and_respect_the_bound(seam: Seam) -> None:
    await seam.make()
    await seam.fill(25)
    member = await seam.member()
    await member.wait_assignment_change()
    member.begin(0, 0)
    seen: list[int] = []
    while len(seen) < 25:
        polled = (await member.poll(10, 5.0)).get(0, [])
        assert len(polled) <= 10
        seen += offsets(polled)
    assert seen == list(range(25))
    assert member.ends() == {0: 25}


async def test_records_written_while_polling_are_delivered(seam: Seam) -> None:
    await seam.make()
    member = await seam.member()
    await member.wait_assignment_change()
    member.begin(0, 0)
    waiting = asyncio.ensure_future(collect(member, 3))
    await seam.fill(3)
    assert offsets((await waiting)[0]) == [0, 1, 2]


async def test_begin_again_moves_back_and_forth(seam: Seam) -> None:
    await seam.make()
    await seam.fill(10)
    member = await seam.member()
    await member.wait_assignment_change()
    member.begin(0, 5)
    assert offsets((await collect(member, 5))[0]) == list(range(5, 10))
    member.begin(0, 2)
    assert offsets((await collect(member, 8))[0]) == list(range(2, 10))


async def test_a_paused_partition_delivers_nothing_until_resumed(seam: Seam) -> None:
    await seam.make(partitions=2)
    await seam.fill(5)
    await seam.fill(5, partition=1)
    member = await seam.member()
    await member.wait_assignment_change()
    member.begin(0, 0)
    member.begin(1, 0)
    member.pause(0)
    assert {p: offsets(r) for p, r in (await collect(member, 5)).items()} == {1: [0, 1, 2, 3, 4]}
    assert await member.poll(100, 0.2) == {}
    member.resume(0)
    assert {p: offsets(r) for p, r in (await collect(member, 5)).items()} == {0: [0, 1, 2, 3, 4]}


async def test_members_share_the_partitions_and_what_stays_goes_on(seam: Seam) -> None:
    await seam.make(partitions=4)
    for partition in range(4):
        await seam.fill(3, partition)
    first = await seam.member()
    await settled([first], lambda: len(first.assigned()) == 4)
    for partition in range(4):
        first.begin(partition, 0)
    await collect(first, 12)
    second = await seam.member()
    await settled([first, second], lambda: len(first.assigned()) == len(second.assigned()) == 2)
    assert not first.assigned() & second.assigned()
    assert first.waiting() == frozenset()
    assert second.waiting() == second.assigned()
    for partition in range(4):
        await seam.fill(1, partition)
    assert {p: offsets(r) for p, r in (await collect(first, 2)).items()} == {p: [3] for p in first.assigned()}


async def test_a_leaving_member_hands_over_and_its_partitions_wait_for_begin(seam: Seam) -> None:
    await seam.make(partitions=4)
    first, second = await seam.member(), await seam.member()
    await settled([first, second], lambda: len(first.assigned()) == len(second.assigned()) == 2)
    for partition in first.assigned():
        first.begin(partition, 0)
    kept = first.assigned()
    await second.close()
    await settled([first], lambda: len(first.assigned()) == 4)
    assert first.waiting() == frozenset(range(4)) - kept


async def test_only_an_assigned_partition_can_begin(seam: Seam) -> None:
    await seam.make()
    member = await seam.member()
    await member.wait_assignment_change()
    with pytest.raises(NotAssigned):
        member.begin(5, 0)
    await member.close()
    with pytest.raises(NotAssigned):
        member.begin(0, 0)


async def test_a_commit_is_a_hint_with_a_note_that_the_next_owner_finds(seam: Seam) -> None:
    await seam.make()
    first = await seam.member()
    await first.wait_assignment_change()
    assert await first.committed(0) is None
    await first.commit({0: (7, "died 2 times")})
    assert await first.committed(0) == (7, "died 2 times")
    await first.close()
    second = await seam.member()
    await second.wait_assignment_change()
    assert await second.committed(0) == (7, "died 2 times")


@pytest.mark.parametrize("offset", [3, 99])
async def test_an_offset_that_the_log_does_not_hold_is_fatal(seam: Seam, offset: int) -> None:
    """Skipping silently would lose what retention deleted unread."""
    await seam.make()
    await seam.fill(10)
    await seam.admin.truncate(seam.topic, 0, 4)
    member = await seam.member()
    await member.wait_assignment_change()
    member.begin(0, offset)
    with pytest.raises(Fatal, match=f"does not hold offset {offset}"):
        await collect(member, 1)


async def test_a_large_record_passes_the_group(seam: Seam) -> None:
    """Images reach 6 MiB: more than a fetch asks for, which must not stop it."""
    await seam.make(max_message_bytes=str(8 * MIB))
    body = secrets.token_bytes(6 * MIB)
    writer = await seam.writer(8 * MIB)
    await writer.write(0, [entry(body), entry("after")])
    member = await seam.member()
    await member.wait_assignment_change()
    member.begin(0, 0)
    assert [r.value for r in (await collect(member, 2))[0]] == [body, b"after"]


# --- admin


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
