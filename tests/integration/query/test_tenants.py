"""One tenant never sees another (P9): every route, every id, and the database's own second wall."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from tests.integration.query.conftest import Client, Reply, asking
from tests.support.projection_rows import ProjectionDatabase
from tocsin_contracts.ids import TenantId
from tocsin_control.bootstrap import Role
from tocsin_control.principal import Scope
from tocsin_query.adapters.postgres import PostgresProjection, open_pool
from tocsin_query.domain.statement import Statement
from tocsin_query.endpoints import ENDPOINTS, Endpoint
from tocsin_query.ports import Snapshot
from tocsin_runtime import postgres

ROUTES = [place for endpoint in ENDPOINTS for place in endpoint.places]


@pytest.fixture(scope="module")
def owned(module_projection: ProjectionDatabase) -> dict[str, str]:
    """One thing of each kind that belongs to `globex`, by the resource that shows it."""
    return asyncio.run(_seed(module_projection))


async def _seed(projection: ProjectionDatabase) -> dict[str, str]:
    async with projection.writing() as rows:
        incident = await rows.incident("globex", service="secret-service")
        await rows.opening("globex", incident)
        await rows.rule_set("globex", 1, command_id="their-rules")
        await rows.action("globex", incident, 1)
        alert = await rows.alert("globex", incident_id=incident, service="secret-service")
        await rows.event("globex", alert, 5, incident_id=incident)
        delivery = await rows.delivery("globex", 5)
        command = await rows.command("globex", "their-key", offset=6)
        await rows.incident("acme")
        await rows.folded(partition=0, source_next=10, appended_at=0)
    async with projection.owning() as rows:
        await rows.rejection("globex", "their-reason", 5)
    return {
        "deliveries/rejected": "their-reason",
        "incidents": incident,
        "alerts": alert,
        "deliveries": delivery,
        "commands": command,
        "rules": "their-rules",
        "rules/versions": "1",
    }


@pytest.fixture
async def theirs(module_projection: ProjectionDatabase) -> AsyncIterator[Client]:
    """The service, asked by the owner."""
    async with asking(module_projection, "globex") as made:
        yield made


@pytest.mark.parametrize("route", ROUTES)
async def test_nothing_of_another_tenant_is_reached_on_any_route(
    owned: dict[str, str], reading: Client, theirs: Client, route: str
) -> None:
    """S22. 404, never 403; what its owner sees at the same path is there."""
    resource = route.removeprefix("/api/v1").split("/")[1]
    if route.endswith("/rejected"):
        resource = "deliveries/rejected"
    if route.endswith("/versions/{id}"):
        resource = "rules/versions"
    path = route.replace("{id}", owned[resource])
    mine, own = await reading.get(path), await theirs.get(path)

    assert own.status == 200
    if "{id}" not in route:
        assert owned[resource] in own.text
        assert owned[resource] not in mine.text
        assert mine.body.get("total", 0) == (1 if resource == "incidents" else 0)
    elif resource == "commands":
        unknown = await reading.get(route.replace("{id}", "never-given"))
        assert mine.status == unknown.status == 202
        assert mine.text.replace("their-key", "never-given") == unknown.text
        assert (await reading.get(path + "?position=0:6")).status == 404
    else:
        assert mine.status == 404


@pytest.mark.parametrize("listing", ["incidents", "alerts"])
async def test_no_parameter_reaches_another_tenant(
    owned: dict[str, str], reading: Client, theirs: Client, module_projection: ProjectionDatabase, listing: str
) -> None:
    before = (await reading.list(listing)).body["total"]
    assert (await reading.list(listing, service="secret-service")).body["total"] == 0
    if listing == "alerts":
        assert (await reading.list("alerts", incident_id=owned["incidents"])).body["total"] == 0
    for name in ("tenant", "tenant_id"):
        assert (await reading.list(listing, (name, "globex"))).faults == {name: "unknown-parameter"}
    assert (await reading.list(listing)).body["total"] == before


async def test_a_cursor_of_another_tenant_is_refused(projection: ProjectionDatabase) -> None:
    """S26."""
    async with projection.writing() as rows:
        for tenant in ("acme", "acme", "globex", "globex"):
            await rows.incident(tenant)
    async with asking(projection, "globex") as theirs, asking(projection) as mine:
        cursor = (await theirs.list("incidents", limit="1")).body["next_cursor"]

        assert (await mine.list("incidents", limit="1", cursor=cursor)).faults == {"cursor": "not-a-cursor"}


async def test_headers_cannot_change_the_tenant(owned: dict[str, str], reading: Client) -> None:
    """S08."""
    forged = dict.fromkeys(("X-Tenant-Id", "X-Tocsin-Tenant", "Tenant", "X-Forwarded-User"), "globex")

    assert (await reading.get(f"/incidents/{owned['incidents']}", headers=forged)).status == 404


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.name)
async def test_a_key_needs_the_scope_of_each_route(
    module_projection: ProjectionDatabase, reading: Client, endpoint: Endpoint
) -> None:
    """S21: every route with every scope."""
    path = "/api/v1" + endpoint.path.replace("{id}", "0" * 26)
    for scope in Scope:
        found = await reading.get(path, key=await module_projection.key("acme", scope))

        assert (found.status != 403) == (scope in endpoint.scopes or scope is Scope.ADMIN), scope
        if found.status == 403:
            assert found.body["type"] == "https://tocsin.dev/problems/forbidden"
            assert found.body["scope"] == endpoint.scopes[0]


@pytest.mark.parametrize("route", ROUTES)
async def test_no_key_no_answer(reading: Client, route: str) -> None:
    """S20: none, wrong, cut: all the same 401."""
    path = route.replace("{id}", "0" * 26)
    replies: list[Reply] = [await reading.get(path, key=key) for key in ("", "x", reading.key[:-1], reading.key.upper())]
    replies.append(await reading.get(path, headers={"Authorization": f"Basic {reading.key}"}))

    assert {reply.status for reply in replies} == {401}
    assert {reply.headers["Www-Authenticate"] for reply in replies} == {'Bearer realm="tocsin"'}
    assert {reply.body["detail"] for reply in replies} == {replies[0].body["detail"]}


async def test_a_key_in_the_url_is_refused(reading: Client) -> None:
    """S20: it would stand in every log on the way."""
    for name in ("api_key", "token", "access_token", "key"):
        found = await reading.get(f"/api/v1/incidents?{name}={reading.key}")
        assert found.status == 400
        assert reading.key not in found.text


async def test_the_database_shows_a_query_without_a_tenant_only_its_own(
    owned: dict[str, str], module_projection: ProjectionDatabase
) -> None:
    """S51: the second wall, for the day a predicate is forgotten. No tenant named: nothing at all."""
    tables = (
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
    async with module_projection.connected(Role.QUERY) as connection:
        for table in tables:
            for tenant, seen in (("globex", {"globex"}), ("nobody", set()), ("", set())):
                async with connection.transaction():
                    await connection.fetchval("SELECT set_config('app.tenant', $1, true)", tenant)
                    rows = await connection.fetch(f"SELECT DISTINCT tenant_id FROM proj.{table}")
                assert {row["tenant_id"] for row in rows} == seen, (table, tenant)
            assert await connection.fetchval(f"SELECT count(*) FROM proj.{table}") == 0


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO proj.incident_actions DEFAULT VALUES",
        "UPDATE proj.incidents SET title = 'x'",
        "DELETE FROM proj.alerts",
        "SELECT * FROM proj.groups",
        "SELECT * FROM proj.timers",
        "SELECT * FROM control.secrets",
        "CREATE TABLE proj.mine ()",
    ],
)
async def test_the_role_can_only_read_what_is_shown(module_projection: ProjectionDatabase, statement: str) -> None:
    """S54: by missing grants, whatever the session sets."""
    async with module_projection.connected(Role.QUERY) as connection:
        await connection.execute("SET default_transaction_read_only = off")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)


async def test_a_pooled_connection_forgets_its_tenant(owned: dict[str, str], module_projection: ProjectionDatabase) -> None:
    """S52: after success, an error, and a cancelled read, on the same one connection."""
    everything = Statement(sql="SELECT tenant_id FROM proj.incidents WHERE $1 <> ''", args=("x",))

    async def work(snapshot: Snapshot) -> set[object]:
        return {row["tenant_id"] for row in await snapshot.rows(everything)}

    async def failing(snapshot: Snapshot) -> None:
        await snapshot.rows(Statement(sql="SELECT 1 / 0 WHERE $1 <> ''", args=("x",)))

    started = asyncio.Event()

    async def endless(snapshot: Snapshot) -> None:
        started.set()
        await snapshot.rows(Statement(sql="SELECT pg_sleep(60) WHERE $1 <> ''", args=("x",)))

    pool = await open_pool(module_projection.dsn(Role.QUERY), size_max=1, statement_timeout_s=60, connect_timeout_s=5)
    projection = PostgresProjection(pool, acquire_timeout_s=10)
    try:
        for _ in range(3):
            assert await projection.read(TenantId("globex"), work) == {"globex"}
            assert await projection.read(TenantId("nobody"), work) == set()
            with pytest.raises(asyncpg.DivisionByZeroError):
                await projection.read(TenantId("globex"), failing)
            assert await projection.read(TenantId("acme"), work) == {"acme"}
            started.clear()
            cancelled = asyncio.create_task(projection.read(TenantId("globex"), endless))
            await started.wait()
            cancelled.cancel()
            with pytest.raises(asyncio.CancelledError):
                await cancelled
            assert await projection.read(TenantId("acme"), work) == {"acme"}
        async with pool.acquire() as connection:
            assert await connection.fetchval("SELECT current_setting('app.tenant', true)") in {None, ""}
    finally:
        await postgres.close(pool)
