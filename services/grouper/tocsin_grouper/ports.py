"""What the handler needs of the world, in its own words."""

from collections.abc import Sequence
from typing import Protocol

from tocsin_grouper.domain.changes import Changes
from tocsin_grouper.domain.keys import Key
from tocsin_grouper.domain.partition import PartitionState
from tocsin_grouper.domain.state import Value
from tocsin_runtime.fence import Claim


class Store(Protocol):
    """A partition's state and rows."""

    async def load_partition(self, partition: int) -> PartitionState:
        """Load clock, refusals and timers."""

    async def load(self, keys: Sequence[Key]) -> dict[Key, Value | None]:
        """Load records by key; None where there is none."""

    async def write(self, claim: Claim, changes: Changes, *, next: int, source_next: int) -> Claim:  # noqa: A002 # the column's name
        """Write rows and progress in one transaction.

        Raises:
            Fenced: somebody else owns the partition; nothing was written.
        """
