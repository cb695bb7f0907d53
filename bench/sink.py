"""A connection that takes everything and does nothing: the grouper's own Python, and how many rows it would write."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from tocsin_grouper.adapters.postgres import Projection
from tocsin_grouper.domain.partition import PartitionState
from tocsin_grouper.handler import PartitionHandler
from tocsin_runtime.fence import Claim

CLAIM = Claim(generation="bench", consumer="grouper", partition=0, topic_id="bench", next=0, source_next=0, epoch=1)


class Sink:
    """Stands for an asyncpg connection to a database that holds nothing."""

    def __init__(self) -> None:
        self.rows = 0

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        yield

    async def fetch(self, _statement: str, *values: Any) -> list[Any]:
        del values
        return []

    async def fetchrow(self, _statement: str, *values: Any) -> None:
        del values

    async def fetchval(self, _statement: str, *values: Any) -> int:
        del values
        return 1

    async def execute(self, _statement: str, *values: Any) -> None:
        columns = next((value for value in values if isinstance(value, list | tuple)), None)
        self.rows += 1 if columns is None else len(columns)

    async def copy_records_to_table(self, _table: str, *, records: Sequence[Any], **options: Any) -> None:
        del options
        self.rows += len(records)


def projection(sink: Sink) -> Projection:
    """Give the real writer over a sink."""
    connection: Any = sink
    return Projection(connection)


def handler(sink: Sink) -> PartitionHandler:
    """Give the real handler of partition 0, at its beginning, over a sink."""
    return PartitionHandler(projection(sink), CLAIM, PartitionState())
