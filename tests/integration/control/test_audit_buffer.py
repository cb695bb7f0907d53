"""Audit entries of what the log holds: written soon, in order, whatever PostgreSQL does meanwhile."""

from collections.abc import AsyncIterator

import asyncpg
import pytest
from structlog.testing import capture_logs

from tests.integration.control.conftest import ControlDatabase
from tocsin_contracts.times import SECOND, to_datetime
from tocsin_control.audit import Author, list_entries
from tocsin_control.audit_buffer import BATCH_MAX, AuditBuffer
from tocsin_control.bootstrap import Role
from tocsin_runtime.clock import ManualClock
from tocsin_runtime.postgres import Connection, Pool, close, create_pool

ADA = Author(name="person:Ada", key="k1", request="r1")
REDRIVEN = "delivery.redriven"
NOWHERE = "postgresql://x@127.0.0.1:1/x"


@pytest.fixture
async def pool(control: ControlDatabase) -> AsyncIterator[Pool]:
    async with control.pool(Role.INGEST) as pool:
        yield pool


async def test_entries_are_written_in_order_each_with_its_own_time(pool: Pool, owner: Connection) -> None:
    clock = ManualClock()
    buffer = AuditBuffer(pool, clock=clock)
    for number in range(BATCH_MAX + 2):
        buffer.note(ADA, REDRIVEN, tenant="acme", subject=f"d{number}", detail={"as": "x"})
        clock.advance(1)
    assert await buffer.flush()

    found = await list_entries(owner, tenant="acme", limit=1000)
    assert [entry.subject for entry in reversed(found)] == [f"d{number}" for number in range(BATCH_MAX + 2)]
    assert found[0].at - found[-1].at == (BATCH_MAX + 1) * SECOND
    assert found[0].detail == {"as": "x", "key": "k1", "request": "r1"}


async def test_what_postgres_cannot_take_waits_and_at_the_end_is_said_whole() -> None:
    away = await create_pool(NOWHERE, application="test", size_min=0, size_max=1)
    buffer = AuditBuffer(away, clock=ManualClock(), size_max=1)
    buffer.note(ADA, REDRIVEN, tenant="acme", subject="kept", detail={})
    with capture_logs() as lines:
        buffer.note(ADA, REDRIVEN, tenant="acme", subject="beyond the bound", detail={})
        assert await buffer.flush() is False
        assert [line["subject"] for line in lines] == ["beyond the bound"]
        await buffer.close()
    assert [(line["event"], line["subject"], line["actor"]) for line in lines] == [
        ("audit.not_written", "beyond the bound", "person:Ada"),
        ("audit.not_written", "kept", "person:Ada"),
    ]
    await close(away)


async def test_the_gateways_role_writes_only_what_is_done_with_deliveries_and_for_the_tenant_it_says(pool: Pool) -> None:
    statement = "INSERT INTO control.audit (at, actor, action, tenant_id, subject) VALUES ($1, 'x', $2, $3, 'x')"
    at = to_datetime(0)
    for action, tenant in (("tenant.created", "acme"), (REDRIVEN, "rival")):
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute("SELECT set_config('app.tenant', 'acme', true)")
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement, at, action, tenant)


async def test_a_list_is_newest_first_and_goes_on_behind_an_entry(pool: Pool, owner: Connection) -> None:
    buffer = AuditBuffer(pool, clock=ManualClock())
    for tenant, subject in (("acme", "a"), ("rival", "b"), ("acme", "c"), ("acme", "d")):
        buffer.note(ADA, REDRIVEN, tenant=tenant, subject=subject, detail={})
    await buffer.flush()

    first = await list_entries(owner, tenant="acme", limit=2)
    rest = await list_entries(owner, tenant="acme", limit=2, before=first[-1].id)
    assert [[entry.subject for entry in page] for page in (first, rest)] == [["d", "c"], ["a"]]
    assert [entry.subject for entry in await list_entries(owner, tenant="acme", limit=9, subject="c")] == ["c"]
    assert await list_entries(owner, tenant="acme", limit=9, action="delivery.discarded") == ()
