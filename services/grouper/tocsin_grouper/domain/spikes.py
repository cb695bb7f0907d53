"""Events by the minute, for spikes, and what an escalation rule demands by them: whole minutes of the fold's clock."""

from collections.abc import Callable, Iterable

from tocsin_contracts.times import MINUTE, SECOND
from tocsin_rules.document import EscalationRule

Minutes = tuple[tuple[int, int], ...]
"""Minute since the epoch and events in it, oldest first."""


def counted(minutes: Minutes, at: int, events: int, span_s: int) -> Minutes:
    """Count events that came at one moment; what lies further back than any spike looks is left out."""
    minute, oldest = at // MINUTE, (at - span_s * SECOND) // MINUTE
    kept = [each for each in minutes if each[0] >= oldest]
    if kept and kept[-1][0] == minute:
        kept[-1] = (minute, kept[-1][1] + events)
    else:
        kept.append((minute, events))
    return tuple(kept)


def together(several: Iterable[Minutes]) -> Minutes:
    """Add up what several counted."""
    found: dict[int, int] = {}
    for minutes in several:
        for minute, events in minutes:
            found[minute] = found.get(minute, 0) + events
    return tuple(sorted(found.items()))


def within(minutes: Minutes, within_s: int, now: int) -> int:
    """Count the events of the last `within_s` seconds, by whole minutes: up to one more counts whole."""
    oldest = (now - within_s * SECOND) // MINUTE
    return sum(events for minute, events in minutes if minute >= oldest)


def demand(rule: EscalationRule, events_within: Callable[[int], int]) -> str | None:
    """Say why a rule that matched demands its severity; None: its spike is not reached.

    Args:
        rule: that matched.
        events_within: counts the events of so many seconds.
    """
    if rule.spike is None:
        return f"escalation rule {rule.name}"
    count = events_within(rule.spike.within_s)
    return f"escalation rule {rule.name}: {count} events within {rule.spike.within_s} s" if count >= rule.spike.events else None
