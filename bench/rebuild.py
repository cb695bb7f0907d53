"""A rebuild against the live path at saturation: the same deliveries, normalized and folded live, then folded anew.

The live path is given the log at once and has the machine to itself, without a gateway; so has the rebuild, in a process of
its own. Memory is judged over the second half, when every cache is warm.
"""

import asyncio
import sys
import time
from dataclasses import dataclass

import uvloop

from bench import images, process, servers, statistics, traffic
from bench.result import Result, at_least, at_most, told
from tests.support.system import Sender, System
from tocsin_contracts.topics import LOG
from tocsin_control.bootstrap import Role
from tocsin_control.tenants import Tenant
from tocsin_grouper.adapters.codec import Connection
from tocsin_grouper.adapters.connecting import open_connection
from tocsin_grouper.rebuild import Rebuild
from tocsin_runtime.kafka_log import KafkaLog
from tocsin_runtime.log import Entry

DELIVERIES = 40_000
GROUPS = 4000
"""Groups come back, so that there are as many alerts at the end as in the middle; twice only, so that none flaps."""
GOAL = 1.5
FLAT_MB = 30.0
"""What memory may grow over the second half: a cache that is not full yet, arenas, noise."""
SAMPLE_S = 0.1
CHUNK = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilt:
    """What a rebuild took: wall seconds of its folding and swapping, CPU, and memory by the moment."""

    seconds: float
    cpu_s: float
    memory: list[tuple[float, float]]


def measure() -> list[Result]:
    """Fill the log, let the live path drain it, then rebuild from the images that it wrote."""
    with servers.running_servers() as running, servers.running_system(running) as system:
        return uvloop.run(_measure(system))


async def _measure(system: System) -> list[Result]:
    await system.start("ingest")
    crowd = await servers.crowd(system)
    await system.stop("ingest")  # no tick while we measure
    await _fill(system, crowd)
    live = await _live(system)
    alone = await _live_alone(system)
    rebuilt = await _rebuild(system)
    return _results(live, alone, rebuilt)


async def _fill(system: System, crowd: list[tuple[Tenant, Sender]]) -> None:
    """Append the traffic as ingest does, a share of it to each tenant's partition."""
    bodies = list(traffic.stream(DELIVERIES, groups=GROUPS))
    writer = KafkaLog(system.kafka).writer(LOG)
    await writer.start()
    try:
        for number, (tenant, sender) in enumerate(crowd):
            share = images.log_entries(bodies[number :: len(crowd)], tenant=tenant.id, integration=sender.id)
            for first in range(0, len(share), CHUNK):
                entries: list[Entry] = share[first : first + CHUNK]
                await writer.write(tenant.partition, entries)
    finally:
        await writer.close()


async def _live(system: System) -> float:
    """Let normalizer and grouper drain the log; give seconds from the first delivery folded to the last."""
    system.launch("normalizer", "grouper")
    seconds = await _drained(system)
    await system.stop("normalizer")
    await system.stop("grouper")
    return seconds


async def _live_alone(system: System) -> float:
    """Let the grouper alone drain the images that are there, into an empty projection."""
    async with system.db() as connection:
        await connection.execute("DROP SCHEMA proj CASCADE; DELETE FROM control.projection; DELETE FROM control.progress")
    system.launch("grouper")
    seconds = await _drained(system)
    await system.stop("grouper")
    return seconds


async def _drained(system: System) -> float:
    began: float | None = None
    there = 0
    async with asyncio.timeout(600):
        while True:
            done = sum((await system.progress()).values())
            if began is None and done:
                began, there = time.perf_counter(), done
            if began is not None and done >= DELIVERIES:
                return (time.perf_counter() - began) * DELIVERIES / max(1, DELIVERIES - there)
            await asyncio.sleep(SAMPLE_S / 4)


async def _rebuild(system: System) -> Rebuilt:
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.rebuild", system.kafka, system.dsn(Role.GROUPER), stdout=asyncio.subprocess.PIPE
    )
    ended = asyncio.ensure_future(child.communicate())
    memory: list[tuple[float, float]] = []
    while not ended.done():
        memory.append((time.perf_counter(), process.rss_mb(child.pid)))
        await asyncio.wait({ended}, timeout=SAMPLE_S)
    out, _ = await ended
    if child.returncode:
        raise RuntimeError(f"the rebuild ended with {child.returncode}")
    records, seconds, cpu = out.split()
    if int(records) < DELIVERIES:  # the gateway's first ticks are in the log too
        raise RuntimeError(f"{records!r} records rebuilt of {DELIVERIES}")
    return Rebuilt(seconds=float(seconds), cpu_s=float(cpu), memory=memory)


def _results(live: float, alone: float, rebuilt: Rebuilt) -> list[Result]:
    alerts = DELIVERIES * traffic.ALERTS_PER_DELIVERY
    second_half = rebuilt.memory[len(rebuilt.memory) // 2 :]
    grown = statistics.slope(second_half) * (second_half[-1][0] - second_half[0][0])
    return [
        at_least(GOAL, "rebuild against the live path", alerts / rebuilt.seconds, "alerts/s", floor=alerts / live),
        told("rebuild against the grouper alone", alerts / rebuilt.seconds, "alerts/s", floor=alerts / alone),
        told("rebuild: CPU an alert", rebuilt.cpu_s / alerts * 1e6, "µs"),
        told("rebuild: most memory", max(mb for _, mb in rebuilt.memory), "MB"),
        at_most(FLAT_MB, "rebuild: memory grown in its second half", grown, "MB"),
    ]


async def _run(kafka: str, dsn: str) -> None:
    """Rebuild, as the command does, and say how many records, seconds and CPU seconds."""

    async def connect() -> Connection:
        return await open_connection(dsn)

    began = time.perf_counter()
    records = await Rebuild(KafkaLog(kafka), connect).run()
    print(records, time.perf_counter() - began, time.process_time())


if __name__ == "__main__":
    uvloop.run(_run(sys.argv[1], sys.argv[2]))
