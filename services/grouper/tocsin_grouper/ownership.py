"""Taking over a partition, and giving it up: a handler with its claim, its connection and its memory, as one."""

from collections.abc import Awaitable, Callable

import structlog

from tocsin_contracts.topics import GROUPER_CONSUMER, LIVE
from tocsin_grouper.adapters import guard
from tocsin_grouper.adapters.codec import Connection
from tocsin_grouper.adapters.postgres import Projection
from tocsin_grouper.handler import PartitionHandler
from tocsin_runtime import fence, postgres

_log = structlog.get_logger()
Connect = Callable[[], Awaitable[Connection]]


class Ownership:
    """One claimed partition. `release` drops everything; progress in PostgreSQL is all that counts."""

    def __init__(self, connection: Connection, handler: PartitionHandler) -> None:
        self._connection = connection
        self.handler = handler

    async def release(self) -> None:
        """Close the connection; an open transaction is rolled back by the server."""
        await postgres.close(self._connection)


async def take(connect: Connect, partition: int, topic_id: str, *, cached_max: int, retention_days: int) -> Ownership:
    """Claim a partition over a fresh connection and load its state.

    A fresh one each time: after a swap COPY would write by the types it remembers.

    Raises:
        PostgresUnavailable: try again later.
        Fatal: the topic was recreated, or the projection is not this release's.
    """
    connection = await connect()
    try:
        async with postgres.translated():
            await guard.ensure(connection)
            claim = await fence.claim(
                connection, generation=LIVE, consumer=GROUPER_CONSUMER, partition=partition, topic_id=topic_id
            )
            store = Projection(connection, retention_days=retention_days)
            state = await store.load_partition(partition)
            for tenant in await store.load_restored(partition):
                _log.error("tenant.restored", tenant_id=tenant, cure=f"erased before: 'tocsin tenants erase {tenant}' again")
    except BaseException:
        await postgres.close(connection)
        raise
    return Ownership(connection, PartitionHandler(store, claim, state, cached_max=cached_max))
