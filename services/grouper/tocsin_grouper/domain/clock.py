"""The fold's clock, and the time in which absences are counted (P10; DESIGN 3, "Time").

The clock is the greatest append time so far: it never runs backwards. Absence time (`observed`) grows with the append times
too, but only over intervals in which records came: over a gap of more than 60 s, or a step back, it stands still. So a gap,
an outage or a step ahead extends every deadline by itself, without touching a single timer.

What a gateway refused (429, 503) is owed to that integration: its deadlines move by as much.
"""

from collections.abc import Mapping

from tocsin_contracts.times import MINUTE
from tocsin_grouper.domain.state import PartitionClock

GAP = MINUTE
"""Records of a partition that come further apart than this (µs) leave a gap: nobody was listening. Ticks come every 15 s."""
GRACE = MINUTE
"""An absence is judged this much (µs) behind its deadline: a refusal before the deadline is told by a later tick."""

WHOLE_PARTITION = ""
"""In place of an integration: owed to everybody in the partition."""
ANY_INTEGRATION = "*"
"""In place of an integration that nobody knows yet: owed as much as any of its tenant's."""
GATEWAY_GONE = 15 * MINUTE
"""A gateway that did not tick for so long (µs, absence time) and said no goodbye is taken for dead: nobody waits for it more."""


def advance(before: PartitionClock | None, raw_at: int, offset: int) -> PartitionClock:
    """Move the clock to a record's append time.

    Args:
        before: the clock so far; None at the first record of a partition.
        raw_at: the broker's append time of the log record, µs, as it was.
        offset: of the record in `tocsin.log`.
    """
    if before is None:
        return PartitionClock(clock=raw_at, last_raw=raw_at, observed=0, last_offset=offset)
    step = raw_at - before.last_raw
    return PartitionClock(
        clock=max(before.clock, raw_at),
        last_raw=raw_at,
        observed=before.observed + (step if 0 < step <= GAP else 0),
        last_offset=offset,
    )


def owed(refusals: Mapping[tuple[str, str], int], tenant: str, integration: str) -> int:
    """Sum what an integration is owed (µs): by its own refusals and by those of everybody."""
    if integration == ANY_INTEGRATION:
        own = max((micros for (of, _), micros in refusals.items() if of == tenant), default=0)
    else:
        own = refusals.get((tenant, integration), 0)
    return own + refusals.get((WHOLE_PARTITION, WHOLE_PARTITION), 0)


def told_until(observed: int, gateways: Mapping[str, int]) -> int:
    """Say as of when (absence time) absences may be judged: now, or as long as every gateway told whom it refused (P10).

    A gateway that cannot reach Kafka refuses, and can tell only later; meanwhile others tick on. One that ticked at a deadline
    or behind it told all that it refused before.
    """
    return min(observed, min(gateways.values()) + GRACE) if gateways else observed


def dead(observed: int, gateways: Mapping[str, int]) -> list[str]:
    """List gateways that said nothing for so long that nobody waits for them, in name order."""
    return sorted(name for name, last in gateways.items() if observed - last > GATEWAY_GONE)


def happened_at(now: PartitionClock, due: int, no_earlier_than: int) -> int:
    """Say when, by the clock, absence time reached `due`: exact where no gap lies between, else later, never in the future."""
    return min(now.clock, max(no_earlier_than, now.clock - (now.observed - due)))
