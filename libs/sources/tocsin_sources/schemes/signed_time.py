"""Times that a signature covers: a captured request may be sent again for five minutes and no longer."""

import re

from tocsin_contracts.times import SECOND

TOLERANCE_S = 300
"""How far the sender's clock may be from ours, either way."""
_SECONDS = re.compile(r"\d{1,12}", re.ASCII)


def is_fresh(text: str, now: int, tolerance_s: int = TOLERANCE_S) -> bool:
    """Tell whether a time in whole seconds since the epoch is so near to `now` (µs); anything else is not."""
    return _SECONDS.fullmatch(text) is not None and abs(int(text) * SECOND - now) <= tolerance_s * SECOND
