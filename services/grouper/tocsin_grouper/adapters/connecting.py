"""Connections of the grouper: dedicated, never pooled; times as µs, JSON as text."""

from tocsin_grouper.adapters.codec import Connection, use_microseconds
from tocsin_runtime.postgres import connect


async def open_connection(dsn: str, *, application: str = "tocsin-grouper", synchronous_commit: bool = True) -> Connection:
    """Open a connection that writes projections.

    Raises:
        PostgresUnavailable: it does not answer.
        Fatal: it refuses us.
    """
    connection = await connect(
        dsn, application=application, settings={"synchronous_commit": "on" if synchronous_commit else "off"}
    )
    await use_microseconds(connection)
    return connection
