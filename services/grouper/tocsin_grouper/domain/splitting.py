"""How an incident begins that alerts were split off to: with what these say, as if they had opened it."""

from tocsin_contracts.alert import AlertEvent
from tocsin_contracts.command import Command
from tocsin_contracts.ids import incident_id
from tocsin_contracts.incident import IncidentOpened
from tocsin_contracts.status import EventStatus
from tocsin_grouper.domain import policy
from tocsin_grouper.domain.keys import OpeningKey, TextsKey
from tocsin_grouper.domain.spikes import demand
from tocsin_grouper.domain.state import Alert, Incident, Texts
from tocsin_grouper.domain.step import Step
from tocsin_grouper.domain.worsening import worsen
from tocsin_rules.category import Category
from tocsin_rules.ruling import Classification

SPLIT = "split"


def open_split(step: Step, parent: Incident, command: Command, alerts: list[Alert]) -> Incident | None:
    """Open the incident that split-off alerts go to; None: nothing is known of its parent or of them.

    It says what the first of them says that began to fire, and goes by its parent's rule. What a person made of the parent's
    team and category holds for what was a part of it.

    Raises:
        Missing: how its parent began, or what the alerts say, is not loaded.
    """
    tenant = parent.tenant
    first = min(alerts, key=_began)
    asked = alerts if step.rules_of(tenant).compiled.has_escalations else [first]
    step.draft.require([OpeningKey(tenant, parent.id), *(TextsKey(tenant, alert.id) for alert in asked)])
    opening, texts = step.draft.opening(OpeningKey(tenant, parent.id)), step.draft.texts(TextsKey(tenant, first.id))
    if opening is None or texts is None:
        return None
    name = incident_id(tenant, step.position, SPLIT)
    fact = IncidentOpened(
        incident=name,
        version=1,
        at=step.now,
        group_key=f"{SPLIT}:{name}",
        alert=first.id,
        source=texts.source,
        integration=first.integration,
        project=texts.project,
        problem=texts.problem,
        title=texts.title,
        severity=max((alert.severity for alert in alerts), key=lambda severity: severity.rank),
        first_seen_at=min(_began(alert) for alert in alerts),
        rule=parent.rule,
        rule_version=parent.rule_version,
        reason=f"split off by {command.actor.name}",
        description=texts.description,
        service=texts.service,
        environment=texts.environment,
        team=texts.team if parent.team == opening.team else parent.team,
        category=texts.category if parent.category == opening.category else parent.category,
        host=texts.host,
        link=texts.link,
        identity=texts.identity,
        labels=texts.labels,
        policy=policy.told(parent.policy),
        split_from=parent.id,
    )
    return step.emit(tenant, fact, None)


def escalate(step: Step, incident: Incident, alerts: list[Alert]) -> Incident:
    """Raise an incident that was split off to what escalation rules demand of its alerts; nothing of it is a spike yet.

    Raises:
        Missing: what one of them says is not loaded.
    """
    compiled = step.rules_of(incident.tenant).compiled
    if not compiled.has_escalations:
        return incident
    for alert in alerts:
        texts = step.draft.texts(TextsKey(incident.tenant, alert.id))
        if texts is None:
            continue
        classified = Classification(team=texts.team, category=Category(texts.category or Category.OTHER))
        for rule in compiled.escalations(texts.source, alert.integration, _event(alert, texts), classified):
            reason = demand(rule, lambda _: 0)
            if reason is not None:
                incident = worsen(step, incident, rule.at_least, reason, alert=alert.id)
    return incident


def _began(alert: Alert) -> int:
    return alert.opened_at or alert.created_at


def _event(alert: Alert, texts: Texts) -> AlertEvent:
    """Give what an alert says as an event, as rules find it: renamed already."""
    return AlertEvent(
        identity=texts.identity,
        problem=texts.problem,
        status=EventStatus.FIRING,
        title=texts.title,
        content="",
        project=texts.project,
        severity=alert.severity,
        description=texts.description,
        service=texts.service,
        environment=texts.environment,
        team=texts.team,
        host=texts.host,
        link=texts.link,
        labels=texts.labels,
    )
