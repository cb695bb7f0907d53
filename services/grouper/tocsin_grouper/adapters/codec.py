"""Times as µs on the wire: no datetime is built for the hundred thousand that a second brings."""

from typing import TypeAlias

import asyncpg

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
"""One of ours: dedicated, never of a pool."""

_POSTGRES_EPOCH = 946_684_800_000_000
"""2000-01-01T00:00:00Z in µs: where PostgreSQL counts `timestamptz` from."""


async def use_microseconds(connection: Connection) -> None:
    """Read and write `timestamptz` as integers of µs since 1970, UTC, on this connection."""
    await connection.set_type_codec(
        "timestamptz",
        schema="pg_catalog",
        encoder=_to_wire,
        decoder=_from_wire,
        format="tuple",
    )


def _to_wire(at: int) -> tuple[int]:
    return (at - _POSTGRES_EPOCH,)


def _from_wire(value: tuple[int]) -> int:
    return value[0] + _POSTGRES_EPOCH
