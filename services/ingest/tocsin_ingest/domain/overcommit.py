"""Whether the tenants of a partition are allowed more together than one worker folds (P9)."""

from collections.abc import Iterable


def overcommitted(limits: Iterable[tuple[int, int]], worker_rate_per_min: int) -> dict[int, int]:
    """Give the partitions whose limits add up to more than a worker's rate, with their sums.

    Args:
        limits: partition and deliveries a minute of each tenant.
        worker_rate_per_min: what one worker folds.
    """
    sums: dict[int, int] = {}
    for partition, rate in limits:
        sums[partition] = sums.get(partition, 0) + rate
    return {partition: total for partition, total in sorted(sums.items()) if total > worker_rate_per_min}
