"""What services do with `control` beside the directory: note use, read settings of versions, believe keys."""

import asyncpg
import pytest

from tests.integration.control.conftest import ControlDatabase
from tocsin_contracts.integration import IntegrationSettings
from tocsin_contracts.times import DAY, MINUTE, from_datetime
from tocsin_control.auth import Authenticator, PostgresKeys
from tocsin_control.bootstrap import Role
from tocsin_control.errors import Unauthenticated
from tocsin_control.integrations import CreatedIntegration, Terms, change_integration, create_integration
from tocsin_control.keys import CreatedKey, create_key, revoke_key
from tocsin_control.master_key import MasterKey
from tocsin_control.settings_store import IntegrationVersions
from tocsin_control.tenants import Tenant
from tocsin_control.usage import TurnedAway, UsageBuffer
from tocsin_runtime.clock import ManualClock
from tocsin_runtime.errors import Invalid, Recoverable
from tocsin_runtime.postgres import Connection, create_pool

NOWHERE = "postgresql://tocsin_ingest:x@127.0.0.1:1/tocsin"


@pytest.fixture
async def web(owner: Connection, acme: Tenant, master_key: MasterKey) -> CreatedIntegration:
    terms = Terms(settings=IntegrationSettings(default_environment="prod"))
    return await create_integration(owner, master_key, tenant=acme.id, source="sentry", name="web", terms=terms)


@pytest.fixture
async def key(owner: Connection, acme: Tenant) -> CreatedKey:
    return await create_key(owner, tenant=acme.id, actor_name="Ada", actor_kind="person")


async def test_use_and_rejections_are_written_together_and_added_up(
    control: ControlDatabase, owner: Connection, acme: Tenant, web: CreatedIntegration, key: CreatedKey
) -> None:
    clock = ManualClock()
    async with control.pool(Role.INGEST) as pool:
        usage = UsageBuffer(pool, clock=clock)
        usage.secret_used(web.integration.id, 1)
        usage.key_used(key.key.id)
        usage.key_used("unknown000")
        usage.rejected("wrong-credentials", tenant=acme.id, integration=web.integration.id)
        usage.rejected("wrong-credentials", tenant=acme.id, integration=web.integration.id)
        usage.rejected("unknown-integration")
        assert await usage.flush()
        usage.rejected("unknown-integration")
        assert await usage.flush()
        assert await usage.flush()

    minute = clock.now() - clock.now() % MINUTE
    used = await owner.fetchrow(
        "SELECT s.last_used_at AS secret, k.last_used_at AS key FROM control.secrets s, control.api_keys k"
    )
    assert used is not None
    assert [from_datetime(used["secret"]), from_datetime(used["key"])] == [minute, minute]
    rows = await owner.fetch("SELECT tenant_id, integration_id, reason, count FROM control.rejections ORDER BY reason")
    assert [tuple(row) for row in rows] == [
        ("", "", "unknown-integration", 2),
        (acme.id, web.integration.id, "wrong-credentials", 2),
    ]


async def test_a_last_use_never_moves_back(control: ControlDatabase, owner: Connection, key: CreatedKey) -> None:
    """Two gateways flush in any order."""
    late, early = ManualClock(1_700_000_000_000_000), ManualClock(1_600_000_000_000_000)
    async with control.pool(Role.INGEST) as pool:
        for clock in (late, early):
            usage = UsageBuffer(pool, clock=clock)
            usage.key_used(key.key.id)
            await usage.flush()

    used_at = from_datetime(await owner.fetchval("SELECT last_used_at FROM control.api_keys"))
    assert used_at == late.now() - late.now() % MINUTE


async def test_rejections_of_two_days_are_two_rows(control: ControlDatabase, owner: Connection) -> None:
    clock = ManualClock()
    async with control.pool(Role.INGEST) as pool:
        usage = UsageBuffer(pool, clock=clock)
        usage.rejected("unknown-integration")
        clock.advance(DAY / 1_000_000)
        usage.rejected("unknown-integration")
        await usage.flush()

    assert await owner.fetchval("SELECT max(day) - min(day) FROM control.rejections") == 1


async def test_one_request_a_second_is_kept_as_a_sample_in_a_ring(control: ControlDatabase, owner: Connection) -> None:
    """The first of each second and integration; after 1,000 seconds the newest takes the place of the oldest."""
    clock = ManualClock()
    async with control.pool(Role.INGEST) as pool:
        usage = UsageBuffer(pool, clock=clock)
        for number in range(1003):
            for reason in ("first", "second"):
                away = TurnedAway(reason=reason, status=401, request_id=f"request-{number}", address="192.0.2.1", size=number)
                usage.sampled(away, tenant="acme", integration="web")
            clock.advance(1)
        usage.sampled(TurnedAway(reason="first", status=429, request_id="r", address="", size=0))
        await usage.flush()
        assert await usage.flush(), "nothing is left to write"
    rows = await owner.fetch("SELECT reason, size FROM control.rejection_samples WHERE tenant_id = 'acme' ORDER BY at")
    assert [row["size"] for row in rows] == list(range(3, 1003))
    assert {row["reason"] for row in rows} == {"first"}
    assert await owner.fetchval("SELECT count(*) FROM control.rejection_samples WHERE tenant_id = ''") == 1


async def test_samples_are_forgotten_after_a_month(control: ControlDatabase, owner: Connection) -> None:
    clock = ManualClock()
    away = TurnedAway(reason="wrong-secret", status=401, request_id="r", address="192.0.2.1", size=0)
    async with control.pool(Role.INGEST) as pool:
        usage = UsageBuffer(pool, clock=clock)
        for days in (29, 2, 0.001):
            usage.sampled(away, tenant="acme", integration=f"after {days}")
            await usage.flush()
            clock.advance(days * 86_400)
        usage.sampled(away, tenant="acme", integration="last")
        await usage.flush()
    rows = await owner.fetch("SELECT integration_id FROM control.rejection_samples ORDER BY at")
    assert [row["integration_id"] for row in rows] == ["after 2", "after 0.001", "last"]


async def test_with_postgres_away_what_was_noted_is_dropped_and_counted() -> None:
    dropped: list[int] = []
    pool = await create_pool(NOWHERE, application="test", size_min=0)
    usage = UsageBuffer(pool, clock=ManualClock(), dropped=dropped.append)
    usage.rejected("unknown-integration")
    usage.rejected("unknown-integration")
    usage.key_used("0123456789")

    assert not await usage.flush()

    assert dropped == [3]
    assert await usage.flush()
    await pool.close()


async def test_the_buffer_is_bounded_and_what_does_not_fit_is_counted() -> None:
    dropped: list[int] = []
    pool = await create_pool(NOWHERE, application="test", size_min=0)
    usage = UsageBuffer(pool, clock=ManualClock(), size_max=2, dropped=dropped.append)

    for name in ("a", "b", "c", "a", "d"):
        usage.key_used(name)

    assert dropped == [1, 1]
    await pool.close()


async def test_a_version_keeps_its_settings_whatever_came_after(
    control: ControlDatabase, owner: Connection, web: CreatedIntegration
) -> None:
    await change_integration(owner, web.integration.id, Terms(settings=IntegrationSettings(default_environment="test")))

    async with control.pool(Role.NORMALIZER) as pool:
        versions = IntegrationVersions(pool)
        assert (await versions.get(web.integration.id, 1)).default_environment == "prod"
        assert (await versions.get(web.integration.id, 2)).default_environment == "test"


async def test_settings_of_a_newer_release_are_read_without_what_is_unknown(
    control: ControlDatabase, owner: Connection, web: CreatedIntegration
) -> None:
    await owner.execute(
        "INSERT INTO control.integration_versions (integration_id, version, settings) VALUES ($1, 2, '{\"new\": 1}')",
        web.integration.id,
    )
    async with control.pool(Role.NORMALIZER) as pool:
        assert await IntegrationVersions(pool).get(web.integration.id, 2) == IntegrationSettings()


@pytest.mark.parametrize("version", [2, 0, -1, 2**31, 2**63])
async def test_an_unknown_version_is_invalid_while_postgres_answers(
    control: ControlDatabase, web: CreatedIntegration, version: int
) -> None:
    async with control.pool(Role.NORMALIZER) as pool:
        with pytest.raises(Invalid) as caught:
            await IntegrationVersions(pool).get(web.integration.id, version)
    assert caught.value.reason == "unknown-integration-version"


async def test_an_unknown_version_waits_while_postgres_is_away_and_a_known_one_does_not(
    control: ControlDatabase, web: CreatedIntegration
) -> None:
    async with control.pool(Role.NORMALIZER) as pool:
        versions = IntegrationVersions(pool)
        known = await versions.get(web.integration.id, 1)
        await pool.close()

        assert await versions.get(web.integration.id, 1) == known
        with pytest.raises(Recoverable):
            await versions.get(web.integration.id, 2)


async def test_memory_of_versions_is_bounded(control: ControlDatabase, owner: Connection, web: CreatedIntegration) -> None:
    await change_integration(owner, web.integration.id, Terms())
    async with control.pool(Role.NORMALIZER) as pool:
        versions = IntegrationVersions(pool, size_max=1)
        await versions.get(web.integration.id, 1)
        await versions.get(web.integration.id, 2)
        await pool.close()

        await versions.get(web.integration.id, 2)
        with pytest.raises(Recoverable):
            await versions.get(web.integration.id, 1)


async def test_query_believes_a_key_and_a_revoked_one_no_longer_than_its_memory(
    control: ControlDatabase, owner: Connection, acme: Tenant, key: CreatedKey
) -> None:
    clock = ManualClock()
    header = f"Bearer {key.text.get_secret_value()}"
    async with control.pool(Role.QUERY) as pool:
        authenticator = Authenticator(PostgresKeys(pool, clock=clock), clock=clock)
        principal = await authenticator.authenticate(header)
        assert (principal.tenant, principal.actor.name) == (acme.id, "Ada")

        await revoke_key(owner, key.key.id)
        clock.advance(2.0)
        with pytest.raises(Unauthenticated):
            await authenticator.authenticate(header)


async def test_a_remembered_key_needs_no_postgres_and_an_unknown_one_is_unavailable_without_it(
    control: ControlDatabase, key: CreatedKey
) -> None:
    clock = ManualClock()
    header = f"Bearer {key.text.get_secret_value()}"
    async with control.pool(Role.QUERY) as pool:
        authenticator = Authenticator(PostgresKeys(pool, clock=clock), clock=clock)
        await authenticator.authenticate(header)
        await pool.close()

        assert (await authenticator.authenticate(header)).key_id == key.key.id
        clock.advance(2.0)
        with pytest.raises(Recoverable):
            await authenticator.authenticate(header)


async def test_a_key_of_an_erased_tenant_is_no_key(control: ControlDatabase, owner: Connection, key: CreatedKey) -> None:
    await owner.execute("UPDATE control.tenants SET erased_at = '0:17'")
    async with control.pool(Role.QUERY) as pool:
        authenticator = Authenticator(PostgresKeys(pool, clock=ManualClock()), clock=ManualClock())
        with pytest.raises(Unauthenticated):
            await authenticator.authenticate(f"Bearer {key.text.get_secret_value()}")


async def test_no_secret_or_key_lies_readable_in_any_row(
    owner: Connection, acme: Tenant, web: CreatedIntegration, key: CreatedKey
) -> None:
    """What a dump of the database would show (S24)."""
    tables = await owner.fetch("SELECT relname FROM pg_class WHERE relnamespace = 'control'::regnamespace AND relkind = 'r'")
    rows = [str(tuple(row)) for table in tables for row in await owner.fetch(f'SELECT * FROM control."{table["relname"]}"')]
    dump = "\n".join(rows)

    secret, text = web.secret.get_secret_value(), key.text.get_secret_value()
    assert web.integration.id in dump
    assert key.key.id in dump
    for canary in (secret, secret[6:], text, text.split("_")[2]):
        assert canary not in dump
        assert repr(canary.encode())[2:-1] not in dump


async def test_a_row_that_was_read_with_a_jsonb_codec_reads_the_same(control: ControlDatabase, web: CreatedIntegration) -> None:
    """Pools differ in whether they decode jsonb; our statements ask for text."""
    dsn = control.dsn(Role.NORMALIZER)
    pool = await create_pool(dsn, application="test", size_min=0, size_max=1, jsonb=True)
    try:
        assert (await IntegrationVersions(pool).get(web.integration.id, 1)).default_environment == "prod"
    finally:
        await pool.close()


async def test_the_fence_finds_its_table_as_it_needs_it(control: ControlDatabase) -> None:
    """`control.progress` has exactly the columns that the fence names, `source_next` empty until something was handled."""
    async with control.connected(Role.GROUPER) as connection:
        columns = await connection.fetch(
            "SELECT attname, attnotnull FROM pg_attribute"
            " WHERE attrelid = 'control.progress'::regclass AND attnum > 0 ORDER BY attnum"
        )
        with pytest.raises(asyncpg.NotNullViolationError):
            await connection.execute("INSERT INTO control.progress VALUES ('live', 'x', 0, 't', NULL, 0, 0)")
    assert [row["attname"] for row in columns if row["attnotnull"]] == [
        "generation",
        "consumer",
        "partition",
        "topic_id",
        "next",
        "epoch",
    ]
    assert [row["attname"] for row in columns if not row["attnotnull"]] == ["source_next"]
