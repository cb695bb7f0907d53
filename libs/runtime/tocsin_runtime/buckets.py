"""Rate limits by GCRA: one number a bucket, whole nanoseconds, the clock given (E3, ADR on the limiter).

A bucket holds the time at which it would be full again. A request moves that time on by one interval, and is over the quota where
it would then lie further away than a whole burst. Several quotas are counted together, or none of them: a request that the
tenant's quota refuses does not eat the integration's.
"""

from collections.abc import Sequence
from typing import NamedTuple

_MINUTE_NS = 60 * 1_000_000_000


class Quota(NamedTuple):
    """A rate with a burst: `burst` requests at once, restored at `per_minute` a minute."""

    per_minute: int
    burst: int


class Policy(NamedTuple):
    """One quota of one key, as it is counted at each request; make it with `policy`."""

    name: str
    """As senders see it: `integration`, `tenant` …"""
    key: str
    quota: Quota
    interval_ns: int
    burst_ns: int

    @property
    def window_s(self) -> int:
        """Seconds in which an empty bucket is full again, rounded up."""
        return -(-self.burst_ns // 1_000_000_000)


class Allowance(NamedTuple):
    """What is left of one quota after a request."""

    policy: Policy
    limited: bool
    remaining: int
    reset_ns: int
    """Until the quota is whole again."""
    retry_ns: int
    """Until one request more is allowed; 0 unless limited."""


def policy(name: str, key: str, quota: Quota) -> Policy:
    """Prepare a quota of a key."""
    interval = max(1, _MINUTE_NS // quota.per_minute)
    return Policy(name, f"{name}:{key}", quota, interval, interval * quota.burst)


class Buckets:
    """A bounded number of buckets; the longest unused makes room for a new one.

    A forgotten bucket is a full one: a flood of keys can only make limits looser, never refuse a good sender.
    """

    def __init__(self, *, most: int) -> None:
        self._full_at: dict[str, int] = {}
        self._most = most

    def holds(self, name: str, key: str) -> bool:
        """Tell whether anything is known of a key; what is not is a full bucket."""
        return f"{name}:{key}" in self._full_at

    def look(self, policies: Sequence[Policy], now_ns: int) -> list[Allowance] | None:
        """Tell whether a request would be over one of the quotas: what is left of them then, else None. Counts nothing."""
        full_at = self._full_at
        for _, key, _, interval, burst in policies:
            if full_at.get(key, 0) + interval - now_ns > burst:
                return self.count(policies, now_ns)  # which counts nothing either, as one of them is over
        return None

    def count(self, policies: Sequence[Policy], now_ns: int) -> list[Allowance]:
        """Count one request under every policy, or under none where one of them is over its quota."""
        full_at = self._full_at
        allowances = []
        limited = False
        for policy in policies:
            _, key, _, interval, burst = policy
            before = full_at.get(key, now_ns) - now_ns
            after = before + interval if before > 0 else interval
            free = burst - after
            if free < 0:
                limited = True
                allowances.append(Allowance(policy, True, 0, before, -free))
            else:
                allowances.append(Allowance(policy, False, free // interval, after, 0))
        if not limited:
            for allowance in allowances:
                self._put(allowance[0][1], now_ns + allowance[3])
        return allowances

    def _put(self, key: str, at: int) -> None:
        full_at = self._full_at
        if full_at.pop(key, None) is None and len(full_at) >= self._most:
            del full_at[next(iter(full_at))]
        full_at[key] = at
