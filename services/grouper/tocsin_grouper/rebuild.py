"""Rebuild and verify: the projection made anew from the recorded images, to take over or to be compared (P5)."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tocsin_contracts.topics import ALERTS, GROUPER_CONSUMER, LIVE
from tocsin_grouper.adapters import fingerprint, guard, retention, schema
from tocsin_grouper.adapters.codec import Connection
from tocsin_grouper.adapters.fingerprint import Fingerprint
from tocsin_grouper.ownership import Connect
from tocsin_grouper.shadow import ShadowPartition, Start, discard, find_start, make_schema, open_partition
from tocsin_grouper.swap import OLD_SCHEMA, NotReached, swap
from tocsin_runtime import collector, postgres
from tocsin_runtime.errors import Fatal
from tocsin_runtime.log import Log, LogReader

SHADOW = "proj_shadow"
VERIFY = "proj_verify"
_TRY_LOCK = "SELECT pg_try_advisory_lock(hashtext('tocsin.rebuild'))"
_UNLOCK = "SELECT pg_advisory_unlock(hashtext('tocsin.rebuild'))"
_POSITIONS = "SELECT partition, source_next FROM control.progress WHERE generation = $1 AND consumer = $2"
_LOST = "SELECT id FROM proj.incidents WHERE partition = $1 AND opened_offset < $2 ORDER BY created_at DESC LIMIT $3"
_COUNT_LOST = "SELECT count(*) FROM proj.incidents WHERE partition = $1 AND opened_offset < $2"

Progress = Callable[[int, int], None]
"""Called with records folded and records in all, now and then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a rebuild runs."""

    batch_records: int = 4000
    swap_limit_s: float = 1.0
    swap_tries: int = 20
    retention_days: int = 90
    lost_listed: int = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """Incidents that a rebuild cannot remake: the images that opened them are gone by retention."""

    count: int
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One table of the live projection and of its rebuild, at the same position."""

    table: str
    live: Fingerprint
    rebuilt: Fingerprint

    @property
    def equal(self) -> bool:
        """Tell whether both say the same."""
        return self.live == self.rebuilt


class Rebuild:
    """Builds shadows of all partitions. One at a time: PostgreSQL's lock sees to that."""

    def __init__(
        self, log: Log, connect: Connect, options: Options = Options(), progress: Progress = lambda _done, _all: None
    ) -> None:
        self._log = log
        self._connect = connect
        self._options = options
        self._progress = progress

    async def find_loss(self) -> Loss:
        """Find which incidents of the live projection a rebuild would lose, because their first images are gone."""
        async with self._session() as (connection, reader):
            starts, _ = await self._starts(reader)
            count, examples = 0, []
            if await schema.exists(connection):
                for start in starts:
                    if start.first_source > 0:
                        count += await connection.fetchval(_COUNT_LOST, start.partition, start.first_source)
                        rows = await connection.fetch(_LOST, start.partition, start.first_source, self._options.lost_listed)
                        examples += [row["id"] for row in rows]
            return Loss(count=count, examples=tuple(examples[: self._options.lost_listed]))

    async def run(self) -> int:
        """Make the projection anew and put it in place of the live one; gives the number of records folded.

        Interrupted at any point, the live projection stands as it was; the next run begins anew.

        Raises:
            Fatal: another rebuild runs, or an image cannot be folded.
            Recoverable: Kafka or PostgreSQL does not answer, or the live path is too fast to catch up with.
        """
        async with self._session() as (connection, reader), self._exclusively(connection):
            await make_schema(connection, SHADOW)
            # It may become the live one at once: of a tenant that is to be erased further on, nothing comes back.
            async with self._shadow(reader, SHADOW, heeds_erased=True) as (partitions, starts):
                await self._fold_all(reader, partitions, None)
                await retention.drop_old_days(connection, SHADOW, self._options.retention_days)
                await self._swap(connection, reader, partitions, starts)
                await schema.drop(connection, OLD_SCHEMA)
                return sum(part.records for part in partitions)

    async def verify(self) -> list[Compared]:
        """Fold a shadow to where the live projection stands and compare every table; the live one is only read.

        Raises:
            Fatal: another rebuild runs, there is no live projection of this release, or an image cannot be folded.
            Recoverable: Kafka or PostgreSQL does not answer.
        """
        async with self._session() as (connection, reader), self._exclusively(connection):
            await guard.ensure(connection)
            await make_schema(connection, VERIFY)
            try:
                # Nobody sees it, and it is compared with what the live one folded before it heard of an erasure.
                async with self._shadow(reader, VERIFY, heeds_erased=False) as (partitions, _):
                    await self._fold_all(reader, partitions, await _positions(connection))
                    return await self._compare(connection, reader, partitions)
            finally:
                await discard(connection, VERIFY)

    async def _compare(self, connection: Connection, reader: LogReader, partitions: Sequence[ShadowPartition]) -> list[Compared]:
        """Fingerprint the live tables at one moment, fold the shadow to exactly that moment, and fingerprint it."""
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            positions = await _positions(connection)
            first = await retention.first_day_kept(connection, schema.LIVE_SCHEMA, self._options.retention_days)
            live = await fingerprint.take(connection, schema.LIVE_SCHEMA, first)
        await self._fold_all(reader, partitions, positions)
        rebuilt = await fingerprint.take(connection, VERIFY, first)
        return [Compared(table=table, live=live[table], rebuilt=rebuilt[table]) for table in fingerprint.TABLES]

    async def _fold_all(self, reader: LogReader, partitions: Sequence[ShadowPartition], positions: dict[int, int] | None) -> None:
        """Fold every partition to its position, or to the end of the topic, and tell how far it is."""
        held = [await reader.bounds(ALERTS, part.claim.partition) for part in partitions]
        total = sum(bounds.next - bounds.earliest for bounds in held)

        def told() -> None:
            self._progress(sum(part.records for part in partitions), total)

        async def fold(part: ShadowPartition) -> None:
            stop = _END if positions is None else positions.get(part.claim.partition, 0)
            if (part.claim.source_next or 0) < stop:
                await part.fold_to(stop, batch_records=self._options.batch_records, folded=told)
            told()

        async with asyncio.TaskGroup() as tasks:
            for part in partitions:
                tasks.create_task(fold(part))

    async def _swap(
        self, connection: Connection, reader: LogReader, partitions: Sequence[ShadowPartition], starts: Sequence[Start]
    ) -> None:
        await schema.drop(connection, OLD_SCHEMA)  # of a run that was stopped behind its swap
        start = {item.partition: item.first_source for item in starts}
        for left in range(self._options.swap_tries, 0, -1):
            await self._fold_all(reader, partitions, None)
            try:
                await swap(
                    connection,
                    partitions,
                    schema_name=SHADOW,
                    start=start,
                    limit_s=self._options.swap_limit_s,
                    batch_records=self._options.batch_records,
                )
            except NotReached:
                if left == 1:
                    raise
            else:
                return

    async def _starts(self, reader: LogReader) -> tuple[list[Start], str]:
        admin = self._log.admin()
        await admin.start()
        try:
            topic = await admin.describe(ALERTS)
        finally:
            await admin.close()
        return [await find_start(reader, partition) for partition in range(topic.partitions)], topic.topic_id

    @asynccontextmanager
    async def _shadow(
        self, reader: LogReader, name: str, *, heeds_erased: bool
    ) -> AsyncIterator[tuple[list[ShadowPartition], list[Start]]]:
        """Open every partition of a shadow, and close them at the end."""
        starts, topic_id = await self._starts(reader)
        partitions: list[ShadowPartition] = []
        try:
            for start in starts:  # one by one, so that each that was opened is closed
                part = await open_partition(
                    self._connect, reader, start, schema_name=name, topic_id=topic_id, heeds_erased=heeds_erased
                )
                partitions.append(part)
            yield partitions, starts
        finally:
            for part in partitions:
                await part.close()

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[tuple[Connection, LogReader]]:
        reader = self._log.reader()
        await reader.start()
        try:
            connection = await self._connect()
            try:
                async with postgres.translated():
                    yield connection, reader
            finally:
                await postgres.close(connection)
        finally:
            await reader.close()

    @asynccontextmanager
    async def _exclusively(self, connection: Connection) -> AsyncIterator[None]:
        if not await connection.fetchval(_TRY_LOCK):
            raise Fatal("another 'tocsin rebuild' or 'tocsin verify' is running; wait for it, or stop it")
        try:
            with collector.spared():
                yield
        finally:
            if not connection.is_closed():
                await connection.fetchval(_UNLOCK)


_END = 1 << 62


async def _positions(connection: Connection) -> dict[int, int]:
    rows = await connection.fetch(_POSITIONS, LIVE, GROUPER_CONSUMER)
    return {row["partition"]: row["source_next"] or 0 for row in rows}
