"""Rate limits of services (E3, security S80): counted after authentication, refused before the body is read.

A request is counted once its signature proved whose it is: counting before would let anybody who knows a path use up
somebody's quota. Whoever is over the quota already is refused before the body is read, so a flood costs one look. Who
proves nothing is counted by address instead (S25), in buckets of their own: a flood of addresses must not make an
integration's quota forgotten.
"""

from __future__ import annotations

from collections.abc import Sequence

from tocsin_contracts.problem import ProblemType
from tocsin_runtime.address import origin
from tocsin_runtime.buckets import Allowance, Buckets, Policy, Quota, policy
from tocsin_runtime.clock import Clock
from tocsin_runtime.http import Problem
from tocsin_runtime.rate_fields import limit_field, policy_field, retry_after

_DETAIL = "More requests than this quota allows."
_FAILED = "failed-authentication"


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
    """Failed authentications of one address: a token bucket from which only failures take (security S25).

    Behind one address there may be a good sender and a forgotten one, or all the customers of a monitoring service: who
    proves himself takes nothing and is never refused for his neighbour's sake, where the proof stands in the header. What
    costs more than a digest, such as looking for a key in the body, an address above its bound does not get (`over`).
    """

    def __init__(self, buckets: Buckets, clock: Clock, quota: Quota) -> None:
        """Remember failures in `buckets`, which nothing else uses: their number bounds the addresses remembered."""
        self._buckets = buckets
        self._clock = clock
        self._quota = quota

    def over(self, address: str) -> Problem | None:
        """Give the 429 for an address that had too many failures already, else None. Counts nothing."""
        name = origin(address)
        if not self._buckets.holds(_FAILED, name):
            return None  # nearly everybody
        exhausted = self._buckets.look((policy(_FAILED, name, self._quota),), self._now_ns())
        return None if exhausted is None else exceeded(exhausted)

    def failed(self, address: str) -> Problem | None:
        """Count a failure; give the 429 for an address that had too many, else None."""
        (allowance,) = self._buckets.count((policy(_FAILED, origin(address), self._quota),), self._now_ns())
        return exceeded((allowance,)) if allowance.limited else None

    def _now_ns(self) -> int:
        return int(self._clock.monotonic() * 1e9)


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
