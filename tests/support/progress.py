"""How far the projection of a running system is, asked again and again through restarts of PostgreSQL."""

from collections.abc import Mapping
from typing import Any

import asyncpg

from tests.support.instance import TooLateError, eventually
from tocsin_contracts.topics import GROUPER_CONSUMER, LIVE

_PROGRESS = "SELECT partition, source_next FROM control.progress WHERE generation = $1 AND consumer = $2"


async def progress_of(connection: Any) -> dict[int, int]:
    """Give the next offset of each partition of `tocsin.log` that the projection waits for."""
    rows = await connection.fetch(_PROGRESS, LIVE, GROUPER_CONSUMER)
    return {row["partition"]: row["source_next"] or 0 for row in rows}


async def until_reached(dsn: str, wanted: Mapping[int, int], *, within_s: float) -> None:
    """Wait until the projection holds everything before these offsets.

    Raises:
        TooLateError: it does not within the bound; says where it is.
    """
    watching = _Watching(dsn)

    async def reached() -> bool:
        there = await watching.progress()
        return all(there.get(partition, 0) >= end for partition, end in wanted.items())

    try:
        await eventually(reached, what=f"the projection reaches {dict(wanted)}", within_s=within_s)
    except TooLateError as error:
        raise TooLateError(f"{error}; it is at {await watching.progress()}") from error
    finally:
        await watching.close()


class _Watching:
    """One connection, opened anew where it broke."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._connection: Any = None

    async def progress(self) -> dict[int, int]:
        """Give it, or nothing while PostgreSQL is away."""
        try:
            if self._connection is None:
                self._connection = await asyncpg.connect(self._dsn)
            return await progress_of(self._connection)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            await self.close()
            return {}

    async def close(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None
