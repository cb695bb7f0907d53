"""Of many samples, the few numbers that are shown."""

from collections.abc import Sequence
from statistics import median
from typing import TypeVar

S = TypeVar("S")


def percentile(samples: Sequence[float], share: float) -> float:
    """Give the smallest sample that at least `share` (0..1) of all do not exceed.

    Raises:
        ValueError: there are no samples.
    """
    if not samples:
        raise ValueError("no samples")
    ordered = sorted(samples)
    rank = -(-len(ordered) * share // 1)
    return ordered[max(0, min(len(ordered), int(rank)) - 1)]


def middle(samples: Sequence[float]) -> float:
    """Give the median; rounds on a shared machine are judged by nothing else."""
    return median(samples)


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Give the rise of the straight line that fits the points best; 0 for fewer than two places.

    Args:
        points: pairs of place and value.
    """
    count = len(points)
    if count < 2:
        return 0.0
    mean_x = sum(x for x, _ in points) / count
    mean_y = sum(y for _, y in points) / count
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0
