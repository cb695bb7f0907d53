"""What was sent and what was answered: on disk before it leaves, so that no crash of ours can make a loss look like none."""

import asyncio
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import orjson

from tests.simulation.deliveries import Told
from tests.support.instance import TooLateError


class Fate(StrEnum):
    """What a sender knows of one attempt."""

    OPEN = "open"
    OK = "ok"
    """Answered 202."""
    FAIL = "fail"
    """Certainly not stored: refused, or never connected."""
    UNKNOWN = "unknown"
    """No answer, or a 5xx: stored once or not at all."""


@dataclass(slots=True, kw_only=True)
class Sent:
    """The attempts to send one body."""

    told: Told
    tenant: str
    fates: list[Fate] = field(default_factory=list)

    def count(self, *fates: Fate) -> int:
        """Count attempts."""
        return sum(fate in fates for fate in self.fates)


@dataclass(frozen=True, slots=True, kw_only=True)
class Acked:
    """One 202."""

    delivery: str
    sent: Sent


class Journal:
    """Append-only lines of JSON, synced in groups; the same in memory by body."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("ab")
        self._written = self._synced = 0
        self._syncing: asyncio.Task[None] | None = None
        self._attempts = 0
        self._sent: dict[str, Sent] = {}
        self._changed = asyncio.Event()
        self.acked: list[Acked] = []
        self.statuses: Counter[int] = Counter()
        """Answers by status; 0 for none."""

    def __iter__(self) -> Iterator[Sent]:
        return iter(self._sent.values())

    def find(self, key: str) -> Sent | None:
        """Find what was sent by its body's key."""
        return self._sent.get(key)

    async def open(self, told: Told, tenant: str) -> tuple[Sent, int]:
        """Note an attempt before it is made; returns once that is on disk."""
        sent = self._sent.setdefault(told.key, Sent(told=told, tenant=tenant))
        place = len(sent.fates)
        sent.fates.append(Fate.OPEN)
        self._attempts += 1
        line: dict[str, object] = {"key": told.key, "attempt": place, "tenant": tenant, "marker": told.marker}
        if not place:
            line["body"] = told.body.decode()
        self._append(line)
        await self._durable()
        return sent, place

    def close(self, sent: Sent, place: int, fate: Fate, status: int, delivery: str | None) -> None:
        """Note what became of an attempt."""
        sent.fates[place] = fate
        self.statuses[status] += 1
        self._append({"key": sent.told.key, "attempt": place, "fate": fate, "status": status, "delivery": delivery})
        if delivery is not None:
            self.acked.append(Acked(delivery=delivery, sent=sent))
        self._changed.set()

    async def keep(self, line: dict[str, object]) -> None:
        """Write a line of somebody else's; returns once it is on disk."""
        self._append(line)
        await self._durable()

    def note(self, line: dict[str, object]) -> None:
        """Write a line of somebody else's, with the next sync."""
        self._append(line)

    async def more_acked(self, count: int, *, within_s: float = 60.0) -> None:
        """Wait for `count` further 202; `TooLateError` says how requests were answered instead."""
        try:
            async with asyncio.timeout(within_s):
                await self._until(len(self.acked) + count)
        except TimeoutError:
            answers = dict(self.statuses)
            raise TooLateError(f"{count} more 202: not within {within_s:.0f} s; answers by status {answers}") from None

    def end(self) -> None:
        """Close the file."""
        self._file.close()

    async def _until(self, wanted: int) -> None:
        while len(self.acked) < wanted:
            self._changed.clear()
            await self._changed.wait()

    def _append(self, line: dict[str, object]) -> None:
        self._file.write(orjson.dumps(line) + b"\n")
        self._written += 1

    async def _durable(self) -> None:
        """Wait until everything written so far is synced; who comes meanwhile shares the next sync."""
        wanted = self._written
        while self._synced < wanted:
            if self._syncing is None:
                self._syncing = asyncio.create_task(self._sync())
            await asyncio.shield(self._syncing)

    async def _sync(self) -> None:
        reached = self._written
        self._file.flush()
        await asyncio.to_thread(os.fsync, self._file.fileno())
        self._synced, self._syncing = reached, None
