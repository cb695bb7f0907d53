"""A bound on what one tenant asks at the same time, so that it cannot take every connection (P9, S53)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


class Busy(Exception):  # noqa: N818 - an answer, not an error of ours
    """As many of the tenant's requests wait as may: 429."""


@dataclass(slots=True)
class _Lane:
    free: asyncio.Semaphore
    present: int = 0
    """Requests that run or wait."""


@dataclass(slots=True, kw_only=True)
class Turnstile:
    """Lets `at_once` requests of a tenant run and `waiting` more queue, first come first served.

    A dashboard opens a dozen panels at once: they queue for milliseconds. A flood is refused at once and costs nothing.
    """

    at_once: int
    waiting: int
    _lanes: dict[str, _Lane] = field(default_factory=dict)

    @asynccontextmanager
    async def passing(self, tenant: str) -> AsyncIterator[None]:
        """Hold one of the tenant's places.

        Raises:
            Busy: every place is taken and the queue is full.
        """
        lane = self._lanes.get(tenant)
        if lane is None:
            lane = self._lanes[tenant] = _Lane(asyncio.Semaphore(self.at_once))
        if lane.present >= self.at_once + self.waiting:
            raise Busy
        lane.present += 1
        try:
            async with lane.free:
                yield
        finally:
            lane.present -= 1
            if not lane.present:
                self._lanes.pop(tenant, None)
