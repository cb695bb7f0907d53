"""Rate limits of the gateway (E3, security S80): counted after authentication, refused before the body is read.

A request is counted once its signature proved whose it is: counting before would let anybody who knows a path use up
somebody's quota. Whoever is over the quota already is refused before the body is read, so a flood costs one look.
"""

from __future__ import annotations

from collections.abc import Sequence

from tocsin_contracts.problem import ProblemType
from tocsin_ingest.domain.buckets import Allowance, Buckets, Policy, Quota, policy
from tocsin_ingest.domain.rate_fields import limit_field, policy_field, retry_after
from tocsin_runtime.clock import Clock
from tocsin_runtime.http import Problem

_DETAIL = "More requests than this quota allows."


class Limits:
    """Counts requests, and refuses those over a quota."""

    def __init__(self, buckets: Buckets, clock: Clock) -> None:
        self._buckets = buckets
        self._clock = clock

    def check(self, policies: Sequence[Policy]) -> None:
        """Refuse who is over a quota already; counts nothing.

        Raises:
            Problem: 429.
        """
        over = self._buckets.look(policies, self._now_ns())
        if over is not None:
            raise exceeded(over)

    def count(self, policies: Sequence[Policy]) -> Sequence[Allowance]:
        """Count a request, and give what is left.

        Raises:
            Problem: 429; nothing was counted.
        """
        allowances = self._buckets.count(policies, self._now_ns())
        for allowance in allowances:
            if allowance.limited:
                raise exceeded(allowances)
        return allowances

    def _now_ns(self) -> int:
        return int(self._clock.monotonic() * 1e9)


class Failures:
    """Failed authentications of one address: above a bound they are answered 429 instead of 401 (security S25).

    Only failures are counted and only failures refused: behind one address there may be a good sender and a forgotten one.
    """

    def __init__(self, limits: Limits, quota: Quota) -> None:
        self._limits = limits
        self._quota = quota

    def failed(self, address: str) -> Problem | None:
        """Count a failure; give the 429 for an address that had too many, else None."""
        try:
            self._limits.count((policy("failed-authentication", address, self._quota),))
        except Problem as problem:
            return problem
        return None


def exceeded(allowances: Sequence[Allowance]) -> Problem:
    """Say which quota is used up and when to come back."""
    return Problem(
        429,
        _DETAIL,
        type=ProblemType.QUOTA_EXCEEDED,
        title="Quota Exceeded",
        headers={
            "Retry-After": str(retry_after(allowances)),
            "RateLimit-Policy": policy_field([each.policy for each in allowances]),
            "RateLimit": limit_field(allowances),
        },
        members={"violated-policies": [each.policy.name for each in allowances if each.limited]},
    )
