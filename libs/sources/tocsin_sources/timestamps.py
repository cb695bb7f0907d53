"""Read the times that senders write (SOURCES 0.5) as microseconds since the epoch, UTC."""

import re
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache

from tocsin_contracts.times import from_datetime

_FRACTION_DIGITS = 6
_SECONDS_DIGITS_MAX, _MILLIS_DIGITS_MAX, _MICROS_DIGITS_MAX = 11, 14, 17
_ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?"
    r" ?(?:(Z|UTC|GMT)|([+-])(\d\d):?(\d\d)(?: [A-Z]{1,5})?)?",
    re.ASCII | re.IGNORECASE,
)
_UNIX_DATE = re.compile(r"[A-Z][a-z]{2} ([A-Z][a-z]{2}) +(\d{1,2}) (\d\d):(\d\d):(\d\d) (?:UTC|GMT) (\d{4})", re.ASCII)
_NUMBER = re.compile(r"(\d{1,20})(?:\.(\d{1,20}))?", re.ASCII)
_REMEMBERED_LONGEST = 40
"""Characters of a text that is remembered with the time that it means."""
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def time_of(value: object, *, naive_is_utc: bool = False) -> int | None:
    """Read a time in any of the forms seen.

    RFC 3339 with `Z` or an offset (with or without colon) and 0 to 9 fraction digits, of which six are kept; the same with
    a space or a trailing zone name, as Go prints; `Mon Mar 02 10:15:30 UTC 2026`; epoch numbers as number or text, whose
    unit follows from the count of digits: 10 s, 13 ms, 16 µs, 19 ns.

    Args:
        value: what stood in the JSON.
        naive_is_utc: whether this sender's times without a zone are known to be UTC; else they are no times.

    Returns:
        µs since the epoch; None for what is no time and for the values that mean "none": the year 1, the epoch, 0, -1.
    """
    match value:
        case bool():
            return None
        case int() | float():
            return _from_number(repr(value))
        case str():
            read = _from_text if len(value) > _REMEMBERED_LONGEST else _from_text_said_before
            return read(value.strip(), naive_is_utc)
        case _:
            return None


def _from_text(text: str, naive_is_utc: bool) -> int | None:
    return _from_iso(text, naive_is_utc=naive_is_utc) or _from_number(text) or _from_unix_date(text)


_from_text_said_before = lru_cache(maxsize=2_048)(_from_text)
"""Senders repeat the time at which an alert began as long as it fires, and one that stands for \"not yet\"."""


def _from_iso(text: str, *, naive_is_utc: bool) -> int | None:
    match = _ISO.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction, utc, sign, offset_hours, offset_minutes = match.groups()
    if not (utc or sign or naive_is_utc):
        return None
    offset = timedelta(hours=int(offset_hours or 0), minutes=int(offset_minutes or 0))
    zone = timezone(-offset if sign == "-" else offset) if offset < timedelta(hours=24) else None
    if zone is None:
        return None
    micros = int((fraction or "0")[:_FRACTION_DIGITS].ljust(_FRACTION_DIGITS, "0"))
    return _moment((int(year), int(month), int(day), int(hour), int(minute), int(second), micros), zone)


def _from_unix_date(text: str) -> int | None:
    match = _UNIX_DATE.fullmatch(text)
    if match is None or match[1] not in _MONTHS:
        return None
    month = _MONTHS.index(match[1]) + 1
    return _moment((int(match[6]), month, int(match[2]), int(match[3]), int(match[4]), int(match[5]), 0), UTC)


def _moment(parts: tuple[int, int, int, int, int, int, int], zone: timezone) -> int | None:
    """Build the time of year, month, day, hour, minute, second, µs; a leap second is the second before it."""
    year, month, day, hour, minute, second, micros = parts
    try:
        at = from_datetime(datetime(year, month, day, hour, minute, min(second, 59), micros, zone))
    except ValueError:
        return None
    return at if at > 0 else None


def _from_number(text: str) -> int | None:
    """Read an epoch number exactly, never through a float."""
    match = _NUMBER.fullmatch(text)
    if match is None:
        return None
    whole = match[1].lstrip("0")
    micros = int((whole + (match[2] or "")[:_FRACTION_DIGITS].ljust(_FRACTION_DIGITS, "0")) or "0")
    digits = len(whole)
    if digits <= _SECONDS_DIGITS_MAX:
        at = micros
    elif digits <= _MILLIS_DIGITS_MAX:
        at = micros // 1_000
    elif digits <= _MICROS_DIGITS_MAX:
        at = micros // 1_000_000
    else:
        at = micros // 1_000_000_000
    return at if at > 0 else None
