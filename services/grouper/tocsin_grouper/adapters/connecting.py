"""Connections of the grouper: dedicated, never pooled; times as µs, JSON as text."""

from tocsin_grouper.adapters.codec import Connection, use_microseconds
from tocsin_runtime.postgres import DEFAULT_LIMITS, Limits, connect


async def open_connection(
    dsn: str,
    *,
    application: str = "tocsin-grouper",
    synchronous_commit: bool = True,
    idle_in_transaction_s: float = DEFAULT_LIMITS.idle_in_transaction_s,
) -> Connection:
    """Open a connection that writes projections.

    Args:
        dsn: where, as which role.
        application: shown in `pg_stat_activity`.
        synchronous_commit: wait for the disk at each commit.
        idle_in_transaction_s: PostgreSQL ends a session that says nothing for so long inside a transaction: an owner
            that hangs in the middle of a batch holds the fence's row, and nobody can take over before.

    Raises:
        PostgresUnavailable: it does not answer.
        Fatal: it refuses us.
    """
    connection = await connect(
        dsn,
        application=application,
        limits=Limits(idle_in_transaction_s=idle_in_transaction_s),
        settings={"synchronous_commit": "on" if synchronous_commit else "off"},
    )
    await use_microseconds(connection)
    return connection
