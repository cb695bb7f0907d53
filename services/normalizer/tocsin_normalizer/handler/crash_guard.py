"""Announce what is about to be mapped, so that a record that kills the process is known by its position."""

from collections.abc import Mapping

from tocsin_normalizer.domain.attempts import Announcement, deaths_at
from tocsin_runtime.log import GroupReader


class CrashGuard:
    """Keeps announcements in the group's commit metadata, and this process's own in memory."""

    def __init__(self, group: GroupReader) -> None:
        self._group = group
        self._mine: dict[int, Announcement] = {}

    async def deaths(self, partition: int, tail: int) -> int:
        """Count how often a process died behind `tail`. Raises `ReadFailed`."""
        committed = await self._group.committed(partition)
        found = None if committed is None else Announcement.decode(committed[1])
        return deaths_at(tail, found, self._mine.get(partition))

    async def announce(self, announcements: Mapping[int, Announcement]) -> None:
        """Say that these partitions' next records are about to be mapped. Raises `ReadFailed`, `NotAssigned`."""
        if announcements:
            self._mine.update(announcements)
            await self._group.commit({number: (each.tail + 1, each.encode()) for number, each in announcements.items()})

    async def take_back(self, announcements: Mapping[int, Announcement]) -> None:
        """Say that they were mapped and the process lives. Raises `ReadFailed`, `NotAssigned`."""
        await self.announce({number: each._replace(deaths=0) for number, each in announcements.items()})
