"""Episodes: what one event means for one alert (DESIGN 3, "Alerts, episodes, incidents").

An episode is one firing..resolved span. Events are ordered by the sender's time where it can be trusted, clamped to the
fold's clock; else by the log.
"""

from enum import Enum, auto
from typing import Final

from tocsin_contracts.alert import AlertEvent
from tocsin_contracts.status import AlertStatus, EventStatus
from tocsin_grouper.domain.state import Alert


class Verdict(Enum):
    """What an event means for its alert."""

    BEGINS = auto()
    """A new episode begins: it needs an incident."""
    SUPERSEDES = auto()
    """The running episode must have ended unseen, and a new one begins: its hint is newer."""
    REPEATS = auto()
    """The running episode goes on."""
    ACKNOWLEDGES = auto()
    """Somebody acknowledged it at its source."""
    RESOLVES = auto()
    """The running episode ends."""
    STICKS = auto()
    """Nothing runs; the event is remembered: a resolve that came before its firing holds against that firing."""
    LATE = auto()
    """An event of the past: it is kept, and changes nothing."""


# Members by one name each: to find one by its enum's takes Python 3.11 as long as a call, and an alert asks thirty times.
_FIRING: Final = EventStatus.FIRING
_RESOLVED: Final = EventStatus.RESOLVED
BEGINS: Final = Verdict.BEGINS
SUPERSEDES: Final = Verdict.SUPERSEDES
REPEATS: Final = Verdict.REPEATS
ACKNOWLEDGES: Final = Verdict.ACKNOWLEDGES
RESOLVES: Final = Verdict.RESOLVES
STICKS: Final = Verdict.STICKS
LATE: Final = Verdict.LATE


def ordering_time(event: AlertEvent, clock: int) -> int:
    """Say when an event happened: the sender's time where it may order events, never behind the fold's clock."""
    if event.trusted and event.occurred_at is not None:
        return min(event.occurred_at, clock)
    return clock


def judge(alert: Alert | None, event: AlertEvent, clock: int, late_window: int) -> Verdict:
    """Judge one event against its alert.

    Args:
        alert: as it is; None if it was never seen.
        event: what the sender says.
        clock: the fold's clock.
        late_window: µs behind a resolve in which a firing of the same episode is a late copy, not a new one: a retry.
    """
    if event.status is _FIRING:
        return _judge_firing(alert, event, clock, late_window)
    if event.status is _RESOLVED:
        return _judge_resolved(alert, event, clock)
    return STICKS if alert is None else ACKNOWLEDGES if alert.status.is_active else LATE


def beats(alert: Alert | None, event: AlertEvent) -> bool:
    """Tell whether an event is a sign of life; an alert that already runs in an incident goes on there, whatever it says.

    An acknowledgement is none: it is that of any alert.
    """
    if event.status is EventStatus.ACKNOWLEDGED:
        return False
    return event.heartbeat and (alert is None or alert.incident is None or not alert.status.is_active)


def may_begin(alert: Alert | None, event: AlertEvent) -> bool:
    """Tell, without a clock, whether an event could begin an episode and so need its group; never False where it does."""
    if event.status is not _FIRING or beats(alert, event):
        return False
    return alert is None or not alert.status.is_active or alert.incident is None or event.episode_at != alert.episode_at


def _judge_firing(alert: Alert | None, event: AlertEvent, clock: int, late_window: int) -> Verdict:
    if alert is None:
        return BEGINS
    newer = _hint_order(alert, event)
    if alert.status.is_active:
        if alert.incident is None:
            return BEGINS
        return SUPERSEDES if newer == 1 else REPEATS
    if newer == 1:
        return BEGINS
    if newer == -1:
        return LATE
    if alert.status is AlertStatus.CLOSED:
        return BEGINS
    if newer == 0:
        return LATE if _may_be_a_copy(alert, clock, late_window) else BEGINS
    return LATE if _happened_before(event, alert) else BEGINS


def _judge_resolved(alert: Alert | None, event: AlertEvent, clock: int) -> Verdict:
    if alert is None:
        return STICKS
    if not alert.status.is_active:
        return LATE if _hint_order(alert, event) == -1 else STICKS
    if event.trusted and event.occurred_at is not None:
        if alert.episode_at is not None:  # both by the sender's clock: neither is clamped
            return LATE if event.occurred_at < alert.episode_at else RESOLVES
        return LATE if min(event.occurred_at, clock) < alert.occurred_at else RESOLVES
    return LATE if _hint_order(alert, event) == -1 else RESOLVES


def _hint_order(alert: Alert, event: AlertEvent) -> int | None:
    """Compare episode hints: 1 newer, 0 the same, -1 older, None where the sender's times do not tell."""
    if not event.trusted or event.episode_at is None or alert.episode_at is None:
        return None
    return (event.episode_at > alert.episode_at) - (event.episode_at < alert.episode_at)


def _may_be_a_copy(alert: Alert, clock: int, late_window: int) -> bool:
    """Tell whether a firing of an episode that was resolved is a late copy: never fired here, or resolved just now.

    Alertmanager keeps startsAt when a series comes back behind its resolve_timeout: later than the window, it fires again.
    """
    return alert.opened_at is None or alert.resolved_at is None or clock - alert.resolved_at <= late_window


def _happened_before(event: AlertEvent, alert: Alert) -> bool:
    """Tell whether a trusted time puts the event before the alert's last one."""
    return event.trusted and event.occurred_at is not None and event.occurred_at < alert.occurred_at
