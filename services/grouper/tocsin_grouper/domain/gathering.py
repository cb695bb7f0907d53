"""How the alert events of one delivery become changes of alerts and incidents.

In three rounds: episodes that a newer firing ends; then what fires; then what resolves. So a delivery in which one alert
resolves and another begins keeps its incident, in whatever order the sender listed them. What a body says twice about one
alert counts in the body's order: it is cut into runs that name each alert once, and each run has its three rounds.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from tocsin_contracts.alert import AlertEvent
from tocsin_contracts.image import Image
from tocsin_contracts.severity import Severity
from tocsin_contracts.status import AlertStatus, EventStatus
from tocsin_grouper.domain import alert_state, episodes, heartbeats
from tocsin_grouper.domain.alert_state import Moment
from tocsin_grouper.domain.beginning import Beginner
from tocsin_grouper.domain.collecting import unhold
from tocsin_grouper.domain.episode_timer import arm, disarm
from tocsin_grouper.domain.episodes import beats, judge, may_begin, ordering_time
from tocsin_grouper.domain.facts import AlertMoved, AlertRecorded, Effect
from tocsin_grouper.domain.keys import AlertKey, GroupKey, IncidentKey, Key
from tocsin_grouper.domain.said import Said, cut
from tocsin_grouper.domain.state import Alert
from tocsin_grouper.domain.step import Step
from tocsin_grouper.domain.tally import SUPERSEDED, Tally, settle
from tocsin_grouper.domain.view import Missing
from tocsin_grouper.domain.waiting import demanded
from tocsin_rules.document import EscalationRule, Threshold

_UNCOUNTED = frozenset({Effect.RECORDED, Effect.HEARTBEAT, Effect.LATE, Effect.HELD})
# Members by one name each, as in `episodes`.
_FIRING: Final = EventStatus.FIRING
_RESOLVED: Final = EventStatus.RESOLVED
_LATE: Final = Effect.LATE


def moment_of(step: Step, image: Image) -> Moment:
    """Say where and when a delivery stands."""
    return Moment(
        tenant=image.tenant,
        integration=image.integration,
        offset=step.position.offset,
        clock=step.now,
        observed=step.observed_for(image.tenant, image.integration),
        settings=image.settings,
    )


class Gathering:
    """Applies one delivery's events; `incidents` lists those it touched, in the order of the first touch."""

    def __init__(self, step: Step, image: Image, keys: Sequence[AlertKey], moment: Moment) -> None:
        """Take a delivery, with the keys of its alerts in their order; they are loaded."""
        self._step = step
        self._image = image
        self._keys = keys
        self._moment = moment
        self._tallies: dict[str, Tally] = {}
        self._firing_here: set[str] = set()  # they collect, though their counts do not show it before they are settled
        self._asked: dict[AlertKey, tuple[EscalationRule, ...]] = {}  # of alerts that wait: rules look at the whole run
        self.incidents: dict[str, None] = {}
        self._beginner = Beginner(step, image, self.incidents, self._firing_here)

    def apply(self) -> None:
        """Apply every event of the delivery."""
        named = enumerate(zip(self._keys, self._step.judged(self._image), strict=True))
        said = [Said(seq, key, judged, judged.event) for seq, (key, judged) in named]
        runs = cut(said)
        try:
            for run in runs:
                self._apply_run(run)
        except Missing:
            self._require(said, begins_again=len(runs) > 1)
            raise

    def _require(self, said: list[Said], *, begins_again: bool) -> None:
        """Ask for all that the alerts lead to, in rounds: their incidents and groups, then what the groups lead to.

        Only once something is missing, which is rare: then one round trip loads what would else be asked for key by key.
        """
        tenant, draft = self._image.tenant, self._step.draft
        keys: list[Key] = []
        groups: list[GroupKey] = []
        thresholds: dict[GroupKey, Threshold | None] = {}
        beginning: Counter[GroupKey] = Counter()
        for one in said:
            alert = draft.alert(one.key)
            if alert is not None and alert.incident is not None:
                keys.append(IncidentKey(tenant, alert.incident))
            if one.judged.rules_it and (begins_again or may_begin(alert, one.event)):
                key = GroupKey(tenant, one.judged.ruling.key)
                groups.append(key)
                thresholds[key] = one.judged.ruling.threshold
                beginning[key] += 1
            if alert is not None and alert.held is not None:
                groups.append(GroupKey(tenant, alert.held))
        draft.require([*keys, *groups])
        heartbeats.require(self._step, [(tenant, one.judged.beat.name) for one in said if one.judged.beat is not None])
        if groups:
            found = [group for key in groups if (group := draft.group(key)) is not None]
            self._step.require_followed([IncidentKey(tenant, group.incident) for group in found if group.incident is not None])
            self._require_held(thresholds, beginning)

    def _require_held(self, thresholds: Mapping[GroupKey, Threshold | None], beginning: Mapping[GroupKey, int]) -> None:
        """Ask for the alerts that wait in groups which may open now, in one round for all groups."""
        names: dict[AlertKey, None] = {}
        for key, threshold in thresholds.items():
            group = self._step.draft.group(key)
            held = () if group is None else group.held
            if threshold is None or len(held) + beginning[key] >= threshold.alerts:
                names.update((AlertKey(key.tenant, each.alert), None) for each in held)
        self._step.draft.require(list(names))

    def _apply_run(self, run: list[Said]) -> None:
        for one in run:
            self._judge(one)
        if self._tallies:
            self._settle_all(why=SUPERSEDED)
        for one in run:
            if one.event.status is not _RESOLVED:
                self._apply_one(one)
        for one in run:
            if one.event.status is _RESOLVED:
                self._apply_one(one)
        self._settle_all()

    def _judge(self, said: Said) -> None:
        """Judge an event, and end the running episode that a newer firing replaces."""
        alert = self._step.draft.alert(said.key)
        if beats(alert, said.event):
            return
        moment = self._moment
        said.verdict = judge(alert, said.event, moment.clock, moment.settings.dedup_window)
        if said.verdict is episodes.SUPERSEDES and alert is not None and alert.incident is not None:
            self._step.draft.put(said.key, alert_state.end(alert, moment.clock, moment.offset))
            tally = self._tally(alert.incident)
            tally.ended.append(alert.id)
            tally.last_alert_at = max(tally.last_alert_at, alert.occurred_at)

    def _apply_one(self, said: Said) -> None:
        """Apply one judged event to its alert and to the tally of its incident."""
        event = said.event
        before = self._step.draft.alert(said.key)
        at = ordering_time(event, self._moment.clock)
        after, effect = self._apply_verdict(said, before)
        if after.incident is not None and effect not in _UNCOUNTED:
            self._tally(after.incident).count(at)
        renewed = effect is not _LATE and (before is None or before.content != event.content)
        self._step.draft.put(said.key, after)
        self._step.record(
            AlertRecorded(
                seq=said.seq,
                key=said.key,
                event=event,
                effect=effect,
                occurred_at=at,
                alert=after,
                source=self._image.source,
                category=None if said.why is None else said.judged.classified.category,
                why=said.why,
                first=before is None,
                described=before is None or (renewed and event.status is _FIRING),
                renewed=renewed,
            )
        )

    def _apply_verdict(self, said: Said, before: Alert | None) -> tuple[Alert, Effect]:
        name, event, moment = said.key.alert, said.event, self._moment
        if said.judged.beat is not None:  # whatever becomes of the alert: it may run in an incident from before the rule
            heartbeats.beat(self._step, self._image.tenant, self._image.integration, said.judged.beat)
        if said.verdict is None:
            return self._beat(said, before)
        if said.verdict is episodes.BEGINS and before is not None and before.incident is not None and before.status.is_active:
            said.verdict = episodes.REPEATS  # it waited for others, and one named before it in the body took it in
        if said.verdict in (episodes.BEGINS, episodes.SUPERSEDES):
            return self._begin(said, before)
        if said.verdict is episodes.STICKS or before is None:
            return alert_state.stick(before, name, event, moment), self._confirm(event, before)
        if said.verdict is episodes.LATE:
            self._touch(before.incident)
            return alert_state.note_late(before, moment), _LATE
        tally = Tally() if before.incident is None else self._tally(before.incident)
        if said.verdict is episodes.RESOLVES:
            tally.resolved.append(name)
            unhold(self._step, before)
            disarm(self._step, before)
            return alert_state.resolve(before, event, moment), Effect.RESOLVED
        if said.verdict is episodes.ACKNOWLEDGES:
            after, effect = alert_state.acknowledge(before, event, moment), Effect.ACKNOWLEDGED
            tally.acknowledged.append(name)
        else:
            after, effect = alert_state.repeat(before, event, moment), Effect.REPEATED
            tally.repeated.append(name)
            tally.weigh(after.severity, name)
            tally.escalate(said.judged.escalations, name)
        if after.incident is not None and alert_state.limit_of(after) < alert_state.limit_of(before):
            arm(self._step, after)  # new settings allow less silence than the timer was armed for
        return after, effect

    def _beat(self, said: Said, before: Alert | None) -> tuple[Alert, Effect]:
        """Take a sign of life: it never has an incident."""
        if before is not None and before.held is not None:  # it waited for others, as an alert, under other rules
            unhold(self._step, before)
            disarm(self._step, before)
        return alert_state.heartbeat(before, said.key.alert, said.event, self._moment), Effect.HEARTBEAT

    def _begin(self, said: Said, before: Alert | None) -> tuple[Alert, Effect]:
        """Begin an episode, in the incident that the rules give it."""
        name, event, ruling = said.key.alert, said.event, said.judged.ruling
        severity = alert_state.severity_of(before, event)
        waited = None if before is None else unhold(self._step, before)  # in which group, if it still does, is decided anew
        beginning = self._beginner.find(name, before, said.judged, severity, waited)
        said.why = beginning.why
        incident = None if beginning.incident is None else beginning.incident.id
        after = alert_state.begin(before, name, event, self._moment, incident, window_s=ruling.window_s, held=beginning.held)
        if incident is None:
            if said.judged.escalations:
                self._asked[said.key] = said.judged.escalations
        else:
            self._count_begun(incident, name, severity, member=before is not None and before.incident == incident)
            self._take_in(incident, beginning.others)
            self._tally(incident).escalate(said.judged.escalations, name)
            if beginning.waited:
                self._tally(incident).waited += beginning.waited
        arm(self._step, after)
        return after, beginning.effect

    def _count_begun(self, incident: str, name: str, severity: Severity, *, member: bool) -> None:
        tally = self._tally(incident)
        (tally.fired if member else tally.joined).append(name)
        tally.weigh(severity, name)
        self._firing_here.add(incident)

    def _take_in(self, incident: str, others: Sequence[Alert]) -> None:
        """Let alerts that waited for a threshold belong to the incident that it opened."""
        for alert in others:
            key = AlertKey(alert.tenant, alert.id)
            taken = alert.into(incident, self._moment.offset)
            self._step.draft.put(key, taken)
            self._step.record(AlertMoved(alert=taken))
            tally = self._tally(incident)
            tally.joined.append(alert.id)
            tally.weigh(alert.severity, alert.id)
            tally.escalate(self._asked.pop(key, ()), alert.id)

    def _confirm(self, event: AlertEvent, before: Alert | None) -> Effect:
        """Resolve, by its source's word, an alert that silence had closed: its incident may wait for just that."""
        if event.status is not _RESOLVED or before is None or before.status is not AlertStatus.CLOSED:
            return Effect.RECORDED
        incident = None if before.incident is None else self._step.incident(self._image.tenant, before.incident)
        if incident is None or incident.status.is_over:
            return Effect.RECORDED
        self._tally(incident.id).confirmed.append(before.id)
        return Effect.RESOLVED

    def _touch(self, incident: str | None) -> None:
        """Remember that the delivery concerns an incident, though it may not change it."""
        if incident is not None:
            self.incidents[incident] = None

    def _tally(self, incident: str) -> Tally:
        tally = self._tallies.get(incident)
        if tally is None:
            self._touch(incident)
            tally = self._tallies[incident] = Tally()
        return tally

    def _settle_all(self, *, why: str | None = None) -> None:
        for incident in list(self._tallies):
            self._settle(incident, why=why)
        if self._asked:
            self._ask_of_waiting()

    def _ask_of_waiting(self) -> None:
        """Keep what rules demand of alerts that wait, as `settle` does of those that have an incident."""
        for key, rules in self._asked.items():
            alert = self._step.draft.alert(key)
            group_key = None if alert is None or alert.held is None else GroupKey(key.tenant, alert.held)
            group = None if group_key is None else self._step.draft.group(group_key)
            if group_key is not None and group is not None:
                held = demanded(group.held, key.alert, rules, self._step.now)
                self._step.draft.put(group_key, replace(group, held=held))
        self._asked.clear()

    def _settle(self, incident: str, *, why: str | None = None) -> None:
        found = self._step.incident(self._image.tenant, incident)
        tally = self._tallies.pop(incident)
        self._firing_here.discard(incident)
        if found is not None:
            settle(self._step, found, tally, why=why)
            if found.status.is_over and (tally.repeated or tally.acknowledged):
                self._arm_anew([*tally.repeated, *tally.acknowledged])

    def _arm_anew(self, names: Sequence[str]) -> None:
        """Let silence behind an end be counted from what was just heard: before, the end itself may have set a later time."""
        for name in names:
            alert = self._step.draft.alert(AlertKey(self._image.tenant, name))
            if alert is not None and alert.status.is_active:
                arm(self._step, alert)
