"""Records of `tocsin.alerts` as a normalizer writes them, made from what `folding` says."""

from collections.abc import Sequence

from tocsin_contracts.command import Command, encode_command
from tocsin_contracts.envelope import Kind, SourceStamp, image_headers
from tocsin_contracts.image import Image, encode_image
from tocsin_contracts.tenant import TenantErased, encode_tenant_erased
from tocsin_contracts.tick import encode_tick
from tocsin_grouper.domain.fold import LogRecord
from tocsin_runtime.log import Entry, Record


def entry_of(record: LogRecord) -> Entry:
    """Encode one folded record as the entry that the normalizer appends."""
    payload = record.payload
    if isinstance(payload, Image):
        kind, value, key = Kind.DELIVERY, encode_image(payload), payload.tenant.encode()
    elif isinstance(payload, Command):
        kind, value, key = Kind.COMMAND, encode_command(payload), payload.tenant.encode()
    elif isinstance(payload, TenantErased):
        kind, value, key = Kind.TENANT_ERASED, encode_tenant_erased(payload), payload.tenant.encode()
    else:
        kind, value, key = Kind.TICK, encode_tick(payload), b""
    stamp = SourceStamp(record.position, record.appended_at // 1000, record.release)
    return Entry(key=key, value=value, headers=image_headers(kind, stamp))


def records_of(records: Sequence[LogRecord], first: int = 0) -> list[Record]:
    """Encode folded records as they stand in the topic from offset `first` on."""
    return [
        Record(
            partition=record.position.partition,
            offset=first + number,
            appended_at_ms=record.appended_at // 1000,
            **entry_of(record)._asdict(),
        )
        for number, record in enumerate(records)
    ]
