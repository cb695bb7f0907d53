"""The launcher's servers are real, start again after every kind of end, and listen on the loopback address alone."""

import socket
from pathlib import Path

import asyncpg
import psutil
import pytest

from tests.support.servers import Database, OwnKafka, OwnPostgres, SharedKafka, SharedPostgres
from tocsin.servers.child import Child
from tocsin.servers.kafka import Cluster
from tocsin.servers.kafka_probe import group_coordinator_ready


def ports_of(child: Child | None) -> set[str]:
    assert child is not None
    connections = psutil.Process(child.pid).net_connections("tcp")
    return {one.laddr.ip.removeprefix("::ffff:") for one in connections if one.status == psutil.CONN_LISTEN}


def serves(bootstrap: str) -> bool:
    host, port = bootstrap.rsplit(":", 1)
    return group_coordinator_ready(host, int(port))


async def test_the_shared_servers_answer(kafka: SharedKafka, postgres: SharedPostgres) -> None:
    assert serves(kafka.bootstrap)
    connection = await asyncpg.connect(postgres.admin_dsn)
    assert connection.get_server_version().major == 18
    assert await connection.fetchval("show password_encryption") == "scram-sha-256"
    await connection.close()


async def test_a_database_is_fresh_and_orders_text_the_same_on_every_machine(database: Database) -> None:
    connection = await asyncpg.connect(database.dsn)
    assert await connection.fetchval("select count(*) from pg_tables where schemaname = 'public'") == 0
    ordered = "select array_agg(x order by x) from unnest(array['b','A','a','B']) x"
    assert await connection.fetchval(ordered) == ["A", "B", "a", "b"]
    await connection.close()


async def test_a_wrong_password_is_refused(database: Database) -> None:
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(database.dsn_as("postgres", "wrong"))


async def test_kafka_serves_again_after_a_kill_and_after_a_stop(own_kafka: OwnKafka) -> None:
    await own_kafka.kill()
    assert not serves(own_kafka.bootstrap)
    await own_kafka.start()
    assert serves(own_kafka.bootstrap)
    await own_kafka.restart()
    assert serves(own_kafka.bootstrap)


async def test_postgres_keeps_what_it_committed_through_an_immediate_stop(own_postgres: OwnPostgres) -> None:
    connection = await asyncpg.connect(own_postgres.admin_dsn)
    await connection.execute("create table kept (n int); insert into kept values (7)")
    await own_postgres.kill()
    assert connection.is_closed() or not serves_postgres(own_postgres)
    connection.terminate()
    await own_postgres.start()
    connection = await asyncpg.connect(own_postgres.admin_dsn)
    assert await connection.fetchval("select n from kept") == 7
    await connection.close()


def serves_postgres(own_postgres: OwnPostgres) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", own_postgres.server.settings.port)) == 0


async def test_servers_listen_on_the_loopback_address_alone(own_kafka: OwnKafka, own_postgres: OwnPostgres) -> None:
    assert ports_of(own_kafka.broker.child) == {"127.0.0.1"}
    assert ports_of(own_postgres.server.child) == {"127.0.0.1"}


async def test_a_server_left_running_on_the_directory_is_ended_first(own_postgres: OwnPostgres) -> None:
    left = own_postgres.server.child
    assert left is not None
    own_postgres.server._child = None  # as after kill -9 of the process that started it
    await own_postgres.start()
    assert not left.alive
    assert serves_postgres(own_postgres)


async def test_a_pid_file_of_another_program_is_no_obstacle(own_postgres: OwnPostgres) -> None:
    await own_postgres.kill()
    pid_file = own_postgres.server.data / "postmaster.pid"
    rest = ["", "1", "1", "", "127.0.0.1", "1 1", "ready   "]
    pid_file.write_text("\n".join([str(psutil.Process().pid), *rest]) + "\n")
    await own_postgres.start()
    assert serves_postgres(own_postgres)


def test_the_superusers_password_is_for_its_owner_only(own_postgres: OwnPostgres) -> None:
    password: Path = own_postgres.server.settings.directory / "password"
    assert password.stat().st_mode & 0o077 == 0


async def test_a_cluster_of_three_serves_on_every_node_and_after_losing_one(kafka_cluster: Cluster) -> None:
    assert all(serves(broker.bootstrap) for broker in kafka_cluster.brokers)
    kafka_cluster.brokers[2].kill()
    kafka_cluster.brokers[2].start()
    assert serves(kafka_cluster.brokers[2].bootstrap)
