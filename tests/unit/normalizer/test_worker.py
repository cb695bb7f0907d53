"""The worker on the twin: one image for each record, in order, whatever happens to worker and log."""

import asyncio

import pytest

from tests.unit.normalizer.records import delivery, tick
from tests.unit.normalizer.twin import InMemoryVersions, Twin, ended, names
from tocsin_contracts.envelope import SourceStamp, image_headers
from tocsin_contracts.position import Position
from tocsin_contracts.topics import ALERTS, LOG
from tocsin_runtime.errors import Fatal
from tocsin_runtime.log import Entry


@pytest.fixture
async def twin() -> Twin:
    return Twin()


def unbroken(sources: list[int]) -> int:
    """Read as the grouper does: accept the highest plus one, drop what is lower; anything higher is a gap."""
    highest = -1
    for offset in sources:
        assert offset <= highest + 1
        highest = max(highest, offset)
    return highest


async def test_each_record_becomes_one_record_in_the_same_order(twin: Twin) -> None:
    twin.put(delivery("a"), tick(), delivery(do="fail"), delivery(do="raise"), delivery(body=b"{"), delivery("b"))
    async with twin.running() as running:
        assert await twin.until(6, running) == [0, 1, 2, 3, 4, 5]
    assert names(twin.images()) == ["a", "unknown-shape", "normalizer-error", "not-json", "b"]
    assert twin.output()[1].value == tick().value


async def test_many_small_batches_give_what_one_gives(twin: Twin) -> None:
    entries = [delivery(str(n)) if n % 3 else tick() for n in range(50)]
    twin.put(*entries)
    async with twin.running(batch_records_max=7, batch_bytes_max=64) as running:
        await twin.until(50, running)
    other = Twin()
    other.put(*entries)
    async with other.running() as running:
        await other.until(50, running)
    assert [record.value for record in twin.output()] == [record.value for record in other.output()]
    assert twin.sources() == other.sources() == list(range(50))


async def test_a_restart_goes_on_behind_the_tail(twin: Twin) -> None:
    twin.put(delivery("a"), delivery("b"))
    async with twin.running() as running:
        await twin.until(2, running)
    twin.put(delivery("c"))
    async with twin.running() as running:
        assert await twin.until(3, running) == [0, 1, 2]


async def test_the_groups_offsets_are_only_hints(twin: Twin) -> None:
    """A commit that is ahead of the output, or behind it, changes nothing."""
    twin.put(delivery("a"), delivery("b"))
    reader = twin.log.group_reader(LOG, "tocsin.normalizer")
    reader.group.offsets[0] = (2, "")
    async with twin.running() as running:
        assert await twin.until(2, running) == [0, 1]
    reader.group.offsets[0] = (0, "")
    twin.put(tick())
    async with twin.running() as running:
        assert await twin.until(3, running) == [0, 1, 2]


async def test_the_group_is_told_where_the_worker_stands(twin: Twin) -> None:
    twin.put(delivery("a"), delivery("b"))
    async with twin.running(commit_s=3600) as running:
        await twin.until(2, running)
    assert twin.committed() == (2, "")


async def test_a_batch_that_failed_is_written_again_from_the_tail(twin: Twin) -> None:
    twin.log.fail_next_appends(2)
    twin.put(delivery("a"), delivery("b"))
    async with twin.running() as running:
        assert await twin.until(2, running) == [0, 1]


async def test_a_batch_whose_acknowledgement_was_lost_is_not_written_twice(twin: Twin) -> None:
    """Only the tail knows that it was stored."""
    async with twin.running() as running:
        twin.log.fail_next_appends(1, stored=True)
        twin.put(delivery("a"), delivery("b"))
        await twin.until(2, running)
        twin.put(delivery("c"))
        assert await twin.until(3, running) == [0, 1, 2]


async def test_two_owners_of_one_partition_leave_repeats_and_never_a_gap(twin: Twin) -> None:
    """The grouper drops repeats; what it needs is that no source offset is ever skipped."""
    async with twin.running() as old:
        twin.put(*[delivery(str(n)) for n in range(5)])
        await twin.until(5, old)
        twin.log.freeze()
        twin.put(*[delivery(str(n)) for n in range(5, 9)])
        async with twin.running() as new:
            twin.log.drop_member(old.reader)
            twin.log.thaw()
            twin.put(*[delivery(str(n)) for n in range(9, 30)])
            while twin.sources()[-1] != 29:
                await twin.log.changed.wait(0.05)
            assert new.worker.trouble() is None or old.worker.trouble() is None
    assert unbroken(twin.sources()) == 29


async def test_a_late_batch_of_a_former_owner_costs_repeats_only(twin: Twin) -> None:
    """It ends before this worker's own end: the next start goes back to it, and repeats."""
    async with twin.running() as running:
        twin.put(*[delivery(str(n)) for n in range(4)])
        await twin.until(4, running)
        twin.put_output(*[Entry(r.key, r.value, r.headers) for r in twin.output()[1:3]])
        twin.put(delivery("4"), delivery("5"))
        await twin.until(8, running)
        twin.put(delivery("6"))
        while twin.sources()[-1] != 6:
            await twin.log.changed.wait(0.05)
    assert unbroken(twin.sources()) == 6
    assert twin.sources()[:8] == [0, 1, 2, 3, 1, 2, 4, 5]


async def test_a_start_behind_a_former_owners_late_batch_repeats_and_skips_nothing(twin: Twin) -> None:
    twin.put(*[delivery(str(n)) for n in range(4)])
    async with twin.running() as running:
        await twin.until(4, running)
    twin.put_output(*[Entry(r.key, r.value, r.headers) for r in twin.output()[1:3]])
    async with twin.running() as running:
        await twin.until(7, running)
    assert twin.sources() == [0, 1, 2, 3, 1, 2, 3]


async def test_a_revoked_partition_is_written_no_more(twin: Twin) -> None:
    twin = Twin(partitions=2)
    async with twin.running() as old:
        twin.put(delivery("a"))
        twin.put(delivery("a"), partition=1)
        await twin.until(1, old)
        await twin.until(1, old, partition=1)
        async with twin.running() as new:
            while len(new.worker.standings()) + len(old.worker.standings()) != 2 or not new.worker.standings():
                await twin.log.changed.wait(0.01)
            assert old.worker.standings().keys().isdisjoint(new.worker.standings())
            for number in (0, 1):
                twin.put(delivery("b"), partition=number)
                await twin.until(2, old, new, partition=number)
        for number in (0, 1):
            twin.put(delivery("c"), partition=number)
            assert await twin.until(3, old, partition=number) == [0, 1, 2]


async def test_a_partition_that_went_while_its_batch_was_prepared_is_not_written(twin: Twin) -> None:
    async with twin.running() as old:
        twin.put(delivery("a"))
        await twin.until(1, old)
        twin.versions.answering.clear()
        twin.versions.asked.clear()
        twin.put(delivery("b"))
        await twin.versions.asked.wait()
        slow, twin.versions = twin.versions, InMemoryVersions()
        async with twin.running() as new:
            while len(old.reader.group.members) < 2:
                await twin.log.changed.wait(0.01)
            twin.log.drop_member(old.reader)
            assert await twin.until(2, old, new) == [0, 1]
            slow.answering.set()
            while old.worker.standings():
                await twin.log.changed.wait(0.01)
            assert twin.sources() == [0, 1]


async def test_an_expelled_member_claims_anew(twin: Twin) -> None:
    async with twin.running() as running:
        twin.put(delivery("a"))
        await twin.until(1, running)
        twin.log.drop_member(running.reader)
        twin.put(delivery("b"))
        assert await twin.until(2, running) == [0, 1]


async def test_a_stop_finishes_the_batch_under_way(twin: Twin) -> None:
    running = twin.start()
    twin.put(*[delivery(str(n)) for n in range(20)])
    await twin.until(1, running)
    running.worker.stop()
    assert await ended(running) is None
    assert twin.sources() == list(range(len(twin.sources())))
    assert twin.committed() == (len(twin.sources()), "")
    assert running.reader.assigned() == frozenset()


async def test_a_partition_waits_for_settings_and_others_do_not() -> None:
    twin = Twin(partitions=2)
    async with twin.running() as running:
        twin.put(delivery("a"), partition=1)
        await twin.until(1, running, partition=1)
        twin.versions.away = True
        twin.versions.asked.clear()
        twin.put(delivery("b"))
        await twin.versions.asked.wait()
        twin.put(tick(), partition=1)
        await twin.until(2, running, partition=1)
        assert twin.output(0) == []
        trouble = running.worker.trouble()
        assert trouble is not None
        assert "PostgreSQL does not answer" in trouble
        twin.put(delivery("c"), delivery("d"))
        twin.versions.away = False
        assert await twin.until(3, running) == [0, 1, 2]
    assert [image.mapped for image in twin.images()] == ["normalized"] * 3


async def test_a_partition_that_waits_takes_in_no_more(twin: Twin) -> None:
    twin.versions.away = True
    async with twin.running(batch_records_max=8) as running:
        for _ in range(5):
            twin.put(*[delivery(str(n)) for n in range(10)])
            twin.versions.asked.clear()
            await twin.versions.asked.wait()
        (lane,) = running.worker._lanes
        assert len(lane.pending) == 8
        twin.versions.away = False
        assert await twin.until(50, running) == list(range(50))


async def test_a_version_that_nobody_recorded_fails_its_delivery_only(twin: Twin) -> None:
    twin.put(delivery("a", integration_version=99), delivery("b"))
    async with twin.running() as running:
        await twin.until(2, running)
    assert names(twin.images()) == ["unknown-integration-version", "b"]


async def test_a_log_that_is_away_is_waited_for(twin: Twin) -> None:
    del twin.log.topics[LOG], twin.log.topics[ALERTS]
    running = twin.start()
    while running.worker.trouble() in {None, "not started"}:
        await asyncio.wait({running.task}, timeout=0.01)
    assert "tocsin.log" in str(running.worker.trouble())
    running.worker.stop()
    assert await ended(running) is None


async def refused(twin: Twin) -> str:
    error = await ended(twin.start())
    assert isinstance(error, Fatal)
    assert "\n" not in str(error)
    return str(error)


async def test_it_refuses_when_retention_overtook_it(twin: Twin) -> None:
    twin.put(delivery("a"), delivery("b"), delivery("c"))
    twin.put_output(Entry(None, b"{}", image_headers("tick", SourceStamp(Position(0, 0), 0, "r"))))
    await twin.log.admin().truncate(LOG, 0, 2)
    assert "the next record to normalize is 1" in await refused(twin)
    assert len(twin.output()) == 1


async def test_it_refuses_an_empty_output_beside_a_log_that_does_not_start_at_nought(twin: Twin) -> None:
    twin.put(delivery("a"), delivery("b"))
    await twin.log.admin().truncate(LOG, 0, 1)
    assert "not at 0" in await refused(twin)
    assert twin.output() == []


async def test_it_refuses_an_output_whose_tail_no_normalizer_wrote(twin: Twin) -> None:
    twin.put(delivery("a"))
    twin.put_output(Entry(None, b"{}", [("tocsin-source", b"not a stamp")]))
    assert "no normalizer wrote" in await refused(twin)
    assert len(twin.output()) == 1


async def test_it_refuses_a_log_that_was_made_anew(twin: Twin) -> None:
    twin.put(delivery("a"))
    twin.put_output(Entry(None, b"{}", image_headers("tick", SourceStamp(Position(0, 1), 0, "r"))))
    assert "recreated or truncated" in await refused(twin)


async def test_what_was_written_is_counted_by_outcome_source_and_reason(twin: Twin) -> None:
    twin.put(delivery("a", "b"), tick(), delivery(do="fail"), delivery("x", source="payload-made"))
    async with twin.running() as running:
        await twin.until(4, running)
    page = running.metrics.render().decode()
    assert 'tocsin_normalizer_records_total{outcome="normalized",reason="",source="tests"} 1.0' in page
    assert 'tocsin_normalizer_records_total{outcome="copied",reason="",source=""} 1.0' in page
    assert 'tocsin_normalizer_records_total{outcome="failed",reason="unknown-shape",source="tests"} 1.0' in page
    assert 'tocsin_normalizer_records_total{outcome="failed",reason="unknown-source",source="unknown"} 1.0' in page
    assert 'tocsin_normalizer_alerts_total{source="tests"} 2.0' in page
    assert "payload-made" not in page
