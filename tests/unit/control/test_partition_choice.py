"""Where a new tenant lives."""

import pytest

from tocsin_control.errors import NoRoom
from tocsin_control.tenants import PartitionLoad, choose_partition


def choose(loads: dict[int, tuple[int, int]], partitions: int = 3, rate: int = 10, worker: int = 100) -> int:
    found = {number: PartitionLoad(tenants=tenants, rate_per_min=taken) for number, (tenants, taken) in loads.items()}
    return choose_partition(found, partitions=partitions, rate_per_min=rate, worker_rate_per_min=worker)


def test_the_partition_with_the_fewest_tenants_is_chosen_the_lowest_of_equals() -> None:
    assert choose({}) == 0
    assert choose({0: (1, 10)}) == 1
    assert choose({0: (2, 20), 1: (1, 10), 2: (1, 10)}) == 1


def test_a_new_partition_takes_new_tenants() -> None:
    assert choose({0: (5, 50), 1: (5, 50), 2: (5, 50)}, partitions=4) == 3


def test_a_partition_whose_limits_would_exceed_a_worker_is_passed_over() -> None:
    """P9: the limits of one partition's tenants may not add up to more than one worker's rate."""
    assert choose({0: (1, 95), 1: (4, 40), 2: (3, 91)}) == 1
    assert choose({0: (1, 90), 1: (4, 40), 2: (3, 91)}) == 0


def test_with_room_nowhere_it_is_refused() -> None:
    with pytest.raises(NoRoom, match="add partitions"):
        choose({0: (1, 95), 1: (1, 95), 2: (1, 95)})
