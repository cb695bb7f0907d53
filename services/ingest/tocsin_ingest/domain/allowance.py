"""What a rate limit answered, and the IETF header fields that say it."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """A rate with a burst: `burst` requests at once, restored at `per_minute` a minute."""

    per_minute: int
    burst: int

    @property
    def window_s(self) -> int:
        """Seconds in which an empty bucket is full again: the policy's `w`."""
        return ceil(self.burst * 60 / self.per_minute)


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left of one quota after a request was counted."""

    policy: str
    """Name of the policy: `integration`, `tenant` …"""
    quota: Quota
    limited: bool
    remaining: int
    reset_s: float
    """Seconds until the quota is whole again."""
    retry_after_s: float
    """Seconds until one request more is allowed; 0 unless limited."""


def policy_field(policies: Sequence[tuple[str, Quota]]) -> str:
    """Write the value of `RateLimit-Policy`: what is allowed."""
    return ", ".join(f'"{name}";q={quota.burst};w={quota.window_s}' for name, quota in policies)


def limit_field(allowances: Sequence[Allowance]) -> str:
    """Write the value of `RateLimit`: what is left of it."""
    return ", ".join(f'"{each.policy}";r={each.remaining};t={ceil(each.reset_s)}' for each in allowances)


def retry_after(allowances: Sequence[Allowance]) -> int:
    """Give whole seconds until every exceeded quota allows one request more; at least 1."""
    return max(1, *(ceil(each.retry_after_s) for each in allowances if each.limited))
