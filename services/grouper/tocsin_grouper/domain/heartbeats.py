"""Configured heartbeats: a sign of life that stays away opens an incident; the next one resolves it.

The wait is an absence: counted in ticked time, less what was refused, and judged no further than every gateway has told
(P10). Before the first sign nobody knows which integration it comes from: then whatever any of the tenant's was refused counts.
"""

from collections.abc import Iterable
from typing import Final

from tocsin_contracts.ids import timer_incident_id
from tocsin_contracts.incident import IncidentOpened, IncidentResolved
from tocsin_contracts.times import SECOND
from tocsin_grouper.domain.clock import ANY_INTEGRATION
from tocsin_grouper.domain.facts import TimerCleared, TimerSet
from tocsin_grouper.domain.keys import GroupKey, IncidentKey, TimerKey
from tocsin_grouper.domain.rules import Rules
from tocsin_grouper.domain.state import HEARTBEATS, Group, Incident, Timer
from tocsin_grouper.domain.step import Step
from tocsin_grouper.domain.timers import Due
from tocsin_rules.document import HeartbeatRule

KIND: Final = "heartbeat"
SOURCE: Final = "tocsin"
CAME_BACK: Final = "its heartbeat is back"
NOT_CONFIGURED: Final = "its heartbeat is no longer configured"


def require(step: Step, names: Iterable[tuple[str, str]]) -> None:
    """Ask for the last incidents of all these heartbeats (tenant, name), in two rounds instead of two for each.

    Raises:
        Missing: some of it is not loaded.
    """
    keys = [GroupKey(tenant, _key(name)) for tenant, name in names]
    step.draft.require(keys)
    found = [(key.tenant, group.incident) for key in keys if (group := step.draft.group(key)) is not None]
    step.require_followed([IncidentKey(tenant, incident) for tenant, incident in found if incident is not None])


def require_due(step: Step, dues: list[Due]) -> None:
    """Ask for all that these timers will look at.

    Raises:
        Missing: some of it is not loaded.
    """
    require(step, [(due.key.tenant, due.timer.subject) for due in dues if due.timer.kind == KIND])


def beat(step: Step, tenant: str, integration: str, rule: HeartbeatRule) -> None:
    """Take a sign of life: wait for the next one, and resolve what its absence opened.

    Raises:
        Missing: the heartbeat's incident is not loaded.
    """
    _arm(step, tenant, integration, rule)
    _resolve(step, tenant, rule.name, CAME_BACK)


def adopt(step: Step, tenant: str, before: Rules, after: Rules) -> None:
    """Wait for the heartbeats of a new version of the rules, and no more for those that are gone.

    Raises:
        Missing: an incident of a heartbeat that is gone is not loaded.
    """
    known = {rule.name: rule for rule in before.compiled.heartbeats}
    wanted = {rule.name: rule for rule in after.compiled.heartbeats}
    require(step, [(tenant, name) for name in known if name not in wanted])
    for name, rule in wanted.items():
        if known.get(name) != rule:
            _arm(step, tenant, ANY_INTEGRATION, rule)
    for name in known:
        if name not in wanted:
            step.record(TimerCleared(key=TimerKey(tenant, _key(name))))
            _resolve(step, tenant, name, NOT_CONFIGURED)


def fire(step: Step, due: Due) -> None:
    """Open the incident of a heartbeat that stayed away; the next sign of life arms the timer again.

    Raises:
        Missing: its last incident is not loaded.
    """
    tenant = due.key.tenant
    step.record(TimerCleared(key=due.key))
    rules = step.rules_of(tenant)
    rule = next((rule for rule in rules.compiled.heartbeats if rule.name == due.timer.subject), None)
    last = _last(step, tenant, due.timer.subject)
    if rule is None or (last is not None and not last.status.is_over):
        return
    key = GroupKey(tenant, _key(rule.name))
    fact = IncidentOpened(
        incident=timer_incident_id(tenant, due.key.key, due.due),
        version=1,
        at=step.now,
        group_key=key.group,
        alert=None,
        source=SOURCE,
        integration=due.timer.integration,
        project="",
        problem=rule.name,
        title=rule.title or f"Heartbeat {rule.name} stays away",
        severity=rule.severity,
        first_seen_at=step.now,
        rule=rule.name,
        rule_version=rules.version,
        reason=f"heartbeat {rule.name}: nothing was heard for {rule.every_s} s",
        previous=None if last is None else last.id,
        service=rule.service,
        environment=rule.environment,
        team=rule.team,
        category="availability",
        why={"rule": rule.name, "rule_version": rules.version, "every_s": rule.every_s, "due_observed": due.due},
    )
    opened = step.emit(tenant, fact, None)
    step.draft.put(key, Group(incident=opened.id))


def _arm(step: Step, tenant: str, integration: str, rule: HeartbeatRule) -> None:
    due = step.observed_for(tenant, integration) + rule.every_s * SECOND
    timer = Timer(kind=KIND, integration=integration, subject=rule.name, due=due)
    step.record(TimerSet(key=TimerKey(tenant, _key(rule.name)), timer=timer))


def _resolve(step: Step, tenant: str, name: str, reason: str) -> None:
    last = _last(step, tenant, name)
    if last is None or last.status.is_over or last.group_key != _key(name):  # merged: it is about more than the heartbeat
        return
    if (
        last.firing_count > 0 or last.silent
    ):  # so is one that took others in, as long as they fire or nobody said that they are over
        return
    fact = IncidentResolved(incident=last.id, version=last.version + 1, at=step.now, before=last.status, reason=reason)
    step.emit(tenant, fact, last)


def _last(step: Step, tenant: str, name: str) -> Incident | None:
    group = step.draft.group(GroupKey(tenant, _key(name)))
    return None if group is None or group.incident is None else step.followed(tenant, group.incident)


def _key(name: str) -> str:
    return f"{HEARTBEATS}{name}"
