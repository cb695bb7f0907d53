"""Durations as people write them (`90s`, `30m`, `1h30m`, `7d`), kept as whole seconds."""

import re
from typing import Annotated

from pydantic import BeforeValidator, Field, PlainSerializer

DURATION_MAX_S = 30 * 86_400
"""30 days: no rule looks further back or ahead."""
_UNITS = (("w", 604_800), ("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))
_WRITTEN = re.compile("".join(f"(?:([0-9]{{1,9}}){unit})?" for unit, _ in _UNITS))


def parse_duration(text: str) -> int:
    """Read a duration in Prometheus' way: numbers with units from large to small, each at most once.

    Returns:
        Seconds.

    Raises:
        ValueError: it is not written like that; says how to write it.
    """
    found = _WRITTEN.fullmatch(text)
    if found is None or not text:
        raise ValueError("a duration is written like 30m, 1h30m or 90s (units w, d, h, m, s)")
    return sum(int(number) * seconds for number, (_, seconds) in zip(found.groups(), _UNITS, strict=True) if number)


def write_duration(seconds: int) -> str:
    """Write seconds so that `parse_duration` reads them again, in the fewest units."""
    parts = []
    rest = seconds
    for unit, size in _UNITS[1:]:  # 14d says more than 2w
        number, rest = divmod(rest, size)
        if number:
            parts.append(f"{number}{unit}")
    return "".join(parts) or "0s"


def _read(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError("a duration is text with a unit, such as 30m")  # noqa: TRY004 - pydantic reports ValueError
    return parse_duration(value)


_Written = (BeforeValidator(_read), PlainSerializer(write_duration, return_type=str))
Duration = Annotated[int, Field(ge=1, le=DURATION_MAX_S), *_Written]
"""1 s to 30 d."""
Quiet = Annotated[int, Field(ge=0, le=DURATION_MAX_S), *_Written]
"""0 s to 30 d."""
SpikeWindow = Annotated[int, Field(ge=1, le=3_600), *_Written]
"""1 s to 60 m: the fold counts events a minute, for an hour."""
