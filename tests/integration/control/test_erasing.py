"""Erase (DESIGN 3): a tenant's rows of `control` go in one transaction, its id stays, and the record's position is kept."""

import pytest

from tests.integration.control.conftest import ControlDatabase
from tocsin_contracts.position import Position
from tocsin_contracts.tenant import TenantErased
from tocsin_control.bootstrap import Role
from tocsin_control.erasing import ErasedTenants, erase_tenant
from tocsin_control.errors import NotFound
from tocsin_control.integrations import create_integration
from tocsin_control.keys import create_key
from tocsin_control.master_key import MasterKey
from tocsin_control.tenants import Tenant, create_tenant, find_tenant
from tocsin_ingest.adapters.erasures import PostgresErasures
from tocsin_runtime.clock import ManualClock, SystemClock
from tocsin_runtime.errors import Recoverable
from tocsin_runtime.log import AppendTimeout
from tocsin_runtime.postgres import Connection, create_pool

TABLES = ("api_keys", "secrets", "url_tokens", "integrations", "rejections", "rejection_samples", "discards")


class Log:
    """Takes records, and fails when told."""

    def __init__(self) -> None:
        self.records: list[TenantErased] = []
        self.away = False

    async def append(self, partition: int, record: TenantErased) -> Position:
        self.records.append(record)
        if self.away:
            raise AppendTimeout
        return Position(partition, 100 + len(self.records))


async def test_every_row_of_the_tenant_goes_and_nobody_elses(
    owner: Connection,
    acme: Tenant,
    master_key: MasterKey,
) -> None:
    await create_integration(owner, master_key, tenant=acme.id, source="sentry", name="web")
    await create_key(owner, tenant=acme.id, actor_name="Ada")
    other = await create_tenant(owner, name="other")
    for tenant in (acme.id, other.id):
        await owner.execute("INSERT INTO control.rejections VALUES (now(), $1, 'i', 'r', 1)", tenant)
        await owner.execute("INSERT INTO control.rejection_samples VALUES ($1, 'i', 1, now(), 'r', 401, 'x', '', 0)", tenant)
        await owner.execute("INSERT INTO control.discards VALUES ($1, 0, 1, 'w', 'person', 'i', 'n')", tenant)

    erased = await erase_tenant(owner, acme.id, actor="cli:test")

    for table in TABLES:
        left = await owner.fetch(f"SELECT tenant_id FROM control.{table}")
        assert {row["tenant_id"] for row in left} <= {other.id}, table
    assert await owner.fetchval("SELECT count(*) FROM control.integration_versions") == 0
    assert (erased.id, erased.name, erased.enabled, erased.erased_at) == (acme.id, f"erased {acme.id}", False, None)
    again = await create_tenant(owner, name="acme")
    assert again.id != acme.id, "a name is free again, an id never"
    actions = await owner.fetch("SELECT action FROM control.audit WHERE tenant_id = $1", acme.id)
    assert "tenant.erase-asked" in {row["action"] for row in actions}


async def test_asking_twice_is_asking_once(owner: Connection, acme: Tenant) -> None:
    await erase_tenant(owner, acme.id)
    asked = await owner.fetchval("SELECT erase_asked_at FROM control.tenants")
    await erase_tenant(owner, acme.id)
    assert await owner.fetchval("SELECT erase_asked_at FROM control.tenants") == asked
    with pytest.raises(NotFound):
        await erase_tenant(owner, "nobody")


async def test_one_gateway_writes_the_record_and_its_position_is_kept(
    control: ControlDatabase,
    owner: Connection,
    acme: Tenant,
) -> None:
    await erase_tenant(owner, acme.id)
    log = Log()
    erasures = PostgresErasures(control.dsn(Role.INGEST), clock=SystemClock())
    assert await erasures.settle(3600, log.append) == 0, "not every gateway has heard of it"
    assert await erasures.settle(0, log.append) == 1
    assert await erasures.settle(0, log.append) == 0
    await erasures.close()
    assert [record.tenant for record in log.records] == [acme.id]
    assert (await find_tenant(owner, acme.id)).erased_at == f"{acme.partition}:101"


async def test_a_record_that_was_not_acknowledged_is_written_again(
    control: ControlDatabase,
    owner: Connection,
    acme: Tenant,
) -> None:
    await erase_tenant(owner, acme.id)
    log = Log()
    erasures = PostgresErasures(control.dsn(Role.INGEST), clock=SystemClock())
    log.away = True
    with pytest.raises(Recoverable):
        await erasures.settle(0, log.append)
    assert (await find_tenant(owner, acme.id)).erased_at is None
    log.away = False
    assert await erasures.settle(0, log.append) == 1
    await erasures.close()
    assert len(log.records) == 2


async def test_a_normalizer_knows_who_was_erased_and_remembers_it_while_postgres_is_away(
    control: ControlDatabase,
    owner: Connection,
    acme: Tenant,
) -> None:
    clock = ManualClock()
    async with control.pool(Role.NORMALIZER) as pool:
        erased = ErasedTenants(pool, clock=clock)
        assert await erased.get() == frozenset()
        await owner.execute("UPDATE control.tenants SET erased_at = '0:5'")
        assert await erased.get() == frozenset(), "looked up every few seconds"
        clock.advance(5)
        assert await erased.get() == {acme.id}
    clock.advance(5)
    assert await erased.get() == {acme.id}, "the pool is closed by now"


async def test_before_anything_is_known_a_normalizer_waits() -> None:
    pool = await create_pool("postgresql://nobody@127.0.0.1:1/nowhere", application="test", size_min=0)
    with pytest.raises(Recoverable):
        await ErasedTenants(pool, clock=ManualClock()).get()
    await pool.close()
