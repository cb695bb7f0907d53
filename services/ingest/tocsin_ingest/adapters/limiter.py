"""Rate limits by the library `throttled-py`: GCRA in memory, a bounded number of buckets."""

from __future__ import annotations

from datetime import timedelta

from throttled.rate_limiter import Quota as LibraryQuota
from throttled.rate_limiter import Rate
from throttled.rate_limiter.gcra import GCRARateLimiter
from throttled.store import MemoryStore

from tocsin_ingest.domain.allowance import Allowance, Quota

_MINUTE = timedelta(minutes=1)
_QUOTAS_MAX = 4096


class ThrottledLimiter:
    """A `Limiter`: one bucket a policy and key; the bucket that was longest unused makes room for a new one.

    A forgotten bucket is a full one, so a flood of keys can only make limits looser, never refuse a good sender.
    """

    def __init__(self, *, buckets_max: int) -> None:
        self._store = MemoryStore(options={"MAX_SIZE": buckets_max})
        self._limiters: dict[Quota, GCRARateLimiter] = {}

    def count(self, policy: str, key: str, quota: Quota) -> Allowance:
        """Count one request; see `ports.Limiter`."""
        limiter = self._limiters.get(quota)
        if limiter is None:
            limiter = self._limiter(quota)
        result = limiter.limit(f"{policy}:{key}")
        state = result.state
        return Allowance(policy, quota, result.limited, state.remaining, state.reset_after, state.retry_after)

    def _limiter(self, quota: Quota) -> GCRARateLimiter:
        if len(self._limiters) >= _QUOTAS_MAX:
            self._limiters.clear()  # they hold no state; the store does
        limiter = GCRARateLimiter(LibraryQuota(Rate(_MINUTE, quota.per_minute), quota.burst), self._store)
        self._limiters[quota] = limiter
        return limiter
