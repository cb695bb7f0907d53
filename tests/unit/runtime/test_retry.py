"""Retry decisions as a table, and the loop around them."""

import pytest

from tocsin_runtime.clock import ManualClock
from tocsin_runtime.errors import Invalid, Recoverable
from tocsin_runtime.retry import RetryPolicy, retry

POLICY = RetryPolicy(attempts_max=4, elapsed_max_s=10.0, first_wait_s=1.0, wait_max_s=3.0)


@pytest.mark.parametrize(
    ("attempt", "now", "jitter", "wait"),
    [
        (1, 0.0, 1.0, 1.0),
        (1, 0.0, 0.0, 0.5),
        (2, 0.0, 1.0, 2.0),
        (3, 0.0, 1.0, 3.0),  # bounded by wait_max_s
        (4, 0.0, 1.0, None),  # attempts are used up
        (2, 9.5, 1.0, None),  # would end after elapsed_max_s
        (2, 8.0, 1.0, 2.0),
    ],
)
def test_a_policy_says_how_long_to_wait_or_to_give_up(attempt: int, now: float, jitter: float, wait: float | None) -> None:
    assert POLICY.wait_s(attempt=attempt, started=0.0, now=now, jitter=jitter) == wait


async def test_recoverable_failures_are_tried_again_and_told() -> None:
    told: list[int] = []
    failures = [Recoverable("1"), Recoverable("2")]

    async def work() -> str:
        if failures:
            raise failures.pop(0)
        return "done"

    policy = RetryPolicy(first_wait_s=0.0)
    answer = await retry(work, policy=policy, clock=ManualClock(), failed=lambda _error, attempt: told.append(attempt))
    assert (answer, told) == ("done", [1, 2])


async def test_the_last_failure_is_raised_when_the_policy_gives_up() -> None:
    attempts = 0

    async def work() -> None:
        nonlocal attempts
        attempts += 1
        raise Recoverable(f"failure {attempts}")

    with pytest.raises(Recoverable, match="failure 3"):
        await retry(work, policy=RetryPolicy(attempts_max=3, first_wait_s=0.0), clock=ManualClock())


async def test_what_can_never_succeed_is_not_tried_again() -> None:
    attempts = 0

    async def work() -> None:
        nonlocal attempts
        attempts += 1
        raise Invalid("bad-input")

    with pytest.raises(Invalid):
        await retry(work, policy=RetryPolicy(first_wait_s=0.0), clock=ManualClock())
    assert attempts == 1
