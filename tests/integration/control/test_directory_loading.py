"""Reading the directory: secrets open in their own row only, and what is over is not read."""

import pytest

from tests.integration.control.conftest import ControlDatabase
from tocsin_contracts.integration import IntegrationSettings
from tocsin_control.bootstrap import Role
from tocsin_control.directory import Directory
from tocsin_control.directory_loading import load_directory, load_revision
from tocsin_control.errors import MasterKeyUnfit
from tocsin_control.integrations import CreatedIntegration, Terms, create_integration, set_enabled
from tocsin_control.keys import create_key, revoke_key
from tocsin_control.master_key import FixedMasterKey, MasterKey, generate_master_key
from tocsin_control.secrets import add_secret, rewrap
from tocsin_control.tenants import DEFAULT_WORKER_RATE_PER_MIN, Tenant, create_tenant, record_worker_rate
from tocsin_runtime.postgres import Connection


@pytest.fixture
async def web(owner: Connection, acme: Tenant, master_key: MasterKey) -> CreatedIntegration:
    return await create_integration(owner, master_key, tenant=acme.id, source="sentry", name="web")


async def loaded(control: ControlDatabase, master_key: MasterKey) -> Directory:
    async with control.connected(Role.INGEST) as connection:
        return await load_directory(connection, master_key)


async def test_ingest_reads_tenants_integrations_opened_secrets_and_keys(
    control: ControlDatabase,
    owner: Connection,
    acme: Tenant,
    web: CreatedIntegration,
    master_key: MasterKey,
) -> None:
    key = await create_key(owner, tenant=acme.id, actor_name="Ada")

    found = await loaded(control, master_key)

    tenant = found.tenant(acme.id)
    integration = found.integration(web.integration.id)
    assert tenant is not None
    assert integration is not None
    assert (tenant.partition, tenant.rate_limit_per_min, tenant.burst) == (acme.partition, 6_000, 12_000)
    assert (integration.version, integration.rate_limit_per_min, integration.burst) == (1, 1_000, 2_000)
    assert [secret.value.decode() for secret in integration.secrets] == [web.secret.get_secret_value()]
    assert found.key(key.key.id) is not None
    assert found.revision == await load_revision(owner)


async def test_what_one_worker_folds_is_read_as_it_is_recorded_and_a_change_is_a_revision(
    control: ControlDatabase, owner: Connection, master_key: MasterKey
) -> None:
    assert (before := await loaded(control, master_key)).worker_rate_per_min == DEFAULT_WORKER_RATE_PER_MIN

    await record_worker_rate(owner, 12_345)

    after = await loaded(control, master_key)
    assert (after.worker_rate_per_min, after.revision > before.revision) == (12_345, True)


async def test_two_active_secrets_are_read_the_newest_first_and_one_that_ended_is_not(
    control: ControlDatabase,
    owner: Connection,
    acme: Tenant,
    web: CreatedIntegration,
    master_key: MasterKey,
) -> None:
    new = await add_secret(owner, master_key, tenant=acme.id, integration=web.integration.id)

    entry = (await loaded(control, master_key)).integrations[web.integration.id]
    assert [secret.value.decode() for secret in entry.secrets] == [new.get_secret_value(), web.secret.get_secret_value()]
    assert entry.secrets[0].not_after is None
    ends = entry.secrets[1].not_after
    assert ends is not None
    assert [secret.version for secret in entry.active_secrets(ends)] == [2]

    await owner.execute("UPDATE control.secrets SET not_after = now() WHERE slot = 1")
    entry = (await loaded(control, master_key)).integrations[web.integration.id]
    assert [secret.version for secret in entry.secrets] == [2]


async def test_a_ciphertext_moved_to_another_row_opens_nothing_and_stops_nobody_else(
    control: ControlDatabase,
    owner: Connection,
    acme: Tenant,
    web: CreatedIntegration,
    master_key: MasterKey,
) -> None:
    """Bound to tenant, integration, slot and version: whoever can write rows cannot make his secret another's."""
    other = await create_tenant(owner, name="other")
    theirs = await create_integration(owner, master_key, tenant=other.id, source="sentry", name="web")
    await owner.execute(
        "UPDATE control.secrets SET ciphertext = (SELECT ciphertext FROM control.secrets WHERE integration_id = $1)"
        " WHERE integration_id = $2",
        theirs.integration.id,
        web.integration.id,
    )

    found = await loaded(control, master_key)

    assert found.integrations[web.integration.id].secrets == ()
    assert found.integrations[web.integration.id].secrets_unreadable == found.secrets_unreadable() == 1
    assert len(found.integrations[theirs.integration.id].secrets) == 1


async def test_a_ciphertext_does_not_open_in_another_slot_of_its_own_integration(
    control: ControlDatabase,
    owner: Connection,
    acme: Tenant,
    web: CreatedIntegration,
    master_key: MasterKey,
) -> None:
    await add_secret(owner, master_key, tenant=acme.id, integration=web.integration.id)
    await owner.execute(
        "UPDATE control.secrets SET ciphertext = (SELECT ciphertext FROM control.secrets WHERE slot = 1) WHERE slot = 2"
    )

    entry = (await loaded(control, master_key)).integrations[web.integration.id]
    assert [secret.slot for secret in entry.secrets] == [1]


async def test_the_master_key_of_another_installation_is_said_in_one_line(
    control: ControlDatabase, web: CreatedIntegration
) -> None:
    with pytest.raises(MasterKeyUnfit, match="another installation"):
        await loaded(control, generate_master_key())


async def test_a_new_master_key_takes_over_and_the_old_one_may_leave(
    control: ControlDatabase, owner: Connection, web: CreatedIntegration, master_key: MasterKey
) -> None:
    new = generate_master_key()
    both = FixedMasterKey(current=new.current, keys={**new.keys, **master_key.keys})

    assert len((await loaded(control, both)).integrations[web.integration.id].secrets) == 1
    assert await rewrap(owner, both) == 1
    assert await rewrap(owner, both) == 0

    entry = (await loaded(control, new)).integrations[web.integration.id]
    assert [secret.value.decode() for secret in entry.secrets] == [web.secret.get_secret_value()]
    assert await owner.fetchval("SELECT key_id FROM control.secrets") == new.current


async def test_revoked_expired_and_erased_are_not_read(
    control: ControlDatabase,
    owner: Connection,
    acme: Tenant,
    web: CreatedIntegration,
    master_key: MasterKey,
) -> None:
    revoked = await create_key(owner, tenant=acme.id, actor_name="a")
    await create_key(owner, tenant=acme.id, actor_name="b", expires_at=1)
    await revoke_key(owner, revoked.key.id)
    assert dict((await loaded(control, master_key)).keys) == {}

    await owner.execute("UPDATE control.tenants SET erased_at = '0:17'")
    found = await loaded(control, master_key)
    assert (dict(found.tenants), dict(found.integrations)) == ({}, {})


async def test_every_change_that_a_gateway_must_see_moves_the_revision_and_use_does_not(
    owner: Connection, master_key: MasterKey
) -> None:
    seen = [await load_revision(owner)]
    tenant = await create_tenant(owner, name="acme")
    seen.append(await load_revision(owner))
    created = await create_integration(owner, master_key, tenant=tenant.id, source="sentry", name="web")
    seen.append(await load_revision(owner))
    await set_enabled(owner, created.integration.id, enabled=False)
    seen.append(await load_revision(owner))
    await add_secret(owner, master_key, tenant=tenant.id, integration=created.integration.id)
    seen.append(await load_revision(owner))
    key = await create_key(owner, tenant=tenant.id, actor_name="x")
    seen.append(await load_revision(owner))
    await revoke_key(owner, key.key.id)
    seen.append(await load_revision(owner))
    await owner.execute("UPDATE control.tenants SET erased_at = '0:17'")
    seen.append(await load_revision(owner))
    assert seen == sorted(set(seen))

    await owner.execute("UPDATE control.secrets SET last_used_at = now(); UPDATE control.api_keys SET last_used_at = now()")
    assert await load_revision(owner) == seen[-1]


async def test_the_gateway_reads_the_topics_that_an_integration_lists(
    control: ControlDatabase,
    owner: Connection,
    acme: Tenant,
    master_key: MasterKey,
) -> None:
    terms = Terms(settings=IntegrationSettings(sns_topics=("arn:aws:sns:eu-west-1:123456789012:ops",)))
    made = await create_integration(owner, master_key, tenant=acme.id, source="cloudwatch_sns", name="ops", terms=terms)

    entry = (await loaded(control, master_key)).integrations[made.integration.id]
    assert entry.sns_topics == ("arn:aws:sns:eu-west-1:123456789012:ops",)
