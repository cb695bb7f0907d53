"""The gateway against a bare aiohttp handler: real ingest, real Kafka with acks=all, 2 kB bodies, 512 and 64 connections."""

import asyncio
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from bench import load, process, servers, statistics, traffic
from bench.result import Result, at_least, at_most, told
from tests.support.instance import eventually
from tests.support.servers import scratch
from tests.support.system import Sender, System
from tocsin.servers.child import Child, Command
from tocsin.servers.free_port import free_ports

ROUNDS = 3
SECONDS = 3.0
WARM_S = 0.5
BODIES = 300
FLOORS = ("application", "server")
GOALS = {512: 0.70, 64: 0.50}
ADDED_CPU_US = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Something that answers."""

    name: str
    url: str
    pid: int


@dataclass(slots=True)
class Measured:
    """What the rounds gave for one target at one number of connections."""

    rates: list[float] = field(default_factory=list)
    cpu_us: list[float] = field(default_factory=list)
    p50_ms: list[float] = field(default_factory=list)
    p99_ms: list[float] = field(default_factory=list)
    client_busy: list[float] = field(default_factory=list)


def measure() -> list[Result]:
    """Measure floor and gateway in turns, each alone on its core."""
    with servers.running_servers() as running, servers.running_system(running, "ingest") as system, scratch() as directory:
        servers.make_room(running)
        bare = _start_floors(directory)
        try:
            return asyncio.run(_measure(system, bare, directory))
        finally:
            for child, _ in bare.values():
                child.kill()


def _start_floors(directory: Path) -> dict[str, tuple[Child, str]]:
    ports = free_ports(len(FLOORS))
    started: dict[str, tuple[Child, str]] = {}
    for kind, port in zip(FLOORS, ports, strict=True):
        argv = (sys.executable, "-m", "bench.bare", str(port), kind)
        command = Command(name=kind, argv=argv, log=directory / f"{kind}.log", environment=process.environment())
        started[kind] = Child(command), f"http://127.0.0.1:{port}"
    return started


async def _measure(system: System, bare: Mapping[str, tuple[Child, str]], directory: Path) -> list[Result]:
    await system.ready("ingest")
    senders = [sender for _, sender in await servers.crowd(system)]
    ingest = system.instance("ingest")
    targets = [Target(name=kind, url=url, pid=child.pid) for kind, (child, url) in bare.items()]
    targets.append(Target(name="gateway", url=ingest.url, pid=ingest.pid))
    for target in targets:
        process.pin(target.pid, process.cores().server)
        await eventually(lambda target=target: _answers(target), what=f"{target.name} listens")  # type: ignore[misc] # a lambda's default has no type
    results: list[Result] = []
    for connections, goal in GOALS.items():
        orders = {target.name: directory / f"{target.name}-{connections}.json" for target in targets}
        for target in targets:
            _order(orders[target.name], target, senders, connections)
        measured = {target.name: Measured() for target in targets}
        for _ in range(ROUNDS):
            for target in targets:
                await _round(target, orders[target.name], measured[target.name])
        results += _results(connections, goal, measured)
    return results


async def _answers(target: Target) -> bool:
    host, port = target.url.removeprefix("http://").split(":")
    try:
        _, writer = await asyncio.open_connection(host, int(port))
    except OSError:
        return False
    writer.close()
    return True


def _order(path: Path, target: Target, senders: Sequence[Sender], connections: int) -> None:
    bodies = list(traffic.stream(BODIES))
    requests = [
        load.request(target.url, sender.path, sender.signed(body), body)
        for number, body in enumerate(bodies)
        for sender in (senders[number % len(senders)],)
    ]
    load.order(path, url=target.url, requests=requests, connections=connections, seconds=SECONDS, warm_s=WARM_S)


async def _round(target: Target, order: Path, measured: Measured) -> None:
    before = process.cpu_s([target.pid])
    answer = await put(order)
    spent = process.cpu_s([target.pid]) - before
    if answer["accepted"] != answer["answered"]:
        raise RuntimeError(f"{target.name} refused some: {answer['statuses']}")
    measured.rates.append(answer["rate"])
    measured.cpu_us.append(spent / answer["sent"] * 1e6)
    measured.p50_ms.append(answer["p50_ms"])
    measured.p99_ms.append(answer["p99_ms"])
    measured.client_busy.append(answer["busy"])


async def put(order: Path, where: frozenset[int] | None = None) -> dict[str, float]:
    """Run one load and give what it says.

    Raises:
        RuntimeError: it failed; with its last words.
    """
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.load", str(order), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    process.pin(child.pid, where or process.cores().load)
    out, err = await child.communicate()
    if child.returncode:
        raise RuntimeError(f"the load ended with {child.returncode}: {err.decode()[-500:]}")
    answer: dict[str, float] = orjson.loads(out)
    return answer


def _results(connections: int, goal: float, measured: Mapping[str, Measured]) -> list[Result]:
    at = f"gateway, {connections} connections"
    gateway, floor, server = measured["gateway"], measured["application"], measured["server"]
    middle = statistics.middle
    added = middle([ours - bare for ours, bare in zip(gateway.cpu_us, floor.cpu_us, strict=True)])
    return [
        at_least(goal, f"{at}: accepted", middle(gateway.rates), "req/s", floor=middle(floor.rates)),
        at_most(ADDED_CPU_US, f"{at}: CPU added", added, "µs/req"),
        told(f"{at}: CPU", middle(gateway.cpu_us), "µs/req", floor=middle(floor.cpu_us)),
        told(f"{at}: p50", middle(gateway.p50_ms), "ms", floor=middle(floor.p50_ms)),
        told(f"{at}: p99", middle(gateway.p99_ms), "ms", floor=middle(floor.p99_ms)),
        told(f"{at}: against aiohttp without router", middle(gateway.rates), "req/s", floor=middle(server.rates)),
        told(f"{at}: core of the load", 100 * middle(gateway.client_busy), "%", floor=100 * middle(floor.client_busy)),
    ]
