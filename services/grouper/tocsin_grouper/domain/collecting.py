"""What a group points at: the incident that collects its alerts (E8), and the alerts that wait in it for a threshold.

The pointer stays at an incident that was merged: whoever follows comes to the taker.
"""

from dataclasses import replace

from tocsin_grouper.domain.keys import GroupKey
from tocsin_grouper.domain.state import Alert, Group, Incident, Waiting
from tocsin_grouper.domain.step import Step


def holder_of(step: Step, tenant: str, group: Group) -> Incident | None:
    """Give the incident that a group points at, or that took it in since: a taker may have been merged itself.

    Raises:
        Missing: an incident on the way is not loaded.
    """
    return None if group.incident is None else step.followed(tenant, group.incident)


def collect_again(step: Step, incident: Incident) -> None:
    """Let its group point at an incident that is open again, unless another of the group collects (E8).

    Raises:
        Missing: the group, or where it leads, is not loaded.
    """
    key = GroupKey(incident.tenant, incident.group_key)
    group = step.draft.group(key) or Group(incident=None)
    latest = holder_of(step, incident.tenant, group)
    if latest is None or not latest.collects:
        step.draft.put(key, replace(group, incident=incident.id))


def leave(step: Step, incident: Incident) -> None:
    """Let an incident's old group point at it no more.

    Raises:
        Missing: the group is not loaded.
    """
    key = GroupKey(incident.tenant, incident.group_key)
    group = step.draft.group(key)
    if group is not None and group.incident == incident.id:
        step.draft.put(key, replace(group, incident=None))


def unhold(step: Step, alert: Alert) -> Waiting | None:
    """Let an alert wait no more; gives how it waited. It does not count towards a threshold once its episode is over.

    Raises:
        Missing: its group is not loaded.
    """
    if alert.held is None:
        return None
    key = GroupKey(alert.tenant, alert.held)
    group = step.draft.group(key)
    if group is None:
        return None
    held = tuple(each for each in group.held if each.alert != alert.id)
    step.draft.put(key, replace(group, held=held))
    return next((each for each in group.held if each.alert == alert.id), None)
