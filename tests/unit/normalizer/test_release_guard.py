"""A release that suddenly fails a source stops before it writes; one that does not is not held up."""

from tests.unit.normalizer.records import Killed, delivery, tick
from tests.unit.normalizer.twin import Running, Twin, ended, names
from tocsin_runtime.errors import Fatal

NUMBERS: dict[str, object] = {"guard_history_min": 10, "guard_sample": 10, "batch_records_max": 4}


async def history(twin: Twin, count: int = 30) -> None:
    """Let the former release normalize `count` deliveries."""
    twin.put(*[delivery(str(n)) for n in range(count)], tick())
    async with twin.running(release="old") as running:
        await twin.until(count + 1, running)


def start(twin: Twin, **settings: object) -> Running:
    return twin.start(release="new", **(NUMBERS | settings))


async def refusal(running: Running) -> str:
    error = await ended(running)
    assert isinstance(error, Fatal)
    assert "\n" not in str(error)
    return str(error)


async def test_a_release_that_fails_the_backlog_writes_nothing() -> None:
    twin = Twin()
    await history(twin)
    twin.put(*[delivery(str(n)) for n in range(3)], *[delivery(do="fail") for _ in range(7)])
    said = await refusal(start(twin))
    assert "release new fails 6 of the first 9 deliveries of source tests" in said
    assert "0 of the last 30 failed before it" in said
    assert len(twin.output()) == 31


async def test_it_refuses_again_at_every_start() -> None:
    twin = Twin()
    await history(twin)
    twin.put(*[delivery(do="fail") for _ in range(7)])
    for _ in range(4):
        await refusal(start(twin))
    assert len(twin.output()) == 31


async def test_the_former_release_goes_on_where_the_new_one_refused() -> None:
    twin = Twin()
    await history(twin)
    twin.put(*[delivery(do="fail") for _ in range(7)])
    await refusal(start(twin))
    async with twin.running(release="old") as running:
        await twin.until(38, running)
    assert [image.reason for image in twin.images()[30:]] == ["unknown-shape"] * 7


async def test_a_release_that_fails_half_is_let_through() -> None:
    twin = Twin()
    await history(twin)
    for n in range(5):
        twin.put(delivery(str(n)), delivery(do="fail"))
    async with twin.running(release="new", **NUMBERS) as running:
        await twin.until(41, running)


async def test_failures_behind_the_sample_are_the_senders() -> None:
    twin = Twin()
    await history(twin)
    twin.put(*[delivery(str(n)) for n in range(10)], *[delivery(do="fail") for _ in range(50)])
    async with twin.running(release="new", **NUMBERS) as running:
        await twin.until(91, running)


async def test_a_quiet_source_is_never_waited_for() -> None:
    """Three deliveries are no sample: they are written at once, and the guard goes on counting."""
    twin = Twin()
    await history(twin)
    twin.put(*[delivery(do="fail") for _ in range(3)])
    running = start(twin)
    await twin.until(34, running)
    twin.put(tick(), delivery(do="fail"), delivery(do="fail"))
    await twin.until(37, running)
    twin.put(delivery(do="fail"))
    assert "6 of the first 6" in await refusal(running)
    assert len(twin.output()) == 37


async def test_a_restart_does_not_make_a_bad_release_the_new_normal() -> None:
    twin = Twin()
    await history(twin)
    for number in range(5):
        twin.put(delivery(do="fail"))
        async with twin.running(release="new", **NUMBERS) as running:
            await twin.until(32 + number, running)
    twin.put(delivery(do="fail"))
    await refusal(start(twin))
    assert len(twin.output()) == 36


async def test_a_source_that_failed_before_does_not_stop_a_release() -> None:
    twin = Twin()
    twin.put(*[delivery(do="fail") for _ in range(30)])
    async with twin.running(release="old") as running:
        await twin.until(30, running)
    twin.put(*[delivery(do="fail") for _ in range(30)])
    async with twin.running(release="new", **NUMBERS) as running:
        await twin.until(60, running)


async def test_it_can_be_switched_off() -> None:
    twin = Twin()
    await history(twin)
    twin.put(*[delivery(do="fail") for _ in range(20)])
    async with twin.running(release="new", release_guard="off", **NUMBERS) as running:
        await twin.until(51, running)


async def test_the_same_release_is_not_judged() -> None:
    twin = Twin()
    await history(twin)
    twin.put(*[delivery(do="fail") for _ in range(20)])
    async with twin.running(release="old", **NUMBERS) as running:
        await twin.until(51, running)


async def test_the_rehearsal_ends_at_its_bound_and_batches_are_still_judged() -> None:
    twin = Twin()
    await history(twin)
    twin.put(*[tick() for _ in range(8)], *[delivery(do="fail") for _ in range(20)])
    running = start(twin, guard_ahead_records=8)
    assert "of the first" in await refusal(running)
    assert len(twin.output()) == 31 + 8 + 4  # one batch of four failures is written before the sixth is seen


async def test_a_release_that_dies_in_its_rehearsal_condemns_the_right_record() -> None:
    twin = Twin()
    await history(twin)
    twin.put(*[delivery(str(n)) for n in range(6)], delivery(do="die"), delivery("z"))
    for _ in range(10):
        running = start(twin)
        try:
            await twin.until(39, running)
        except Killed:
            continue
        running.worker.stop()
        await ended(running)
        break
    assert names(twin.images())[30:] == ["0", "1", "2", "3", "4", "5", "killed-normalizer", "z"]
