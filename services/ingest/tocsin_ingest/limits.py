"""Rate limits of the gateway (E3, security S80): counted after authentication, refused before the body is read.

A request is counted once its signature proved whose it is: counting before would let anybody who knows a path use up
somebody's quota. A key that was refused stays refused until its next token is due, and that needs no body: so a
flood costs a look into a dictionary.
"""

from __future__ import annotations

from collections.abc import Sequence

from tocsin_contracts.problem import ProblemType
from tocsin_ingest.domain.allowance import Allowance, Quota, limit_field, policy_field, retry_after
from tocsin_ingest.ports import Limiter
from tocsin_runtime.clock import Clock
from tocsin_runtime.http import Problem

_DETAIL = "More requests than this quota allows."


class Limits:
    """Counts requests under one or more policies, and remembers who is over."""

    def __init__(self, limiter: Limiter, *, clock: Clock, remembered_max: int) -> None:
        self._limiter = limiter
        self._clock = clock
        self._remembered_max = remembered_max
        self._over: dict[str, tuple[float, Sequence[Allowance]]] = {}

    def check(self, key: str) -> None:
        """Refuse a key that was over its quota a moment ago and has no token yet.

        Raises:
            Problem: 429.
        """
        if not self._over:
            return
        over = self._over.get(key)
        if over is None:
            return
        if self._clock.monotonic() < over[0]:
            raise exceeded(over[1])
        del self._over[key]

    def count(self, key: str, policies: Sequence[tuple[str, str, Quota]]) -> tuple[Allowance, ...]:
        """Count a request of `key` under each policy (name, key there, quota), and give what is left.

        Raises:
            Problem: 429; the first policy that is over ends the counting.
        """
        allowances: list[Allowance] = []
        for policy, place, quota in policies:
            allowance = self._limiter.count(policy, place, quota)
            allowances.append(allowance)
            if allowance.limited:
                self._remember(key, allowance.retry_after_s, tuple(allowances))
                raise exceeded(allowances)
        return tuple(allowances)

    def _remember(self, key: str, seconds: float, allowances: Sequence[Allowance]) -> None:
        if len(self._over) >= self._remembered_max:
            self._over.clear()  # forgetting is safe: they are counted again
        self._over[key] = (self._clock.monotonic() + seconds, allowances)


def exceeded(allowances: Sequence[Allowance]) -> Problem:
    """Say which quota is used up and when to come back."""
    return Problem(
        429,
        _DETAIL,
        type=ProblemType.QUOTA_EXCEEDED,
        title="Quota Exceeded",
        headers={
            "Retry-After": str(retry_after(allowances)),
            "RateLimit-Policy": policy_field([(each.policy, each.quota) for each in allowances]),
            "RateLimit": limit_field(allowances),
        },
        members={"violated-policies": [each.policy for each in allowances if each.limited]},
    )
