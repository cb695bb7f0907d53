"""How the alert events of one delivery become changes of alerts and incidents.

In three rounds: episodes that a newer firing ends; then what fires; then what resolves. So a delivery in which one alert
resolves and another begins keeps its incident, in whatever order the sender listed them.
"""

from tocsin_contracts.alert import AlertEvent
from tocsin_contracts.ids import AlertId, incident_id
from tocsin_contracts.image import Image
from tocsin_contracts.incident import IncidentOpened
from tocsin_contracts.severity import DEFAULT_SEVERITY
from tocsin_contracts.status import EventStatus
from tocsin_grouper.domain import alert_state
from tocsin_grouper.domain.episode_timer import arm, disarm
from tocsin_grouper.domain.episodes import Verdict, judge, ordering_time
from tocsin_grouper.domain.facts import AlertRecorded, Effect
from tocsin_grouper.domain.group_key import DEFAULT_RULE, DEFAULT_RULE_VERSION, group_key, reason
from tocsin_grouper.domain.state import Alert, AlertKey, Group, GroupKey, Incident, IncidentKey, Key
from tocsin_grouper.domain.step import Step
from tocsin_grouper.domain.tally import SUPERSEDED, Tally, settle


class Gathering:
    """Applies one delivery's events; `incidents` lists those it touched, in the order of the first touch."""

    def __init__(self, step: Step, image: Image) -> None:
        self._step = step
        self._image = image
        self._moment = alert_state.Moment(
            tenant=image.tenant,
            integration=image.integration,
            offset=step.position.offset,
            clock=step.now,
            observed=step.observed_for(image.tenant, image.integration),
            settings=image.settings,
        )
        self._tallies: dict[str, Tally] = {}
        self._group_keys: dict[int, str] = {}
        self._firing_here: set[str] = set()  # they collect, though their counts do not show it before they are settled
        self.incidents: dict[str, None] = {}

    def apply(self) -> None:
        """Apply every event of the delivery."""
        events = [
            (seq, alert, event) for seq, (alert, event) in enumerate(zip(self._image.alert_ids, self._image.alerts, strict=True))
        ]
        self._require(events)
        for _, alert_id, event in events:
            self._supersede(alert_id, event)
        self._settle_all(why=SUPERSEDED)
        for seq, alert_id, event in events:
            if event.status is not EventStatus.RESOLVED:
                self._apply_one(seq, alert_id, event)
        for seq, alert_id, event in events:
            if event.status is EventStatus.RESOLVED:
                self._apply_one(seq, alert_id, event)
        self._settle_all()

    def _require(self, events: list[tuple[int, AlertId, AlertEvent]]) -> None:
        """Ask for everything that the delivery can need, in two rounds: alerts and groups, then their incidents."""
        tenant, draft = self._image.tenant, self._step.draft
        alerts = [AlertKey(tenant, alert_id) for _, alert_id, _ in events]
        draft.require(list(alerts))
        keys: list[Key] = []
        for (seq, _, event), key in zip(events, alerts, strict=True):
            alert = draft.alert(key)
            if alert is not None and alert.incident is not None:
                keys.append(IncidentKey(tenant, alert.incident))
            if self._may_begin(alert, event):
                self._group_keys[seq] = group_key(self._image.source, event)
                keys.append(GroupKey(tenant, self._group_keys[seq]))
        draft.require(keys)
        groups = [draft.group(key) for key in keys if isinstance(key, GroupKey)]
        draft.require([IncidentKey(tenant, group.incident) for group in groups if group is not None])

    def _may_begin(self, alert: Alert | None, event: AlertEvent) -> bool:
        if event.heartbeat or event.status is not EventStatus.FIRING:
            return False
        return self._judge(alert, event) in (Verdict.BEGINS, Verdict.SUPERSEDES)

    def _judge(self, alert: Alert | None, event: AlertEvent) -> Verdict:
        return judge(alert, event, self._moment.clock, self._image.settings.dedup_window)

    def _supersede(self, alert_id: str, event: AlertEvent) -> None:
        """End a running episode that a newer firing replaces."""
        key = AlertKey(self._image.tenant, alert_id)
        alert = self._step.draft.alert(key)
        if event.heartbeat or event.status is not EventStatus.FIRING or alert is None or alert.incident is None:
            return
        if self._judge(alert, event) is not Verdict.SUPERSEDES:
            return
        self._step.draft.put(key, alert_state.end(alert, self._moment.clock, self._moment.offset))
        tally = self._tally(alert.incident)
        tally.ended.append(alert_id)
        tally.last_alert_at = max(tally.last_alert_at, alert.occurred_at)

    def _apply_one(self, seq: int, alert_id: str, event: AlertEvent) -> None:
        """Apply one event to its alert and to the tally of its incident."""
        before = self._step.draft.alert(AlertKey(self._image.tenant, alert_id))
        if event.heartbeat:
            after, effect = alert_state.heartbeat(before, alert_id, event, self._moment), Effect.HEARTBEAT
        else:
            after, effect = self._apply_verdict(self._judge(before, event), seq, alert_id, event, before)
        at = ordering_time(event, self._moment.clock)
        if after.incident is not None and effect not in (Effect.RECORDED, Effect.HEARTBEAT):
            self._tally(after.incident).count(at)
        renewed = effect is not Effect.LATE and (before is None or before.content != event.content)
        described = before is None or (renewed and event.status is EventStatus.FIRING)
        self._step.draft.put(AlertKey(after.tenant, after.id), after)
        self._step.record(
            AlertRecorded(
                seq=seq,
                event=event,
                effect=effect,
                occurred_at=at,
                alert=after,
                source=self._image.source,
                described=described,
                renewed=renewed,
            )
        )

    def _apply_verdict(
        self, verdict: Verdict, seq: int, alert_id: str, event: AlertEvent, before: Alert | None
    ) -> tuple[Alert, Effect]:
        if verdict in (Verdict.BEGINS, Verdict.SUPERSEDES):
            return self._begin(seq, alert_id, event, before)
        if verdict is Verdict.STICKS or before is None:
            after = alert_state.stick(before, alert_id, event, self._moment)
            return after, Effect.RECORDED
        tally = self._tally(before.incident) if before.incident is not None else Tally()
        match verdict:
            case Verdict.REPEATS:
                after, effect, names = alert_state.repeat(before, event, self._moment), Effect.REPEATED, tally.repeated
                tally.weigh(after.severity, alert_id)
            case Verdict.ACKNOWLEDGES:
                after, effect, names = (
                    alert_state.acknowledge(before, event, self._moment),
                    Effect.ACKNOWLEDGED,
                    tally.acknowledged,
                )
            case Verdict.RESOLVES:
                after, effect, names = alert_state.resolve(before, event, self._moment), Effect.RESOLVED, tally.resolved
                disarm(self._step, after)
            case _:
                after, effect, names = alert_state.note_late(before, self._moment), Effect.LATE, tally.late
        names.append(alert_id)
        return after, effect

    def _begin(self, seq: int, alert_id: str, event: AlertEvent, before: Alert | None) -> tuple[Alert, Effect]:
        """Begin an episode: join the group's incident while it collects, else open one."""
        if before is not None and before.status.is_active and before.incident is not None:
            self._leave(before)
        key = self._group_keys.get(seq) or group_key(self._image.source, event)
        group = self._step.draft.group(GroupKey(self._image.tenant, key))
        incident = None if group is None else self._step.incident(self._image.tenant, group.incident)
        if incident is not None and (incident.collects or incident.id in self._firing_here):
            member = before is not None and before.incident == incident.id
            effect = Effect.FIRED if member else Effect.JOINED
        else:
            member, effect = False, Effect.OPENED
            incident = self._open(alert_id, event, key, None if group is None else group.incident)
        after = alert_state.begin(before, alert_id, event, self._moment, incident.id)
        tally = self._tally(incident.id)
        (tally.fired if member else tally.joined).append(alert_id)
        self._firing_here.add(incident.id)
        tally.weigh(after.severity, alert_id)
        arm(self._step, after)
        return after, effect

    def _leave(self, alert: Alert) -> None:
        """End an episode that the same delivery began: one body fires the same alert twice, with a newer start."""
        incident = alert.incident
        assert incident is not None  # noqa: S101 # the caller asked
        tally = self._tally(incident)
        tally.ended.append(alert.id)
        self._settle(incident, why=SUPERSEDED)

    def _open(self, alert_id: str, event: AlertEvent, key: str, previous: str | None) -> Incident:
        tenant, step = self._image.tenant, self._step
        name = self._unused_id(key, previous)
        fact = IncidentOpened(
            incident=name,
            version=1,
            at=step.now,
            group_key=key,
            alert=alert_id,
            source=self._image.source,
            integration=self._image.integration,
            project=event.project,
            problem=event.problem,
            title=event.title,
            severity=event.severity or DEFAULT_SEVERITY,
            first_seen_at=ordering_time(event, step.now),
            rule=DEFAULT_RULE,
            rule_version=DEFAULT_RULE_VERSION,
            reason=reason(self._image.source, event),
            previous=previous,
            description=event.description,
            service=event.service,
            environment=event.environment,
            team=event.team,
            link=event.link,
            labels=event.labels,
        )
        step.draft.put(GroupKey(tenant, key), Group(incident=name))
        return step.emit(tenant, fact, None)

    def _unused_id(self, key: str, previous: str | None) -> str:
        """Name the new incident; the second one that this record opens for the group gets the next ordinal."""
        ordinal = 0
        name = incident_id(self._image.tenant, self._step.position, key)
        while name == previous or name in self.incidents:
            ordinal += 1
            name = incident_id(self._image.tenant, self._step.position, key, ordinal)
        return name

    def _tally(self, incident: str) -> Tally:
        self.incidents[incident] = None
        return self._tallies.setdefault(incident, Tally())

    def _settle_all(self, *, why: str | None = None) -> None:
        for incident in list(self._tallies):
            self._settle(incident, why=why)

    def _settle(self, incident: str, *, why: str | None = None) -> None:
        found = self._step.incident(self._image.tenant, incident)
        tally = self._tallies.pop(incident)
        self._firing_here.discard(incident)
        if found is not None:
            settle(self._step, found, tally, why=why)
