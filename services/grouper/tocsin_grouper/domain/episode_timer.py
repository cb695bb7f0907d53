"""The timer of an episode: one for each active alert, armed when its episode begins.

It is not moved at every event: when it comes due it looks at the alert, and arms itself anew if something was heard since.
It closes an alert whose source never resolves once its window passed, and any alert once it was silent for 24 hours behind
the end of its incident (DESIGN 3). Both are absences: counted in ticked time, less what was refused (P10).
"""

from typing import Final

from tocsin_grouper.domain import alert_state
from tocsin_grouper.domain.clock import happened_at, owed
from tocsin_grouper.domain.collecting import unhold
from tocsin_grouper.domain.facts import AlertMoved, TimerCleared, TimerSet
from tocsin_grouper.domain.keys import AlertKey, GroupKey, IncidentKey, Key, TimerKey
from tocsin_grouper.domain.state import Alert, Incident, Timer
from tocsin_grouper.domain.step import Step
from tocsin_grouper.domain.tally import Tally, settle
from tocsin_grouper.domain.timers import Due

KIND: Final = "episode"
WINDOW = "its source never resolves, and its window passed"
SILENCE = "its incident is over, and nothing was heard since"


def arm(step: Step, alert: Alert) -> None:
    """Arm the timer of an episode that began."""
    _arm_at(step, alert, alert.last_observed + alert_state.limit_of(alert))


def disarm(step: Step, alert: Alert) -> None:
    """Clear the timer of an episode that ended."""
    step.record(TimerCleared(key=TimerKey(alert.tenant, _key(alert.id))))


def require(step: Step, dues: list[Due]) -> None:
    """Ask for all that these timers will look at, in two rounds instead of two for each.

    Raises:
        Missing: some of it is not loaded.
    """
    keys = [AlertKey(due.key.tenant, due.timer.subject) for due in dues if due.timer.kind == KIND]
    step.draft.require(list(keys))
    alerts = [step.draft.alert(key) for key in keys]
    found = [alert for alert in alerts if alert is not None]
    incidents: list[Key] = [IncidentKey(alert.tenant, alert.incident) for alert in found if alert.incident is not None]
    step.draft.require([*incidents, *(GroupKey(alert.tenant, alert.held) for alert in found if alert.held is not None)])


def fire(step: Step, due: Due) -> None:
    """End the episode if it is really over, else arm the timer for when it could be.

    Raises:
        Missing: the alert or its incident is not loaded.
    """
    tenant = due.key.tenant
    alert = step.draft.alert(AlertKey(tenant, due.timer.subject))
    if alert is None or not alert.status.is_active:
        step.record(TimerCleared(key=due.key))
        return
    incident = None if alert.incident is None else step.draft.incident(IncidentKey(tenant, alert.incident))
    deadline = _deadline(alert, incident, step)
    if deadline > due.timer.due:
        _arm_at(step, alert, deadline)
        return
    _close(step, alert, incident, due)


def _deadline(alert: Alert, incident: Incident | None, step: Step) -> int:
    """Say when, in absence time before what is owed, the alert's silence ends its episode as things stand."""
    limit = alert_state.limit_of(alert)
    if alert.never_resolves or incident is None:
        return alert.last_observed + limit
    if not incident.status.is_over or incident.over_observed is None:
        return step.observed_for(alert.tenant, alert.integration) + limit
    return max(alert.last_observed, _over(alert, incident, incident.over_observed, step)) + limit


def _over(alert: Alert, incident: Incident, over_observed: int, step: Step) -> int:
    """Say when the incident was over, in absence time less what the alert's integration was owed *then*.

    That debt is not recorded. What it is owed now is a bound from below; the time by the clock since the alert's last event
    is one from above, but for a clock that stood. The later of both never ends a silence for what was refused in it (P10).
    """
    ended_at = incident.resolved_at or incident.closed_at or incident.updated_at
    since_event = alert.last_observed + max(0, ended_at - alert.updated_at)
    return max(over_observed - owed(step.refusals, alert.tenant, alert.integration), since_event)


def _close(step: Step, alert: Alert, incident: Incident | None, due: Due) -> None:
    at = happened_at(step.clock, due.due, alert.last_seen_at)
    unhold(step, alert)
    closed = alert_state.end(alert, at, step.position.offset)
    step.draft.put(AlertKey(alert.tenant, alert.id), closed)
    step.record(TimerCleared(key=due.key))
    step.record(AlertMoved(alert=closed))
    if incident is not None:
        tally = Tally(ended=[alert.id], silent=True, last_alert_at=incident.last_alert_at)
        settle(step, incident, tally, why=WINDOW if alert.never_resolves else SILENCE)


def _arm_at(step: Step, alert: Alert, due: int) -> None:
    timer = Timer(kind=KIND, integration=alert.integration, subject=alert.id, due=due)
    step.record(TimerSet(key=TimerKey(alert.tenant, _key(alert.id)), timer=timer))


def _key(alert: str) -> str:
    return f"{KIND}:{alert}"
