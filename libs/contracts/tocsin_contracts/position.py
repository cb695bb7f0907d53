"""Where a record stands in `tocsin.log`: the only kind of position that people, facts, ids and streams see."""

import re
from typing import NamedTuple

_TEXT = re.compile(r"(\d{1,5}):(\d{1,15})")


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
            ValueError: the text has another form.
        """
        match = _TEXT.fullmatch(text)
        if match is None:
            raise ValueError("a position is written partition:offset, like 3:1729")
        return cls(int(match[1]), int(match[2]))
