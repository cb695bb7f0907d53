"""How an event changes its alert: one function for each verdict, each giving the alert as it is then."""

from dataclasses import replace
from typing import Final

from tocsin_contracts.alert import AlertEvent
from tocsin_contracts.integration import IntegrationSettings
from tocsin_contracts.record import record
from tocsin_contracts.severity import DEFAULT_SEVERITY, Severity
from tocsin_contracts.status import AlertStatus, EventStatus
from tocsin_contracts.times import SECOND
from tocsin_grouper.domain.episodes import ordering_time
from tocsin_grouper.domain.state import Alert

# Members by one name each, as in `episodes`.
_SAID_RESOLVED: Final = EventStatus.RESOLVED
_RESOLVED: Final = AlertStatus.RESOLVED
_OPEN: Final = AlertStatus.OPEN


@record
class Moment:
    """Where and when a delivery stands: what every change of an alert needs to know of it."""

    tenant: str
    integration: str
    offset: int
    clock: int
    observed: int
    """Absence time, less what is owed to the integration."""
    settings: IntegrationSettings


def begin(
    before: Alert | None,
    alert_id: str,
    event: AlertEvent,
    moment: Moment,
    incident: str | None,
    *,
    window_s: int | None = None,
    held: str | None = None,
) -> Alert:
    """Begin an episode: the alert fires and belongs to `incident`, or waits in the group `held` for others.

    Args:
        before: the alert as it was.
        alert_id: its name.
        event: what its source said.
        moment: where and when.
        incident: that took it; None while it waits.
        window_s: the window that its rule gives in place of the integration's.
        held: the group in which it waits.
    """
    at = ordering_time(event, moment.clock)
    return _seen(
        before, alert_id, event, moment, _OPEN, incident, opened_at=moment.clock, occurred_at=at,
        window_s=window_s, held=held,
    )  # fmt: skip


def repeat(before: Alert, event: AlertEvent, moment: Moment) -> Alert:
    """Go on with the running episode; an acknowledgement at the source stands."""
    return _seen(
        before,
        before.id,
        event,
        moment,
        before.status,
        before.incident,
        opened_at=before.opened_at,
        window_s=before.ruled_window_s,
    )


def acknowledge(before: Alert, event: AlertEvent, moment: Moment) -> Alert:
    """Mark the running episode as acknowledged at its source."""
    return _seen(
        before, before.id, event, moment, AlertStatus.ACKNOWLEDGED, before.incident, opened_at=before.opened_at,
        window_s=before.ruled_window_s, held=before.held,
    )  # fmt: skip


def resolve(before: Alert, event: AlertEvent, moment: Moment) -> Alert:
    """End the running episode by its source's word."""
    return _seen(before, before.id, event, moment, _RESOLVED, before.incident, opened_at=before.opened_at)


def stick(before: Alert | None, alert_id: str, event: AlertEvent, moment: Moment) -> Alert:
    """Remember an event that found nothing running; it holds against the firing that comes late."""
    status = _RESOLVED if event.status is _SAID_RESOLVED else AlertStatus.ACKNOWLEDGED
    known = before is not None and (event.episode_at is None or event.episode_at == before.episode_at)
    opened_at = before.opened_at if before is not None and known else None
    incident = None if before is None else before.incident
    after = _seen(before, alert_id, event, moment, status, incident, opened_at=opened_at)
    if before is not None and known and before.status is status is _RESOLVED:
        return replace(after, resolved_at=before.resolved_at)  # said twice: it ended when it ended
    return after


def heartbeat(before: Alert | None, alert_id: str, event: AlertEvent, moment: Moment) -> Alert:
    """Record a heartbeat: it never has an incident."""
    status = _RESOLVED if event.status is _SAID_RESOLVED else _OPEN
    return _seen(before, alert_id, event, moment, status, None, opened_at=moment.clock if before is None else before.opened_at)


def note_late(before: Alert, moment: Moment) -> Alert:
    """Note an event of the past: nothing is counted, for it is as likely a copy of one that was (P4)."""
    return replace(before, last_seen_at=moment.clock, changed_offset=moment.offset)


def note_duplicate(before: Alert, moment: Moment) -> Alert:
    """Move last_seen and leases for a duplicate by content; nothing is counted."""
    return replace(
        before,
        last_seen_at=moment.clock,
        last_observed=max(before.last_observed, moment.observed),
        changed_offset=moment.offset,
    )


def end(before: Alert, at: int, offset: int) -> Alert:
    """End the running episode without a resolve: CLOSED."""
    return replace(before, status=AlertStatus.CLOSED, resolved_at=at, updated_at=at, held=None, changed_offset=offset)


def severity_of(before: Alert | None, event: AlertEvent) -> Severity:
    """Give the alert's severity behind an event: a resolve, or an event that does not say, keeps the one it had."""
    if before is not None and (event.severity is None or event.status is _SAID_RESOLVED):
        return before.severity
    return event.severity or DEFAULT_SEVERITY


def limit_of(alert: Alert) -> int:
    """Give the silence (µs) that may end the alert's episode: its window if its source never resolves, else 24 hours."""
    if alert.never_resolves:
        return (alert.group_window_s if alert.ruled_window_s is None else alert.ruled_window_s) * SECOND
    return alert.silence_s * SECOND


def _seen(
    before: Alert | None,
    alert_id: str,
    event: AlertEvent,
    moment: Moment,
    status: AlertStatus,
    incident: str | None,
    *,
    opened_at: int | None,
    occurred_at: int | None = None,
    window_s: int | None = None,
    held: str | None = None,
) -> Alert:
    """Build the alert behind an event that counted; without `occurred_at` its time never goes back."""
    settings = moment.settings
    if occurred_at is None:
        at = ordering_time(event, moment.clock)
        occurred_at = at if before is None else max(at, before.occurred_at)
    never = event.never_resolves if settings.never_resolves is None else settings.never_resolves
    hint = event.episode_at
    if before is not None and before.episode_at is not None:
        hint = before.episode_at if hint is None else max(hint, before.episode_at)
    return Alert(
        tenant=moment.tenant,
        id=alert_id,
        integration=moment.integration,
        incident=incident,
        status=status,
        severity=severity_of(before, event),
        heartbeat=event.heartbeat,
        never_resolves=never,
        episode_at=hint,
        occurred_at=occurred_at,
        opened_at=opened_at,
        resolved_at=moment.clock if status is _RESOLVED else None,
        created_at=moment.clock if before is None else before.created_at,
        updated_at=moment.clock,
        last_seen_at=moment.clock,
        event_count=1 if before is None else before.event_count + 1,
        content=event.content,
        content_status=event.status,
        content_at=moment.clock,
        last_observed=moment.observed if before is None else max(before.last_observed, moment.observed),
        group_window_s=settings.group_window_s,
        silence_s=settings.silence_s,
        changed_offset=moment.offset,
        ruled_window_s=window_s,
        held=held,
    )
