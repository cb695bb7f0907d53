"""End to end with everything on this machine: deliveries are posted as fast as they are taken, until all alerts are in tables."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench import gateway, load, process, servers, traffic
from bench.result import Result, told
from tests.support.servers import scratch
from tests.support.system import System

DELIVERIES = 24_000
WARM = 400
CONNECTIONS = 64
COUNTERS_LATE_S = 1.1
"""PostgreSQL tells how many rows it wrote up to a second late."""
_WROTE = (
    "SELECT coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0)::bigint, (pg_current_wal_insert_lsn() - '0/0')::bigint"
    " FROM pg_stat_user_tables WHERE schemaname IN ('proj', 'control')"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Meter:
    """What processes and tables had cost at one moment."""

    at: float
    cpu_s: Mapping[str, float]
    rows: int
    wal_bytes: int


def measure() -> list[Result]:
    """Post the traffic to a running system; nothing is pinned, everybody has every core."""
    with (
        servers.running_servers() as running,
        servers.running_system(running, "ingest", "normalizer", "grouper", "query") as system,
        scratch() as directory,
    ):
        return asyncio.run(_measure(running, system, directory))


async def _measure(running: servers.Servers, system: System, directory: Path) -> list[Result]:
    await system.ready()
    senders = [sender for _, sender in await servers.crowd(system)]
    url = system.instance("ingest").url
    bodies = list(traffic.stream(DELIVERIES + WARM))
    requests = [
        load.request(url, sender.path, sender.signed(body), body)
        for number, body in enumerate(bodies)
        for sender in (senders[number % len(senders)],)
    ]
    warm, whole = directory / "warm.json", directory / "whole.json"
    load.order(warm, url=url, requests=requests[:WARM], connections=4, seconds=None)
    load.order(whole, url=url, requests=requests[WARM:], connections=CONNECTIONS, seconds=None)
    await gateway.put(warm, process.everywhere())
    await system.caught_up()
    before = await _meter(running, system)
    answer = await gateway.put(whole, process.everywhere())
    if answer["accepted"] != DELIVERIES:
        raise RuntimeError(f"the gateway refused some: {answer['statuses']}")
    await system.caught_up(within_s=600)
    after = await _meter(running, system)
    return _results(before, after, answer)


async def _meter(running: servers.Servers, system: System) -> Meter:
    at = time.perf_counter()
    pids = {name: system.instance(name).pid for name in system.running()}
    pids |= {"Kafka": running.kafka_pid, "PostgreSQL": running.postgres_pid}
    cpu = {name: process.cpu_s([pid]) for name, pid in pids.items()}
    async with system.db() as connection:
        await asyncio.sleep(COUNTERS_LATE_S)
        rows, wal = await connection.fetchrow(_WROTE)
    return Meter(at=at, cpu_s=cpu, rows=int(rows), wal_bytes=int(wal))


def _results(before: Meter, after: Meter, answer: Mapping[str, float]) -> list[Result]:
    alerts = DELIVERIES * traffic.ALERTS_PER_DELIVERY
    seconds = after.at - before.at
    results = [
        told("end to end: alerts drained", alerts / seconds, "alerts/s"),
        told("end to end: deliveries accepted meanwhile", answer["rate"], "req/s"),
        told("end to end: rows an alert", (after.rows - before.rows) / alerts, "rows"),
        told("end to end: WAL an alert", (after.wal_bytes - before.wal_bytes) / alerts, "bytes"),
    ]
    results += [
        told(f"end to end: CPU an alert, {name}", (after.cpu_s[name] - before.cpu_s[name]) / alerts * 1e6, "µs")
        for name in after.cpu_s
    ]
    return results
