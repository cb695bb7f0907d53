"""What processes cost: CPU and memory as the kernel counts them, and the cores they may use."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil

PINNED_FROM = 3
"""With fewer cores nothing is pinned: everybody has to share."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cores:
    """Who runs where: server and load each on one core, everything else on the rest; None leaves all free."""

    server: frozenset[int] | None
    load: frozenset[int] | None
    rest: frozenset[int] | None


def cores() -> Cores:
    """Divide the cores that this process may use."""
    mine = sorted(os.sched_getaffinity(0))
    if len(mine) < PINNED_FROM:
        return Cores(server=None, load=None, rest=None)
    return Cores(server=frozenset(mine[:1]), load=frozenset(mine[1:2]), rest=frozenset(mine[2:]))


def pin(pid: int, where: frozenset[int] | None) -> None:
    """Bind every thread of a process to cores; new threads inherit them."""
    if where is not None:
        for task in Path(f"/proc/{pid}/task").iterdir():
            os.sched_setaffinity(int(task.name), where)


def unpin(pid: int) -> None:
    """Let every thread of a process run anywhere."""
    pin(pid, frozenset(os.sched_getaffinity(0)))


def cpu_s(pids: Iterable[int]) -> float:
    """Give the CPU seconds that processes took so far, user and system, with those of their children that live."""
    total = 0.0
    for pid in pids:
        process = psutil.Process(pid)
        for each in (process, *process.children(recursive=True)):
            try:
                times = each.cpu_times()
            except psutil.NoSuchProcess:
                continue
            total += times.user + times.system
    return total


def rss_mb(pid: int) -> float:
    """Give the resident memory of one process in MB."""
    return float(psutil.Process(pid).memory_info().rss) / 1e6


def environment() -> dict[str, str]:
    """Give the environment of a process of our own: this one's, and where our packages lie."""
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}


def everywhere() -> frozenset[int]:
    """Give every core that this process may use."""
    return frozenset(os.sched_getaffinity(0))
