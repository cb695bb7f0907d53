"""From POST to visible: 100 deliveries a second, each a new incident; when does a list of incidents show it?

One clock for both: the delivery's is the moment before its first byte is written, the incident's the moment when the answer
that shows it was read. Pages are asked for by several readers in turns, back to back, so that reading adds little. A page
shows the last half second; one that no page showed counts as never seen, so a machine too busy to read gives no good figures.
"""

import asyncio
import itertools
import math
import time
from dataclasses import dataclass, field

import aiohttp
import orjson
import uvloop

from bench import servers, statistics, traffic
from bench.result import Result, at_most, told
from tests.support.system import Sender, System
from tocsin_control.principal import Scope

PER_SECOND = 100
SECONDS = 20
WARM_S = 4
READERS = 2
GIVE_UP_S = 30.0
GOAL_P50_MS, GOAL_P99_MS = 30.0, 100.0


@dataclass(slots=True)
class Watch:
    """When each incident was posted, answered and seen, by its title's number."""

    posted: dict[int, float] = field(default_factory=dict)
    answered: dict[int, float] = field(default_factory=dict)
    seen: dict[int, float] = field(default_factory=dict)
    reads_s: list[float] = field(default_factory=list)
    ended: bool = False

    def look(self, answer: bytes, at: float) -> None:
        """Note what a page shows."""
        for item in orjson.loads(answer)["items"]:
            self.seen.setdefault(int(item["title"].rpartition(" ")[2]), at)

    @property
    def complete(self) -> bool:
        """Whether the last one was seen."""
        return self.ended and max(self.posted) in self.seen


def measure() -> list[Result]:
    """Run everything at its defaults, unpinned, at a rate far below what it can do."""
    with (
        servers.running_servers() as running,
        servers.running_system(running, "ingest", "normalizer", "grouper", "query") as system,
    ):
        return uvloop.run(_measure(system))


async def _measure(system: System) -> list[Result]:
    await system.ready()
    tenant, sender = (await servers.crowd(system))[0]
    key = await system.key(tenant, Scope.INCIDENTS_READ)
    watch = Watch()
    async with aiohttp.ClientSession() as session, asyncio.timeout(SECONDS + WARM_S + GIVE_UP_S), asyncio.TaskGroup() as tasks:
        for _ in range(READERS):
            tasks.create_task(_read(session, system, key, watch))
        await _post_all(session, system, sender, watch)
    return _results(watch)


async def _read(session: aiohttp.ClientSession, system: System, key: str, watch: Watch) -> None:
    url = system.instance("query").url + "/api/v1/incidents?limit=50"
    headers = {"Authorization": f"Bearer {key}"}
    while not watch.complete:
        began = time.perf_counter()
        async with session.get(url, headers=headers) as answer:
            body = await answer.read()
        ended = time.perf_counter()
        if answer.status != 200:
            raise RuntimeError(f"GET /incidents: {answer.status}")
        watch.reads_s.append(ended - began)
        watch.look(body, ended)


async def _post_all(session: aiohttp.ClientSession, system: System, sender: Sender, watch: Watch) -> None:
    """Post at a steady pace, whether or not the answers come."""
    url = system.instance("ingest").url + sender.path
    begin = time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        for number in itertools.count():
            due = begin + number / PER_SECOND
            if due - begin >= SECONDS + WARM_S:
                break
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            tasks.create_task(_post(session, url, sender, number, watch))
    watch.ended = True


async def _post(session: aiohttp.ClientSession, url: str, sender: Sender, number: int, watch: Watch) -> None:
    body = traffic.body(number, 0).replace(b"burns its error budget", b"burns its error budget, case %d" % number)
    headers = sender.signed(body)
    watch.posted[number] = time.perf_counter()
    async with session.post(url, data=body, headers=headers) as answer:
        await answer.read()
    if answer.status != 202:
        raise RuntimeError(f"POST: {answer.status}")
    watch.answered[number] = time.perf_counter()


def _results(watch: Watch) -> list[Result]:
    counted = [number for number in watch.posted if number >= WARM_S * PER_SECOND]
    whole = [(watch.seen.get(number, math.inf) - watch.posted[number]) * 1e3 for number in counted]
    accepted = [(watch.answered[number] - watch.posted[number]) * 1e3 for number in counted]
    reads = [seconds * 1e3 for seconds in watch.reads_s]
    return [
        at_most(GOAL_P50_MS, "POST to visible at 100/s: p50", statistics.percentile(whole, 0.5), "ms"),
        at_most(GOAL_P99_MS, "POST to visible at 100/s: p99", statistics.percentile(whole, 0.99), "ms"),
        told("POST to visible at 100/s: of it until 202, p50", statistics.percentile(accepted, 0.5), "ms"),
        told("POST to visible at 100/s: of it until 202, p99", statistics.percentile(accepted, 0.99), "ms"),
        told("POST to visible at 100/s: never on a page", float(whole.count(math.inf)), "incidents"),
        told("POST to visible at 100/s: one read, p50", statistics.percentile(reads, 0.5), "ms"),
    ]
