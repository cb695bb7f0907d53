"""Believing an API key: from the `Authorization` header to a principal, in constant time."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol

import asyncpg

from tocsin_control.api_key import ParsedKey, matches, parse_key
from tocsin_control.directory import Directory, KeyEntry
from tocsin_control.directory_loading import key_entry
from tocsin_control.errors import Unauthenticated
from tocsin_control.principal import Principal
from tocsin_runtime.clock import Clock
from tocsin_runtime.errors import Recoverable, TocsinError
from tocsin_runtime.postgres import Pool, PostgresUnavailable, classified
from tocsin_runtime.queries import load

_FIND = load("tocsin_control", "sql/keys.sql")["find_for_authentication"]
_HEADER_MAX = 200


class NoDirectory(Recoverable):
    """The gateway has read neither PostgreSQL nor a snapshot yet: 503, never 401."""


class KeyLookup(Protocol):
    """Where keys are found by their public id."""

    async def find(self, key_id: str) -> KeyEntry | None:
        """Give the key, None for an unknown or revoked one; raise `Recoverable` where that cannot be told."""


class DirectoryKeys:
    """Keys of the gateway's directory: found with PostgreSQL down."""

    def __init__(self, current: Callable[[], Directory | None]) -> None:
        """Look into whatever directory `current` gives at that moment (`DirectoryWatch.current`)."""
        self._current = current

    async def find(self, key_id: str) -> KeyEntry | None:
        """Look the key up in memory."""
        directory = self._current()
        if directory is None:
            raise NoDirectory
        return directory.key(key_id)


class PostgresKeys:
    """Keys read as tocsin_query and remembered for a moment: a revocation is felt when that has passed."""

    def __init__(
        self, pool: Pool, *, clock: Clock, ttl_s: float = 2.0, size_max: int = 10_000, answer_timeout_s: float = 3.0
    ) -> None:
        """Remember at most `size_max` keys for `ttl_s`; unknown ids are never remembered, so that a new key works at once."""
        self._pool = pool
        self._clock = clock
        self._ttl_s = ttl_s
        self._size_max = size_max
        self._answer_timeout_s = answer_timeout_s
        self._known: OrderedDict[str, tuple[float, KeyEntry]] = OrderedDict()

    async def find(self, key_id: str) -> KeyEntry | None:
        """Give the remembered key, else read it.

        Raises:
            PostgresUnavailable: not remembered, and PostgreSQL is away.
        """
        read_at, entry = self._known.get(key_id, (float("-inf"), None))
        now = self._clock.monotonic()
        if entry is not None and now - read_at < self._ttl_s:
            return entry
        self._known.pop(key_id, None)
        entry = await self._read(key_id)
        if entry is not None:
            self._known[key_id] = (now, entry)
            if len(self._known) > self._size_max:
                self._known.popitem(last=False)
        return entry

    async def _read(self, key_id: str) -> KeyEntry | None:
        try:
            async with asyncio.timeout(self._answer_timeout_s), self._pool.acquire() as connection:
                row = await connection.fetchrow(_FIND, key_id)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:  # TimeoutError is an OSError
            ours = classified(error)
            if not isinstance(ours, TocsinError):
                ours = PostgresUnavailable(f"cannot read API keys: {error}")
            raise ours from error
        return None if row is None else key_entry(row)


class Authenticator:
    """Turns the `Authorization` header into a principal; the same answer to every wrong key."""

    def __init__(self, lookup: KeyLookup, *, clock: Clock, used: Callable[[str], None] = lambda _key_id: None) -> None:
        """Find keys by `lookup`; `used` is told the id of each key that was believed (`UsageBuffer.key_used`)."""
        self._lookup = lookup
        self._clock = clock
        self._used = used

    async def authenticate(self, authorization: str | None) -> Principal:
        """Believe a header `Bearer tocsin_…`, or refuse it.

        Raises:
            Unauthenticated: no key, no key of ours, expired or revoked: answer 401.
            Recoverable: cannot be told now: answer 503.
        """
        key = bearer(authorization)
        principal = verify(key, await self._lookup.find(key.id), self._clock.now())
        self._used(principal.key_id)
        return principal


def bearer(authorization: str | None) -> ParsedKey:
    """Take the key out of an `Authorization` header.

    Raises:
        Unauthenticated: there is none.
    """
    if authorization is None or len(authorization) > _HEADER_MAX:
        raise Unauthenticated
    scheme, _, text = authorization.strip().partition(" ")
    if scheme.lower() != "bearer":
        raise Unauthenticated
    try:
        return parse_key(text.strip())
    except ValueError:
        raise Unauthenticated from None


def verify(key: ParsedKey, entry: KeyEntry | None, now: int) -> Principal:
    """Compare a key with what is stored under its id; an unknown id costs the same.

    Raises:
        Unauthenticated: unknown, another secret, or expired at `now` (µs).
    """
    same = matches(key, None if entry is None else entry.sha256)
    if entry is None or not same or (entry.expires_at is not None and now >= entry.expires_at):
        raise Unauthenticated
    return entry.principal()
