"""Connections, limits and what errors mean, on a real PostgreSQL."""

import asyncpg
import pytest

from tests.support.servers import Database, OwnPostgres
from tocsin_runtime.clock import SystemClock
from tocsin_runtime.errors import Fatal
from tocsin_runtime.postgres import (
    Limits,
    PostgresUnavailable,
    close,
    connect,
    create_pool,
    is_transient,
    run_again_if_stale,
    translated,
    with_retry,
)
from tocsin_runtime.retry import RetryPolicy


async def test_a_session_carries_its_limits_and_name(database: Database) -> None:
    limits = Limits(statement_timeout_s=7, lock_timeout_s=2, idle_in_transaction_s=9)
    connection = await connect(database.dsn, application="limits test", limits=limits)
    shown = [
        await connection.fetchval(f"SHOW {name}")
        for name in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "application_name")
    ]
    await close(connection)
    assert shown == ["7s", "2s", "9s", "limits test"]


async def test_a_statement_over_its_limit_is_transient(database: Database) -> None:
    connection = await connect(database.dsn, application="slow test", limits=Limits(statement_timeout_s=0.05))
    with pytest.raises(PostgresUnavailable):
        async with translated():
            await connection.execute("SELECT pg_sleep(60)")
    await close(connection)


async def test_json_travels_by_orjson_where_wanted(database: Database) -> None:
    pool = await create_pool(database.dsn, application="json test", jsonb=True)
    assert await pool.fetchval("SELECT $1::jsonb", {"a": [1, None, "é"]}) == {"a": [1, None, "é"]}
    await close(pool)


async def test_a_pool_hands_connections_back_without_a_round_trip(database: Database) -> None:
    """A reset would clear the setting; nothing of ours may leave one behind, and the round trip is saved."""
    pool = await create_pool(database.dsn, application="pool test", size_max=1)
    await pool.execute("SET work_mem = '5MB'")
    assert await pool.fetchval("SHOW work_mem") == "5MB"
    await close(pool)


@pytest.mark.parametrize("change", [{"password": "wrong", "user": "nobody"}, {"path": "/no_such_database"}])
async def test_a_refusal_is_fatal(database: Database, change: dict[str, str]) -> None:
    dsn = database.dsn_as(change["user"], change["password"]) if "user" in change else None
    dsn = dsn or database.dsn.rsplit("/", 1)[0] + change["path"]
    with pytest.raises(Fatal, match="refuses"):
        await connect(dsn, application="refused test")


@pytest.mark.parametrize("dsn", ["hunter2", "hunter2://host/database"])
async def test_an_address_that_cannot_be_read_is_fatal_and_not_repeated(dsn: str) -> None:
    with pytest.raises(Fatal, match="cannot be read") as refused:
        await connect(dsn, application="test")
    assert "hunter2" not in str(refused.value)


async def test_nobody_listening_is_unavailable() -> None:
    with pytest.raises(PostgresUnavailable):
        await connect("postgresql://nobody@127.0.0.1:1/none", application="nowhere test")


async def test_a_constraint_error_is_not_transient(database: Database) -> None:
    connection = await connect(database.dsn, application="constraint test")
    with pytest.raises(asyncpg.PostgresError) as error:
        await connection.execute("CREATE TABLE t (n int CHECK (n > 0)); INSERT INTO t VALUES (-1)")
    assert not is_transient(error.value)
    await close(connection)


async def test_a_transaction_with_a_stale_plan_is_run_once_more(database: Database) -> None:
    """By itself asyncpg retries outside a transaction only; a swap of schemas must not fail a batch."""
    connection, other = [await connect(database.dsn, application="stale test") for _ in range(2)]
    await connection.execute("CREATE TABLE t (n int)")

    async def read() -> list[asyncpg.Record]:
        async with connection.transaction():
            return await connection.fetch("SELECT * FROM t")

    await read()
    await other.execute("ALTER TABLE t ADD COLUMN m int")
    assert await run_again_if_stale(read) == []
    await close(connection)
    await close(other)


async def test_an_outage_is_ridden_out(own_postgres: OwnPostgres) -> None:
    connections = []

    async def work() -> int:
        connections.append(await connect(own_postgres.admin_dsn, application="outage test"))
        return int(await connections[-1].fetchval("SELECT 1"))

    policy = RetryPolicy(attempts_max=1_000)
    assert await with_retry(work, policy=policy, clock=SystemClock()) == 1
    await own_postgres.kill()
    with pytest.raises(PostgresUnavailable):
        async with translated():
            await connections[0].fetchval("SELECT 1")
    with pytest.raises(PostgresUnavailable):
        await work()
    await own_postgres.start()
    assert await with_retry(work, policy=policy, clock=SystemClock()) == 1
    for connection in connections:
        await close(connection)
