"""Many failed deliveries sent again: paced, a few first, stopped when too many fail again.

A request does a bounded part of the work and says where the next one goes on. Nothing is kept between requests: what was sent
again already is read from the log and the rows, so a gateway or a caller that dies in the middle loses nothing and repeats
nothing. Whatever was appended before is folded before the first one is chosen: no delivery has two redrives under way.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import structlog

from tocsin_contracts.ids import delivery_id
from tocsin_contracts.outcome import Outcome
from tocsin_contracts.position import Position
from tocsin_contracts.topics import LOG
from tocsin_ingest.answers import unavailable
from tocsin_ingest.domain.redrive import FailureBound, next_chunk
from tocsin_ingest.failed.ports import FailedStore, Fate
from tocsin_ingest.failed.requests import BulkRedrive
from tocsin_ingest.failed.resending import Resender
from tocsin_ingest.ports import Bodies
from tocsin_runtime.clock import Clock
from tocsin_runtime.errors import Recoverable
from tocsin_runtime.http import Problem
from tocsin_runtime.log import AppendTooLarge

_log = structlog.get_logger()
FIRST, CHUNK = 20, 100
"""Deliveries sent before the first look at what became of them, and before each later one."""
SHOWN_MAX = 20
_LOOK_S = 0.02


@dataclass(slots=True)
class Progress:
    """What a request did so far."""

    tenant: str
    partition: int
    outcomes: Counter[str] = field(default_factory=Counter)
    reasons: list[dict[str, object]] = field(default_factory=list)
    after: int = -1
    sent: int = 0
    gone: int = 0
    """Deliveries whose bytes the log no longer holds."""
    stopped: str | None = None

    @property
    def failed(self) -> int:
        """Count those that failed again."""
        return self.outcomes[Outcome.FAILED]

    def settle(self, pairs: Sequence[tuple[int, int]], fates: dict[int, Fate]) -> None:
        """Count what became of redrives; `pairs` are original and redrive."""
        for original, redrive in pairs:
            fate = fates.get(redrive)
            self.outcomes["pending" if fate is None else fate.outcome] += 1
            if fate is not None and fate.outcome != Outcome.PROCESSED and len(self.reasons) < SHOWN_MAX:
                self.reasons.append(
                    {
                        "delivery_id": self._named(original),
                        "redrive_id": self._named(redrive),
                        "outcome": fate.outcome,
                        "reason": fate.reason,
                    }
                )

    def shown(self, *, more: bool) -> dict[str, object]:
        """Show it as the answer."""
        return {
            "sent": self.sent,
            "processed": self.outcomes[Outcome.PROCESSED],
            "failed_again": self.failed,
            "duplicate": self.outcomes[Outcome.DUPLICATE],
            "ignored": self.outcomes[Outcome.IGNORED],
            "pending": self.outcomes["pending"],
            "gone": self.gone,
            "not_processed": self.reasons,
            "stopped": self.stopped,
            "more": more,
            "after": None if self.after < 0 else f"{self.partition}:{self.after}",
        }

    def _named(self, offset: int) -> str:
        return delivery_id(self.tenant, Position(self.partition, offset))


class BulkRedriver:
    """Does one request's part of a bulk redrive."""

    def __init__(
        self, *, store: FailedStore, resender: Resender, reader: Bodies, clock: Clock, bound: FailureBound, request_s: float
    ) -> None:
        self._store = store
        self._resender = resender
        self._reader = reader
        self._clock = clock
        self._bound = bound
        self._request_s = request_s

    async def run(self, tenant: str, partition: int, wanted: BulkRedrive, *, request_id: str) -> dict[str, object]:
        """Send failed deliveries again, in log order, until `max` are sent, the time is over, or too many fail again.

        Raises:
            Problem: 503 where the fold lags behind the log, so that nobody can tell what was sent again already.
            Recoverable: PostgreSQL is away.
        """
        deadline = self._clock.monotonic() + self._request_s
        end = (await self._reader.bounds(LOG, partition)).next
        if not await self._folded(partition, end - 1, deadline):
            raise unavailable("The fold lags behind the log: what was sent again already is not known yet. Try again.")
        chosen = await self._store.failed(tenant, partition, wanted.wanted(), limit=wanted.max + 1)
        todo, progress = chosen[: wanted.max], Progress(tenant, partition, after=wanted.wanted().after)
        done = 0
        while done < len(todo) and progress.stopped is None:
            chunk = todo[done : done + next_chunk(done, len(todo) - done, first=FIRST, most=CHUNK)]
            await self._send(progress, chunk, wanted.rate, deadline, request_id)
            done = sum(offset <= progress.after for offset in todo)
        return progress.shown(more=len(chosen) > done)

    async def _send(self, progress: Progress, chunk: Sequence[int], rate: int, deadline: float, request_id: str) -> None:
        """Send a chunk, wait until it is folded, and decide whether to go on."""
        sending: list[tuple[int, asyncio.Task[Position]]] = []
        began = self._clock.monotonic()
        for number, offset in enumerate(chunk):
            await self._pause(began + number / rate)
            if self._clock.monotonic() >= deadline:
                progress.stopped = "out-of-time"
                break
            try:
                original = await self._resender.original(progress.tenant, Position(progress.partition, offset))
            except Problem as problem:
                if problem.status not in {404, 410}:
                    progress.stopped = "log-unavailable"
                    break
                progress.gone += 1
            else:  # appends of one partition keep the order of their calls
                sending.append((offset, asyncio.create_task(self._resender.resend(original, request_id=request_id))))
            progress.after = offset
        pairs = await self._appended(progress, sending)
        last = max((redrive for _, redrive in pairs), default=-1)
        await self._folded(progress.partition, last, deadline)
        progress.settle(pairs, await self._store.fates(progress.tenant, progress.partition, [redrive for _, redrive in pairs]))
        if self._bound.is_crossed(tried=progress.sent, failed=progress.failed):
            progress.stopped = "too-many-failed-again"

    async def _appended(self, progress: Progress, sending: Sequence[tuple[int, asyncio.Task[Position]]]) -> list[tuple[int, int]]:
        """Wait for the acknowledgements; what is not acknowledged may be stored, and the next request will see it."""
        pairs: list[tuple[int, int]] = []
        for offset, task in sending:
            try:
                pairs.append((offset, (await task).offset))
            except AppendTooLarge:
                progress.gone += 1
            except Recoverable as error:
                progress.stopped = "log-unavailable"
                _log.warning("redrive.not_acknowledged", tenant_id=progress.tenant, reason=str(error))
        progress.sent += len(pairs)
        return pairs

    async def _folded(self, partition: int, offset: int, deadline: float) -> bool:
        """Wait until the fold has reached an offset; False where it has not in time."""
        while await self._store.folded(partition) < offset:
            if self._clock.monotonic() >= deadline:
                return False
            await self._pause(self._clock.monotonic() + _LOOK_S)
        return True

    async def _pause(self, until: float) -> None:
        left = until - self._clock.monotonic()
        if left > 0:
            await asyncio.sleep(left)
