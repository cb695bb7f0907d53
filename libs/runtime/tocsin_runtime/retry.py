"""Retrying as a value: a policy decides, the caller waits."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from tocsin_runtime.clock import Clock
from tocsin_runtime.errors import Recoverable

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often, how long, how soon: exponential back-off with full jitter, bounded twice."""

    attempts_max: int = 8
    elapsed_max_s: float = 30.0
    first_wait_s: float = 0.05
    wait_max_s: float = 2.0

    def wait_s(self, *, attempt: int, started: float, now: float, jitter: float) -> float | None:
        """Say how long to wait before the next attempt, or None to give up.

        Args:
            attempt: how many attempts have failed, from 1.
            started: monotonic seconds of the first attempt.
            now: monotonic seconds now.
            jitter: a draw from 0..1; the wait is between half and the whole of the step.
        """
        step = min(self.wait_max_s, self.first_wait_s * 2.0 ** min(attempt - 1, 30))
        wait = step * (0.5 + jitter / 2)
        if attempt >= self.attempts_max or now - started + wait > self.elapsed_max_s:
            return None
        return wait


FOREVER = RetryPolicy(attempts_max=2**62, elapsed_max_s=float("inf"))


async def retry(
    work: Callable[[], Awaitable[T]],
    *,
    policy: RetryPolicy,
    clock: Clock,
    failed: Callable[[Recoverable, int], None] = lambda _error, _attempt: None,
) -> T:
    """Run `work` until it succeeds; only `Recoverable` is tried again.

    `failed(error, attempt)` is called after each failure that will be retried, for logs and metrics.

    Raises:
        Recoverable: the last one, when the policy gives up. Anything else at once.
    """
    started = clock.monotonic()
    attempt = 0
    while True:
        try:
            return await work()
        except Recoverable as error:
            attempt += 1
            wait = policy.wait_s(
                attempt=attempt,
                started=started,
                now=clock.monotonic(),
                jitter=random.random(),  # noqa: S311 - spreads retries; nothing secret hangs on it
            )
            if wait is None:
                raise
            failed(error, attempt)
        await asyncio.sleep(wait)
