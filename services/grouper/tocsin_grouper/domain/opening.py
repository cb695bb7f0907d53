"""How an incident begins: its first fact, and its name."""

from collections.abc import Container

from tocsin_contracts.alert import AlertEvent
from tocsin_contracts.ids import incident_id
from tocsin_contracts.image import Image
from tocsin_contracts.incident import IncidentOpened
from tocsin_contracts.severity import Severity
from tocsin_grouper.domain.episodes import ordering_time
from tocsin_grouper.domain.group_key import DEFAULT_RULE, DEFAULT_RULE_VERSION, reason
from tocsin_grouper.domain.state import Group, GroupKey, Incident
from tocsin_grouper.domain.step import Step


def open_incident(
    step: Step, image: Image, alert: str, event: AlertEvent, *, severity: Severity, key: str, taken: Container[str]
) -> Incident:
    """Open the incident of an alert that no collecting incident of its group could take, and point the group at it.

    Args:
        step: of the record that opens it.
        image: the delivery.
        alert: the id of the alert that fired.
        event: what its source said.
        severity: of the alert.
        key: the group's.
        taken: incidents that the delivery touched already: their names are not used again.
    """
    group = step.draft.group(GroupKey(image.tenant, key))
    name = _unused_id(step, image.tenant, key, taken)
    fact = IncidentOpened(
        incident=name,
        version=1,
        at=step.now,
        group_key=key,
        alert=alert,
        source=image.source,
        integration=image.integration,
        project=event.project,
        problem=event.problem,
        title=event.title,
        severity=severity,
        first_seen_at=ordering_time(event, step.now),
        rule=DEFAULT_RULE,
        rule_version=DEFAULT_RULE_VERSION,
        reason=reason(image.source, event),
        previous=None if group is None else group.incident,
        description=event.description,
        service=event.service,
        environment=event.environment,
        team=event.team,
        link=event.link,
        labels=event.labels,
    )
    step.draft.put(GroupKey(image.tenant, key), Group(incident=name))
    return step.emit(image.tenant, fact, None)


def _unused_id(step: Step, tenant: str, key: str, taken: Container[str]) -> str:
    """Name the new incident; the second one that this record opens for the group gets the next ordinal."""
    ordinal = 0
    name = incident_id(tenant, step.position, key)
    while name in taken:
        ordinal += 1
        name = incident_id(tenant, step.position, key, ordinal)
    return name
