"""Two systems for the whole folder: one that nothing breaks, and one whose every part may be stopped, killed and frozen."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.bodies import sentry_plugin, watchdog
from tests.support.customer import Customer, move_in
from tests.support.freezing import freeze
from tests.support.servers import OwnKafka, OwnPostgres, SharedPostgres, run_broker, run_postgres, scratch
from tests.support.system import System, run_system
from tocsin.local.environment import SERVICES
from tocsin.servers.kafka_runtime import KafkaRuntime
from tocsin_contracts.integration import IntegrationSettings
from tocsin_control.integrations import Terms

LAST = ("test_p10_absence", "test_p10_heartbeats", "test_secrets_stay_secret")
"""Modules that look at what happened while the others ran."""
WINDOW_S = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Fragile:
    """A system with a Kafka and a PostgreSQL that no other test uses."""

    system: System
    kafka: OwnKafka
    postgres: OwnPostgres

    def freeze_kafka(self) -> None:
        """Stop the broker from answering, its connections open: what a machine that hangs looks like."""
        assert self.kafka.broker.child is not None
        freeze(self.kafka.broker.child.pid)

    def thaw_kafka(self) -> None:
        """Let it go on."""
        if self.kafka.broker.child is not None:
            self.kafka.broker.child.send(signal.SIGCONT)

    async def mend(self) -> None:
        """Start again whatever does not run, and wait until all of it works."""
        self.thaw_kafka()
        await self.kafka.start()
        await self.postgres.start()
        self.system.launch(*(name for name in SERVICES if name not in self.system.running()))
        await self.system.ready(*SERVICES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """Customers whose alert fired when the folder's tests began, and never again (P10): a minute is long for one test."""

    customers: dict[str, Customer]
    heartbeats: dict[str, Customer]
    """The like, who expect a sign of life each second; "patient" expects it each month."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the modules of `LAST` behind the folder's others, in that order."""
    places = [place for place, item in enumerate(items) if item.path.parent == Path(__file__).parent]
    ours = [items[place] for place in places]
    ours.sort(key=lambda item: LAST.index(item.path.stem) + 1 if item.path.stem in LAST else 0)
    for place, item in zip(places, ours, strict=True):
        items[place] = item


@pytest.fixture(scope="package")
def shared(kafka_runtime: KafkaRuntime, postgres: SharedPostgres) -> Iterator[System]:
    """The folder's system that nothing breaks; tests are kept apart by tenants."""
    with (
        scratch() as directory,
        run_broker(directory, kafka_runtime) as broker,
        run_system(OwnKafka(broker), postgres) as system,
    ):
        _SILENCES[system] = asyncio.run(_fall_silent(system))
        yield system


_SILENCES: dict[System, Silence] = {}


async def _fall_silent(system: System) -> Silence:
    """Let two alerts fire whose source never resolves; one of them would fire again, and is answered 429."""
    terms = Terms(settings=IntegrationSettings(group_window_s=WINDOW_S))
    silent, refused, *beating = await asyncio.gather(
        move_in(system, "sentry", terms=terms),
        move_in(system, "sentry", terms=terms, limit=(60, 1)),
        _beat(system, "1s"),
        _beat(system, "1s", refused=True),
        _beat(system, "30d"),
    )
    for customer in (silent, refused):
        await customer.settle(sentry_plugin())
    answers = [await refused.send(sentry_plugin(event_id=f"{number:032}")) for number in range(20)]
    assert 429 in {answer.status for answer in answers}
    return Silence(
        customers={"silent": silent, "refused": refused},
        heartbeats=dict(zip(("absent", "refused", "patient"), beating, strict=True)),
    )


async def _beat(system: System, every: str, *, refused: bool = False) -> Customer:
    """Expect a heartbeat and give one sign of life, no more; others are answered 429 for whole ticks, if wanted."""
    customer = await move_in(system, limit=(60, 1) if refused else None)
    beat = {"name": "watchdog", "matchers": 'alertname="Watchdog"', "every": every, "team": "sre"}
    answer = await customer.command("PUT", "/rules", {"document": {"version": 1, "heartbeats": [beat]}}, prefer="wait=20")
    assert answer.status == 200, answer.body
    assert (await customer.settle(watchdog()))["outcome"] == "processed"
    if refused:
        assert 429 in {(await customer.send(watchdog())).status for _ in range(20)}
    return customer


@pytest.fixture
def silence(shared: System) -> Silence:
    """The customers who fell silent when the shared system began."""
    return _SILENCES[shared]


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
