"""Bootstraps that are cut off: aiokafka holds the connection of a bootstrap in a local variable, and forgets it there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from traceback import walk_tb

_LOCAL = "bootstrap_conn"
"""Of `AIOKafkaClient.bootstrap` (aiokafka 0.14), which closes it only when it ends by itself."""


@contextmanager
def closing_bootstrap() -> Iterator[None]:
    """Close the connection that a bootstrap within this block had open when it was cancelled, or timed out.

    aiokafka closes it on its own errors and leaves it to the garbage collector on a cancellation, which is also how
    `asyncio.timeout` ends it: put this block inside that one. The connection is reached through the frames that the error
    came through; should aiokafka rename the variable, it is closed by the collector as before.
    """
    try:
        yield
    except BaseException as error:
        for frame, _ in walk_tb(error.__traceback__):
            connection = frame.f_locals.get(_LOCAL)
            if connection is not None:
                connection.close()
        raise
