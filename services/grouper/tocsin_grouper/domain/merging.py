"""Merge, split, and the taking back of both, and of snoozes: alerts move between incidents, and nothing is lost on the way.

Members move with their current state; an incident that gave all it had is CLOSED and names the one that took it. Its group
goes on pointing at it: who follows comes to the taker, and once the merge is taken back the group is where it was. Events
stay counted where they are told of: a merge takes the source's count with it, a split leaves it.
"""

from typing import Final, NamedTuple

from tocsin_contracts.command import Command, Merge, Split, Undo
from tocsin_contracts.incident import AlertsCame, AlertsLeft, Snoozed
from tocsin_contracts.status import AlertStatus, IncidentStatus
from tocsin_grouper.domain import regrouping, splitting
from tocsin_grouper.domain.collecting import collect_again
from tocsin_grouper.domain.deeds import head, snoozed
from tocsin_grouper.domain.ending import resolve_if_done, watch
from tocsin_grouper.domain.episode_timer import arm
from tocsin_grouper.domain.facts import AlertMoved
from tocsin_grouper.domain.keys import ActionKey, AlertKey, IncidentKey, MembersKey
from tocsin_grouper.domain.rejection import Rejection, conflict, no_such_incident
from tocsin_grouper.domain.splitting import SPLIT
from tocsin_grouper.domain.state import Alert, Incident
from tocsin_grouper.domain.step import Step
from tocsin_grouper.domain.worsening import worsen

MOVED_MAX: Final = 5000
"""Alerts that one command moves: its facts name them all."""
TOOK_IN: Final = "took in a worse incident"
MERGE, UNDO_MERGE, UNDO_SPLIT = "merge", "undo-merge", "undo-split"


class _Move(NamedTuple):
    """Alerts on their way from one incident to another."""

    alerts: list[Alert]
    reason: str
    events: int = 0
    undoes: int | None = None
    group: str | None = None
    closes: bool = False
    restores: IncidentStatus | None = None
    snoozed_until: int | None = None

    @property
    def active(self) -> int:
        return sum(alert.status.is_active for alert in self.alerts)


def merge(step: Step, target: Incident, command: Command, deed: Merge) -> Incident | Rejection:
    """Take the alerts of other incidents into this one.

    Raises:
        Missing: state is needed that is not loaded.
    """
    names = list(dict.fromkeys(deed.sources))
    step.draft.require([IncidentKey(target.tenant, name) for name in names])
    sources = [step.incident(target.tenant, name) for name in names]
    for name, source in zip(names, sources, strict=True):
        rejection = _refuse_merge(target, source, name)
        if rejection is not None:
            return rejection
    found = [source for source in sources if source is not None]
    members = step.draft.members_of(target.tenant, [source.id for source in found])
    if sum(len(alerts) for alerts in members.values()) > MOVED_MAX:
        return conflict(target, "too-many-alerts", most=MOVED_MAX)
    for source in found:
        move = _Move(
            members[source.id], MERGE, events=source.event_count, group=source.group_key, closes=True,
            snoozed_until=snoozed(source, step.now),
        )  # fmt: skip
        _, target = _move(step, command, deed.comment, source, target, move)
        target = worsen(step, target, source.severity, TOOK_IN)
    return target


def split(step: Step, parent: Incident, command: Command, deed: Split) -> tuple[Incident, Incident] | Rejection:
    """Take alerts out of an incident into a new one; gives both.

    Raises:
        Missing: state is needed that is not loaded.
    """
    tenant = parent.tenant
    if parent.merged_into is not None:
        return conflict(parent, "merged-elsewhere", merged_into=parent.merged_into)
    names = list(dict.fromkeys(deed.alerts))
    step.draft.require([*(AlertKey(tenant, name) for name in names), MembersKey(tenant, parent.id)])
    members = {alert.id: alert for alert in step.draft.members(MembersKey(tenant, parent.id))}
    strangers = [name for name in names if name not in members]
    if strangers:
        return conflict(parent, "not-a-member", alerts=strangers[:10])
    if len(names) == len(members):
        return conflict(parent, "nothing-would-be-left")
    alerts = [members[name] for name in names]
    child = splitting.open_split(step, parent, command, alerts)
    if child is None:
        return no_such_incident()
    given, child = _move(step, command, deed.comment, parent, child, _Move(alerts, SPLIT))
    child = splitting.escalate(step, child, alerts)
    return _after_giving(step, parent, given, alerts), resolve_if_done(step, child)


def undo(step: Step, incident: Incident, command: Command, deed: Undo) -> Incident | Rejection:
    """Take back a merge, a split or a snooze of this incident.

    Raises:
        Missing: state is needed that is not loaded.
    """
    if incident.merged_into is not None:
        return conflict(incident, "merged-elsewhere", merged_into=incident.merged_into)
    match step.draft.action(ActionKey(incident.tenant, incident.id, deed.version)):
        case AlertsCame(reason="merge") as came:
            return _undo_merge(step, incident, command, deed, came)
        case AlertsLeft(reason="split") as left:
            return _undo_split(step, incident, command, deed, left)
        case Snoozed() as done if done.undoes is None and _stands(incident, done, step.now):
            fact = Snoozed(
                **head(step, incident, command, deed.comment),
                until=_still(done.before, step.now),
                before=snoozed(incident, step.now),
                undoes=deed.version,
            )
            return step.emit(incident.tenant, fact, incident)
        case _:
            return conflict(incident, "nothing-to-undo")


def _stands(incident: Incident, done: Snoozed, now: int) -> bool:
    """Tell whether a snooze, or the end of one, is what holds now: one that has passed, or whose incident is over, is none."""
    if incident.status.is_over:
        return False
    return incident.snoozed_until == done.until and (done.until is None or done.until > now)


def _still(until: int | None, now: int) -> int | None:
    return until if until is not None and until > now else None


def _undo_merge(step: Step, target: Incident, command: Command, deed: Undo, came: AlertsCame) -> Incident | Rejection:
    tenant = target.tenant
    keys = [AlertKey(tenant, name) for name in came.alerts]
    step.draft.require([IncidentKey(tenant, came.origin), *keys])
    source = step.incident(tenant, came.origin)
    stands = source is not None and source.merged_into == target.id and source.merged_by == came.command
    if source is None or not stands or came.closed is None:  # taken back before, though it was merged again since
        return conflict(target, "nothing-to-undo")
    alerts = [alert for key in keys if (alert := step.draft.alert(key)) is not None and alert.incident == target.id]
    fires = any(alert.status.is_active for alert in alerts)
    move = _Move(
        alerts, UNDO_MERGE, events=came.events, undoes=deed.version, group=source.group_key,
        restores=IncidentStatus.OPEN if fires and came.closed.is_over else came.closed,  # what fires is of somebody's concern
        snoozed_until=_still(came.snoozed_until, step.now),
    )  # fmt: skip
    given, source = _move(step, command, deed.comment, target, source, move)
    if not source.status.is_over:
        source = resolve_if_done(step, regrouping.catch_up(step, source))
    if not source.status.is_over:
        collect_again(step, source)
    return _after_giving(step, target, given, alerts)


def _undo_split(step: Step, parent: Incident, command: Command, deed: Undo, left: AlertsLeft) -> Incident | Rejection:
    tenant = parent.tenant
    step.draft.require([IncidentKey(tenant, left.to), MembersKey(tenant, left.to)])
    child = step.incident(tenant, left.to)
    if child is None or child.merged_into is not None:
        return conflict(parent, "nothing-to-undo")
    if parent.status.is_over and not child.status.is_over:  # what still fires would be of nobody's concern
        return conflict(parent, "over")
    members, split_off = step.draft.members(MembersKey(tenant, child.id)), frozenset(left.alerts)
    alerts = [alert for alert in members if alert.id in split_off]
    if members and not alerts:  # taken back before, or each went on elsewhere: what is left came by another way
        return conflict(parent, "nothing-to-undo")
    gives_all = len(alerts) == len(members)
    move = _Move(alerts, UNDO_SPLIT, events=child.event_count if gives_all else 0, undoes=deed.version, closes=gives_all)
    given, parent = _move(step, command, deed.comment, child, parent, move)
    if not gives_all:
        _after_giving(step, child, given, alerts)
    return worsen(step, parent, child.severity, TOOK_IN)


def _after_giving(step: Step, before: Incident, giver: Incident, alerts: list[Alert]) -> Incident:
    """Resolve an incident that gave away its last active alerts, or those that silence ended, if what is left is resolved."""
    kept_open = before.silent or any(alert.status.is_active for alert in alerts)
    return resolve_if_done(step, giver) if kept_open else giver


def _refuse_merge(target: Incident, source: Incident | None, name: str) -> Rejection | None:
    if target.merged_into is not None:
        return conflict(target, "merged-elsewhere", merged_into=target.merged_into)
    if target.status.is_over:
        return conflict(target, "over")
    if source is None:
        return no_such_incident(name)
    if source.id == target.id:
        return conflict(target, "same-incident")
    if source.merged_into is not None:
        return conflict(source, "merged-elsewhere", merged_into=source.merged_into)
    if source.status is IncidentStatus.CLOSED:
        return conflict(source, "over")
    return None


def _move(
    step: Step, command: Command, comment: str | None, giver: Incident, taker: Incident, move: _Move
) -> tuple[Incident, Incident]:
    """Move alerts: one fact on each side, and every alert's membership."""
    tenant, names = giver.tenant, tuple(alert.id for alert in move.alerts)
    former, leaves_silence = giver.status, _leaves_silence(step, giver, move)
    left = AlertsLeft(
        **head(step, giver, command, comment),
        to=taker.id,
        reason=move.reason,
        alerts=names,
        active=move.active,
        events=move.events,
        undoes=move.undoes,
        group=move.group,
        closes=former if move.closes else None,
        silent=leaves_silence,
    )
    giver_after = step.emit(tenant, left, giver)
    came = AlertsCame(
        **head(step, taker, command, comment),
        origin=giver.id,
        reason=move.reason,
        alerts=names,
        active=move.active,
        events=move.events,
        first_seen_at=min((alert.opened_at or alert.created_at for alert in move.alerts), default=taker.first_seen_at),
        last_alert_at=max((alert.occurred_at for alert in move.alerts), default=taker.last_alert_at),
        restores=move.restores,
        closed=former if move.closes else None,
        snoozed_until=move.snoozed_until,
        silent=_brings_silence(move),
    )
    taker_after = step.emit(tenant, came, taker)
    for alert in move.alerts:
        _put_into(step, alert, taker_after)
    for incident, silent in ((giver_after, left.silent), (taker_after, came.silent)):
        if silent:
            watch(step, incident)
    return giver_after, taker_after


def _leaves_silence(step: Step, giver: Incident, move: _Move) -> bool:
    """Tell whether what is left was ended by silence: then nobody said that the incident is over (P10)."""
    gives_last = move.active > 0 and giver.firing_count == move.active
    if move.closes or not (gives_last or giver.silent):
        return False
    moved = {alert.id for alert in move.alerts}
    left = [alert for alert in step.draft.members(MembersKey(giver.tenant, giver.id)) if alert.id not in moved]
    return not left or any(alert.status is AlertStatus.CLOSED for alert in left)


def _brings_silence(move: _Move) -> bool:
    """Tell whether an incident that has no others takes alerts of which silence ended some, maybe since they left it."""
    has_others = move.reason not in (SPLIT, UNDO_MERGE)
    return not has_others and not move.active and any(alert.status is AlertStatus.CLOSED for alert in move.alerts)


def _put_into(step: Step, alert: Alert, incident: Incident) -> None:
    moved = alert.into(incident.id, step.position.offset)
    step.draft.put(AlertKey(alert.tenant, alert.id), moved)
    step.record(AlertMoved(alert=moved))
    if incident.status.is_over and moved.status.is_active:
        arm(step, moved)  # silence counts from the end of this one, which may be long ago
