"""Two systems for the whole folder: one that nothing breaks, and one whose every part may be stopped, killed and frozen."""

import signal
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import pytest

from tests.support.servers import OwnKafka, OwnPostgres, SharedPostgres, run_broker, run_postgres, scratch
from tests.support.system import System, run_system
from tocsin.local.environment import SERVICES
from tocsin.servers.kafka_runtime import KafkaRuntime


@dataclass(frozen=True, slots=True, kw_only=True)
class Fragile:
    """A system with a Kafka and a PostgreSQL that no other test uses."""

    system: System
    kafka: OwnKafka
    postgres: OwnPostgres

    def freeze_kafka(self) -> None:
        """Stop the broker from answering, its connections open: what a machine that hangs looks like."""
        self._signal_kafka(signal.SIGSTOP)

    def thaw_kafka(self) -> None:
        """Let it go on."""
        self._signal_kafka(signal.SIGCONT)

    async def mend(self) -> None:
        """Start again whatever does not run, and wait until all of it works."""
        self.thaw_kafka()
        await self.kafka.start()
        await self.postgres.start()
        self.system.launch(*(name for name in SERVICES if name not in self.system.running()))
        await self.system.ready(*SERVICES)

    def _signal_kafka(self, number: signal.Signals) -> None:
        if self.kafka.broker.child is not None:
            self.kafka.broker.child.send(number)


@pytest.fixture(scope="package")
def shared(kafka_runtime: KafkaRuntime, postgres: SharedPostgres) -> Iterator[System]:
    """The folder's system that nothing breaks; tests are kept apart by tenants."""
    with (
        scratch() as directory,
        run_broker(directory, kafka_runtime) as broker,
        run_system(OwnKafka(broker), postgres) as system,
    ):
        yield system


@pytest.fixture(scope="package")
def breakable(kafka_runtime: KafkaRuntime) -> Iterator[Fragile]:
    """The folder's system whose parts may be broken; tests take it as `fragile`, which is whole at their start."""
    with (
        scratch() as kafka_directory,
        scratch() as postgres_directory,
        run_broker(kafka_directory, kafka_runtime) as broker,
        run_postgres(postgres_directory) as server,
    ):
        kafka, postgres = OwnKafka(broker), OwnPostgres(admin_dsn=server.dsn(), server=server)
        with run_system(kafka, postgres) as system:
            yield Fragile(system=system, kafka=kafka, postgres=postgres)


@pytest.fixture
async def fragile(breakable: Fragile) -> AsyncIterator[Fragile]:
    """The breakable system, whole; mended behind each test, whatever became of it."""
    yield breakable
    await breakable.mend()
