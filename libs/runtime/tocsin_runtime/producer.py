"""What the appender and the batch writer ask of a producer, real or in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from tocsin_runtime.log import Entry


class ProducerError(Exception):
    """A batch was refused or the producer is unfit: use another one."""


class Producer(Protocol):
    """One producer session on one topic; after any error it is thrown away, never mended."""

    def lane(self, partition: int) -> int:
        """Name the broker that leads `partition`, -1 while unknown: batches of one broker share a request."""

    async def send(self, partition: int, entries: Sequence[Entry]) -> asyncio.Future[int]:
        """Hand over one batch; the future gives its first offset, or a `ProducerError`.

        At most one batch a partition may be under way. Raises `ProducerError` where it cannot be handed over.
        """

    async def close(self, *, timeout_s: float) -> None:
        """Let batches under way end within the bound, then drop them; nothing is sent afterwards. Never raises."""


Opener = Callable[[], Awaitable[Producer]]
"""Opens a connected producer; raises `ProducerError`, in bounded time."""
