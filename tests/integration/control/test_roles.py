"""Each role may do what its service does in `control`, and nothing else: tried, and held against the catalogue."""

import asyncpg
import pytest

from tests.integration.control.conftest import ControlDatabase
from tocsin_control.acting import MANAGER
from tocsin_control.bootstrap import Role
from tocsin_runtime.postgres import Connection

SERVICES = [role for role in Role if role is not Role.OWNER]
TABLES = (
    "settings",
    "tenants",
    "integrations",
    "integration_versions",
    "secrets",
    "url_tokens",
    "api_keys",
    "progress",
    "projection",
    "rejections",
    "rejection_samples",
    "discards",
    "audit",
    "revision",
)
SECRET_PLACE = ("tenant_id", "integration_id", "purpose", "slot", "version")
TOKEN_PLACE = ("tenant_id", "integration_id", "slot", "version")
KEY_COLUMNS = "id tenant_id sha256 scopes actor_kind actor_name expires_at revoked_at"
ALLOWED: dict[str, dict[str, set[str]]] = {
    "tocsin_ingest": {
        "tenants": {
            *(f"SELECT {column}" for column in ("id", "name", "partition", "rate_limit_per_min", "burst", "enabled")),
            *("SELECT erase_asked_at", "SELECT erased_at", "UPDATE erased_at"),
        },
        "integrations": {"SELECT"},
        "integration_versions": {"SELECT"},
        "secrets": {"SELECT", "UPDATE last_used_at"},
        "url_tokens": {"SELECT", "UPDATE last_used_at"},
        "api_keys": {"SELECT", "UPDATE last_used_at"},
        "rejections": {"SELECT", "INSERT", "UPDATE count"},
        "rejection_samples": {"SELECT", "INSERT", "UPDATE", "DELETE"},
        "discards": {
            "SELECT",
            *(f"INSERT {column}" for column in ("tenant_id", "partition", "offset", "why")),
            *(f"INSERT {column}" for column in ("actor_kind", "actor_id", "actor_name")),
        },
        "audit": {f"INSERT {column}" for column in ("at", "actor", "action", "tenant_id", "subject", "detail")},
        "revision": {"SELECT"},
        "settings": {"SELECT"},
    },
    "tocsin_normalizer": {
        "integration_versions": {f"SELECT {c}" for c in ("integration_id", "version", "settings")},
        "tenants": {"SELECT id", "SELECT erased_at"},
    },
    "tocsin_grouper": {
        "progress": {"SELECT", "INSERT", "UPDATE", "DELETE"},
        "projection": {"SELECT", "INSERT", "UPDATE", "DELETE"},
        "tenants": {f"SELECT {c}" for c in ("id", "partition", "erased_at")},
    },
    "tocsin_query": {
        "api_keys": {f"SELECT {c}" for c in KEY_COLUMNS.split()},
        "tenants": {f"SELECT {c}" for c in ("id", "name", "partition", "erased_at")},
        "progress": {"SELECT"},
        "projection": {"SELECT"},
        "discards": {"SELECT"},
        "rejections": {"SELECT"},
        "rejection_samples": {"SELECT"},
    },
    "tocsin_notifier": {},
    MANAGER: {
        "integrations": {
            "SELECT",
            *(f"INSERT {column}" for column in ("id", "tenant_id", "source", "name", "version")),
            *(f"UPDATE {column}" for column in ("name", "version", "deleted_at")),
        },
        "integration_versions": {"SELECT", "INSERT"},
        "secrets": {
            *(f"SELECT {column}" for column in SECRET_PLACE),
            *(f"SELECT {column}" for column in ("not_after", "created_at", "last_used_at")),
            *(f"INSERT {column}" for column in (*SECRET_PLACE, "key_id", "ciphertext")),
            *(f"UPDATE {column}" for column in ("version", "key_id", "ciphertext", "not_after", "created_at", "last_used_at")),
            "DELETE",
        },
        "url_tokens": {
            *(f"SELECT {column}" for column in TOKEN_PLACE),
            *(f"SELECT {column}" for column in ("not_after", "created_at", "last_used_at")),
            *(f"INSERT {column}" for column in (*TOKEN_PLACE, "sha256")),
            *(f"UPDATE {column}" for column in ("version", "sha256", "not_after", "created_at", "last_used_at")),
            "DELETE",
        },
        "api_keys": {
            *(f"SELECT {column}" for column in (*KEY_COLUMNS.split(), "created_at", "last_used_at") if column != "sha256"),
            *(f"INSERT {column}" for column in (*KEY_COLUMNS.split(), "proof_sha256") if column != "revoked_at"),
            "UPDATE revoked_at",
        },
        "audit": {"SELECT", *(f"INSERT {column}" for column in ("actor", "action", "tenant_id", "subject", "detail"))},
    },
}
"""What the manager has, it has on the rows of one tenant only: `test_acting.py`."""
GRANTS = """
SELECT c.relname AS table_name, pg_catalog.pg_get_userbyid(a.grantee) AS role, a.privilege_type AS privilege
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, aclexplode(c.relacl) a
 WHERE n.nspname = 'control' AND a.grantee <> c.relowner
UNION ALL
SELECT c.relname, pg_catalog.pg_get_userbyid(a.grantee), a.privilege_type || ' ' || t.attname
  FROM pg_attribute t JOIN pg_class c ON c.oid = t.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace, aclexplode(t.attacl) a
 WHERE n.nspname = 'control' AND a.grantee <> c.relowner
"""
DELETABLE = {(Role.GROUPER, "progress"), (Role.GROUPER, "projection"), (Role.INGEST, "rejection_samples")}
FORBIDDEN: list[tuple[Role, str]] = [
    *((role, f"DELETE FROM control.{table}") for role in SERVICES for table in TABLES if (role, table) not in DELETABLE),
    *((role, f"TRUNCATE control.{table}") for role in SERVICES for table in TABLES),
    *((role, "INSERT INTO control.audit (actor, action, subject) VALUES ('x', 'x', 'x')") for role in SERVICES),
    *((role, "INSERT INTO control.tenants (id) VALUES ('x')") for role in SERVICES),
    *((role, "CREATE TABLE control.mine (a int)") for role in SERVICES),
    *((role, "CREATE TABLE public.mine (a int)") for role in SERVICES),
    *((role, "ALTER TABLE control.tenants ADD COLUMN mine int") for role in SERVICES),
    *((role, "SET ROLE tocsin_owner") for role in SERVICES),
    *((role, "SET ROLE tocsin_manager") for role in SERVICES if role is not Role.INGEST),
    *((role, "SELECT control.acting_tenant('admin')") for role in SERVICES),
    *((role, "SELECT * FROM public.tocsin_migrations") for role in SERVICES),
    *((role, "COPY control.tenants TO PROGRAM 'true'") for role in Role),
    *((role, "CREATE ROLE mine") for role in Role),
    *((role, "CREATE SCHEMA mine") for role in SERVICES if role is not Role.GROUPER),
    *((role, "CREATE TEMP TABLE mine (a int)") for role in SERVICES if role is not Role.GROUPER),
    *((role, "SELECT ciphertext FROM control.secrets") for role in SERVICES if role is not Role.INGEST),
    *((role, "SELECT sha256 FROM control.url_tokens") for role in SERVICES if role is not Role.INGEST),
    *((role, "SELECT sha256 FROM control.api_keys") for role in (Role.NORMALIZER, Role.GROUPER, Role.NOTIFIER)),
    *((role, "SELECT 1 FROM control.progress") for role in (Role.INGEST, Role.NORMALIZER, Role.NOTIFIER)),
    (Role.INGEST, "UPDATE control.secrets SET ciphertext = ''"),
    (Role.INGEST, "UPDATE control.url_tokens SET sha256 = ''"),
    (Role.INGEST, "UPDATE control.api_keys SET revoked_at = NULL"),
    (Role.INGEST, "UPDATE control.revision SET revision = 0"),
    (Role.INGEST, "UPDATE control.rejections SET reason = ''"),
    (Role.INGEST, "UPDATE control.discards SET why = 'x'"),
    (Role.INGEST, "UPDATE control.tenants SET erase_asked_at = now()"),
    (Role.NORMALIZER, "SELECT rate_limit_per_min FROM control.integration_versions"),
    (Role.GROUPER, "SELECT name FROM control.tenants"),
    (Role.GROUPER, "UPDATE control.tenants SET erased_at = NULL"),
    (Role.QUERY, "SELECT rate_limit_per_min FROM control.tenants"),
    (Role.QUERY, "SELECT last_used_at FROM control.api_keys"),
    (Role.QUERY, "INSERT INTO control.progress VALUES ('live', 'x', 0, 't', 0, 0, 0)"),
    (Role.NOTIFIER, "SELECT 1 FROM control.tenants"),
]


async def test_the_grants_are_those_of_the_list_and_no_other(control: ControlDatabase) -> None:
    async with control.connected() as connection:
        rows = await connection.fetch(GRANTS)

    found: dict[str, dict[str, set[str]]] = {role: {} for role in (*(role.value for role in SERVICES), MANAGER)}
    for row in rows:
        found.setdefault(row["role"], {}).setdefault(row["table_name"], set()).add(row["privilege"])
    assert found == ALLOWED


@pytest.mark.parametrize("role", Role)
async def test_what_a_role_must_not_do_is_denied(control: ControlDatabase, role: Role) -> None:
    """Only missing grants protect: the session's read-only setting is switched off first, as an attacker would."""
    async with control.connected(role) as connection:
        await connection.execute("SET default_transaction_read_only = off")
        allowed = [statement for forbidden, statement in FORBIDDEN if forbidden is role and await _may(connection, statement)]
    assert allowed == []


async def test_no_function_of_control_may_be_called_by_a_service(control: ControlDatabase) -> None:
    async with control.connected() as connection:
        callers = await connection.fetch(
            "SELECT p.proname, r.rolname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace, pg_roles r"
            " WHERE nspname = 'control' AND rolname LIKE 'tocsin%' AND rolname <> 'tocsin_owner'"
            " AND has_function_privilege(r.oid, p.oid, 'EXECUTE')"
        )
    assert [(row["proname"], row["rolname"]) for row in callers] == [("acting_tenant", MANAGER)], "it gives what a key proves"


@pytest.mark.parametrize("role", Role)
async def test_a_role_is_bounded_and_has_no_search_path(control: ControlDatabase, role: Role) -> None:
    async with control.connected(role) as connection:
        attributes = await connection.fetchrow(
            "SELECT rolcanlogin, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication, rolconnlimit > 0 AS bounded,"
            " ARRAY(SELECT roleid::regrole::text || CASE WHEN inherit_option OR admin_option THEN ' at once' ELSE '' END"
            "       FROM pg_auth_members m WHERE m.member = r.oid) AS puts_on"
            " FROM pg_roles r WHERE rolname = current_user"
        )
        assert attributes is not None
        assert dict(attributes) == {
            "rolcanlogin": True,
            "rolsuper": False,
            "rolbypassrls": False,
            "rolcreaterole": False,
            "rolcreatedb": False,
            "rolreplication": False,
            "bounded": True,
            "puts_on": [MANAGER] if role is Role.INGEST else [],
        }
        assert await connection.fetchval("SHOW search_path") == '""'


async def test_a_role_without_any_right_cannot_even_connect(control: ControlDatabase) -> None:
    admin = await asyncpg.connect(control.database.dsn)
    await admin.execute("CREATE ROLE tocsin_test_stranger LOGIN PASSWORD 'x'")
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await asyncpg.connect(control.database.dsn_as("tocsin_test_stranger", "x"))
    finally:
        await admin.execute("DROP ROLE tocsin_test_stranger")
        await admin.close()


async def test_the_grouper_may_make_schemas_of_its_own(fresh_control: ControlDatabase) -> None:
    async with fresh_control.connected(Role.GROUPER) as connection:
        await connection.execute("CREATE SCHEMA proj; CREATE TABLE proj.facts (a int); CREATE TEMP TABLE batch (a int)")
        await connection.execute("ALTER SCHEMA proj RENAME TO proj_old; DROP SCHEMA proj_old CASCADE")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE control.audit SET actor = 'nobody'",
        "DELETE FROM control.audit",
        "TRUNCATE control.audit",
        "UPDATE control.integration_versions SET burst = 1",
    ],
)
async def test_what_was_written_once_is_not_even_changed_by_the_owner(control: ControlDatabase, statement: str) -> None:
    async with control.connected() as connection:
        with pytest.raises(asyncpg.IntegrityConstraintViolationError, match="rows never change"):
            await connection.execute(statement)


async def _may(connection: Connection, statement: str) -> bool:
    try:
        await connection.execute(statement)
    except asyncpg.InsufficientPrivilegeError:
        return False
    return True
