"""What one record does to one incident, gathered alert by alert and told in one fact."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tocsin_contracts.incident import AlertsRecorded
from tocsin_contracts.severity import Severity
from tocsin_grouper.domain.ending import ALL_RESOLVED, end_or_wait, watch
from tocsin_grouper.domain.spikes import demand, together, within
from tocsin_grouper.domain.state import Incident, Waiting
from tocsin_grouper.domain.step import Step
from tocsin_grouper.domain.waiting import WHILE_WAITING
from tocsin_grouper.domain.worsening import worsen
from tocsin_rules.document import EscalationRule

SUPERSEDED = "the episode of its last alert ended unseen: a newer one began"


@dataclass(slots=True, kw_only=True)
class Tally:
    """The alert events of one record that concern one incident."""

    events: int = 0
    last_alert_at: int = 0
    joined: list[str] = field(default_factory=list)
    fired: list[str] = field(default_factory=list)
    repeated: list[str] = field(default_factory=list)
    acknowledged: list[str] = field(default_factory=list)
    resolved: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    silent: bool = False
    confirmed: list[str] = field(default_factory=list)
    worst: tuple[Severity, str] | None = None
    escalations: dict[str, tuple[EscalationRule, str]] = field(default_factory=dict)
    """Rules that want it worse, by name, each with the first alert that it matched."""
    waited: tuple[Waiting, ...] = ()
    """What alerts bring along that waited for a threshold."""

    def count(self, at: int) -> None:
        """Count one event that happened at `at`."""
        self.events += 1
        self.last_alert_at = max(self.last_alert_at, at)

    def weigh(self, severity: Severity, alert: str) -> None:
        """Remember the worst alert; the first of equals."""
        if self.worst is None or severity.rank > self.worst[0].rank:
            self.worst = (severity, alert)

    def escalate(self, rules: Sequence[EscalationRule], alert: str) -> None:
        """Remember which rules want the incident to be worse."""
        for rule in rules:
            self.escalations.setdefault(rule.name, (rule, alert))


def settle(step: Step, incident: Incident, tally: Tally, *, why: str | None = None) -> Incident:
    """Tell what a tally gathered: the alerts, then a worse severity, then the end of the incident.

    An incident is over when its last active alert resolved or was superseded (E8); silence alone never resolves (P10), but
    a source's word about an alert that silence ended does.
    """
    before = incident
    incident = step.emit(
        incident.tenant,
        AlertsRecorded(
            incident=incident.id,
            version=incident.version + 1,
            at=step.now,
            events=tally.events,
            last_alert_at=tally.last_alert_at,
            joined=tuple(tally.joined),
            fired=tuple(tally.fired),
            repeated=tuple(tally.repeated),
            acknowledged=tuple(tally.acknowledged),
            resolved=tuple(tally.resolved),
            ended=tuple(tally.ended),
            silent=tally.silent,
            confirmed=tuple(tally.confirmed),
            earlier=together(each.events for each in tally.waited) if tally.waited else (),
            why=why,
        ),
        incident,
    )
    if not incident.status.is_over:
        for severity, alert, reason in _wanted(incident, tally, step.now):
            incident = worsen(step, incident, severity, reason, alert=alert)
    ends = bool(tally.resolved or tally.confirmed) or why == SUPERSEDED
    if ends and incident.firing_count == 0 and not before.status.is_over:
        return end_or_wait(step, incident, why or ALL_RESOLVED)
    if incident.turned_observed != before.turned_observed:
        watch(step, incident)
    return incident


def _wanted(incident: Incident, tally: Tally, now: int) -> Iterator[tuple[Severity, str, str]]:
    """Give what wants the incident worse, each with its alert and reason.

    Its alerts; what rules demanded of those that waited; then rules, in the order in which they matched.
    """
    if tally.worst is not None:
        yield (*tally.worst, "a higher alert")
    for each in tally.waited:
        if each.severity is not None:
            yield each.severity, each.alert, f"{each.reason}, {WHILE_WAITING}"
    for rule, alert in tally.escalations.values():
        reason = demand(rule, lambda within_s: within(incident.recent, within_s, now))
        if reason is not None:
            yield rule.at_least, alert, reason
