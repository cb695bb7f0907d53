"""What the gateway saw, buffered: last use of secrets and keys, rejections by day with a sample of each second.

Flushed each second, in memory bounded, dropped and counted when PostgreSQL is away: nobody's request waits for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import asyncpg

from tocsin_contracts.times import DAY, MINUTE, SECOND, to_datetime
from tocsin_runtime.clock import Clock
from tocsin_runtime.postgres import Connection, Pool
from tocsin_runtime.queries import load

_QUERIES = load("tocsin_control", "sql/usage.sql")
_SECRETS_USED = _QUERIES["secrets_used"]
_URL_TOKENS_USED = _QUERIES["url_tokens_used"]
_KEYS_USED = _QUERIES["keys_used"]
_REJECTED = _QUERIES["rejected"]
_SAMPLED = _QUERIES["sampled"]
_FORGET_SAMPLES = _QUERIES["forget_samples"]
SAMPLES_MAX = 1000
"""Samples kept of one integration: the newest 1,000 seconds in which it was turned away."""
SAMPLES_DAYS = 30
"""They hold addresses, so they are kept no longer."""

P = TypeVar("P")


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnedAway:
    """One request that was turned away, as its sample shows it; nothing of what it carried."""

    reason: str
    status: int
    request_id: str
    address: str
    size: int


class UsageBuffer:
    """Collects what happened since the last flush, by name; `run` as a task until cancelled."""

    def __init__(
        self,
        pool: Pool,
        *,
        clock: Clock,
        flush_s: float = 1.0,
        size_max: int = 50_000,
        answer_timeout_s: float = 5.0,
        dropped: Callable[[int], None] = lambda _count: None,
    ) -> None:
        """Write through a pool as tocsin_ingest.

        Args:
            pool: may be opened with PostgreSQL away (`size_min=0`).
            clock: dates what is noted.
            flush_s: seconds between two flushes.
            size_max: entries of each kind between two flushes; more are dropped.
            answer_timeout_s: seconds until a silent PostgreSQL counts as away.
            dropped: told how many entries were lost, for a counter.
        """
        self._pool = pool
        self._clock = clock
        self._flush_s = flush_s
        self._size_max = size_max
        self._answer_timeout_s = answer_timeout_s
        self._dropped = dropped
        self._secrets: dict[tuple[str, int], int] = {}
        self._url_tokens: dict[tuple[str, int], int] = {}
        self._keys: dict[str, int] = {}
        self._rejections: dict[tuple[int, str, str, str], int] = {}
        self._samples: dict[tuple[str, str, int], TurnedAway] = {}
        self._forgot_on = 0

    def secret_used(self, integration: str, slot: int) -> None:
        """Note that a webhook secret proved a request, to the minute."""
        place = (integration, slot)
        if self._has_room(self._secrets, place):
            self._secrets[place] = self._minute()

    def url_token_used(self, integration: str, slot: int) -> None:
        """Note that the token of a URL proved a request, to the minute."""
        place = (integration, slot)
        if self._has_room(self._url_tokens, place):
            self._url_tokens[place] = self._minute()

    def key_used(self, key_id: str) -> None:
        """Note that an API key was believed, to the minute."""
        if self._has_room(self._keys, key_id):
            self._keys[key_id] = self._minute()

    def rejected(self, reason: str, *, tenant: str = "", integration: str = "") -> None:
        """Count a request that was turned away.

        Args:
            reason: one of the gateway's own words, never a sender's text.
            tenant: id, if the request named one that exists.
            integration: id, if the request named one that exists.
        """
        now = self._clock.now()
        place = (now - now % (24 * 60 * MINUTE), tenant, integration, reason)
        if self._has_room(self._rejections, place):
            self._rejections[place] = self._rejections.get(place, 0) + 1

    def sampled(self, away: TurnedAway, *, tenant: str = "", integration: str = "") -> None:
        """Keep the first rejected request of each second and integration."""
        now = self._clock.now()
        place = (tenant, integration, now - now % SECOND)
        if place not in self._samples and self._has_room(self._samples, place):
            self._samples[place] = away

    async def run(self) -> None:
        """Flush every `flush_s` until cancelled."""
        while True:
            await asyncio.sleep(self._flush_s)
            await self.flush()

    async def flush(self) -> bool:
        """Write what was collected; False where PostgreSQL is away and it was dropped."""
        secrets, self._secrets = self._secrets, {}
        tokens, self._url_tokens = self._url_tokens, {}
        keys, self._keys = self._keys, {}
        rejections, self._rejections = self._rejections, {}
        samples, self._samples = self._samples, {}
        lost = len(secrets) + len(tokens) + len(keys) + sum(rejections.values()) + len(samples)
        if not lost:
            return True
        try:
            async with (
                asyncio.timeout(self._answer_timeout_s),
                self._pool.acquire() as connection,
                connection.transaction(),
            ):
                await _write_slots(connection, _SECRETS_USED, secrets)
                await _write_slots(connection, _URL_TOKENS_USED, tokens)
                await _write(connection, keys, rejections)
                await self._write_samples(connection, samples)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):  # TimeoutError is an OSError
            self._dropped(lost)
            return False
        return True

    async def _write_samples(self, connection: Connection, samples: dict[tuple[str, str, int], TurnedAway]) -> None:
        """Write the samples, each in the slot of its second; once a day forget the old ones."""
        if not samples:
            return
        rows = [
            (
                tenant,
                integration,
                at // SECOND % SAMPLES_MAX,
                to_datetime(at),
                r.reason,
                r.status,
                r.request_id[:64],
                r.address[:64],
                r.size,
            )
            for (tenant, integration, at), r in sorted(samples.items(), key=lambda entry: entry[0])
        ]
        newest = {row[:3]: row for row in rows}  # one statement may touch a slot once
        await connection.execute(_SAMPLED, *(list(column) for column in zip(*newest.values(), strict=True)))
        today = self._clock.now() // DAY
        if today != self._forgot_on:
            await connection.execute(_FORGET_SAMPLES, to_datetime((today - SAMPLES_DAYS) * DAY))
            self._forgot_on = today

    def _has_room(self, entries: Mapping[P, object], place: P) -> bool:
        if place in entries or len(entries) < self._size_max:
            return True
        self._dropped(1)
        return False

    def _minute(self) -> int:
        now = self._clock.now()
        return now - now % MINUTE


async def _write_slots(connection: Connection, statement: str, used: dict[tuple[str, int], int]) -> None:
    """Write when what lies in slots was used, in the order of `_write`."""
    if used:
        places = sorted(used)
        await connection.execute(
            statement,
            [integration for integration, _ in places],
            [slot for _, slot in places],
            [to_datetime(used[place]) for place in places],
        )


async def _write(connection: Connection, keys: dict[str, int], rejections: dict[tuple[int, str, str, str], int]) -> None:
    """Write each kind in the order of its keys, so that two gateways take row locks in the same order."""
    if keys:
        ids = sorted(keys)
        await connection.execute(_KEYS_USED, ids, [to_datetime(keys[key_id]) for key_id in ids])
    if rejections:
        found = sorted(rejections)
        await connection.execute(
            _REJECTED,
            [to_datetime(day).date() for day, _, _, _ in found],
            [tenant for _, tenant, _, _ in found],
            [integration for _, _, integration, _ in found],
            [reason for _, _, _, reason in found],
            [rejections[place] for place in found],
        )
