"""Times as µs on the wire: no datetime is built for the hundred thousand that a second brings."""

import asyncpg

_POSTGRES_EPOCH = 946_684_800_000_000
"""2000-01-01T00:00:00Z in µs: where PostgreSQL counts `timestamptz` from."""


async def use_microseconds(connection: asyncpg.Connection[asyncpg.Record]) -> None:
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
