"""Each service's role may do what its service does, and nothing else; tenants are kept apart by row-level security too.

Read from a running system after deliveries and commands, and again after a rebuild was swapped in: a shadow must not come
with other rights than the projection before it.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from tests.support.bodies import alertmanager, am_alert
from tests.support.customer import Customer, move_in
from tests.support.role_matrix import Matrix, read_matrix, read_row_security
from tests.support.system import System
from tocsin_control.bootstrap import Role

SERVICES = (Role.INGEST, Role.NORMALIZER, Role.GROUPER, Role.QUERY, Role.NOTIFIER)
MATRIX: Matrix = {
    "tocsin_ingest": {
        "proj.commands": {"SELECT"},
        "proj.deliveries": {
            "SELECT(integration_id, logged_at, offset, outcome, partition, reason, redrive_of, redriven_to, source, tenant_id)"
        },
        "proj.partitions": {"SELECT(clock, last_offset, partition)"},
        "proj.incidents": {
            (
                "SELECT(assignee, category, created_at, environment, flapping, id, service, severity, snoozed_until, source,"
                " status, team, tenant_id, title, updated_at)"
            )
        },
        "control.tenants": {
            "SELECT(burst, enabled, erase_asked_at, erased_at, id, name, partition, rate_limit_per_min)",
            "UPDATE(erased_at)",
        },
        "control.discards": {"SELECT", "INSERT(actor_id, actor_kind, actor_name, offset, partition, tenant_id, why)"},
        "control.rejection_samples": {"SELECT", "INSERT", "UPDATE", "DELETE"},
        "control.audit": {"INSERT(action, actor, at, detail, subject, tenant_id)"},
        "control.integrations": {"SELECT"},
        "control.integration_versions": {"SELECT"},
        "control.secrets": {"SELECT", "UPDATE(last_used_at)"},
        "control.url_tokens": {"SELECT", "UPDATE(last_used_at)"},
        "control.api_keys": {"SELECT", "UPDATE(last_used_at)"},
        "control.rejections": {"SELECT", "INSERT", "UPDATE(count)"},
        "control.revision": {"SELECT"},
        "control.settings": {"SELECT"},
    },
    "tocsin_normalizer": {
        "control.integration_versions": {"SELECT(integration_id, settings, version)"},
        "control.tenants": {"SELECT(erased_at, id)"},
    },
    "tocsin_grouper": {
        "control.progress": {"SELECT", "INSERT", "UPDATE", "DELETE"},
        "control.projection": {"SELECT", "INSERT", "UPDATE", "DELETE"},
        "control.tenants": {"SELECT(erased_at, id, partition)"},
    },
    "tocsin_query": {
        **{
            f"proj.{table}": {"SELECT"}
            for table in (
                "partitions",
                "incidents",
                "alerts",
                "alert_bodies",
                "alert_events",
                "deliveries",
                "incident_actions",
                "commands",
                "facts",
                "rule_sets",
            )
        },
        "control.api_keys": {"SELECT(actor_kind, actor_name, expires_at, id, revoked_at, scopes, sha256, tenant_id)"},
        "control.tenants": {"SELECT(erased_at, id, name, partition)"},
        "control.progress": {"SELECT"},
        "control.projection": {"SELECT"},
        "control.discards": {"SELECT"},
        "control.rejections": {"SELECT"},
        "control.rejection_samples": {"SELECT"},
    },
    "tocsin_notifier": {},
    "tocsin_owner": {},
}
"""Everything that is allowed beside what owners may with their own: `control` is tocsin_owner's, `proj` tocsin_grouper's."""
POLICIES = {
    ("partitions", "position"): {"tocsin_query", "tocsin_ingest"},
    **{(table, "tenant"): {"tocsin_query", "tocsin_ingest"} for table in ("commands", "deliveries", "incidents")},
    **{
        (table, "tenant"): {"tocsin_query"}
        for table in ("facts", "alerts", "alert_bodies", "alert_events", "incident_actions", "rule_sets")
    },
}
OF_TENANT = "(tenant_id = NULLIF(current_setting('app.tenant'::text, true), ''::text))"
READABLE = (
    "facts",
    "incidents",
    "alerts",
    "alert_bodies",
    "alert_events",
    "deliveries",
    "incident_actions",
    "commands",
    "rule_sets",
)
_POLICIES = """
SELECT tablename, policyname, permissive, roles::text[] AS roles, cmd, qual FROM pg_policies WHERE schemaname = 'proj'
"""
_A_DAY_TABLE = """
SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = 'proj' AND c.relispartition AND c.relkind = 'r' AND c.relname LIKE 'deliveries_%' LIMIT 1
"""
_LOOSE_VIEWS = """
SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname IN ('proj', 'control') AND c.relkind = 'v' AND NOT coalesce('security_invoker=true' = ANY(c.reloptions), false)
"""


@pytest.fixture(params=["as it grew", "after a swap"])
async def inhabited(shared: System, request: pytest.FixtureRequest) -> tuple[Customer, Customer]:
    """Two tenants with rows in every table, before a rebuild and after."""
    customers = (await move_in(shared), await move_in(shared))
    for customer in customers:
        await customer.settle(alertmanager(am_alert()))
        await customer.set_status((await customer.incident())["id"], "ACKNOWLEDGED")
        assert (await customer.command("PUT", "/rules", {"document": {"version": 1}})).status == 200
    if request.param == "after a swap":
        assert await shared.rebuild() > 0
    return customers


async def test_the_roles_may_do_what_is_listed_and_nothing_else(inhabited: tuple[Customer, Customer]) -> None:
    async with inhabited[0].system.db() as connection:
        assert await read_matrix(connection, tuple(role.value for role in Role)) == MATRIX


async def test_every_table_of_the_projection_has_row_level_security_and_its_policy(inhabited: tuple[Customer, Customer]) -> None:
    """Enabled, not forced: COPY refuses forced, and the one role that is exempt by that is the writer."""
    async with inhabited[0].system.db() as connection:
        tables = await read_row_security(connection)
        policies = await connection.fetch(_POLICIES)
        loose = await connection.fetch(_LOOSE_VIEWS)
    assert {name for name, state in tables.items() if state != (True, False)} == set()
    assert any(name.startswith("proj.deliveries_") for name in tables), "there are day tables to look at"
    assert {(row["tablename"], row["policyname"]): set(row["roles"]) for row in policies} == POLICIES
    assert {(row["permissive"], row["cmd"]) for row in policies} == {("PERMISSIVE", "SELECT")}
    assert {row["qual"] for row in policies if row["policyname"] == "tenant"} == {OF_TENANT}
    assert loose == []


async def test_a_session_sees_its_tenant_and_without_one_nothing(inhabited: tuple[Customer, Customer]) -> None:
    one, two = inhabited
    async with _as(one.system, Role.QUERY) as connection:
        for table in READABLE:
            seen = {
                setting: await _tenants_seen(connection, table, setting)
                for setting in (None, "", "nobody", one.tenant.id, two.tenant.id)
            }
            assert seen == {
                None: set(),
                "": set(),
                "nobody": set(),
                one.tenant.id: {one.tenant.id},
                two.tenant.id: {two.tenant.id},
            }, table
    async with _as(one.system, Role.INGEST) as connection:
        assert await _tenants_seen(connection, "commands", None) == set()
        assert await _tenants_seen(connection, "commands", one.tenant.id) == {one.tenant.id}


async def test_no_service_goes_round_the_walls(inhabited: tuple[Customer, Customer]) -> None:
    """Read-only is a setting that a session can take back; what is not granted it cannot."""
    system = inhabited[0].system
    async with system.db() as connection:
        day = await connection.fetchval(_A_DAY_TABLE)
    done: dict[Role, list[str]] = {}
    for role in SERVICES:
        async with _as(system, role) as connection:
            await connection.execute("SET default_transaction_read_only = off; SET row_security = off")
            done[role] = [statement for statement in _forbidden(role, day) if await _may(connection, statement)]
            attributes = await connection.fetchrow("SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user")
            assert tuple(attributes or ()) == (False, False)
    assert done == {role: [] for role in SERVICES}


def _forbidden(role: Role, day: str) -> list[str]:
    """List what a service must not do: with others' rights, with the disk, and with the projection unless it is the writer."""
    statements = [
        "SET ROLE tocsin_owner",
        "SET SESSION AUTHORIZATION postgres",
        "CREATE TABLE public.mine (a int)",
        "CREATE TABLE control.mine (a int)",
        "SELECT ciphertext FROM control.secrets" if role is not Role.INGEST else "DELETE FROM control.secrets",
        "SELECT pg_read_file('/etc/passwd')",
        "COPY control.revision TO PROGRAM 'true'",
    ]
    if role is Role.GROUPER:
        return statements
    return [
        *statements,
        "SET ROLE tocsin_grouper",
        f"SELECT 1 FROM proj.{day}",
        "CREATE TABLE proj.mine (a int)",
        "DELETE FROM proj.incidents",
        "UPDATE proj.incidents SET title = ''",
        "UPDATE control.progress SET next = 0",
        "ALTER TABLE proj.incidents DISABLE ROW LEVEL SECURITY",
        "DROP POLICY tenant ON proj.incidents",
        "TRUNCATE proj.facts",
        "DROP SCHEMA proj CASCADE",
        "CREATE SCHEMA mine",
    ]


@asynccontextmanager
async def _as(system: System, role: Role) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(system.dsn(role))
    try:
        yield connection
    finally:
        await connection.close()


async def _tenants_seen(connection: asyncpg.Connection, table: str, setting: str | None) -> set[str]:
    async with connection.transaction():
        if setting is not None:
            await connection.execute("SELECT set_config('app.tenant', $1, true)", setting)
        return {row["tenant_id"] for row in await connection.fetch(f"SELECT DISTINCT tenant_id FROM proj.{table}")}


async def _may(connection: asyncpg.Connection, statement: str) -> bool:
    transaction = connection.transaction()
    await transaction.start()
    try:
        await connection.execute(statement)
    except asyncpg.InsufficientPrivilegeError:
        return False
    finally:
        await transaction.rollback()
    return True
