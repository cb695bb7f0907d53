"""Generated streams of deliveries through the real map, as the records that the grouper folds; ticks in between."""

from collections.abc import Iterable, Sequence

from tests.support.images import entry_of as entry_of_record
from tocsin.streams.entries import VERSION, entry_of
from tocsin.streams.stream import Sending
from tocsin_contracts.integration import IntegrationSettings
from tocsin_contracts.position import Position
from tocsin_contracts.tick import Tick
from tocsin_contracts.times import SECOND
from tocsin_grouper.decoding import decode, stamp_of
from tocsin_grouper.domain.fold import LogRecord
from tocsin_normalizer.domain.normalize import Normalizer
from tocsin_runtime.log import Record

TICK_S = 15


def image_records(sendings: Iterable[Sending], settings: IntegrationSettings | None = None) -> list[Record]:
    """Let a gateway accept the deliveries when they leave, tick every 15 s, and the normalizer map all of it."""
    normalizer, made, next_tick_at = Normalizer(release="1"), list[Record](), 0
    for number, sending in enumerate(sendings):
        at = sending.leaves_at
        if at >= next_tick_at:
            next_tick_at = at + TICK_S * SECOND
            made.append(_tick(len(made), at))
        record = Record(0, len(made), at // 1000, *entry_of(sending, number))
        known = {(f"{sending.tenant}-{sending.sample.source}", VERSION): settings or IntegrationSettings()}
        imaged = normalizer.normalize(record, known)
        made.append(Record(0, len(made), at // 1000, imaged.key, imaged.value, imaged.headers))
    return made


def decoded(records: Sequence[Record]) -> list[LogRecord]:
    """Read the records as the grouper does."""
    return [decode(record, stamp_of(record)) for record in records]


def _tick(offset: int, at: int) -> Record:
    tick = Tick(gateway="g1", covers_ms=TICK_S * 1000, refused=[], all_refused=False)
    entry = entry_of_record(LogRecord(position=Position(0, offset), appended_at=at, release="1", payload=tick))
    return Record(0, offset, at // 1000, entry.key, entry.value, entry.headers)
