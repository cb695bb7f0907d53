"""Real servers for one measurement, set up as `tocsin up` sets them up: durable, and gone afterwards."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from bench.process import cores, pin
from tests.support.servers import Database, SharedKafka, SharedPostgres, scratch
from tests.support.system import Sender, System, run_system
from tocsin.servers.free_port import free_ports
from tocsin.servers.kafka import Broker
from tocsin.servers.kafka_config import single_node
from tocsin.servers.kafka_runtime import install_kafka
from tocsin.servers.kafka_training import train
from tocsin.servers.postgres import Postgres, PostgresSettings
from tocsin_contracts.topics import DEFAULT_PARTITIONS
from tocsin_control.integrations import Terms
from tocsin_control.tenants import DEFAULT_WORKER_RATE_PER_MIN, Tenant

UNLIMITED = 1_000_000_000
"""A burst that no measurement uses up: what is measured is work, not waiting."""
AS_SHIPPED: Mapping[str, Mapping[str, str]] = {
    "ingest": {"TOCSIN_INGEST_TICK_INTERVAL_S": "15"},
    "normalizer": {"TOCSIN_NORMALIZER_CLAIM_WAIT_S_MAX": "1"},
    "grouper": {"TOCSIN_GROUPER_CLAIM_BACKOFF_S": "1"},
    "query": {},
}
"""Tests make some waits shorter; here everything is at its default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Servers:
    """One Kafka and one PostgreSQL, and their processes."""

    broker: Broker
    postgres: Postgres

    @property
    def kafka(self) -> SharedKafka:
        return SharedKafka(bootstrap=self.broker.bootstrap)

    @property
    def database(self) -> SharedPostgres:
        return SharedPostgres(admin_dsn=self.postgres.dsn())

    @property
    def kafka_pid(self) -> int:
        assert self.broker.child is not None
        return self.broker.child.pid

    @property
    def postgres_pid(self) -> int:
        assert self.postgres.child is not None
        return self.postgres.child.pid


@contextmanager
def running_servers() -> Iterator[Servers]:
    """Start both, with directories of their own."""
    runtime = install_kafka()
    train(runtime)
    with scratch() as kafka_home, scratch() as postgres_home:
        port, controller_port, postgres_port = free_ports(3)
        broker = Broker(single_node(kafka_home, port=port, controller_port=controller_port, flush_each_message=False), runtime)
        postgres = Postgres(PostgresSettings(directory=postgres_home, port=postgres_port))
        try:
            broker.spawn()
            postgres.start()
            broker.wait_ready()
            yield Servers(broker=broker, postgres=postgres)
        finally:
            broker.kill()
            postgres.kill()


@contextmanager
def running_system(servers: Servers, *services: str) -> Iterator[System]:
    """Run a system with its topics and a database of its own, and start some services; the rest is up to the caller."""
    with run_system(servers.kafka, servers.database, partitions=DEFAULT_PARTITIONS, settings=AS_SHIPPED, start=False) as system:
        system.launch(*services)
        yield system


async def crowd(system: System, tenants: int = DEFAULT_PARTITIONS) -> list[tuple[Tenant, Sender]]:
    """Make a tenant a partition, each with an Alertmanager that no limit slows down."""
    terms = Terms(rate_limit_per_min=DEFAULT_WORKER_RATE_PER_MIN, burst=UNLIMITED)
    made: list[tuple[Tenant, Sender]] = []
    for _ in range(tenants):
        tenant = await system.tenant(rate_limit_per_min=DEFAULT_WORKER_RATE_PER_MIN, burst=UNLIMITED)
        made.append((tenant, await system.integration(tenant, terms=terms)))
    return made


def make_room(servers: Servers) -> None:
    """Keep the servers off the cores of what is measured."""
    pin(servers.kafka_pid, cores().rest)


async def empty_database(servers: Servers) -> Database:
    """Make a database for a measurement that needs nothing else."""
    return await servers.database.create_database()
