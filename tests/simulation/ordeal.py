"""A whole system under load, with everything at hand that can be broken; and what must be true again after each blow."""

import asyncio
import random
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.simulation.checker import Checker
from tests.simulation.commanding import Commanding
from tests.simulation.deliveries import SOURCES
from tests.simulation.journal import Journal
from tests.simulation.ledger import Ledger
from tests.simulation.load import Load, Owner
from tests.support.servers import OwnKafka, OwnPostgres
from tests.support.system import System, run_system
from tocsin_control.integrations import Terms

TENANTS = 4
SERVERS = ("kafka", "postgres")
KILLED = ("ingest", "normalizer", "grouper")
GENEROUS = Terms(rate_limit_per_min=60_000, burst=20_000)
SETTINGS = {
    "ingest": {
        "TOCSIN_INGEST_FAILURES_PER_MIN": "100000",
        "TOCSIN_INGEST_FAILURES_BURST": "100000",
        "TOCSIN_INGEST_COMMANDS_PER_MIN": "10000",
        "TOCSIN_INGEST_HEAVY_COMMANDS_PER_MIN": "10000",
        "TOCSIN_INGEST_HEAVY_COMMANDS_BURST": "1000",
    },
    "query": {"TOCSIN_QUERY_STATEMENT_TIMEOUT_S": "30"},
}
"""No limit of ours stands in the load's way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Blow:
    """One kill, and how long it took to be over."""

    victim: str
    recovered_s: float
    """From the kill until everything accepted before and after it was projected."""
    checked_s: float


class Ordeal:
    """Kills one thing at a time, starts it again at once, waits until all is well and checks that it is."""

    def __init__(
        self,
        system: System,
        kafka: OwnKafka,
        postgres: OwnPostgres,
        load: Load,
        commanding: Commanding,
        checker: Checker,
        seed: int,
    ) -> None:
        self.system = system
        self.load = load
        self.commanding = commanding
        self.checker = checker
        self._kafka = kafka
        self._postgres = postgres
        self._draw = random.Random(seed)

    def victim(self) -> str:
        """Draw who is killed next: a service, now and then a server."""
        return self._draw.choice(SERVERS) if self._draw.random() < 0.06 else self._draw.choice(KILLED)

    def refused(self) -> int:
        """Count the answers of 500 and above so far."""
        both = self.load.journal.statuses + self.commanding.ledger.statuses
        return sum(count for status, count in both.items() if status >= 500)

    async def strike(self, *victims: str) -> Blow:
        """Kill `victims` together at a drawn moment under load, start them again at once, wait, check."""
        await self.load.journal.more_acked(self._draw.randint(1, 40))
        began = time.monotonic()
        for victim in victims:
            await self._replace(victim)
        return await self._recover(victims, began)

    async def stop(self, service: str) -> Blow:
        """Send SIGTERM under load; the service must leave in time and cleanly. Start it again, wait, check."""
        await self.load.journal.more_acked(self._draw.randint(1, 40))
        began = time.monotonic()
        ending = await self.system.stop(service)
        if ending.code or ending.seconds > 25:
            self.checker.findings.other.append(f"{service} left with {ending.code} after {ending.seconds:.1f} s of SIGTERM")
        self.system.launch(service)
        return await self._recover((service,), began)

    async def freeze(self, service: str) -> Blow:
        """Freeze a worker for longer than its session while a second one takes over; then let it go on, and check again."""
        await self.load.journal.more_acked(self._draw.randint(1, 40))
        began, other = time.monotonic(), f"{service}-2"
        self.system.instance(service).send(signal.SIGSTOP)
        await self.system.start(other)
        blow = await self._recover((service,), began)
        self.system.instance(service).send(signal.SIGCONT)
        await self.load.journal.more_acked(20)
        await self._settle()
        await self.system.stop(other)
        await self._settle()
        return blow

    async def finish(self) -> None:
        """Stop the load, let the projection hold everything, check everything."""
        await asyncio.gather(self.load.stop(), self.commanding.stop())
        await self._settle()
        await self.checker.close_books()
        await self.checker.check_all()

    async def _recover(self, victims: Sequence[str], began: float) -> Blow:
        if not {"ingest", *SERVERS}.isdisjoint(victims):
            await self.load.journal.more_acked(3)  # it takes deliveries again
        recovered = await self._settle()
        return Blow(victim="+".join(victims), recovered_s=recovered - began, checked_s=time.monotonic() - recovered)

    async def _settle(self) -> float:
        """Wait until all that lies in the log now is projected, then check it; give when it was."""
        ends = await self.system.log_ends()
        self._bury()
        try:
            await self.system.caught_up(ends)
        finally:
            self._bury()
        reached = time.monotonic()
        await self.checker.check(ends)
        return reached

    async def _replace(self, victim: str) -> None:
        match victim:
            case "kafka":
                await self._again(self._kafka.kill, self._kafka.start)
            case "postgres":
                await self._again(self._postgres.kill, self._postgres.start)
            case _:
                self.system.kill(victim)
                self.system.launch(victim)

    async def _again(self, end: Callable[[], Awaitable[None]], start: Callable[[], Awaitable[None]]) -> None:
        await end()
        await start()

    def _bury(self) -> None:
        """Report what ended by itself, and start it again as a supervisor would."""
        for name in ("ingest", "normalizer", "grouper", "query"):
            instance = self.system.instance(name)
            if instance.exit_code is not None:
                self.checker.findings.other.append(f"{name} ended by itself with {instance.exit_code}: {instance.tail()}")
                self.system.launch(name)


@contextmanager
def run_ordeal_system(kafka: OwnKafka, postgres: OwnPostgres) -> Iterator[System]:
    """Run the system that an ordeal needs, not started; call it outside of an event loop."""
    with run_system(kafka, postgres, settings=SETTINGS, start=False) as system:
        yield system


@asynccontextmanager
async def run_ordeal(
    system: System, kafka: OwnKafka, postgres: OwnPostgres, *, seed: int, journal: Path, rate_per_s: float = 80.0
) -> AsyncIterator[Ordeal]:
    """Start a system and the load on it."""
    owners = await _owners(system)
    await system.start()
    books = Journal(journal)
    ledger = Ledger(books)

    def gateways() -> list[str]:
        return [system.instance(name).url for name in system.gateways()]

    load = Load(books, owners, gateways, seed=seed, rate_per_s=rate_per_s)
    commanding = Commanding(ledger, owners, gateways, lambda: system.instance("query").url, seed=seed)
    checker = Checker(system, books, ledger, {owner.tenant: owner for owner in owners})
    load.start()
    commanding.start()
    try:
        yield Ordeal(system, kafka, postgres, load, commanding, checker, seed)
    finally:
        await asyncio.wait_for(asyncio.gather(load.stop(), commanding.stop()), timeout=60)
        books.end()


async def _owners(system: System) -> list[Owner]:
    """Make tenants with their senders; before the gateways start, so nobody waits for them to hear of it."""
    owners = []
    for _ in range(TENANTS):
        tenant = await system.tenant(rate_limit_per_min=60_000, burst=20_000)
        senders = {source: await system.integration(tenant, source, terms=GENEROUS) for source in SOURCES}
        owners.append(Owner(tenant=tenant.id, key=await system.key(tenant), senders=senders))
    return owners
