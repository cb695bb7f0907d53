"""Records of `tocsin.alerts` to what the fold reads."""

from collections.abc import Callable, Mapping

from tocsin_contracts.command import Command, decode_command
from tocsin_contracts.envelope import Kind, SourceStamp, kind_of, source_of
from tocsin_contracts.image import Image, decode_image
from tocsin_contracts.tenant import TenantErased, decode_tenant_erased
from tocsin_contracts.tick import Tick, decode_tick
from tocsin_grouper.domain.fold import LogRecord
from tocsin_runtime.errors import Fatal
from tocsin_runtime.log import Record

_MICROSECONDS = 1000
_READERS: Mapping[str, Callable[[bytes], Image | Command | Tick | TenantErased]] = {
    Kind.DELIVERY: decode_image,
    Kind.COMMAND: decode_command,
    Kind.RULE_SET: decode_command,
    Kind.TICK: decode_tick,
    Kind.TENANT_ERASED: decode_tenant_erased,
}


class _UnknownKind(Exception):  # noqa: N818 # it never leaves this module
    """A kind of record that this release does not know."""


def stamp_of(record: Record) -> SourceStamp:
    """Read which record of the log an image stands for, and who wrote it.

    Raises:
        Fatal: the record was not written by a normalizer.
    """
    try:
        return source_of(record.headers)
    except ValueError as error:
        raise Fatal(
            f"tocsin.alerts {record.partition}:{record.offset} carries no readable source position ({error}): somebody else "
            "wrote into that topic; recreate it and run 'tocsin rebuild'"
        ) from error


def decode(record: Record, stamp: SourceStamp) -> LogRecord:
    """Decode one record, whose stamp was read already.

    Raises:
        Fatal: a kind or a form that this release does not know: consumers are to be upgraded first (DESIGN 3).
    """
    kind = kind_of(record.headers)
    read = _READERS.get(kind)
    try:
        if read is None:
            raise _UnknownKind(kind)  # noqa: TRY301 # one sentence for all that cannot be read
        payload = read(record.value)
    except (ValueError, LookupError, TypeError, _UnknownKind) as error:
        raise Fatal(
            f"record {stamp.position} (written by release {stamp.release}) cannot be read by this release: {error}; "
            "upgrade the grouper first, then the others"
        ) from error
    return LogRecord(
        position=stamp.position,
        appended_at=stamp.appended_at_ms * _MICROSECONDS,
        release=stamp.release,
        payload=payload,
    )
