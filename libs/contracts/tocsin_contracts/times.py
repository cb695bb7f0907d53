"""Times are integers: microseconds since the epoch, UTC. This module turns them from and into RFC 3339."""

from datetime import UTC, datetime, timedelta

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
EARLIEST_AT = 0
"""1970-01-01T00:00:00Z: no indexed time lies before it (DESIGN 3)."""
LATEST_AT = 4_102_444_800 * SECOND
"""2100-01-01T00:00:00Z: no indexed time lies behind it (DESIGN 3)."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def from_datetime(moment: datetime) -> int:
    """Turn an aware datetime into µs, exactly (no float in between)."""
    return (moment - _EPOCH) // _MICROSECOND


def to_datetime(at: int) -> datetime:
    """Turn µs into an aware UTC datetime."""
    return _EPOCH + timedelta(microseconds=at)


def to_rfc3339(at: int) -> str:
    """Write µs as RFC 3339 in UTC with six fraction digits and a Z."""
    return to_datetime(at).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def bounded(at: int) -> int:
    """Clamp a time into 1970–2100, the range that every stored time keeps."""
    return min(max(at, EARLIEST_AT), LATEST_AT)
