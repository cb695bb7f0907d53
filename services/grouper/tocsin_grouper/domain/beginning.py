"""How an episode that begins finds its incident: it joins one, opens one again, opens a new one, or waits for others."""

from collections.abc import Container
from dataclasses import replace

from tocsin_contracts.image import Image
from tocsin_contracts.incident import FlappingBegan, IncidentReopened
from tocsin_contracts.record import record
from tocsin_contracts.severity import Severity
from tocsin_contracts.status import IncidentStatus
from tocsin_contracts.times import SECOND
from tocsin_grouper.domain import ending, regrouping, rules
from tocsin_grouper.domain.collecting import holder_of
from tocsin_grouper.domain.facts import Effect
from tocsin_grouper.domain.keys import AlertKey, GroupKey
from tocsin_grouper.domain.opening import open_incident
from tocsin_grouper.domain.rules import Judged
from tocsin_grouper.domain.state import Alert, Group, Incident, Waiting
from tocsin_grouper.domain.step import Step
from tocsin_grouper.domain.waiting import told_of, waits_still
from tocsin_rules.document import Flapping, Threshold
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
    waited: tuple[Waiting, ...] = ()
    """What those, and the alert itself, bring along from their wait."""
    why: dict[str, object]


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

    def find(
        self, alert: str, before: Alert | None, judged: Judged, severity: Severity, waited: Waiting | None = None
    ) -> Beginning:
        """Find the incident of an episode, and make it if there is none.

        Args:
            alert: its id.
            before: as it was.
            judged: what its source said, and what the rules made of it.
            severity: of the alert.
            waited: how it waited so far.

        Raises:
            Missing: state is needed that is not loaded.
        """
        ruling = judged.ruling
        key = GroupKey(self._image.tenant, ruling.key)
        group = self._step.draft.group(key) or NEWCOMER
        current = holder_of(self._step, self._image.tenant, group)
        why = rules.why(self._rules, ruling)
        own = (waited,) if waited is not None and waits_still(waited, ruling.threshold, self._step.now) else ()
        if current is not None and (current.collects or current.id in self._firing_here):
            member = before is not None and before.incident == current.id
            return Beginning(incident=current, effect=Effect.FIRED if member else Effect.JOINED, why=why, waited=own)
        if current is not None:
            why["competing"] = _competing(current)
        waiting = self._waiting(group, alert, ruling) if group.held else ()
        if ruling.threshold is not None and not self._enough(ruling.threshold, len(waiting) + 1, why):
            one = told_of(alert, own[0] if own else None, now=self._step.now, spike_s=self._rules.compiled.spike_s)
            self._step.draft.put(key, replace(group, held=(*waiting, one)))
            return Beginning(incident=None, effect=Effect.HELD, held=ruling.key, why=why)
        others = self._others(key, waiting) if waiting else {}
        incident, effect = self._begin(key, group, current, alert, judged, severity, why)
        brought = (*(each for each in waiting if each.alert in others), *own)
        return Beginning(incident=incident, effect=effect, others=tuple(others.values()), waited=brought, why=why)

    def _waiting(self, group: Group, alert: str, ruling: Ruling) -> tuple[Waiting, ...]:
        """List the others that wait in the group."""
        others = (each for each in group.held if each.alert != alert)
        return tuple(each for each in others if waits_still(each, ruling.threshold, self._step.now))

    @staticmethod
    def _enough(threshold: Threshold, counted: int, why: dict[str, object]) -> bool:
        """Tell whether as many alerts fire as the rule wants, and say what was counted."""
        why["threshold"] = {"alerts": threshold.alerts, "within_s": threshold.within_s, "counted": counted}
        return counted >= threshold.alerts

    def _begin(
        self,
        key: GroupKey,
        group: Group,
        current: Incident | None,
        alert: str,
        judged: Judged,
        severity: Severity,
        why: dict[str, object],
    ) -> tuple[Incident, Effect]:
        """Open the group's last incident again, or a new one."""
        ruling = judged.ruling
        reason = self._reason_to_reopen(current, group, ruling)
        if reason is not None and current is not None:
            why["reopened"] = reason
            return self._reopen(key, group, current, alert, ruling, reason), Effect.REOPENED
        opened = open_incident(
            self._step, self._image, alert, judged, rules=self._rules, severity=severity, why=why,
            previous=None if current is None else current.id, taken=self._taken,
        )  # fmt: skip
        self._step.draft.put(key, Group(incident=opened.id, openings=self._openings(group, ruling.flapping)))
        return opened, Effect.OPENED

    def _others(self, key: GroupKey, waiting: tuple[Waiting, ...]) -> dict[str, Alert]:
        """Give the alerts that wait in a group, by id, in the order in which they were told of."""
        names = [AlertKey(key.tenant, each.alert) for each in waiting]
        self._step.draft.require(names)
        found = [alert for name in names if (alert := self._step.draft.alert(name)) is not None]
        return {alert.id: alert for alert in found if alert.held == key.group}

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

    def _reopen(self, key: GroupKey, group: Group, current: Incident, alert: str, ruling: Ruling, reason: str) -> Incident:
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
        incident = regrouping.go_by(self._step, self._step.emit(current.tenant, fact, current), ruling)
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
        self._step.draft.put(key, Group(incident=group.incident, openings=openings))
        return incident

    def _flaps(self, group: Group, flapping: Flapping | None) -> bool:
        return flapping is not None and len(self._openings(group, flapping)) >= flapping.times

    def _openings(self, group: Group, flapping: Flapping | None) -> tuple[int, ...]:
        """List when the group opened lately, now with it; no more of it than flapping takes."""
        if flapping is None:
            return ()
        oldest = self._step.now - flapping.within_s * SECOND
        return (*(at for at in group.openings if at > oldest), self._step.now)[-flapping.times :]


def _competing(incident: Incident) -> dict[str, object]:
    """Say which incident of the group did not take the alert, and why not."""
    because = "over" if incident.status.is_over else "its window passed"
    return {"incident": incident.id, "status": incident.status.value, "because": because}
