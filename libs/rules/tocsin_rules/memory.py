"""What was worked out for values that came before, kept within so many bytes. It never decides anything."""

from sys import getsizeof
from typing import Any, Final, TypeVar

K = TypeVar("K")
V = TypeVar("V")

SET_MAX_BYTES: Final = 32 << 20
"""Of one rule set: twenty thousand problems of usual texts."""
_ENTRY: Final = 120
"""Bytes that a table takes for an entry, beside key and answer."""


class Memory:
    """The room that the tables of one rule set share.

    An answer that has no room left makes all of them forget everything: what is needed is soon there again, and no table
    has to keep count of who asked when.
    """

    __slots__ = ("_tables", "bytes_max", "taken")

    def __init__(self, bytes_max: int = SET_MAX_BYTES) -> None:
        self.bytes_max = bytes_max
        self.taken = 0
        """Bytes, as they were told."""
        self._tables: list[dict[Any, Any]] = []

    def table(self) -> dict[Any, Any]:
        """Give an empty table that is emptied again when the room ends: to be read by its owner, written by `keep`."""
        table: dict[Any, Any] = {}
        self._tables.append(table)
        return table

    def keep(self, table: dict[K, V], key: K, answer: V, size: int) -> V:
        """Remember an answer, and give it.

        Args:
            table: one that `table` gave.
            key: what was asked.
            answer: what was found.
            size: bytes of both.
        """
        size += _ENTRY
        if self.taken + size > self.bytes_max:
            self.forget()
        if size <= self.bytes_max:
            table[key] = answer
            self.taken += size
        return answer

    def forget(self) -> None:
        """Empty every table."""
        for table in self._tables:
            table.clear()
        self.taken = 0


def size_of(*things: object) -> int:
    """Give the bytes of objects, without what they refer to."""
    return sum(map(getsizeof, things))
