"""Tenants, integrations, secrets and keys on a real PostgreSQL."""

import asyncio
from dataclasses import replace

import asyncpg
import pytest

from tests.integration.control.conftest import ControlDatabase
from tocsin_contracts.integration import IntegrationSettings
from tocsin_control.api_key import matches, parse_key
from tocsin_control.errors import NameTaken, NoRoom, NotFound, Refused, VersionChanged
from tocsin_control.integrations import (
    Terms,
    change_integration,
    create_integration,
    delete_integration,
    find_integration,
    list_integrations,
    set_enabled,
)
from tocsin_control.keys import create_key, list_keys, revoke_key
from tocsin_control.master_key import MasterKey
from tocsin_control.principal import Scope
from tocsin_control.secrets import add_secret, chosen_secret, list_secrets
from tocsin_control.tenants import (
    Tenant,
    change_tenant_limits,
    create_tenant,
    find_tenant,
    list_tenants,
    record_partitions,
    record_worker_rate,
    recorded_partitions,
    set_tenant_enabled,
)
from tocsin_runtime.postgres import Connection


async def test_tenants_spread_over_the_recorded_partitions(owner: Connection) -> None:
    await record_partitions(owner, 3)

    partitions = [(await create_tenant(owner, name=f"t{number}")).partition for number in range(7)]

    assert partitions == [0, 1, 2, 0, 1, 2, 0]


async def test_tenants_made_at_once_spread_too(control: ControlDatabase) -> None:
    async def create(name: str) -> int:
        async with control.connected() as connection:
            return (await create_tenant(connection, name=name, partitions=4)).partition

    assert sorted(await asyncio.gather(*(create(f"t{number}") for number in range(8)))) == [0, 0, 1, 1, 2, 2, 3, 3]


async def test_partitions_are_added_and_never_removed(owner: Connection) -> None:
    await record_partitions(owner, 2)
    await record_partitions(owner, 5)

    with pytest.raises(Refused, match="never removed"):
        await record_partitions(owner, 4)
    assert await recorded_partitions(owner) == 5


async def test_a_tenants_partition_never_changes(owner: Connection, acme: Tenant) -> None:
    with pytest.raises(asyncpg.IntegrityConstraintViolationError, match="partition never changes"):
        await owner.execute("UPDATE control.tenants SET partition = partition + 1")


async def test_tenants_of_a_partition_may_not_be_allowed_more_than_a_worker_folds(
    owner: Connection,
) -> None:
    await record_partitions(owner, 1)
    await record_worker_rate(owner, 15_000)
    await create_tenant(owner, name="a", rate_limit_per_min=10_000)

    with pytest.raises(NoRoom, match="15000"):
        await create_tenant(owner, name="b", rate_limit_per_min=5_001)
    assert (await create_tenant(owner, name="b", rate_limit_per_min=5_000)).partition == 0


async def test_a_tenant_is_found_by_id_and_by_name_and_its_name_is_its_own(owner: Connection, acme: Tenant) -> None:
    assert await find_tenant(owner, acme.id) == await find_tenant(owner, "acme") == acme
    assert await list_tenants(owner) == (acme,)
    assert len(acme.id) == 26
    with pytest.raises(NameTaken):
        await create_tenant(owner, name="acme")
    with pytest.raises(NotFound):
        await find_tenant(owner, "nobody")
    with pytest.raises(Refused):
        await create_tenant(owner, name="")
    with pytest.raises(Refused):
        await create_tenant(owner, name="nul\x00")


async def test_an_integration_starts_with_version_one_and_a_secret_shown_once(
    owner: Connection, acme: Tenant, master_key: MasterKey
) -> None:
    created = await create_integration(owner, master_key, tenant=acme.id, source="alertmanager", name="prod")

    found = created.integration
    assert (found.version, found.enabled, found.terms) == (1, True, Terms())
    assert found.path == f"/api/v1/webhooks/alertmanager/{found.id}"
    assert created.secret.get_secret_value().startswith("whsec_")
    assert created.secret.get_secret_value() not in repr(created)
    assert await list_integrations(owner, tenant=acme.id) == await list_integrations(owner) == (found,)
    assert await list_integrations(owner, tenant="other") == ()


async def test_a_change_is_a_new_version_and_the_old_one_stays(owner: Connection, acme: Tenant, master_key: MasterKey) -> None:
    created = await create_integration(owner, master_key, tenant=acme.id, source="sentry", name="web")
    terms = Terms(settings=IntegrationSettings(dedup_window_s=60), burst=5, signature_required=False)

    changed = await change_integration(owner, created.integration.id, terms)

    assert (changed.version, changed.terms) == (2, terms)
    assert await owner.fetchval("SELECT array_agg(version ORDER BY version) FROM control.integration_versions") == [1, 2]
    assert (await set_enabled(owner, changed.id, enabled=False)).enabled is False
    with pytest.raises(NotFound):
        await change_integration(owner, "nobody", terms)
    with pytest.raises(Refused):
        await change_integration(owner, changed.id, Terms(burst=0))
    assert (await find_integration(owner, changed.id)).version == 3, "switching it off was version 3, the refused one is none"


async def test_what_is_no_change_makes_no_version_and_no_audit_entry(
    owner: Connection, acme: Tenant, master_key: MasterKey
) -> None:
    made = (await create_integration(owner, master_key, tenant=acme.id, source="sentry", name="web")).integration
    entries = await owner.fetchval("SELECT count(*) FROM control.audit")

    assert await change_integration(owner, made.id, Terms(), name="web") == made
    assert await set_enabled(owner, made.id, enabled=True) == made
    assert await owner.fetchval("SELECT count(*) FROM control.audit") == entries


async def test_a_change_made_from_another_version_is_refused(owner: Connection, acme: Tenant, master_key: MasterKey) -> None:
    made = (await create_integration(owner, master_key, tenant=acme.id, source="sentry", name="web")).integration
    await change_integration(owner, made.id, Terms(burst=5), if_version=1)

    with pytest.raises(VersionChanged, match="at version 2, not 1"):
        await change_integration(owner, made.id, Terms(burst=6), if_version=1)
    with pytest.raises(VersionChanged):
        await delete_integration(owner, made.id, if_version=1)
    assert (await find_integration(owner, made.id)).terms.burst == 5


async def test_a_deleted_integration_frees_its_name_and_keeps_its_versions(
    owner: Connection, acme: Tenant, master_key: MasterKey
) -> None:
    made = (await create_integration(owner, master_key, tenant=acme.id, source="sentry", name="web")).integration

    await delete_integration(owner, made.id, if_version=1)

    assert await list_integrations(owner) == ()
    for gone in (find_integration(owner, made.id), delete_integration(owner, made.id), set_enabled(owner, made.id, enabled=True)):
        with pytest.raises(NotFound):
            await gone
    with pytest.raises(NotFound):
        await add_secret(owner, master_key, tenant=acme.id, integration=made.id)
    assert await owner.fetchval("SELECT count(*) FROM control.secrets") == 0
    assert await owner.fetchval("SELECT count(*) FROM control.integration_versions") == 1
    again = await create_integration(owner, master_key, tenant=acme.id, source="sentry", name="web")
    assert again.integration.id != made.id


async def test_the_secrets_of_an_integration_are_shown_without_what_they_are(
    owner: Connection, acme: Tenant, master_key: MasterKey
) -> None:
    made = (await create_integration(owner, master_key, tenant=acme.id, source="sentry", name="web")).integration
    await add_secret(owner, master_key, tenant=acme.id, integration=made.id, overlap_s=60)

    newest, old = (await list_secrets(owner, [made.id, "other"]))[made.id]

    assert (newest.version, newest.slot, newest.not_after, newest.last_used_at) == (2, 2, None, None)
    assert old.version == 1
    assert old.not_after is not None
    await add_secret(owner, master_key, tenant=acme.id, integration=made.id, overlap_s=0)
    assert [state.version for state in (await list_secrets(owner, [made.id]))[made.id]] == [3]


async def test_a_disabled_tenant_keeps_everything(owner: Connection, acme: Tenant) -> None:
    disabled = await set_tenant_enabled(owner, acme.id, enabled=False)

    assert disabled == replace(acme, enabled=False) == await set_tenant_enabled(owner, acme.id, enabled=False)
    assert await set_tenant_enabled(owner, acme.id, enabled=True) == acme
    actions = await owner.fetch("SELECT action FROM control.audit ORDER BY id")
    assert [row["action"] for row in actions] == ["tenant.created", "tenant.disabled", "tenant.enabled"]
    with pytest.raises(NotFound):
        await set_tenant_enabled(owner, "nobody", enabled=True)


async def test_a_tenants_limits_change_where_its_partition_has_room(owner: Connection, acme: Tenant) -> None:
    await record_worker_rate(owner, 10_000)
    changed = await change_tenant_limits(owner, acme.id, rate_limit_per_min=10_000, burst=7)

    assert (changed.rate_limit_per_min, changed.burst) == (10_000, 7)
    with pytest.raises(NoRoom, match="10001 a minute, a worker takes 10000"):
        await change_tenant_limits(owner, acme.id, rate_limit_per_min=10_001, burst=7)
    with pytest.raises(Refused):
        await change_tenant_limits(owner, acme.id, rate_limit_per_min=1, burst=0)
    await record_worker_rate(owner, 10)
    assert (await change_tenant_limits(owner, acme.id, rate_limit_per_min=9_000, burst=7)).rate_limit_per_min == 9_000


async def test_what_cannot_be_an_integration_is_refused(owner: Connection, acme: Tenant, master_key: MasterKey) -> None:
    with pytest.raises(Refused, match="known are alertmanager, sentry"):
        await create_integration(owner, master_key, tenant=acme.id, source="carrier-pigeon", name="x")
    with pytest.raises(Refused, match="cannot be optional"):
        await create_integration(
            owner, master_key, tenant=acme.id, source="alertmanager", name="x", terms=Terms(signature_required=False)
        )
    with pytest.raises(NotFound, match="no tenant"):
        await create_integration(owner, master_key, tenant="nobody", source="sentry", name="x")
    await create_integration(owner, master_key, tenant=acme.id, source="sentry", name="x")
    with pytest.raises(NameTaken):
        await create_integration(owner, master_key, tenant=acme.id, source="alertmanager", name="x")
    assert await owner.fetchval("SELECT count(*) FROM control.integrations") == 1


async def test_two_secrets_are_active_and_never_three(owner: Connection, acme: Tenant, master_key: MasterKey) -> None:
    created = await create_integration(owner, master_key, tenant=acme.id, source="sentry", name="web")
    await add_secret(owner, master_key, tenant=acme.id, integration=created.integration.id)

    with pytest.raises(NoRoom, match="two secrets are active"):
        await add_secret(owner, master_key, tenant=acme.id, integration=created.integration.id)

    rows = await owner.fetch("SELECT slot, version, not_after > now() AS ends FROM control.secrets ORDER BY slot")
    assert [tuple(row) for row in rows] == [(1, 1, True), (2, 2, None)]


async def test_a_leaked_secret_is_replaced_at_once(owner: Connection, acme: Tenant, master_key: MasterKey) -> None:
    """No overlap: every secret before ends now, even where two were active."""
    created = await create_integration(owner, master_key, tenant=acme.id, source="sentry", name="web")
    await add_secret(owner, master_key, tenant=acme.id, integration=created.integration.id)

    await add_secret(owner, master_key, overlap_s=0, tenant=acme.id, integration=created.integration.id)

    rows = await owner.fetch("SELECT slot, version, not_after <= now() AS over FROM control.secrets ORDER BY slot")
    assert [tuple(row) for row in rows] == [(1, 3, None), (2, 2, True)]
    await add_secret(owner, master_key, tenant=acme.id, integration=created.integration.id)
    with pytest.raises(NotFound):
        await add_secret(owner, master_key, tenant=acme.id, integration="nobody")


async def test_a_key_is_stored_as_a_hash_and_revoked_for_good(owner: Connection, acme: Tenant) -> None:
    created = await create_key(owner, tenant=acme.id, actor_name="Ada", actor_kind="person", scopes={Scope.ADMIN}, expires_at=7)

    parsed = parse_key(created.text.get_secret_value())
    stored = await owner.fetchval("SELECT sha256 FROM control.api_keys WHERE id = $1", created.key.id)
    assert matches(parsed, stored)
    assert created.key.expires_at == 7
    assert await list_keys(owner, tenant=acme.id) == (created.key,)

    revoked = await revoke_key(owner, created.key.id)
    assert revoked.revoked_at is not None
    assert (await revoke_key(owner, created.key.id)).revoked_at == revoked.revoked_at
    with pytest.raises(NotFound):
        await revoke_key(owner, "0000000000")
    with pytest.raises(NotFound):
        await create_key(owner, tenant="nobody", actor_name="x")
    with pytest.raises(Refused):
        await create_key(owner, tenant=acme.id, actor_name="x", scopes=())


async def test_every_change_leaves_an_audit_entry_with_its_actor(owner: Connection, master_key: MasterKey) -> None:
    tenant = await create_tenant(owner, name="acme", actor="cli:ada")
    created = await create_integration(owner, master_key, tenant=tenant.id, source="sentry", name="web", actor="cli:ada")
    await change_integration(owner, created.integration.id, Terms(burst=3), actor="cli:ada")
    await set_enabled(owner, created.integration.id, enabled=False, actor="cli:ada")
    key = await create_key(owner, tenant=tenant.id, actor_name="x", actor="cli:ada")
    await revoke_key(owner, key.key.id, actor="cli:ada")

    rows = await owner.fetch("SELECT actor, action, tenant_id FROM control.audit ORDER BY id")
    assert [row["action"] for row in rows] == [
        "tenant.created",
        "secret.added",
        "integration.created",
        "integration.changed",
        "integration.disabled",
        "key.created",
        "key.revoked",
    ]
    assert {row["actor"] for row in rows} == {"cli:ada"}
    assert {row["tenant_id"] for row in rows} == {tenant.id}


async def test_a_senders_own_secret_is_taken(owner: Connection, acme: Tenant, master_key: MasterKey) -> None:
    secret = chosen_secret("sentry-chose-this-one")

    created = await create_integration(owner, master_key, tenant=acme.id, source="sentry", name="web", secret=secret)

    assert created.secret == secret
