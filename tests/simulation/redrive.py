"""Poison that fails, a fix, and a redrive that is killed in the middle: each delivery counts once (`make redrive N=10000`).

The poison is JSON that our own format does not know; the fix is a mapping of the integration, as a person would save it. So the
redrive must read today's settings, and bring the bytes of before.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson

from tests.support.customer import Customer, move_in
from tests.support.instance import eventually
from tests.support.servers import OwnKafka, OwnPostgres, run_broker, run_postgres, scratch
from tests.support.system import System, run_system
from tocsin.api import Api, open_api
from tocsin.redriving import Redriven, redrive_all
from tocsin.servers.kafka_runtime import install_kafka
from tocsin.servers.kafka_training import train
from tocsin_contracts.integration import IntegrationSettings
from tocsin_control.bootstrap import Role, as_owner
from tocsin_control.integrations import Terms, change_integration

PLENTY = 10_000_000
STEADY = 60_000
"""A minute, of a whole tenant: a partition has room for so much only as its worker folds; the burst is what counts here."""
AT_ONCE = 32
MAPPING = {"identity": {"path": "disk"}, "title": {"path": "text"}}
_COUNTS = """
SELECT count(*) FILTER (WHERE outcome = 'redriven') AS redriven, count(*) FILTER (WHERE outcome = 'processed') AS processed,
       count(*) FILTER (WHERE outcome = 'failed') AS failed, count(*) FILTER (WHERE outcome = 'duplicate') AS duplicate,
       count(*) AS deliveries
  FROM proj.deliveries WHERE tenant_id = $1
"""
_ALERTS = "SELECT count(*) AS alerts, coalesce(max(event_count), 0) AS most FROM proj.alerts WHERE tenant_id = $1"
_EVENTS = "SELECT count(*) FROM proj.alert_events WHERE tenant_id = $1"
_TWICE = """
SELECT count(*) FROM (
    SELECT redrive_of FROM proj.deliveries WHERE tenant_id = $1 AND outcome = 'processed' GROUP BY 1 HAVING count(*) > 1
) AS more
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What the rows say in the end."""

    redriven: int
    processed: int
    failed: int
    duplicate: int
    alerts: int
    events: int
    most: int
    """Events of the alert that has the most."""
    twice: int
    """Originals that were applied more than once."""
    kills: int
    seconds: float

    def holds(self, count: int) -> bool:
        """Tell whether each of `count` deliveries was applied once."""
        once = (self.redriven, self.processed, self.alerts, self.events, self.most, self.twice)
        return once == (count, count, count, count, 1, 0)


async def poisoned(system: System, count: int) -> Customer:
    """Make a customer whose every delivery fails, and wait until all are folded."""
    terms = Terms(rate_limit_per_min=PLENTY, burst=PLENTY)
    customer = await move_in(system, "generic", terms=terms, limit=(STEADY, PLENTY))
    url = system.instance("ingest").url + customer.sender.path
    bodies = iter([orjson.dumps({"disk": f"sd{number}", "text": "almost full"}) for number in range(count)])

    async def send(session: aiohttp.ClientSession) -> None:
        for body in bodies:
            async with session.post(url, data=body, headers=customer.sender.signed(body)) as answer:
                assert answer.status == 202, await answer.text()

    async with aiohttp.ClientSession() as session:
        await asyncio.gather(*(send(session) for _ in range(AT_ONCE)))
    await system.caught_up()
    return customer


async def mend(customer: Customer) -> None:
    """Save a mapping, and wait until the gateways redrive by it."""
    terms = Terms(settings=IntegrationSettings.model_validate({"mapping": MAPPING}), rate_limit_per_min=PLENTY, burst=PLENTY)
    async with as_owner(customer.system.dsn(Role.OWNER), application="test") as connection:
        changed = await change_integration(connection, customer.sender.id, terms)
    known = customer.sender.id
    await customer.system._known(lambda snapshot: snapshot.directory.integrations[known].version == changed.version)


class KillsOnTheWay:
    """Asks as `tocsin deliveries redrive` does, and kills the gateway while it works."""

    def __init__(self, api: Api, system: System, kills: int) -> None:
        self._api = api
        self._system = system
        self.left = kills
        self.made = 0

    async def post(self, path: str, body: Mapping[str, object] | None = None) -> dict[str, Any]:
        if not self.left:
            return await self._api.post(path, body)
        asking = asyncio.create_task(self._api.post(path, body))
        ends = await self._system.log_ends()

        async def works() -> Any:
            return asking.done() or any(end > ends[place] + 10 for place, end in (await self._system.log_ends()).items())

        await eventually(works, what="redrives reach the log")
        if not asking.done():
            self.left -= 1
            self.made += 1
            self._system.kill("ingest")
            await self._system.start("ingest")
        return await asking


async def redrive(customer: Customer, *, rate: int, kills: int) -> tuple[Redriven, int]:
    """Send everything that failed again; gives what was told, and how often the gateway died."""
    url = customer.system.instance("ingest").url
    async with open_api(url, customer.key) as api:
        asks = KillsOnTheWay(api, customer.system, kills)
        return await redrive_all(asks, {"reason": ["unknown-shape"]}, rate=rate), asks.made


async def look(customer: Customer, kills: int, seconds: float) -> Found:
    """Count what the rows say."""
    await customer.system.caught_up()
    tenant = customer.tenant.id
    async with customer.system.db() as connection:
        counts = await connection.fetchrow(_COUNTS, tenant)
        alerts = await connection.fetchrow(_ALERTS, tenant)
        events = await connection.fetchval(_EVENTS, tenant)
        twice = await connection.fetchval(_TWICE, tenant)
    return Found(
        redriven=counts["redriven"],
        processed=counts["processed"],
        failed=counts["failed"],
        duplicate=counts["duplicate"],
        alerts=alerts["alerts"],
        most=alerts["most"],
        events=events,
        twice=twice,
        kills=kills,
        seconds=seconds,
    )


async def ordeal(system: System, count: int, *, rate: int, kills: int) -> tuple[Customer, Found]:
    """Poison, mend, redrive, look."""
    customer = await poisoned(system, count)
    await mend(customer)
    began = time.monotonic()
    told, made = await redrive(customer, rate=rate, kills=kills)
    seconds = time.monotonic() - began
    assert (told.stopped, told.failed_again) == (None, 0), told
    return customer, await look(customer, made, seconds)


def main() -> int:
    """Run it on servers of its own; 0 only if each was applied once."""
    parser = argparse.ArgumentParser(prog="make redrive")
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--rate", type=int, default=1_000)
    parser.add_argument("--kills", type=int, default=3)
    asked = parser.parse_args()
    runtime = install_kafka()
    train(runtime)
    with (
        scratch() as kafka_home,
        scratch() as postgres_home,
        run_broker(kafka_home, runtime) as broker,
        run_postgres(postgres_home) as server,
        run_system(OwnKafka(broker), OwnPostgres(admin_dsn=server.dsn(), server=server)) as system,
    ):
        _, found = asyncio.run(ordeal(system, asked.count, rate=asked.rate, kills=asked.kills))
    sys.stdout.write(
        f"failed {asked.count}, redriven {found.redriven}, applied once {found.events - found.twice}, twice {found.twice}, "
        f"gateway killed {found.kills} times, {found.seconds:.0f} s\n"
    )
    return 0 if found.holds(asked.count) else 1


if __name__ == "__main__":
    sys.exit(main())
