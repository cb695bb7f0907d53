"""The gateway's role changes nothing of a tenant without a key of that tenant: what is tried here, a thief would try (ADR 10)."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace

import asyncpg
import pytest

from tests.integration.control.conftest import ControlDatabase
from tocsin_control.acting import MANAGER, acting
from tocsin_control.api_key import ParsedKey, parse_key
from tocsin_control.audit import Author
from tocsin_control.bootstrap import Role
from tocsin_control.errors import Forbidden, NotFound
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
from tocsin_control.secrets import add_secret, list_secrets
from tocsin_control.tenants import Tenant, create_tenant, set_tenant_enabled
from tocsin_runtime.postgres import Connection

TABLES = ("integrations", "integration_versions", "secrets", "api_keys")
READ = {table: f"SELECT count(*) FROM (SELECT {columns} FROM control.{table})" for table, columns in {
    "integrations": "*",
    "integration_versions": "*",
    "secrets": "integration_id",
    "api_keys": "id",
}.items()}  # fmt: skip
TAKEN = {
    "integrations": "UPDATE control.integrations SET name = 'mine'",
    "secrets": "UPDATE control.secrets SET ciphertext = 'mine'",
    "secrets gone": "DELETE FROM control.secrets",
    "api_keys": "UPDATE control.api_keys SET revoked_at = now()",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Two tenants, each with an integration and an admin key."""

    acme: Tenant
    rival: Tenant
    key: ParsedKey
    rivals_integration: str
    rivals_key: str


async def key_of(owner: Connection, tenant: Tenant, *scopes: Scope) -> ParsedKey:
    made = await create_key(owner, tenant=tenant.id, actor_name="Ada", scopes=scopes)
    return parse_key(made.text.get_secret_value())


@pytest.fixture
async def world(owner: Connection, acme: Tenant, master_key: MasterKey) -> World:
    rival = await create_tenant(owner, name="rival")
    for tenant in (acme, rival):
        await create_integration(owner, master_key, tenant=tenant.id, source="sentry", name="web")
    (theirs,) = await list_integrations(owner, tenant=rival.id)
    return World(
        acme=acme,
        rival=rival,
        key=await key_of(owner, acme, Scope.ADMIN),
        rivals_integration=theirs.id,
        rivals_key=(await key_of(owner, rival, Scope.ADMIN)).id,
    )


@pytest.fixture
async def gateway(control: ControlDatabase) -> AsyncIterator[Connection]:
    async with control.connected(Role.INGEST) as connection:
        yield connection


async def test_a_keys_holder_manages_the_integrations_and_keys_of_the_keys_tenant(
    gateway: Connection, owner: Connection, world: World, master_key: MasterKey
) -> None:
    tenant = world.acme.id
    author = Author(name="person:Ada", key=world.key.id, request="r-1234567")
    async with acting(gateway, world.key, tenant=tenant, scope=Scope.ADMIN):
        made = await create_integration(gateway, master_key, tenant=tenant, source="sentry", name="app", actor=author)
        changed = await change_integration(
            gateway, made.integration.id, Terms(burst=9), tenant=tenant, name="apps", if_version=1, actor=author
        )
        await add_secret(gateway, master_key, tenant=tenant, integration=changed.id, actor=author)
        await add_secret(gateway, master_key, tenant=tenant, integration=changed.id, overlap_s=0, actor=author)
        assert len((await list_secrets(gateway, [changed.id]))[changed.id]) == 1
        await set_enabled(gateway, changed.id, enabled=False, tenant=tenant, actor=author)
        await delete_integration(gateway, changed.id, tenant=tenant, actor=author)
        key = await create_key(gateway, tenant=tenant, actor_name="ci", scopes={Scope.ALERTS_READ}, actor=author)
        await revoke_key(gateway, key.key.id, tenant=tenant, actor=author)
        assert {item.tenant for item in await list_integrations(gateway)} == {tenant}
        assert {item.tenant for item in await list_keys(gateway)} == {tenant}

    rows = await owner.fetch("SELECT * FROM control.audit WHERE actor = 'person:Ada' ORDER BY id")
    assert [row["action"] for row in rows] == [
        "secret.added",
        "integration.created",
        "integration.changed",
        "secret.added",
        "secret.added",
        "integration.disabled",
        "integration.deleted",
        "key.created",
        "key.revoked",
    ]
    assert all(f'"key": "{world.key.id}"' in row["detail"] and '"request": "r-1234567"' in row["detail"] for row in rows)


async def test_a_key_can_end_itself(gateway: Connection, world: World) -> None:
    author = Author(name="person:Ada", key=world.key.id, request="r-1234567")
    async with acting(gateway, world.key, tenant=world.acme.id, scope=Scope.ADMIN):
        assert (await revoke_key(gateway, world.key.id, tenant=world.acme.id, actor=author)).revoked_at is not None

    with pytest.raises(Forbidden):
        async with acting(gateway, world.key, tenant=world.acme.id, scope=Scope.ADMIN):
            pass


@pytest.mark.parametrize("table", TABLES)
async def test_without_a_proof_the_gateways_role_sees_and_changes_nothing(gateway: Connection, world: World, table: str) -> None:
    await gateway.execute(f"SET ROLE {MANAGER}")

    assert await gateway.fetchval(READ[table]) == 0
    for statement in TAKEN.values():
        assert (await gateway.execute(statement)).endswith(" 0")


@pytest.mark.parametrize("proof", ["", "00", "not hexadecimal", "hash", "other"])
async def test_a_hash_that_the_gateways_role_can_read_proves_nothing(
    gateway: Connection, owner: Connection, world: World, proof: str
) -> None:
    """Pass-the-hash: both hashes lie in a row that the role may read."""
    row = await gateway.fetchrow("SELECT sha256, proof_sha256 FROM control.api_keys WHERE id = $1", world.key.id)
    assert row is not None
    tried = {"hash": row["sha256"].hex(), "other": row["proof_sha256"].hex()}.get(proof, proof)
    await gateway.execute(f"SET ROLE {MANAGER}")
    await gateway.execute("SELECT set_config('app.key', $1, false), set_config('app.proof', $2, false)", world.key.id, tried)

    try:
        assert await gateway.fetchval("SELECT control.acting_tenant('admin')") is None
    except asyncpg.DataError:
        assert proof == "not hexadecimal"


async def test_another_tenants_rows_are_not_there_for_a_key(gateway: Connection, world: World, master_key: MasterKey) -> None:
    async with acting(gateway, world.key, tenant=world.acme.id, scope=Scope.ADMIN):
        for statement in (READ["integrations"], READ["integration_versions"], READ["secrets"], READ["api_keys"]):
            assert await gateway.fetchval(statement) == 1
        for gone in (
            find_integration(gateway, world.rivals_integration),
            change_integration(gateway, world.rivals_integration, Terms(burst=1)),
            delete_integration(gateway, world.rivals_integration),
            add_secret(gateway, master_key, tenant=world.rival.id, integration=world.rivals_integration),
            revoke_key(gateway, world.rivals_key),
        ):
            with pytest.raises(NotFound):
                await gone


@pytest.mark.parametrize("what", ["integration", "key", "audit", "forged author"])
async def test_nothing_can_be_made_in_another_tenants_name(
    gateway: Connection, world: World, master_key: MasterKey, what: str
) -> None:
    rival = world.rival.id
    entry = "INSERT INTO control.audit (actor, action, tenant_id, subject, detail) VALUES ('x', 'x', $1, 'x', $2)"
    author = Author(name="x", key=world.rivals_key, request="x")
    tries: dict[str, Callable[[], Awaitable[object]]] = {
        "integration": lambda: create_integration(gateway, master_key, tenant=rival, source="sentry", name="mine"),
        "key": lambda: create_key(gateway, tenant=rival, actor_name="thief", scopes={Scope.ADMIN}),
        "audit": lambda: gateway.execute(entry, rival, f'{{"key": "{world.key.id}"}}'),
        "forged author": lambda: create_key(gateway, tenant=world.acme.id, actor_name="x", actor=author),
    }
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
        async with acting(gateway, world.key, tenant=world.acme.id, scope=Scope.ADMIN):
            await tries[what]()


@pytest.mark.parametrize("scope", [scope for scope in Scope if scope not in {Scope.ADMIN, Scope.INTEGRATIONS_ADMIN}])
async def test_a_key_of_another_scope_manages_nothing(gateway: Connection, owner: Connection, acme: Tenant, scope: Scope) -> None:
    key = await key_of(owner, acme, scope)

    for wanted in (Scope.ADMIN, Scope.INTEGRATIONS_ADMIN):
        with pytest.raises(Forbidden):
            async with acting(gateway, key, tenant=acme.id, scope=wanted):
                pass


async def test_who_manages_integrations_makes_no_keys(gateway: Connection, owner: Connection, world: World) -> None:
    """Else the smaller scope would be the larger one."""
    key = await key_of(owner, world.acme, Scope.INTEGRATIONS_ADMIN)
    author = Author(name="x", key=key.id, request="x")

    with pytest.raises(Forbidden):
        async with acting(gateway, key, tenant=world.acme.id, scope=Scope.ADMIN):
            pass
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="api_keys"):
        async with acting(gateway, key, tenant=world.acme.id, scope=Scope.INTEGRATIONS_ADMIN):
            await create_key(gateway, tenant=world.acme.id, actor_name="x", scopes={Scope.ADMIN}, actor=author)
    async with acting(gateway, key, tenant=world.acme.id, scope=Scope.INTEGRATIONS_ADMIN):
        assert await list_keys(gateway) == ()


@pytest.mark.parametrize("how", ["revoked", "expired", "disabled", "erased", "another secret", "another tenant", "before proofs"])
async def test_a_key_that_ended_acts_no_more(gateway: Connection, owner: Connection, world: World, how: str) -> None:
    key, tenant = world.key, world.acme.id
    match how:
        case "revoked":
            await revoke_key(owner, key.id)
        case "expired":
            await owner.execute("UPDATE control.api_keys SET expires_at = now() WHERE id = $1", key.id)
        case "disabled":
            await set_tenant_enabled(owner, tenant, enabled=False)
        case "erased":
            await owner.execute("UPDATE control.tenants SET erased_at = '0:17' WHERE id = $1", tenant)
        case "another secret":
            key = replace(key, proof=bytes(32))
        case "another tenant":
            tenant = world.rival.id
        case _:
            await owner.execute("UPDATE control.api_keys SET proof_sha256 = NULL")

    with pytest.raises(Forbidden):
        async with acting(gateway, key, tenant=tenant, scope=Scope.ADMIN):
            pass


async def test_role_and_proof_end_with_the_transaction(gateway: Connection, world: World) -> None:
    async with acting(gateway, world.key, tenant=world.acme.id, scope=Scope.ADMIN):
        assert await gateway.fetchval("SELECT current_user") == MANAGER

    assert await gateway.fetchval("SELECT current_user") == Role.INGEST
    assert await gateway.fetchval("SELECT current_setting('app.proof', true)") == ""


async def test_no_ciphertext_and_no_hash_is_shown_to_the_manager(gateway: Connection, world: World) -> None:
    for column in ("secrets.ciphertext", "api_keys.sha256", "api_keys.proof_sha256"):
        table, _, name = column.partition(".")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with acting(gateway, world.key, tenant=world.acme.id, scope=Scope.ADMIN):
                await gateway.fetch(f"SELECT {name} FROM control.{table}")


async def test_the_gateways_own_role_still_reads_all_and_notes_use(gateway: Connection, world: World) -> None:
    assert await gateway.fetchval("SELECT count(*) FROM control.integrations") == 2
    assert await gateway.execute("UPDATE control.api_keys SET last_used_at = now()") == "UPDATE 2"
    assert await gateway.execute("UPDATE control.secrets SET last_used_at = now()") == "UPDATE 2"
