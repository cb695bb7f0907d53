"""A record that kills the process is failed, alone, after it killed twice."""

from tests.unit.normalizer.records import Killed, delivery, tick
from tests.unit.normalizer.twin import Twin, ended, names


async def deaths_until_quiet(twin: Twin, count: int) -> int:
    """Start workers, one after the other, until one lives to write `count` records."""
    for deaths in range(20):
        running = twin.start(batch_records_max=8)
        try:
            await twin.until(count, running)
        except Killed:
            continue
        running.worker.stop()
        assert await ended(running) is None
        return deaths
    raise AssertionError("it dies for ever")


async def test_a_record_that_kills_twice_is_failed_and_its_neighbours_are_not() -> None:
    twin = Twin()
    twin.put(*[delivery(str(n)) for n in range(5)], delivery(do="die"), *[delivery(str(n)) for n in range(5, 10)])
    deaths = await deaths_until_quiet(twin, 11)
    assert twin.sources() == list(range(11))
    assert names(twin.images()) == ["0", "1", "2", "3", "4", "killed-normalizer", "5", "6", "7", "8", "9"]
    assert deaths == 3


async def test_several_deadly_records_are_each_failed() -> None:
    twin = Twin()
    twin.put(delivery(do="die"), delivery("a"), delivery(do="die"), delivery(do="die"), tick(), delivery("b"))
    await deaths_until_quiet(twin, 6)
    assert twin.sources() == list(range(6))
    assert names(twin.images()) == ["killed-normalizer", "a", "killed-normalizer", "killed-normalizer", "b"]


async def test_a_deadly_record_far_behind_the_first_batch_is_found() -> None:
    twin = Twin()
    twin.put(*[delivery(str(n)) for n in range(30)], delivery(do="die"), delivery("z"))
    await deaths_until_quiet(twin, 32)
    assert twin.sources() == list(range(32))
    assert [image.reason for image in twin.images()].count("killed-normalizer") == 1
    assert twin.images()[30].reason == "killed-normalizer"


async def test_a_deadly_record_of_one_partition_condemns_none_of_another() -> None:
    twin = Twin(partitions=2)
    for _ in range(4):
        twin.put(delivery("a"), delivery("b"), partition=0)
        twin.put(delivery("c"), delivery(do="die"), partition=1)
    for _ in range(60):
        running = twin.start(batch_records_max=8)
        try:
            await twin.until(8, running, partition=0)
            await twin.until(8, running, partition=1)
        except Killed:
            continue
        running.worker.stop()
        await ended(running)
        break
    assert names(twin.images(0)) == ["a", "b"] * 4
    assert names(twin.images(1)) == ["c", "killed-normalizer"] * 4


async def test_a_process_that_is_killed_while_it_writes_condemns_nothing() -> None:
    """Kills from outside hit the broker's round trips, not the map: no announcement is left behind then."""
    twin = Twin()
    twin.put(delivery("a"), delivery("b"))
    for _ in range(5):
        twin.log.fail_next_appends(1)
        running = twin.start(retry_s=60, retry_s_max=60)
        while "refused" not in str(running.worker.trouble()):
            await twin.log.changed.wait(0.01)
        running.task.cancel()
        await twin.log.changed.wait(0.01)
        assert running.task.done()
    async with twin.running() as last:
        await twin.until(2, last)
    assert names(twin.images()) == ["a", "b"]


async def test_a_worker_that_lives_never_counts_its_own_failures_as_deaths() -> None:
    twin = Twin()
    twin.log.fail_next_appends(10)
    twin.put(delivery("a"), delivery("b"))
    async with twin.running() as running:
        await twin.until(2, running)
    assert names(twin.images()) == ["a", "b"]


async def test_metadata_that_is_not_ours_is_passed_over() -> None:
    twin = Twin()
    twin.put(delivery("a"))
    twin.log.group_reader("tocsin.log", "tocsin.normalizer").group.offsets[0] = (0, "somebody's tool")
    async with twin.running() as running:
        await twin.until(1, running)
    assert names(twin.images()) == ["a"]


async def test_a_condemned_tick_is_copied_as_ever() -> None:
    """Nothing of a tick is read, so it cannot have killed; it is never lost for that."""
    twin = Twin()
    twin.put(tick(), delivery("a"))
    twin.log.group_reader("tocsin.log", "tocsin.normalizer").group.offsets[0] = (0, "tocsin1 tail=-1 deaths=2")
    async with twin.running() as running:
        await twin.until(2, running)
    assert twin.output()[0].value == tick().value
