"""Alerts that wait for a threshold: which still do, and what they bring along into the incident that opens.

A group that waits is as an incident that is not open yet: rules are asked about each firing told of it, spikes count them.
"""

from collections.abc import Sequence
from dataclasses import replace

from tocsin_contracts.times import SECOND
from tocsin_grouper.domain.spikes import Minutes, counted, demand, together, within
from tocsin_grouper.domain.state import Waiting
from tocsin_rules.document import EscalationRule, Threshold

WHILE_WAITING = "while it waited for others"


def waits_still(waiting: Waiting, threshold: Threshold | None, now: int) -> bool:
    """Tell whether an alert was told of inside the threshold's time; without a threshold nothing passes."""
    return threshold is None or waiting.since > now - threshold.within_s * SECOND


def told_of(alert: str, before: Waiting | None, *, now: int, spike_s: int | None) -> Waiting:
    """Give how an alert waits once its sender told of it again: since now, and with one event more.

    Args:
        alert: its id.
        before: how it waited already.
        now: the fold's clock.
        spike_s: how far back spikes look at most; None: there are none, and nothing is counted.
    """
    if before is None:
        before = Waiting(alert=alert, since=now)
    events = () if spike_s is None else counted(before.events, now, 1, spike_s)
    return replace(before, since=now, events=events)


def demanded(held: tuple[Waiting, ...], alert: str, rules: Sequence[EscalationRule], now: int) -> tuple[Waiting, ...]:
    """Give what waits in a group once rules that matched an alert of it were asked: it keeps the worst that they demand.

    Spikes count the events of all that waits there.
    """
    events = together(each.events for each in held)
    return tuple(_asked(each, rules, events, now) if each.alert == alert else each for each in held)


def _asked(waiting: Waiting, rules: Sequence[EscalationRule], events: Minutes, now: int) -> Waiting:
    for rule in rules:
        if waiting.severity is None or rule.at_least.rank > waiting.severity.rank:
            reason = demand(rule, lambda within_s: within(events, within_s, now))
            if reason is not None:
                waiting = replace(waiting, severity=rule.at_least, reason=reason)
    return waiting
