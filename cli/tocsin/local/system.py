"""One whole Tocsin on this machine: what it is made of, and how to reach it."""

import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass

from tocsin.local.bootstrap import DATABASE, database_of
from tocsin.local.environment import HOST, SERVICES, Surroundings, forwarder_environment, service_environment
from tocsin.local.home import Home, find_home
from tocsin.local.ports import Ports, read_ports
from tocsin.local.roles import role_dsns, role_passwords
from tocsin.local.unit import Unit, forwarder_answers, python_unit
from tocsin.servers.jars import Progress
from tocsin.servers.kafka import Broker
from tocsin.servers.kafka_config import single_node
from tocsin.servers.kafka_runtime import install_kafka
from tocsin.servers.kafka_training import train
from tocsin.servers.postgres import Postgres, PostgresSettings
from tocsin_control.bootstrap import Role
from tocsin_runtime.errors import Fatal

SERVER_STOP_S = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """Addresses and secrets of a Tocsin that `up` runs; hand it to whoever works with it."""

    home: Home
    ports: Ports
    kafka: str
    admin_dsn: str
    database: str
    passwords: Mapping[str, str]

    @property
    def public_url(self) -> str:
        """Give the one public address, without a trailing slash."""
        return public_url(self.ports)

    @property
    def dsns(self) -> Mapping[Role, str]:
        """Give the DSN of each role."""
        return role_dsns(self.admin_dsn, self.database, self.passwords)

    @property
    def owner_dsn(self) -> str:
        """Give the DSN with which the CLI changes `control`."""
        return self.dsns[Role.OWNER]

    @property
    def surroundings(self) -> Surroundings:
        """Give what the services are told."""
        return Surroundings(
            kafka=self.kafka,
            dsns=self.dsns,
            master_key_file=self.home.master_key,
            snapshot=self.home.snapshot,
            ports=self.ports,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Servers:
    """Our own Kafka and PostgreSQL; none with `--external`."""

    kafka: Broker
    postgres: Postgres

    def units(self) -> tuple[Unit, Unit]:
        """Give the units in the order of their stop: Kafka, then PostgreSQL."""
        return (_kafka_unit(self.kafka), _postgres_unit(self.postgres))

    def prepare(self) -> None:
        """Do what comes before the first start of each: format, initialise, end leftovers."""
        self.postgres.prepare()
        self.kafka.prepare()


def public_url(ports: Ports) -> str:
    """Give the public address of `ports`."""
    return f"http://{HOST}:{ports.public}"


def own_servers(home: Home, ports: Ports, progress: Progress) -> Servers:
    """Download, verify and prepare our own servers; nothing runs afterwards."""
    runtime = install_kafka(progress)
    train(runtime, progress)
    kafka = single_node(home.kafka, port=ports.kafka, controller_port=ports.kafka_controller)
    postgres = PostgresSettings(directory=home.postgres, port=ports.postgres)
    return Servers(kafka=Broker(kafka, runtime), postgres=Postgres(postgres))


def own_system(home: Home, ports: Ports, servers: Servers) -> System:
    """Describe the system on our own servers, after their `prepare`."""
    return System(
        home=home,
        ports=ports,
        kafka=servers.kafka.bootstrap,
        admin_dsn=servers.postgres.dsn(),
        database=DATABASE,
        passwords=role_passwords(home),
    )


def external_system(home: Home, ports: Ports) -> System:
    """Describe the system on servers that the environment names.

    Raises:
        Fatal: `TOCSIN_KAFKA` or `TOCSIN_ADMIN_POSTGRES` is missing.
    """
    kafka, admin = os.environ.get("TOCSIN_KAFKA"), os.environ.get("TOCSIN_ADMIN_POSTGRES")
    if not kafka or not admin:
        raise Fatal(
            "--external needs TOCSIN_KAFKA (host:port,…) and TOCSIN_ADMIN_POSTGRES (the DSN of a superuser, or of "
            "the database's owner with CREATEROLE); roles and tables are made there"
        )
    return System(
        home=home,
        ports=ports,
        kafka=kafka,
        admin_dsn=admin,
        database=database_of(admin),
        passwords=role_passwords(home),
    )


def find_system() -> System:
    """Describe the system that was set up here, running or not; for commands that work beside `up`.

    With `TOCSIN_KAFKA` and `TOCSIN_ADMIN_POSTGRES` in the environment it is the external one.

    Raises:
        Fatal: nothing was set up here yet.
    """
    home = find_home()
    ports = read_ports(home)
    if ports is None or not home.roles.exists():
        raise Fatal(f"no Tocsin was set up in {home.root}. Start one: tocsin up (or name its directory: TOCSIN_HOME)")
    if os.environ.get("TOCSIN_KAFKA") and os.environ.get("TOCSIN_ADMIN_POSTGRES"):
        return external_system(home, ports)
    postgres = Postgres(PostgresSettings(directory=home.postgres, port=ports.postgres))
    return System(
        home=home,
        ports=ports,
        kafka=f"{HOST}:{ports.kafka}",
        admin_dsn=postgres.dsn(),
        database=DATABASE,
        passwords=role_passwords(home),
    )


def service_units(system: System) -> tuple[Unit, ...]:
    """Give the units of the services."""
    around = system.surroundings
    return tuple(
        python_unit(
            name,
            f"tocsin_{name}",
            environment=service_environment(name, around),
            logs=system.home.logs,
            port=getattr(system.ports, name),
        )
        for name in SERVICES
    )


def forwarder_unit(system: System) -> Unit:
    """Give the unit of the public address."""
    port = system.ports.public

    async def probe() -> bool:
        return await forwarder_answers(port)

    environment = forwarder_environment(system.ports)
    return python_unit(
        "forwarder",
        "tocsin.local.forwarder",
        environment=environment,
        logs=system.home.logs,
        port=port,
        probe=probe,
    )


def _kafka_unit(broker: Broker) -> Unit:
    async def probe() -> bool:
        return broker.serves()

    return Unit(name="kafka", spawn=broker.spawn, probe=probe, log=broker.log, stop_timeout_s=SERVER_STOP_S)


def _postgres_unit(postgres: Postgres) -> Unit:
    async def probe() -> bool:
        return postgres.serves()

    return Unit(
        name="postgres",
        spawn=postgres.spawn,
        probe=probe,
        log=postgres.log,
        stop_signal=signal.SIGINT,
        stop_timeout_s=SERVER_STOP_S,
    )
