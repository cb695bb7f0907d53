"""An owner that hangs in the middle of a batch: it holds the fence's row, and must not hold it for long."""

import pytest

from tests.support.migrated import MigratedDatabase
from tocsin_contracts.topics import GROUPER_CONSUMER, LIVE
from tocsin_control.bootstrap import Role
from tocsin_grouper.adapters.codec import Connection
from tocsin_grouper.adapters.connecting import open_connection
from tocsin_runtime import fence, postgres
from tocsin_runtime.fence import Claim
from tocsin_runtime.postgres import PostgresUnavailable


async def claimed(connection: Connection) -> Claim:
    return await fence.claim(connection, generation=LIVE, consumer=GROUPER_CONSUMER, partition=0, topic_id="topic")


async def test_a_successor_takes_over_from_an_owner_that_hangs_inside_a_batch(migrated: MigratedDatabase) -> None:
    """Its transaction is ended by PostgreSQL after `idle_in_transaction_s`, before the successor's wait for the lock is over."""
    dsn = migrated.dsn_of(Role.GROUPER)
    owner = await open_connection(dsn, idle_in_transaction_s=1)
    successor = await open_connection(dsn)
    claim = await claimed(owner)
    batch = owner.transaction()
    await batch.start()
    await fence.advance(owner, claim, expected_next=0, next=7, source_next=7)
    taken = await claimed(successor)  # waits for the row, which the owner never lets go
    assert (taken.epoch, taken.next) == (claim.epoch + 1, 0)
    with pytest.raises(PostgresUnavailable):
        async with postgres.translated():
            await batch.commit()
    await successor.close()
    await owner.close()
