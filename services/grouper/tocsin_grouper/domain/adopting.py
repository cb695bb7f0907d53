"""How another rule set comes into force: a version more, open incidents under their new keys, heartbeats to wait for."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from tocsin_contracts.alert import AlertEvent
from tocsin_contracts.command import Command, SetRules
from tocsin_contracts.incident import IncidentOpened, IncidentRegrouped
from tocsin_contracts.severity import Severity
from tocsin_contracts.status import EventStatus
from tocsin_grouper.domain import ending, heartbeats, policy, rules
from tocsin_grouper.domain.facts import RulesAdopted
from tocsin_grouper.domain.keys import GroupKey, OpeningKey, UnresolvedKey
from tocsin_grouper.domain.rejection import Rejection
from tocsin_grouper.domain.rules import Rules, judge, policy_of
from tocsin_grouper.domain.state import Group, Incident
from tocsin_grouper.domain.step import Step

REGROUPED_MAX: Final = 20_000
"""Open incidents of a tenant that one change of its rules can carry over."""


def adopt(step: Step, command: Command, body: SetRules) -> dict[str, object] | Rejection:
    """Put a rule set in force behind this record; no open incident is lost, each goes on under its new key.

    Raises:
        Missing: an open incident, or how it began, is not loaded.
    """
    tenant = command.tenant
    before = step.rules_of(tenant)
    if command.if_revision is not None and command.if_revision != before.version:
        return Rejection(412, {"reason": "revision-changed", "version": before.version})
    try:
        after = rules.read_rules(before.version + 1, body.document)
    except ValueError:
        return Rejection(422, {"reason": "unreadable-rules", "version": before.version})
    unresolved = step.draft.unresolved(UnresolvedKey(tenant))
    if len(unresolved) > REGROUPED_MAX:
        return Rejection(409, {"reason": "too-many-open-incidents", "most": REGROUPED_MAX, "version": before.version})
    step.adopt(tenant, after)
    step.record(RulesAdopted(tenant=tenant, rules=after, document=body.document, comment=body.comment, command=command))
    heartbeats.adopt(step, tenant, before, after)
    return {"version": after.version, "regrouped": _regroup_all(step, tenant, after, unresolved)}


def _regroup_all(step: Step, tenant: str, after: Rules, unresolved: list[Incident]) -> int:
    """Carry open incidents over, the oldest first: of several under one new key it is the one that collects."""
    step.draft.require([OpeningKey(tenant, incident.id) for incident in unresolved])
    wanted = [(incident, _wanted(step, incident, after)) for incident in unresolved]
    moving = [(incident, fact) for incident, fact in wanted if fact is not None]
    groups = {key: None for incident, fact in moving for key in (incident.group_key, fact.group_key)}
    step.draft.require([GroupKey(tenant, key) for key in groups])
    for incident, fact in moving:
        if fact.group_key != incident.group_key:
            _leave(step, incident)
    holders = _hold_all(step, tenant, wanted, groups)
    for incident, fact in moving:
        _regroup(step, incident, fact, holders)
    return len(moving)


def _wanted(step: Step, incident: Incident, after: Rules) -> IncidentRegrouped | None:
    """Say under which key and rule an incident goes on; None: nothing changes for it."""
    opening = step.draft.opening(OpeningKey(incident.tenant, incident.id))
    if opening is None or opening.alert is None or opening.split_from is not None:
        return None
    judged = judge(after, opening.source, opening.integration, event_of(opening))
    if not judged.rules_it:
        return None
    ruling = judged.ruling
    behaves = policy_of(after, ruling)
    if ruling.key == incident.group_key and ruling.rule == incident.rule and behaves == incident.policy:
        return None
    return IncidentRegrouped(
        incident=incident.id,
        version=incident.version + 1,
        at=step.now,
        group_key=ruling.key,
        before=incident.group_key,
        rule=ruling.rule,
        rule_version=after.version,
        reason=ruling.reason,
        why=rules.why(after, ruling),
        policy=policy.told(behaves),
    )


def _leave(step: Step, incident: Incident) -> None:
    """Let an incident's old group point at it no more."""
    key = GroupKey(incident.tenant, incident.group_key)
    group = step.draft.group(key)
    if group is not None and group.incident == incident.id:
        step.draft.put(key, Group(incident=None, held=group.held))


def _hold_all(
    step: Step, tenant: str, wanted: Sequence[tuple[Incident, IncidentRegrouped | None]], groups: Iterable[str]
) -> dict[str, str]:
    """Let each group point at an incident of its key that collects: the one it points at already, else the oldest."""
    under: dict[str, list[Incident]] = {}
    for incident, fact in wanted:
        under.setdefault(incident.group_key if fact is None else fact.group_key, []).append(incident)
    holders: dict[str, str] = {}
    for name in groups:
        key, found = GroupKey(tenant, name), under.get(name, [])
        group = step.draft.group(key) or Group(incident=None)
        able = [incident.id for incident in found if incident.collects]
        if not able and group.incident is None:
            able = [incident.id for incident in found[:1]]
        if not able:
            continue
        holder = group.incident if group.incident in able else able[0]
        if holder != group.incident:
            step.draft.put(key, Group(incident=holder, held=group.held, openings=group.openings))
        holders[name] = holder
    return holders


def _regroup(step: Step, incident: Incident, fact: IncidentRegrouped, holders: Mapping[str, str]) -> None:
    holder = holders.get(fact.group_key, incident.id)
    moved = step.emit(incident.tenant, fact if holder == incident.id else _competing(fact, holder), incident)
    ending.watch(step, moved)


def _competing(fact: IncidentRegrouped, holder: str) -> IncidentRegrouped:
    why = {**fact.why, "competing": {"incident": holder, "because": "it collects under this key"}}
    return IncidentRegrouped(
        incident=fact.incident,
        version=fact.version,
        at=fact.at,
        group_key=fact.group_key,
        before=fact.before,
        rule=fact.rule,
        rule_version=fact.rule_version,
        reason=fact.reason,
        why=why,
        policy=fact.policy,
    )


def event_of(opening: IncidentOpened) -> AlertEvent:
    """Give the event that opened an incident, as its sender said it: what other rules start from."""
    said = opening.said
    severity = said.get("severity", opening.severity)
    return AlertEvent(
        identity=opening.identity,
        problem=opening.problem,
        status=EventStatus.FIRING,
        title=opening.title,
        content="",
        project=opening.project,
        severity=Severity(severity) if severity else None,
        description=opening.description,
        service=said.get("service", opening.service) or None,
        environment=said.get("environment", opening.environment) or None,
        team=said.get("team", opening.team) or None,
        host=opening.host,
        link=opening.link,
        labels=opening.labels,
    )
