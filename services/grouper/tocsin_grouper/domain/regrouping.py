"""How an incident goes on by the rules in force: under the key, rule and policy that they give the event that opened it."""

from tocsin_contracts.alert import AlertEvent
from tocsin_contracts.incident import IncidentOpened, IncidentRegrouped
from tocsin_contracts.severity import Severity
from tocsin_contracts.status import EventStatus
from tocsin_grouper.domain import collecting, ending, policy, rules
from tocsin_grouper.domain.keys import OpeningKey
from tocsin_grouper.domain.rules import Rules, judge, policy_of
from tocsin_grouper.domain.state import Incident
from tocsin_grouper.domain.step import Step
from tocsin_rules.ruling import Ruling


def wanted(step: Step, incident: Incident, after: Rules) -> IncidentRegrouped | None:
    """Say under which key and rule an incident goes on; None: nothing changes for it.

    Raises:
        Missing: how it began is not loaded.
    """
    opening = step.draft.opening(OpeningKey(incident.tenant, incident.id))
    if opening is None or not is_ruled(step, incident):
        return None
    judged = judge(after, opening.source, opening.integration, event_of(opening))
    if not judged.rules_it:
        return None
    return _told(step, incident, after, judged.ruling)


def is_ruled(step: Step, incident: Incident) -> bool:
    """Tell whether rules give an incident its key: not what was split off, nor that of a heartbeat.

    Raises:
        Missing: how it began is not loaded.
    """
    opening = step.draft.opening(OpeningKey(incident.tenant, incident.id))
    return opening is not None and opening.alert is not None and opening.split_from is None


def _told(step: Step, incident: Incident, after: Rules, ruling: Ruling) -> IncidentRegrouped | None:
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


def is_behind(step: Step, incident: Incident) -> bool:
    """Tell whether the rules may have changed while an incident was over: then it was not carried over."""
    return incident.rule_version != step.rules_of(incident.tenant).version


def catch_up(step: Step, incident: Incident) -> Incident:
    """Let an incident that is open again go by the rules in force, where they changed while it was over.

    Raises:
        Missing: how it began, or its group, is not loaded.
    """
    if not is_behind(step, incident):
        return incident
    fact = wanted(step, incident, step.rules_of(incident.tenant))
    if fact is None:
        return incident
    if fact.group_key != incident.group_key:
        collecting.leave(step, incident)
    moved = step.emit(incident.tenant, fact, incident)
    ending.watch(step, moved)
    return moved


def go_by(step: Step, incident: Incident, ruling: Ruling) -> Incident:
    """Let an incident that a rule opens again behave as that rule says; one of another group, which took this in, does not."""
    fact = _told(step, incident, step.rules_of(incident.tenant), ruling) if incident.group_key == ruling.key else None
    return incident if fact is None else step.emit(incident.tenant, fact, incident)


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
