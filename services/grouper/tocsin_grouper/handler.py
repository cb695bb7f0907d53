"""One partition's work: fold a batch in log order, write its rows with its progress in one transaction."""

from collections.abc import Mapping, Sequence
from typing import Final

import structlog

from tocsin_grouper.decoding import decode, stamp_of
from tocsin_grouper.domain import needs
from tocsin_grouper.domain.changes import Changes
from tocsin_grouper.domain.fold import TIMER_HANDLERS, Decision, LogRecord, TimerHandler, decide
from tocsin_grouper.domain.keys import LISTED, Key, TextsKey
from tocsin_grouper.domain.partition import PartitionState
from tocsin_grouper.domain.state import Texts, Value
from tocsin_grouper.domain.view import Missing
from tocsin_grouper.ports import Store
from tocsin_runtime.errors import Fatal
from tocsin_runtime.fence import Claim
from tocsin_runtime.log import Record

_log = structlog.get_logger()
LOADS_MAX: Final = 5_000
"""Rounds of loading for one record; more means that a decision asks for ever new keys: a bug of ours.

A decision asks for all that it needs in a few rounds. One that asks one by one is slow; it must not stop a partition (P7).
"""
CACHED_MAX: Final = 100_000


class PartitionHandler:
    """Folds one partition for as long as its claim stands. Whoever catches `Fenced` drops it with all its memory."""

    def __init__(
        self,
        store: Store,
        claim: Claim,
        state: PartitionState,
        *,
        cached_max: int = CACHED_MAX,
        timers: Mapping[str, TimerHandler] = TIMER_HANDLERS,
    ) -> None:
        """Take over a claimed partition; `cached_max` bounds the records kept in memory between batches."""
        self._store = store
        self._state = state
        self._cached_max = cached_max
        self._timers = timers
        self._lists: set[Key] = set()
        self._texts: list[Key] = []
        self._unwritten: list[Changes] = []
        """What rows may not say yet: of the last fold, and of the one before it (a shadow writes that meanwhile)."""
        self.claim = claim

    @property
    def state(self) -> PartitionState:
        """The fold's state, as the last written batch left it."""
        return self._state

    async def handle(self, records: Sequence[Record]) -> Changes:
        """Fold the records and write what changed.

        The state in memory is ahead of the rows if writing fails: then the handler is of no more use, and its owner claims
        anew.

        Raises:
            Fatal: a gap in the log, or a record that cannot be read.
            Fenced: somebody else owns the partition.
        """
        fresh, source_next = self.accept(records, self.claim.source_next)
        changes = await self.fold(fresh)
        self.claim = await self._store.write(self.claim, changes, next=records[-1].offset + 1, source_next=source_next)
        self.trim()
        self._state.lately.forget_written(all_of_it=True)
        self._unwritten = []
        return changes

    async def fold(self, records: Sequence[LogRecord]) -> Changes:
        """Fold decoded records in order, loading what they need; nothing is written."""
        await self._prefetch(records)
        changes = Changes()
        self._unwritten = [*self._unwritten[-1:], changes]
        self._state.lately.begin()
        for record in records:
            decision = await self._decide(record)
            self._state.absorb(decision.facts, decision.draft)
            changes.add(decision)
            _report(decision)
        return changes

    def accept(self, records: Sequence[Record], source_next: int | None) -> tuple[list[LogRecord], int]:
        """Decode the records that come next in the log; drop repeats, whatever release wrote them; refuse a gap.

        Gives the records to fold and the source offset that comes behind them.

        Raises:
            Fatal: a record is missing in between, or one cannot be read.
        """
        expected = source_next or 0
        fresh: list[LogRecord] = []
        for record in records:
            stamp = stamp_of(record)
            position = stamp.position
            if position.offset == expected:
                fresh.append(decode(record, stamp))
                expected += 1
            elif position.offset > expected:
                raise Fatal(
                    f"the images of partition {position.partition} jump from {expected} to {position.offset}: records in "
                    "between are missing. Nothing was skipped. Restore tocsin.alerts, or see 'tocsin rebuild --help'"
                )
        return fresh, expected

    async def _decide(self, record: LogRecord) -> Decision:
        for _ in range(LOADS_MAX):
            try:
                decision = decide(self._state, record, self._timers)
            except Missing as missing:
                await self._load(missing.keys)
            else:
                self._drop_texts()
                return decision
        raise Fatal(f"record {record.position} asks for ever more state: a bug in the fold, please report it")

    async def _prefetch(self, records: Sequence[LogRecord]) -> None:
        """Load what the records name and lead to, in three round trips.

        Alerts that are in memory were folded lately: what they lead to is there too, but for rare cases, for which `decide`
        asks. So only records that name something new are followed further.
        """
        new = await self._load(needs.named_by(records))
        if new:
            led_to = needs.led_to(records, self._state, new)
            await self._load(led_to)
            await self._load(needs.pointed_at(led_to, self._state.loaded))

    async def _load(self, keys: Sequence[Key]) -> set[Key]:
        """Load what is not in memory; gives the keys that were not."""
        wanted = {key: None for key in keys if key not in self._state.loaded}
        if wanted:
            self._state.loaded.update(await self._store.load(list(wanted)))
            for key in wanted:
                if key.space in LISTED:
                    self._lists.add(key)
                elif isinstance(key, TextsKey):
                    self._complete(key)
        return set(wanted)

    def _complete(self, key: TextsKey) -> None:
        """Lay what rows do not say yet over what an alert's row says."""
        found = self._state.loaded[key]
        texts = found if isinstance(found, Texts) else None
        for changes in self._unwritten:
            texts = changes.texts_of(key, texts)
        self._state.loaded[key] = texts
        self._texts.append(key)

    def _drop_texts(self) -> None:
        """Forget what alerts say: no fact of the next record would change it in memory."""
        for key in self._texts:
            self._state.loaded.pop(key, None)
        self._texts.clear()

    def trim(self) -> None:
        """Forget the records that were loaded first, half of them, once there are too many; what is written can be loaded.

        What the last fold changed stays: a shadow calls this while those rows are not written yet. Lists read from rows go
        every time, for they stand only as long as all that changed since is in memory.
        """
        loaded = self._state.loaded
        self._state.judgements.clear()  # they hold whole deliveries
        for key in self._lists:
            loaded.pop(key, None)
        self._lists.clear()
        if len(loaded) > self._cached_max:
            keep: dict[Key, Value | None] = dict(list(loaded.items())[len(loaded) // 2 :])
            keep.update((key, loaded[key]) for key in self._state.lately.changed() if key in loaded)
            self._state.loaded = keep
        self._state.lately.forget_written()
        self._unwritten = self._unwritten[-1:]


def _report(decision: Decision) -> None:
    """Log what raised: the record's outcome tells people, this tells us."""
    if decision.error is not None:
        position = str(decision.record.position)
        _log.error("record.fold_error", position=position, tenant_id=decision.record.tenant, exc_info=decision.error)
    for key, error in decision.timer_errors:
        _log.error(
            "timer.fold_error", position=str(decision.record.position), tenant_id=key.tenant, timer=key.key, exc_info=error
        )
