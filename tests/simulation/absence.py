"""P10 in real time: heartbeats every two seconds, and faults of ours that last longer than any may stay away (`make p10`).

Each scenario has a sender who beats all the while, as well as it can; nothing may open. Beside them all stands one heartbeat
that really stayed away: it opens one incident, which no fault resolves and none doubles. The broker's clock is not stepped
here, for that takes a machine of its own; tests/acceptance/test_p10_heartbeats.py does it on the twin.
"""

import argparse
import asyncio
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp

from tests.support.bodies import watchdog
from tests.support.customer import Customer, move_in
from tests.support.instance import eventually
from tests.support.servers import OwnKafka, OwnPostgres, run_broker, run_postgres, scratch
from tests.support.system import System, run_system
from tocsin.servers.kafka_runtime import install_kafka
from tocsin.servers.kafka_training import train
from tocsin_contracts.times import SECOND
from tocsin_grouper.domain.clock import GRACE

EVERY_S = 2
LASTS_S = EVERY_S + GRACE // SECOND + 15
"""Longer than the heartbeat may stay away, the grace with it."""
BEAT_S = 0.5
PATIENCE_S = 5.0
_RULES = {
    "version": 1,
    "heartbeats": [{"name": "watchdog", "matchers": 'alertname="Watchdog"', "every": f"{EVERY_S}s"}],
}


@dataclass(slots=True, kw_only=True)
class Sender:
    """Somebody who beats at one gateway until told to stop, whatever is answered."""

    customer: Customer
    gateway: str
    statuses: dict[int, int] = field(default_factory=dict)
    """Answers by status; 0 for none."""

    async def beat(self) -> int:
        """Beat once; give the status."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                status = (await self.customer.send(watchdog(), gateway=self.gateway)).status
        except (aiohttp.ClientError, TimeoutError, OSError):
            status = 0
        self.statuses[status] = self.statuses.get(status, 0) + 1
        return status

    @asynccontextmanager
    async def beating(self) -> AsyncIterator[None]:
        """Beat in the background."""
        task = asyncio.create_task(self._run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            await self.beat()
            await asyncio.sleep(BEAT_S)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What scenarios break."""

    system: System
    kafka: OwnKafka


Scenario = Callable[[Stage], Awaitable[None]]


async def healthy(stage: Stage) -> None:
    """Nothing breaks, but for those who are answered 429."""
    del stage
    await asyncio.sleep(LASTS_S)


async def gateway_killed(stage: Stage) -> None:
    """Nobody listens."""
    stage.system.kill("ingest")
    await asyncio.sleep(LASTS_S)
    await stage.system.start("ingest")


async def kafka_stopped(stage: Stage) -> None:
    """The gateway answers 503."""
    await stage.kafka.stop()
    await asyncio.sleep(LASTS_S)
    await stage.kafka.start()


async def normalizer_late(stage: Stage) -> None:
    """Beats and ticks are in the log, and nobody reads them."""
    await stage.system.stop("normalizer")
    await asyncio.sleep(LASTS_S)
    await stage.system.start("normalizer")


async def grouper_killed(stage: Stage) -> None:
    """The like, one further."""
    stage.system.kill("grouper")
    await asyncio.sleep(LASTS_S)
    await stage.system.start("grouper")


async def one_of_two_killed(stage: Stage) -> None:
    """The sender knows but the gateway that died; the other ticks on."""
    await stage.system.start("ingest-2")
    stage.system.kill("ingest")
    await asyncio.sleep(LASTS_S)
    await stage.system.start("ingest")
    await stage.system.stop("ingest-2")


async def one_of_two_frozen(stage: Stage) -> None:
    """The like, and it comes back with its memory; it cannot know whom it kept waiting."""
    await stage.system.start("ingest-2")
    stage.system.instance("ingest").send(signal.SIGSTOP)
    await asyncio.sleep(LASTS_S)
    stage.system.instance("ingest").send(signal.SIGCONT)
    await stage.system.ready("ingest")
    await stage.system.stop("ingest-2")


SCENARIOS: Mapping[str, Scenario] = {
    scenario.__name__.replace("_", "-"): scenario
    for scenario in (
        healthy, gateway_killed, kafka_stopped, normalizer_late, grouper_killed, one_of_two_killed, one_of_two_frozen,
    )
}  # fmt: skip


def main() -> int:
    """Parse, run, tell; 0 only if nothing was wrong."""
    parser = argparse.ArgumentParser(prog="make p10")
    parser.add_argument("--only", choices=SCENARIOS, action="append")
    wanted = parser.parse_args().only or list(SCENARIOS)
    runtime = install_kafka()
    train(runtime)
    with (
        scratch() as kafka_home,
        scratch() as postgres_home,
        run_broker(kafka_home, runtime) as broker,
        run_postgres(postgres_home) as server,
    ):
        kafka, postgres = OwnKafka(broker), OwnPostgres(admin_dsn=server.dsn(), server=server)
        with run_system(kafka, postgres) as system:
            wrong = asyncio.run(_run(Stage(system=system, kafka=kafka), wanted))
            if wrong:
                _say(f"services said last:\n{system.tails()}")
    _say(f"scenarios {len(wanted)}, wrong {len(wrong)}")
    return 1 if wrong else 0


async def _run(stage: Stage, wanted: list[str]) -> list[str]:
    wrong: list[str] = []
    absent = await _expecting(stage.system)
    await absent.settle(watchdog())
    for name in wanted:
        began = time.monotonic()
        found = await _play(stage, SCENARIOS[name])
        found += await _absence(absent)
        wrong += [f"{name}: {each}" for each in found]
        _say(f"{name:<18} {time.monotonic() - began:5.0f} s  {'; '.join(found) or 'nothing opened, nothing resolved'}")
    return wrong


async def _play(stage: Stage, scenario: Scenario) -> list[str]:
    """Let one scenario pass; give what is wrong."""
    served = Sender(customer=await _expecting(stage.system), gateway="ingest")
    refused = Sender(customer=await _expecting(stage.system, limit=(1, 1)), gateway="ingest")
    senders = (served, refused)
    for sender in senders:
        await sender.beat()
    async with served.beating(), refused.beating():
        await scenario(stage)
        await _again(served)
        await stage.system.caught_up(within_s=120)
        await asyncio.sleep(3 * EVERY_S)
        await stage.system.caught_up(within_s=120)
        found = [f"{sender.statuses} opened {facts}" for sender in senders if (facts := await sender.customer.facts())]
    _say(f"  beats {dict(sorted(served.statuses.items()))}, of the refused {dict(sorted(refused.statuses.items()))}")
    return found


async def _again(sender: Sender) -> None:
    """Wait until a beat is accepted."""

    async def accepted() -> bool:
        return await sender.beat() == 202

    await eventually(accepted, what="a beat is accepted again")


async def _absence(absent: Customer) -> list[str]:
    """Look at the heartbeat that really stays away: it has one incident, as soon as time enough was ticked."""
    found = [fact.kind for fact in await absent.facts()]
    return [] if found in ([], ["incident-opened"]) else [f"the absent one has {found}"]


async def _expecting(system: System, limit: tuple[int, int] | None = None) -> Customer:
    """Make a tenant who expects a heartbeat."""
    customer = await move_in(system, limit=limit)
    answer = await customer.command("PUT", "/rules", {"document": _RULES}, prefer="wait=20")
    assert answer.status == 200, answer.body
    return customer


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
