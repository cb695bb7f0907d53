"""The watch keeps a gateway's directory fresh, and keeps it when PostgreSQL goes away."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import structlog

from tests.integration.control.conftest import PASSWORDS, ControlDatabase
from tests.support.servers import OwnPostgres
from tocsin_control.bootstrap import Role, ensure_roles, migrate_control
from tocsin_control.errors import MasterKeyUnfit
from tocsin_control.integrations import create_integration
from tocsin_control.keys import create_key, revoke_key
from tocsin_control.master_key import MasterKey, generate_master_key
from tocsin_control.snapshot import AGE_MAX_S, read_snapshot
from tocsin_control.tenants import Tenant, create_tenant
from tocsin_control.watch import DirectoryWatch
from tocsin_runtime.clock import ManualClock
from tocsin_runtime.errors import Fatal
from tocsin_runtime.postgres import Connection, Pool, create_pool

CLOCK = ManualClock()


def watch_of(pool: Pool, master_key: MasterKey, path: Path | None = None, clock: ManualClock = CLOCK) -> DirectoryWatch:
    return DirectoryWatch(pool, master_key, clock=clock, snapshot_path=path, poll_s=0.005)


@asynccontextmanager
async def running(watch: DirectoryWatch) -> AsyncIterator[DirectoryWatch]:
    await watch.start()
    task = asyncio.create_task(watch.run())
    try:
        yield watch
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(watch: DirectoryWatch, holds: Callable[[], bool]) -> None:
    """Wait on the watch's own signal until something holds."""
    while not holds():
        await watch.changed.wait()
        watch.changed.clear()


async def nobody_listens() -> Pool:
    """A pool on a port where nothing is, as with PostgreSQL down."""
    return await create_pool("postgresql://tocsin_ingest:x@127.0.0.1:1/tocsin", application="test", size_min=0)


async def test_a_change_is_seen_and_reaches_the_snapshot(
    control: ControlDatabase, owner: Connection, acme: Tenant, master_key: MasterKey, tmp_path: Path
) -> None:
    path = tmp_path / "snapshot"
    async with control.pool(Role.INGEST) as pool, running(watch_of(pool, master_key, path)) as watch:
        first = watch.current()
        assert first is not None
        assert first.tenant(acme.id) is not None
        assert read_snapshot(path, master_key, CLOCK).directory == first

        other = await create_tenant(owner, name="other")
        await until(watch, lambda: (now := watch.current()) is not None and now.tenant(other.id) is not None)
        seen = watch.current()
        await until(watch, lambda: watch.snapshot_revision() == (seen.revision if seen else None))

        assert read_snapshot(path, master_key, CLOCK).directory == seen
        assert watch.age_s() == 0
        assert watch.fault() is None


async def test_a_revoked_key_is_gone_from_the_directory(
    control: ControlDatabase, owner: Connection, acme: Tenant, master_key: MasterKey
) -> None:
    key = await create_key(owner, tenant=acme.id, actor_name="Ada")
    async with control.pool(Role.INGEST) as pool, running(watch_of(pool, master_key)) as watch:
        before = watch.current()
        assert before is not None
        assert before.key(key.key.id) is not None

        await revoke_key(owner, key.key.id)

        await until(watch, lambda: (now := watch.current()) is not None and now.key(key.key.id) is None)
        assert before.key(key.key.id) is not None  # the old directory is frozen: a request in flight sees one of the two


async def test_without_postgres_the_snapshot_is_taken_with_its_age(
    control: ControlDatabase, owner: Connection, acme: Tenant, master_key: MasterKey, tmp_path: Path
) -> None:
    path, clock = tmp_path / "snapshot", ManualClock()
    async with control.pool(Role.INGEST) as pool:
        await watch_of(pool, master_key, path, clock).start()
    clock.advance(3_600)

    pool = await nobody_listens()
    watch = watch_of(pool, master_key, path, clock)
    await watch.start()

    found = watch.current()
    assert found is not None
    assert found.tenant(acme.id) is not None
    assert watch.age_s() == 3_600
    assert watch.fault() is not None
    await pool.close()


async def test_a_snapshot_that_is_too_old_gives_no_directory(
    control: ControlDatabase, acme: Tenant, master_key: MasterKey, tmp_path: Path
) -> None:
    path, clock = tmp_path / "snapshot", ManualClock()
    async with control.pool(Role.INGEST) as pool:
        await watch_of(pool, master_key, path, clock).start()
    clock.advance(AGE_MAX_S + 1)

    pool = await nobody_listens()
    watch = watch_of(pool, master_key, path, clock)
    await watch.start()

    assert watch.current() is None
    await pool.close()


async def test_with_neither_postgres_nor_a_snapshot_it_starts_with_nothing(master_key: MasterKey, tmp_path: Path) -> None:
    """The gateway answers 503 then, never 401."""
    pool = await nobody_listens()
    watch = watch_of(pool, master_key, tmp_path / "none")

    await watch.start()

    assert watch.current() is None
    assert watch.age_s() is None
    await pool.close()


async def test_a_database_without_control_is_no_reason_to_die_but_a_fault(
    fresh_control: ControlDatabase, master_key: MasterKey
) -> None:
    """It may be restored at this moment."""
    async with fresh_control.connected() as connection:
        await connection.execute(
            "DROP SCHEMA control CASCADE; CREATE SCHEMA control; GRANT USAGE ON SCHEMA control TO tocsin_ingest"
        )
    async with fresh_control.pool(Role.INGEST) as pool:
        watch = watch_of(pool, master_key)
        await watch.start()

        assert watch.current() is None
        assert "tocsin migrate" in (watch.fault() or "")


async def test_a_refusal_without_a_snapshot_ends_the_start(fresh_control: ControlDatabase, master_key: MasterKey) -> None:
    async with fresh_control.connected() as connection:
        await connection.execute("REVOKE USAGE ON SCHEMA control FROM tocsin_ingest")
    async with fresh_control.pool(Role.INGEST) as pool:
        with pytest.raises(Fatal, match="refuses"):
            await watch_of(pool, master_key).start()


async def test_another_installations_master_key_ends_the_start(
    control: ControlDatabase, owner: Connection, acme: Tenant, master_key: MasterKey
) -> None:
    await create_integration(owner, master_key, tenant=acme.id, source="sentry", name="web")
    async with control.pool(Role.INGEST) as pool:
        with pytest.raises(MasterKeyUnfit):
            await watch_of(pool, generate_master_key()).start()


async def test_an_unchanged_snapshot_is_written_again_before_it_ages(
    control: ControlDatabase, acme: Tenant, master_key: MasterKey, tmp_path: Path
) -> None:
    path, clock = tmp_path / "snapshot", ManualClock()
    async with control.pool(Role.INGEST) as pool, running(watch_of(pool, master_key, path, clock)) as watch:
        written_at = read_snapshot(path, master_key, clock).confirmed_at
        watch.changed.clear()

        clock.advance(3_601)

        await until(watch, lambda: read_snapshot(path, master_key, clock).confirmed_at > written_at)


async def test_a_snapshot_that_cannot_be_written_stops_nothing_and_is_said_once(
    control: ControlDatabase, owner: Connection, acme: Tenant, master_key: MasterKey, tmp_path: Path
) -> None:
    path = tmp_path / "folder"
    (path / "inside").mkdir(parents=True)
    with structlog.testing.capture_logs() as lines:
        async with control.pool(Role.INGEST) as pool, running(watch_of(pool, master_key, path)) as watch:
            for number in range(3):
                tenant = await create_tenant(owner, name=f"t{number}")
                await until(watch, lambda made=tenant: (now := watch.current()) is not None and made.id in now.tenants)  # type: ignore[misc] # bound early on purpose

    assert [line["event"] for line in lines].count("directory.snapshot_not_written") == 1


async def test_it_survives_postgres_going_away_and_coming_back_and_says_each_once(
    own_postgres: OwnPostgres, master_key: MasterKey
) -> None:
    database = await own_postgres.create_database()
    await ensure_roles(own_postgres.admin_dsn, database.name, PASSWORDS)
    owner_dsn = database.dsn_as(Role.OWNER, PASSWORDS[Role.OWNER])
    await migrate_control(owner_dsn)
    control = ControlDatabase(database)
    async with control.connected() as connection:
        before = await create_tenant(connection, name="before")

    with structlog.testing.capture_logs() as lines:
        async with control.pool(Role.INGEST) as pool, running(watch_of(pool, master_key)) as watch:
            await own_postgres.kill()
            await until(watch, lambda: watch.fault() is not None)
            kept = watch.current()
            assert kept is not None
            assert kept.tenant(before.id) is not None

            await own_postgres.start()
            await until(watch, lambda: watch.fault() is None)
            async with control.connected() as connection:
                after = await create_tenant(connection, name="after")
            await until(watch, lambda: (now := watch.current()) is not None and after.id in now.tenants)

    events = [line["event"] for line in lines]
    assert events.count("directory.stale") == events.count("directory.fresh_again") == 1
