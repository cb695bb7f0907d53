"""Shorten a stream of steps that fails, in seconds: Hypothesis draws every step anew to shrink it, for up to an hour."""

from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


def shorten(
    steps: Sequence[T], blank: Callable[[T], T], fails: Callable[[Sequence[T]], int | None], *, runs: int = 3000
) -> list[T]:
    """Blank out many steps at once, then fewer, as long as it fails still; gives what is needed, with the blanks.

    Args:
        steps: they fail.
        blank: gives a step at which nothing happens, in place of this one: what comes behind it keeps its position.
        fails: runs steps, and gives the index of the one at which they fail as these did; None if they do not.
        runs: how often `fails` is asked at most.
    """
    left, size = list(steps), max(1, len(steps) // 2)
    for _ in range(runs):
        end = fails(left)
        if end is None:
            return left  # it fails for something that the steps do not tell
        left = left[: end + 1]
        shorter = _blanked(left, size, blank, fails)
        if shorter == left and size == 1:
            break
        left, size = shorter, max(1, size // 2)
    return left


def _blanked(steps: list[T], size: int, blank: Callable[[T], T], fails: Callable[[Sequence[T]], int | None]) -> list[T]:
    """Try each so many steps once."""
    for start in range(0, len(steps), size):
        part = steps[start : start + size]
        tried = [*steps[:start], *map(blank, part), *steps[start + size :]]
        if tried != steps and fails(tried) is not None:
            steps = tried
    return steps
