"""Where a record stands in `tocsin.log`: the only kind of position that people, facts, ids and streams see."""

import re
from typing import NamedTuple

_TEXT = re.compile(r"(\d{1,5}):(\d{1,15})", re.ASCII)
PARTITION_MAX = 2**16 - 1
OFFSET_MAX = 2**48 - 1
"""What a delivery id can carry; 10,000 records a second for 800 years."""


class Position(NamedTuple):
    """One record of `tocsin.log`. Positions of one partition order its records; partitions do not compare."""

    partition: int
    offset: int

    def __str__(self) -> str:
        """Write it as `partition:offset`, as everywhere a person sees one."""
        return f"{self.partition}:{self.offset}"

    @classmethod
    def parse(cls, text: str) -> "Position":
        """Read `partition:offset`.

        Raises:
            ValueError: the text has another form, or names a place that no log has.
        """
        match = _TEXT.fullmatch(text)
        if match is None or int(match[1]) > PARTITION_MAX or int(match[2]) > OFFSET_MAX:
            raise ValueError("a position is written partition:offset, like 3:1729")
        return cls(int(match[1]), int(match[2]))
