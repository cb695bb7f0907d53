"""How an incident begins: its first fact, and its name."""

from collections.abc import Container, Mapping

from tocsin_contracts.ids import incident_id
from tocsin_contracts.image import Image
from tocsin_contracts.incident import IncidentOpened
from tocsin_contracts.severity import Severity
from tocsin_grouper.domain import policy
from tocsin_grouper.domain.episodes import ordering_time
from tocsin_grouper.domain.rules import Judged, Rules, policy_of
from tocsin_grouper.domain.state import Incident
from tocsin_grouper.domain.step import Step

_RENAMED = ("service", "environment", "team", "severity")


def open_incident(
    step: Step,
    image: Image,
    alert: str,
    judged: Judged,
    *,
    rules: Rules,
    severity: Severity,
    why: Mapping[str, object],
    previous: str | None,
    taken: Container[str],
) -> Incident:
    """Open the incident of an alert that no collecting incident of its group could take.

    Args:
        step: of the record that opens it.
        image: the delivery.
        alert: the id of the alert that fired.
        judged: what its source said, and what the rules made of it.
        rules: in force.
        severity: of the alert.
        why: what decided, for people who ask.
        previous: the incident of the group before this one.
        taken: incidents that the delivery touched already: their names are not used again.
    """
    event, ruling = judged.event, judged.ruling
    fact = IncidentOpened(
        incident=_unused_id(step, image.tenant, ruling.key, taken),
        version=1,
        at=step.now,
        group_key=ruling.key,
        alert=alert,
        source=image.source,
        integration=image.integration,
        project=event.project,
        problem=event.problem,
        title=event.title,
        severity=severity,
        first_seen_at=ordering_time(event, step.now),
        rule=ruling.rule,
        rule_version=rules.version,
        reason=ruling.reason,
        previous=previous,
        description=event.description,
        service=event.service,
        environment=event.environment,
        team=event.team,
        category=judged.classified.category,
        host=event.host,
        link=event.link,
        identity=event.identity,
        labels=event.labels,
        said=said_otherwise(judged),
        why=why,
        policy=policy.told(policy_of(rules, ruling)),
    )
    return step.emit(image.tenant, fact, None)


def said_otherwise(judged: Judged) -> dict[str, str]:
    """Give what the sender said where the rules made something else of it; "" for what it did not say."""
    if judged.event is judged.said:
        return {}
    pairs = ((name, getattr(judged.said, name), getattr(judged.event, name)) for name in _RENAMED)
    return {name: said or "" for name, said, made in pairs if said != made}


def _unused_id(step: Step, tenant: str, key: str, taken: Container[str]) -> str:
    """Name the new incident; the second one that this record opens for the group gets the next ordinal."""
    ordinal = 0
    name = incident_id(tenant, step.position, key)
    while name in taken:
        ordinal += 1
        name = incident_id(tenant, step.position, key, ordinal)
    return name
