"""How an episode that begins finds its incident: it joins one, opens one again, opens a new one, or waits for others."""

from collections.abc import Container
from typing import Any

from tocsin_contracts.image import Image
from tocsin_contracts.incident import FlappingBegan, IncidentReopened
from tocsin_contracts.record import record
from tocsin_contracts.severity import Severity
from tocsin_contracts.status import IncidentStatus
from tocsin_contracts.times import SECOND
from tocsin_grouper.domain import ending, rules
from tocsin_grouper.domain.facts import Effect
from tocsin_grouper.domain.keys import AlertKey, GroupKey
from tocsin_grouper.domain.opening import open_incident
from tocsin_grouper.domain.rules import Judged
from tocsin_grouper.domain.state import Alert, Group, Incident
from tocsin_grouper.domain.step import Step
from tocsin_rules.document import Flapping
from tocsin_rules.ruling import Ruling
from tocsin_rules.terms import Refire

NEWCOMER = Group(incident=None)


@record
class Beginning:
    """Where an episode begins, and why there."""

    incident: Incident | None
    """None: it waits for others of its group."""
    effect: Effect
    held: str | None = None
    """The group in which it waits."""
    others: tuple[Alert, ...] = ()
    """Alerts that waited, and belong to the incident too now."""
    why: dict[str, Any]


class Beginner:
    """Finds the incidents of one delivery's episodes."""

    def __init__(self, step: Step, image: Image, taken: Container[str], firing_here: Container[str]) -> None:
        """Take a delivery.

        Args:
            step: of its record.
            image: the delivery.
            taken: incidents that it touched already: their names are not used again.
            firing_here: incidents with episodes that it began: they collect, though their counts do not show it yet.
        """
        self._step = step
        self._image = image
        self._rules = step.rules_of(image.tenant)
        self._taken = taken
        self._firing_here = firing_here

    def find(self, alert: str, before: Alert | None, judged: Judged, severity: Severity) -> Beginning:
        """Find the incident of an episode, and make it if there is none.

        Raises:
            Missing: state is needed that is not loaded.
        """
        ruling = judged.ruling
        key = GroupKey(self._image.tenant, ruling.key)
        group = self._step.draft.group(key) or NEWCOMER
        current = holder_of(self._step, self._image.tenant, group)
        why = rules.why(self._rules, ruling)
        if current is not None and (current.collects or current.id in self._firing_here):
            member = before is not None and before.incident == current.id
            return Beginning(incident=current, effect=Effect.FIRED if member else Effect.JOINED, why=why)
        if current is not None:
            why["competing"] = _competing(current)
        reason = self._reason_to_reopen(current, group, ruling)
        if reason is not None and current is not None:
            return self._reopen(key, group, current, alert, ruling, reason, why)
        return self._open(key, group, alert, judged, severity, why, previous=None if current is None else current.id)

    def _open(
        self,
        key: GroupKey,
        group: Group,
        alert: str,
        judged: Judged,
        severity: Severity,
        why: dict[str, Any],
        *,
        previous: str | None,
    ) -> Beginning:
        """Open an incident, once as many alerts fire as the rule wants."""
        ruling = judged.ruling
        held = self._hold(group, alert, ruling)
        if ruling.threshold is not None:
            counted = len(held)
            why["threshold"] = {"alerts": ruling.threshold.alerts, "within_s": ruling.threshold.within_s, "counted": counted}
            if counted < ruling.threshold.alerts:
                self._step.draft.put(key, Group(incident=group.incident, held=held, openings=group.openings))
                return Beginning(incident=None, effect=Effect.HELD, held=ruling.key, why=why)
        names = [AlertKey(key.tenant, name) for name, _ in held if name != alert]
        self._step.draft.require(names)
        others = [found for name in names if (found := self._step.draft.alert(name)) is not None and found.held == ruling.key]
        opened = open_incident(
            self._step, self._image, alert, judged, rules=self._rules, severity=severity, why=why,
            previous=previous, taken=self._taken,
        )  # fmt: skip
        self._step.draft.put(key, Group(incident=opened.id, openings=self._openings(group, ruling.flapping)))
        return Beginning(incident=opened, effect=Effect.OPENED, others=tuple(others), why=why)

    def _hold(self, group: Group, alert: str, ruling: Ruling) -> tuple[tuple[str, int], ...]:
        """List what fires in the group without an incident and began inside the threshold's time, this alert with it."""
        if ruling.threshold is None:
            return (*((name, at) for name, at in group.held if name != alert), (alert, self._step.now))
        oldest = self._step.now - ruling.threshold.within_s * SECOND
        waiting = [(name, at) for name, at in group.held if name != alert and at > oldest]
        return (*waiting, (alert, self._step.now))

    def _reason_to_reopen(self, current: Incident | None, group: Group, ruling: Ruling) -> str | None:
        """Say why the group's last incident opens again in place of a new one; None: it does not."""
        if current is None or current.status is not IncidentStatus.RESOLVED:
            return None
        if self._flaps(group, ruling.flapping):
            return "flapping: its problem came back too often to be an incident each time"
        if ruling.refire is not Refire.REOPEN:
            return None
        within, resolved_at = ruling.reopen_within_s, current.resolved_at or current.updated_at
        in_time = within is None or self._step.now - resolved_at <= within * SECOND
        return f"rule {ruling.rule}: it fires again" if in_time else None

    def _reopen(
        self,
        key: GroupKey,
        group: Group,
        current: Incident,
        alert: str,
        ruling: Ruling,
        reason: str,
        why: dict[str, Any],
    ) -> Beginning:
        fact = IncidentReopened(
            incident=current.id,
            version=current.version + 1,
            at=self._step.now,
            before=current.status,
            after=IncidentStatus.OPEN,
            reason=reason,
            alert=alert,
        )
        flaps = self._flaps(group, ruling.flapping)
        incident = self._step.emit(current.tenant, fact, current)
        openings = self._openings(group, ruling.flapping)
        if flaps and ruling.flapping is not None and not incident.flapping:
            began = FlappingBegan(
                incident=incident.id,
                version=incident.version + 1,
                at=self._step.now,
                openings=len(openings),
                within_s=ruling.flapping.within_s,
            )
            incident = self._step.emit(current.tenant, began, incident)
            ending.watch(self._step, incident)
        self._step.draft.put(key, Group(incident=group.incident, held=group.held, openings=openings))
        return Beginning(incident=incident, effect=Effect.REOPENED, why=why | {"reopened": reason})

    def _flaps(self, group: Group, flapping: Flapping | None) -> bool:
        return flapping is not None and len(self._openings(group, flapping)) >= flapping.times

    def _openings(self, group: Group, flapping: Flapping | None) -> tuple[int, ...]:
        """List when the group opened lately, now with it; no more of it than flapping takes."""
        if flapping is None:
            return ()
        oldest = self._step.now - flapping.within_s * SECOND
        return (*(at for at in group.openings if at > oldest), self._step.now)[-flapping.times :]


def _competing(incident: Incident) -> dict[str, Any]:
    """Say which incident of the group did not take the alert, and why not."""
    because = "over" if incident.status.is_over else "its window passed"
    return {"incident": incident.id, "status": incident.status.value, "because": because}


def holder_of(step: Step, tenant: str, group: Group) -> Incident | None:
    """Give the incident that a group points at, or that took it in since: a taker may have been merged itself.

    Raises:
        Missing: an incident on the way is not loaded.
    """
    return None if group.incident is None else step.followed(tenant, group.incident)


def unhold(step: Step, alert: Alert) -> None:
    """Let an alert wait no more: it does not count towards a threshold once its episode is over.

    Raises:
        Missing: its group is not loaded.
    """
    if alert.held is None:
        return
    key = GroupKey(alert.tenant, alert.held)
    group = step.draft.group(key)
    if group is not None:
        held = tuple(each for each in group.held if each[0] != alert.id)
        step.draft.put(key, Group(incident=group.incident, held=held, openings=group.openings))
