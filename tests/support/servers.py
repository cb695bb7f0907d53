"""Real servers for tests: one Kafka and one PostgreSQL a session, started when the first test asks.

Fixtures (registered by `tests/conftest.py`):

- `kafka`: `.bootstrap`. Shared: make topics of your own name, never kill it.
- `postgres`: `.admin_dsn`, `.dsn_of(database)`, `create_database()`. Shared: never kill it.
- `database`: a fresh, empty database for one test; `.dsn` (superuser), `.name`, `.dsn_as(role, password)`.
- `own_kafka`, `own_postgres`: one of its own for each test module that asks, to be killed and restarted.
- `kafka_cluster`: three brokers of its own for each test module that asks.

`TOCSIN_TEST_KAFKA` and `TOCSIN_TEST_POSTGRES` (a superuser's DSN) name servers to use instead of the shared ones.
"""

import asyncio
import os
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg
import pytest

from tocsin.servers.free_port import free_ports
from tocsin.servers.kafka import Broker, Cluster, new_cluster_id
from tocsin.servers.kafka_config import cluster, single_node
from tocsin.servers.kafka_runtime import KafkaRuntime, install_kafka
from tocsin.servers.kafka_training import train
from tocsin.servers.postgres import Postgres, PostgresSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """A database of one test."""

    name: str
    dsn: str

    def dsn_as(self, role: str, password: str) -> str:
        """Give the DSN of another role."""
        parts = urlsplit(self.dsn)
        netloc = f"{quote(role)}:{quote(password)}@{parts.hostname}:{parts.port}"
        return urlunsplit(parts._replace(netloc=netloc))


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedKafka:
    """The session's Kafka, or one that the environment names."""

    bootstrap: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedPostgres:
    """The session's PostgreSQL, or one that the environment names."""

    admin_dsn: str

    def dsn_of(self, database: str) -> str:
        """Give the superuser's DSN of `database`."""
        return urlunsplit(urlsplit(self.admin_dsn)._replace(path=f"/{database}"))

    async def create_database(self, template: str = "template0") -> Database:
        """Make a database with a name of its own, a copy of `template` (nobody may be connected to that)."""
        name = f"t_{secrets.token_hex(6)}"
        # Copying files takes half of what copying through the write-ahead log takes, to make and to drop.
        await self._execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY')
        return Database(name=name, dsn=self.dsn_of(name))

    async def drop_database(self, database: Database) -> None:
        """Remove `database`, cutting who is still connected."""
        await self._execute(f'DROP DATABASE IF EXISTS "{database.name}" WITH (FORCE)')

    async def _execute(self, statement: str) -> None:
        connection = await asyncpg.connect(self.admin_dsn)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


class OwnKafka:
    """A broker that a test may kill; the `async` verbs leave the event loop running."""

    def __init__(self, broker: Broker) -> None:
        self.broker = broker

    @property
    def bootstrap(self) -> str:
        return self.broker.bootstrap

    async def start(self) -> None:
        self.broker.spawn()  # in this thread: the child is tied to it
        await asyncio.to_thread(self.broker.wait_ready)

    async def stop(self) -> None:
        await asyncio.to_thread(self.broker.stop)

    async def kill(self) -> None:
        await asyncio.to_thread(self.broker.kill)

    async def restart(self) -> None:
        await self.stop()
        await self.start()


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnPostgres(SharedPostgres):
    """A server that a test may kill; the `async` verbs leave the event loop running."""

    server: Postgres

    async def start(self) -> None:
        self.server.spawn()  # in this thread: the child is tied to it
        await asyncio.to_thread(self.server.wait_ready)

    async def stop(self) -> None:
        await asyncio.to_thread(self.server.stop)

    async def kill(self) -> None:
        """Stop it immediately, as `pg_ctl stop -m immediate` does."""
        await asyncio.to_thread(self.server.kill)

    async def restart(self) -> None:
        await self.stop()
        await self.start()


@pytest.fixture(scope="session")
def kafka_runtime() -> KafkaRuntime:
    """Kafka's jars and Java, downloaded and verified once."""
    runtime = install_kafka()
    train(runtime)
    return runtime


@pytest.fixture(scope="session")
def kafka(request: pytest.FixtureRequest) -> Iterator[SharedKafka]:
    """The session's Kafka."""
    if named := os.environ.get("TOCSIN_TEST_KAFKA"):
        yield SharedKafka(bootstrap=named)
        return
    with scratch() as directory, run_broker(directory, request.getfixturevalue("kafka_runtime")) as broker:
        yield SharedKafka(bootstrap=broker.bootstrap)


@pytest.fixture(scope="session")
def postgres() -> Iterator[SharedPostgres]:
    """The session's PostgreSQL."""
    if named := os.environ.get("TOCSIN_TEST_POSTGRES"):
        yield SharedPostgres(admin_dsn=named)
        return
    with scratch() as directory, run_postgres(directory) as server:
        yield SharedPostgres(admin_dsn=server.dsn())


@pytest.fixture
async def database(postgres: SharedPostgres) -> AsyncIterator[Database]:
    """A fresh database; dropped after the test."""
    made = await postgres.create_database()
    yield made
    await postgres.drop_database(made)


@pytest.fixture(scope="module")
def own_kafka(kafka_runtime: KafkaRuntime) -> Iterator[OwnKafka]:
    """A Kafka of the module's own."""
    with scratch() as directory, run_broker(directory, kafka_runtime) as broker:
        yield OwnKafka(broker)


@pytest.fixture(scope="module")
def own_postgres() -> Iterator[OwnPostgres]:
    """A PostgreSQL of the module's own."""
    with scratch() as directory, run_postgres(directory) as server:
        yield OwnPostgres(admin_dsn=server.dsn(), server=server)


@pytest.fixture(scope="module")
def kafka_cluster(kafka_runtime: KafkaRuntime) -> Iterator[Cluster]:
    """Three brokers of the module's own."""
    ports = free_ports(6)
    pairs = [(ports[0], ports[1]), (ports[2], ports[3]), (ports[4], ports[5])]
    with scratch() as directory:
        brokers = Cluster(cluster(directory, pairs), kafka_runtime, cluster_id=new_cluster_id())
        try:
            brokers.start()
            yield brokers
        finally:
            brokers.kill()


@contextmanager
def scratch() -> Iterator[Path]:
    """Give a directory for server data that is removed at the end."""
    directory = Path(tempfile.mkdtemp(prefix="tocsin-"))
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def run_broker(directory: Path, runtime: KafkaRuntime) -> Iterator[Broker]:
    """Run one broker in `directory`; killed at the end."""
    port, controller_port = free_ports(2)
    settings = single_node(directory, port=port, controller_port=controller_port, flush_each_message=False)
    broker = Broker(settings, runtime)
    try:
        broker.start()
        yield broker
    finally:
        broker.kill()  # the directory goes next: nothing to hand over


@contextmanager
def run_postgres(directory: Path) -> Iterator[Postgres]:
    """Run a PostgreSQL in `directory`; killed at the end."""
    (port,) = free_ports(1)
    server = Postgres(PostgresSettings(directory=directory, port=port, max_connections=300, durable=False))
    try:
        server.start()
        yield server
    finally:
        server.kill()
