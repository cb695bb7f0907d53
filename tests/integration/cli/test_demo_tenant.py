"""The demo's tenant is made once and found again; what was lost of its keys is made anew."""

from collections.abc import AsyncIterator

import pytest

from tests.support.migrated import MigratedDatabase
from tocsin.demo.keeping import DemoTenant
from tocsin.demo.opening import NAME, open_demo
from tocsin.streams.registry import SOURCES
from tocsin_control.api_key import parse_key
from tocsin_control.bootstrap import as_owner
from tocsin_control.integrations import list_integrations
from tocsin_control.keys import list_keys, revoke_key
from tocsin_control.master_key import generate_master_key
from tocsin_control.tenants import list_tenants
from tocsin_runtime.postgres import Connection

URL = "http://127.0.0.1:8080"
MASTER_KEY = generate_master_key()


@pytest.fixture
async def owner(migrated: MigratedDatabase) -> AsyncIterator[Connection]:
    async with as_owner(migrated.dsn, application="test") as connection:
        yield connection


async def opened(owner: Connection, kept: DemoTenant | None) -> DemoTenant:
    return await open_demo(owner, MASTER_KEY, url=URL, kept=kept)


async def test_a_second_start_finds_everything_and_makes_nothing(owner: Connection) -> None:
    first = (await opened(owner, None)).model_copy(update={"sent": {"sentry/a": "d1"}})
    assert await opened(owner, first) == first
    assert len(await list_integrations(owner)) == len(SOURCES)
    assert len(await list_keys(owner)) == 1


async def test_with_the_file_lost_the_tenant_stays_and_its_secrets_and_key_are_new(owner: Connection) -> None:
    first = await opened(owner, None)
    second = await opened(owner, None)
    assert second.tenant == first.tenant
    assert {source: one.id for source, one in second.integrations.items()} == {
        source: one.id for source, one in first.integrations.items()
    }
    assert all(second.integrations[source].secret != one.secret for source, one in first.integrations.items())
    assert second.api_key != first.api_key
    assert await opened(owner, second) == second


async def test_on_another_database_what_was_kept_counts_for_nothing(owner: Connection) -> None:
    kept = DemoTenant(url=URL, tenant="ELSEWHERE", api_key="tocsin_x", integrations={}, sent={"sentry/a": "d1"})
    made = await opened(owner, kept)
    assert made.sent == {}
    assert [tenant.name for tenant in await list_tenants(owner)] == [NAME]
    assert set(made.integrations) == set(SOURCES)


@pytest.mark.parametrize("fate", ["revoked", "garbled"])
async def test_a_key_that_opens_nothing_any_more_is_replaced(fate: str, owner: Connection) -> None:
    first = await opened(owner, None)
    if fate == "revoked":
        await revoke_key(owner, parse_key(first.api_key).id)
    else:
        first = first.model_copy(update={"api_key": first.api_key[:-1]})
    second = await opened(owner, first)
    assert second.api_key != first.api_key
    assert parse_key(second.api_key).id in {key.id for key in await list_keys(owner) if key.revoked_at is None}
    assert second.integrations == first.integrations
