"""Reading as a member of a group: the same promises from the in-memory twin and from real Kafka."""

import asyncio
import secrets

import pytest

from tests.support.seam import Seam, collect, entry, offsets, settled
from tocsin_runtime.errors import Fatal
from tocsin_runtime.log import (
    MIB,
    NotAssigned,
)


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
