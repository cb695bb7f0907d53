"""Erase (DESIGN 3): behind it nothing of the tenant is shown, whoever reads from where; nobody else notices."""

from tests.support.bodies import alertmanager, am_alert
from tests.support.customer import Customer, move_in
from tests.support.instance import eventually
from tests.support.system import System
from tocsin_contracts.envelope import Kind, kind_of
from tocsin_contracts.position import Position
from tocsin_contracts.topics import ALERTS
from tocsin_control.bootstrap import Role, as_owner
from tocsin_control.erasing import erase_tenant
from tocsin_control.tenants import find_tenant
from tocsin_runtime.kafka_log import KafkaLog

_TABLES = """
SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
 WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') AND NOT c.relispartition
"""


async def erase(customer: Customer) -> Position:
    """Erase a tenant as the command does, and wait until the fold has it behind it."""
    system = customer.system
    async with as_owner(system.dsn(Role.OWNER), application="test") as connection:
        await erase_tenant(connection, customer.tenant.id, actor="cli:test")

        async def written() -> str | None:
            return (await find_tenant(connection, customer.tenant.id)).erased_at

        at = await eventually(written, what="a gateway writes the record")
    position = Position.parse(str(at))
    await system.caught_up()
    return position


async def rows_of(system: System, tenant: str, schema: str = "proj") -> dict[str, int]:
    """Count a tenant's rows in every table that has any."""
    async with system.db() as connection:
        tables = [row["relname"] for row in await connection.fetch(_TABLES, schema)]
        counts = {
            table: await connection.fetchval(f"SELECT count(*) FROM {schema}.{table} WHERE tenant_id = $1", tenant)
            for table in tables
        }
    return {table: count for table, count in counts.items() if count}


async def test_an_erased_tenant_is_gone_everywhere_and_its_neighbour_is_not(system: System) -> None:
    customer, neighbour = await move_in(system), await move_in(system)
    while neighbour.tenant.partition != customer.tenant.partition:
        neighbour = await move_in(system)
    for each in (customer, neighbour):
        await each.settle(alertmanager(am_alert()))
        await each.set_status((await each.incident())["id"], "ACKNOWLEDGED")
        await each.settle(b"[]")
    (shown, *_) = (await customer.get("/deliveries"))["items"]
    before = await rows_of(system, neighbour.tenant.id)
    shown_to_people = {
        "facts",
        "incidents",
        "alerts",
        "alert_bodies",
        "alert_events",
        "deliveries",
        "incident_actions",
        "commands",
    }
    assert shown_to_people <= set(before)

    position = await erase(customer)

    assert await rows_of(system, customer.tenant.id) == {"erased": 1}
    assert set(await rows_of(system, customer.tenant.id, "control")) == {"audit"}, "who did what stays, by ids"
    assert await rows_of(system, neighbour.tenant.id) == before
    assert (await customer.send(alertmanager(am_alert("late")))).status == 401
    for path in ("/incidents", f"/deliveries/{shown['id']}", f"/deliveries/{shown['id']}/body"):
        assert (await system.get(f"/api/v1{path}", customer.key)).status == 401
    assert (await neighbour.settle(alertmanager(am_alert("after"))))["outcome"] == "processed"
    assert all(table.equal for table in await system.verify())
    assert position.partition == customer.tenant.partition


async def test_a_rebuild_from_the_first_record_shows_nothing_of_it(system: System) -> None:
    """It knows from `control` before it reads; what it makes is what the live fold left."""
    customer = await move_in(system)
    await customer.settle(alertmanager(am_alert()))
    await erase(customer)
    assert await system.rebuild() > 0
    assert await rows_of(system, customer.tenant.id) == {"erased": 1}
    assert all(table.equal for table in await system.verify())


async def test_a_restored_backup_is_erased_by_the_same_command(system: System) -> None:
    """`control` of before knows the tenant again; another record changes nothing more, and the id stays erased."""
    customer = await move_in(system)
    await customer.settle(alertmanager(am_alert()))
    first = await erase(customer)
    async with system.db() as connection:
        await connection.execute(
            "UPDATE control.tenants SET erased_at = NULL, erase_asked_at = NULL, enabled = true, name = 'restored' WHERE id = $1",
            customer.tenant.id,
        )
    second = await erase(customer)
    assert second.offset > first.offset
    assert await rows_of(system, customer.tenant.id) == {"erased": 1}
    async with system.db() as connection:
        kept = await connection.fetchval('SELECT "offset" FROM proj.erased WHERE tenant_id = $1', customer.tenant.id)
    assert kept == first.offset
    assert all(table.equal for table in await system.verify())


async def test_the_record_stands_in_both_topics(system: System) -> None:
    customer = await move_in(system)
    position = await erase(customer)
    reader = KafkaLog(system.kafka).reader()
    await reader.start()
    bounds = await reader.bounds(ALERTS, position.partition)
    kinds: set[str] = set()
    async for records in reader.scan(ALERTS, position.partition, bounds.earliest, bounds.next):
        kinds |= {kind_of(record.headers) for record in records if (record.key or b"").decode() == customer.tenant.id}
    await reader.close()
    assert kinds == {Kind.TENANT_ERASED}
