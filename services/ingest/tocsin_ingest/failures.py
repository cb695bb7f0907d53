"""Failed authentications of one address: above a bound they are answered 429 instead of 401 (security S25).

Only failures are counted and only failures refused: behind one address there may be a good sender and a forgotten one.
"""

from __future__ import annotations

from tocsin_ingest.domain.allowance import Quota
from tocsin_ingest.limits import exceeded
from tocsin_ingest.ports import Limiter
from tocsin_runtime.http import Problem

POLICY = "failed-authentication"


class Failures:
    """Counts failures by address, in the limiter's bounded buckets."""

    def __init__(self, limiter: Limiter, quota: Quota) -> None:
        self._limiter = limiter
        self._quota = quota

    def failed(self, address: str) -> Problem | None:
        """Count a failure; give the 429 for an address that had too many, else None."""
        allowance = self._limiter.count(POLICY, address, self._quota)
        return exceeded([allowance]) if allowance.limited else None
