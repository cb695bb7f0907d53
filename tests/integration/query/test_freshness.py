"""Every answer says how far the fold has come and how old that is (P8)."""

from tests.integration.query.conftest import NOW, asking
from tests.support.projection_rows import START, ProjectionDatabase
from tocsin_contracts.ids import delivery_id
from tocsin_contracts.position import Position
from tocsin_runtime.clock import ManualClock


async def test_body_and_headers_name_position_clock_and_age(projection: ProjectionDatabase) -> None:
    clock = ManualClock(NOW)
    async with projection.writing() as rows:
        incident = await rows.incident("acme")
        alert = await rows.alert("acme")
        delivery = await rows.delivery("acme", 5)
        await rows.folded(partition=0, source_next=42, appended_at=NOW - 400_000, clock=START)
    pending = delivery_id("acme", Position(0, 42))
    paths = ["incidents", "alerts", f"incidents/{incident}", f"alerts/{alert}", f"deliveries/{delivery}", f"deliveries/{pending}"]
    async with asking(projection, clock=clock) as client:
        for path in [*paths, "commands/never"]:
            found = await client.get(f"/api/v1/{path}")

            assert found.body["as_of"] == {"position": "0:41", "clock": "2026-01-01T00:00:00Z", "age_seconds": 0.4}, path
            assert (found.headers["Tocsin-Position"], found.headers["Tocsin-Age"]) == ("0:41", "0.4"), path


async def test_with_nothing_new_folded_answers_go_on_and_grow_older(projection: ProjectionDatabase) -> None:
    """Kafka away looks so from here: no record comes, reads are as good as before."""
    clock = ManualClock(NOW)
    async with projection.writing() as rows:
        await rows.incident("acme")
        await rows.folded(partition=0, source_next=42, appended_at=NOW)
    async with asking(projection, clock=clock, key_memory_s=5) as client:
        ages = []
        for _ in range(3):
            ages.append((await client.get("/incidents")).body["as_of"]["age_seconds"])
            clock.advance(3600)

    assert ages == [0.0, 3600.0, 7200.0]


async def test_a_broker_ahead_of_our_clock_gives_no_negative_age(projection: ProjectionDatabase) -> None:
    async with projection.writing() as rows:
        await rows.folded(partition=0, source_next=1, appended_at=NOW + 5_000_000)
    async with asking(projection, clock=ManualClock(NOW)) as client:
        assert (await client.get("/incidents")).body["as_of"]["age_seconds"] == 0.0


async def test_before_the_first_record_there_is_nothing_to_say(projection: ProjectionDatabase) -> None:
    async with asking(projection) as client:
        found = await client.get("/incidents")

    assert found.body["as_of"] == {"position": None, "clock": None, "age_seconds": None}
    assert "Tocsin-Position" not in found.headers
    assert "Tocsin-Age" not in found.headers


async def test_each_tenant_sees_its_own_partition(projection: ProjectionDatabase) -> None:
    async with projection.writing() as rows:
        await rows.folded(partition=0, source_next=10, appended_at=NOW)
        await rows.folded(partition=1, source_next=20, appended_at=NOW - 1_000_000)
    async with asking(projection, "initech", clock=ManualClock(NOW)) as client:
        found = await client.get("/incidents")

    assert found.body["as_of"]["position"] == "1:19"
    assert found.body["as_of"]["age_seconds"] == 1.0


async def test_the_age_of_each_partition_is_a_metric(projection: ProjectionDatabase) -> None:
    async with projection.writing() as rows:
        await rows.folded(partition=1, source_next=20, appended_at=NOW - 2_000_000)
    async with asking(projection, clock=ManualClock(NOW)) as client:
        page = (await client.get("/metrics", key="")).text

    assert 'tocsin_query_projection_age_seconds{partition="1"} 2.0' in page
    assert "tocsin_query_postgres_up 1.0" in page
