"""The whole system as real processes: ingest, normalizer, grouper and query on a Kafka and a PostgreSQL of your choice.

- `system`: a module's own system on a Kafka of its own and a fresh database; for suites that break nothing.
- `run_system(kafka, postgres)`: a context manager, for suites that kill.

A process dies with the test run; what it said last is shown with a failed test.
"""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Collection, Generator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import orjson
import pytest
from pydantic import SecretStr

from tests.support.instance import Ending, Instance, eventually
from tests.support.migrated import PASSWORDS, prepare
from tests.support.progress import progress_of, until_reached
from tests.support.servers import Database, OwnKafka, SharedKafka, SharedPostgres, scratch
from tocsin.local.bootstrap import prepare_topics
from tocsin.local.environment import SERVICES, Surroundings, service_environment
from tocsin.local.ports import Ports
from tocsin.servers.free_port import free_ports
from tocsin_contracts.routes import owner
from tocsin_contracts.topics import LOG
from tocsin_control.bootstrap import Role, as_owner
from tocsin_control.errors import SnapshotUnfit
from tocsin_control.integrations import DEFAULT_TERMS, Terms, create_integration
from tocsin_control.keys import create_key
from tocsin_control.master_key import create_master_key
from tocsin_control.master_key_file import MasterKeyFile
from tocsin_control.principal import Scope
from tocsin_control.snapshot import read_snapshot
from tocsin_control.tenants import (
    DEFAULT_BURST,
    DEFAULT_RATE_PER_MIN,
    Tenant,
    create_tenant,
    record_partitions,
    record_worker_rate,
)
from tocsin_grouper.adapters.codec import Connection as GrouperConnection
from tocsin_grouper.adapters.connecting import open_connection
from tocsin_grouper.rebuild import Compared, Rebuild
from tocsin_runtime.clock import SystemClock
from tocsin_runtime.kafka_log import KafkaLog
from tocsin_sources import samples

ANSWER_S = 30.0
ROOMY_PER_MIN = 30_000_000
"""What a worker is said to fold: many tests share a system, and each makes tenants."""
TAIL_LINES = 15
QUICK: Mapping[str, Mapping[str, str]] = {
    "ingest": {
        "TOCSIN_INGEST_TICK_INTERVAL_S": "1",
        "TOCSIN_INGEST_CONTROL_POLL_S": "0.1",
        "TOCSIN_INGEST_ERASE_POLL_S": "0.2",
        "TOCSIN_INGEST_ERASE_WAIT_S": "3",
    },
    "normalizer": {
        "TOCSIN_NORMALIZER_CLAIM_WAIT_S_MAX": "0.1",
        "TOCSIN_NORMALIZER_RETRY_S_MAX": "0.5",
        "TOCSIN_NORMALIZER_SESSION_S": "1.5",
    },
    "grouper": {
        "TOCSIN_GROUPER_CLAIM_BACKOFF_S": "0.1",
        "TOCSIN_GROUPER_SESSION_S": "1.5",
        "TOCSIN_GROUPER_TRANSACTION_IDLE_S": "3",
    },
    "query": {},
}
"""Settings with which tests wait less; every other one has its default."""
_RUNNING: list["System"] = []


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One HTTP answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return orjson.loads(self.body)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """An integration with its secret: what somebody who sends needs."""

    id: str
    tenant: str
    source: str
    path: str
    secret: SecretStr = field(repr=False)

    def signed(self, body: bytes, headers: Mapping[str, str] | None = None) -> dict[str, str]:
        """Give the headers of a delivery, credentials included."""
        signature = samples.sign(self.source, body, self.secret.get_secret_value().encode())
        return {"content-type": "application/json", **(headers or {}), **signature}


class System:
    """Services by name: `ingest`, `normalizer`, `grouper`, `query`; a further one is `grouper-2`, `ingest-2` and so on.

    Every method may be called from any event loop.
    """

    def __init__(
        self,
        *,
        kafka: str,
        database: Database,
        directory: Path,
        partitions: int = 2,
        settings: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        """Describe a system; `settings` are environments by service, over `QUICK`."""
        self.kafka = kafka
        self.database = database
        self.partitions = partitions
        self._directory = directory
        self._settings = {name: {**QUICK[name], **(settings or {}).get(name, {})} for name in SERVICES}
        self._key_file = directory / "master.key"
        create_master_key(self._key_file)
        self._master_key = MasterKeyFile(self._key_file)
        self._instances: dict[str, Instance] = {}
        self._numbers = itertools.count(1)

    # The processes

    async def prepare(self) -> None:
        """Make roles, `control` and topics."""
        await prepare(self.database)
        await prepare_topics(self.kafka, self.partitions)
        async with as_owner(self.dsn(Role.OWNER), application="test") as connection:
            await record_partitions(connection, self.partitions)
            await record_worker_rate(connection, ROOMY_PER_MIN)

    def instance(self, name: str) -> Instance:
        """Give a service's process; made, not started, when first named."""
        if name not in self._instances:
            service = name.split("-", 1)[0]
            (port,) = free_ports(1)
            log = self._directory / "logs" / f"{name}.log"
            environment = service_environment(service, self._surroundings(service, name, port)) | self._settings[service]
            self._instances[name] = Instance(name, f"tocsin_{service}", port, environment, log)
        return self._instances[name]

    def launch(self, *names: str) -> None:
        """Start processes and return before they are ready."""
        for name in names:
            self.instance(name).start()

    async def start(self, *names: str) -> None:
        """Start services, all four by default, and wait until they are ready."""
        self.launch(*(names or SERVICES))
        await self.ready(*(names or SERVICES))

    async def ready(self, *names: str) -> None:
        """Wait until services are ready, all that run by default."""
        for name in names or self.running():
            await self.instance(name).ready()

    def running(self) -> tuple[str, ...]:
        """Name what runs."""
        return tuple(name for name, instance in self._instances.items() if instance.running)

    def gateways(self) -> tuple[str, ...]:
        """Name every gateway that was ever started, running or not."""
        return tuple(name for name in self._instances if name.startswith("ingest"))

    async def stop(self, name: str) -> Ending:
        """Send SIGTERM, wait, and tell the exit code and the seconds it took."""
        return await self.instance(name).stop()

    def kill(self, name: str) -> None:
        """Kill -9."""
        self.instance(name).kill()

    def kill_all(self) -> None:
        """End every process at once."""
        for instance in self._instances.values():
            instance.kill()

    # Who sends and asks

    async def tenant(
        self, name: str | None = None, *, rate_limit_per_min: int = DEFAULT_RATE_PER_MIN, burst: int = DEFAULT_BURST
    ) -> Tenant:
        """Make a tenant; its partition is the one with the fewest."""
        async with as_owner(self.dsn(Role.OWNER), application="test") as connection:
            return await create_tenant(
                connection,
                name=name or f"tenant {next(self._numbers)}",
                rate_limit_per_min=rate_limit_per_min,
                burst=burst,
            )

    async def integration(
        self, tenant: Tenant, source: str = "alertmanager", *, name: str | None = None, terms: Terms = DEFAULT_TERMS
    ) -> Sender:
        """Make an integration and wait until every gateway that runs knows it."""
        async with as_owner(self.dsn(Role.OWNER), application="test") as connection:
            made = await create_integration(
                connection,
                self._master_key,
                tenant=tenant.id,
                source=source,
                name=name or f"{source} {next(self._numbers)}",
                terms=terms,
            )
        integration = made.integration
        await self._known(lambda snapshot: integration.id in snapshot.directory.integrations)
        return Sender(id=integration.id, tenant=tenant.id, source=source, path=integration.path, secret=made.secret)

    async def key(self, tenant: Tenant, *scopes: Scope) -> str:
        """Make an API key (of every scope by default) and wait until every gateway that runs knows it."""
        async with as_owner(self.dsn(Role.OWNER), application="test") as connection:
            wanted: Collection[Scope] = scopes or (Scope.ADMIN,)
            made = await create_key(connection, tenant=tenant.id, actor_name="test", actor_kind="person", scopes=wanted)
        await self._known(lambda snapshot: made.key.id in snapshot.directory.keys)
        return made.text.get_secret_value()

    # HTTP

    async def post(
        self, sender: Sender, body: bytes, headers: Mapping[str, str] | None = None, *, gateway: str = "ingest"
    ) -> Answer:
        """Deliver `body` as its sender would, signed."""
        return await self.request("POST", sender.path, headers=sender.signed(body, headers), body=body, service=gateway)

    async def get(self, path: str, key: str | None = None, *, service: str | None = None, **query: str) -> Answer:
        """Read a path, from the service that owns it."""
        return await self.request("GET", path, key=key, query=query, service=service)

    async def request(
        self,
        method: str,
        path: str,
        *,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        query: Mapping[str, str] | None = None,
        service: str | None = None,
    ) -> Answer:
        """Ask the service that owns the path, or the one named; an API key goes as a bearer."""
        url = self.instance(service or self._owner(method, path)).url + path
        credentials = {} if key is None else {"authorization": f"Bearer {key}"}
        sent = {**credentials, **(headers or {})}
        timeout = aiohttp.ClientTimeout(total=ANSWER_S)
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.request(method, url, headers=sent, data=body, params=query or {}) as answer,
        ):
            return Answer(status=answer.status, headers=dict(answer.headers), body=await answer.read())

    async def outcome(self, key: str, delivery_id: str, *, within_s: float = ANSWER_S) -> Any:
        """Wait until a delivery is no longer pending, and give what `GET /deliveries/{id}` says."""

        async def decided() -> Any:
            answer = await self.get(f"/api/v1/deliveries/{delivery_id}", key)
            shown = answer.json() if answer.status == 200 else None
            return shown if shown is not None and shown["outcome"] != "pending" else None

        return await eventually(decided, what=f"delivery {delivery_id} has an outcome", within_s=within_s)

    # What is underneath

    def dsn(self, role: Role) -> str:
        """Give the DSN of a role."""
        return self.database.dsn_as(role, PASSWORDS[role])

    @asynccontextmanager
    async def db(self) -> AsyncIterator[Any]:
        """Connect as superuser: an asyncpg connection."""
        connection = await asyncpg.connect(self.database.dsn)
        try:
            yield connection
        finally:
            await connection.close()

    async def log_ends(self) -> dict[int, int]:
        """Give the end of every partition of `tocsin.log`."""
        reader = KafkaLog(self.kafka).reader()
        await reader.start()
        try:
            return {number: (await reader.bounds(LOG, number)).next for number in range(self.partitions)}
        finally:
            await reader.close()

    async def progress(self) -> dict[int, int]:
        """Give how far the projection is in every partition of `tocsin.log`."""
        async with self.db() as connection:
            return await progress_of(connection)

    async def caught_up(self, ends: Mapping[int, int] | None = None, *, within_s: float = 60.0) -> None:
        """Wait until the projection holds everything that the log holds now, or everything before `ends`."""
        wanted = await self.log_ends() if ends is None else ends
        await until_reached(self.database.dsn, wanted, within_s=within_s)

    async def verify(self) -> list[Compared]:
        """Fold everything anew beside the live projection and compare every table (P5)."""
        return await self._rebuild().verify()

    async def rebuild(self) -> int:
        """Make the projection anew and swap it in."""
        return await self._rebuild().run()

    def tails(self, lines: int = TAIL_LINES) -> str:
        """Give the last lines of every service's log."""
        return "\n".join(f"{name}: {instance.tail(lines)}" for name, instance in self._instances.items())

    def _rebuild(self) -> Rebuild:
        async def connect() -> GrouperConnection:
            return await open_connection(self.dsn(Role.GROUPER))

        return Rebuild(KafkaLog(self.kafka), connect)

    def _owner(self, method: str, path: str) -> str:
        found = owner(method, path)
        assert found is not None, f"{path} is not public: name the service"
        return found.value

    def _surroundings(self, service: str, name: str, port: int) -> Surroundings:
        nowhere = Ports(public=0, ingest=0, normalizer=0, grouper=0, query=0, kafka=0, kafka_controller=0, postgres=0)
        return Surroundings(
            kafka=self.kafka,
            dsns={role: self.dsn(role) for role in Role},
            master_key_file=self._key_file,
            snapshot=self._snapshot(name),
            ports=replace(nowhere, **{service: port}),
        )

    def _snapshot(self, gateway: str) -> Path:
        return self._directory / f"{gateway}.snapshot"

    async def _known(self, knows: Callable[[Any], bool]) -> None:
        """Wait until the snapshot of each gateway that runs shows something: it is written behind what is in force."""

        async def known() -> bool:
            try:
                return all(
                    knows(read_snapshot(self._snapshot(name), self._master_key, SystemClock()))
                    for name in self.gateways()
                    if self.instance(name).running
                )
            except SnapshotUnfit:
                return False

        await eventually(known, what="the gateways know what was created")


@contextmanager
def run_system(
    kafka: OwnKafka | SharedKafka,
    postgres: SharedPostgres,
    *,
    partitions: int = 2,
    settings: Mapping[str, Mapping[str, str]] | None = None,
    start: bool = True,
) -> Iterator[System]:
    """Run a system on a Kafka that has no topics of ours, with a database of its own; call it outside of an event loop."""
    with scratch() as directory:
        database = asyncio.run(postgres.create_database())
        system = System(kafka=kafka.bootstrap, database=database, directory=directory, partitions=partitions, settings=settings)
        _RUNNING.append(system)
        try:
            asyncio.run(_begin(system, start=start))
            yield system
        finally:
            system.kill_all()
            _RUNNING.remove(system)


async def _begin(system: System, *, start: bool) -> None:
    await system.prepare()
    if start:
        await system.start()


@pytest.fixture(scope="module")
def system(own_kafka: OwnKafka, postgres: SharedPostgres) -> Iterator[System]:
    """A module's own system; it is for suites that break nothing."""
    with run_system(own_kafka, postgres) as running:
        yield running


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show with a failed test what the services said last."""
    report = yield
    if report.failed:
        report.sections += [("last lines of the services", system.tails()) for system in _RUNNING]
    return report
