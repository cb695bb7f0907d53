"""A second, naive model of incidents: what DESIGN 3, REQUIREMENTS and docs/reference/rules.md say, in plain lists and scans.

Written from the documents, docs/reference/commands.md with them, so that both may be compared. Nothing is kept that can be
counted anew; nothing is fast. It knows well-formed senders only: one alert is named once in a body, and either has starts that
can be trusted or no times at all. Bodies that break these rules have tests of their own.

What was decided between it and the fold stands in these documents; a point that they leave open is written there first. Two
things it takes from the fold as they are, and finds no bug in them: the ids of incidents, which are hashes of positions; and
how late a silence behind an incident's end may be judged (`_silence_ends`), which depends on what the fold keeps.
"""

from collections.abc import Iterable
from typing import Any

from tests.support.naive_rules import Ruling
from tests.support.naive_state import Key, NaiveAlert, NaiveIncident
from tests.support.naive_tables import NaiveTables
from tocsin_contracts.alert import AlertEvent
from tocsin_contracts.severity import Severity, highest
from tocsin_contracts.status import AlertStatus, EventStatus, IncidentStatus
from tocsin_contracts.times import DAY, SECOND


class NaiveModel(NaiveTables):
    """All tenants of one partition."""

    # ── deliveries ──

    def deliver(self, tenant: str, integration: str, events: list[AlertEvent], sender_id: str | None) -> str:
        """Apply a delivery whose record came just now; gives its outcome."""
        self.fire_timers([tenant])
        if sender_id is not None:
            name, now = (tenant, integration, sender_id), self.time.clock
            if name in self.deliveries and now - self.deliveries[name] <= 7 * DAY:
                return "duplicate"
            self.deliveries[name] = now
        elif self._repeats(tenant, integration, events):
            return "duplicate"
        self._apply(tenant, integration, events)
        return "processed"

    def _repeats(self, tenant: str, integration: str, events: list[AlertEvent]) -> bool:
        """P4: every alert says what it said before, inside the window; such that are late are no news either."""
        same = []
        for event in events:
            alert = self.alert(tenant, integration, event.identity)
            if alert is not None and self._late(alert, event):
                continue
            if alert is None or alert.said != (event.content, event.status):
                return False
            if self.time.clock - alert.said_at > self.settings.dedup_window:
                return False
            same.append((alert, event))
        for alert, event in same:
            alert.heard = self.time.moment(tenant, integration)
            self._beat(tenant, integration, event)
        return bool(same)

    def _late(self, alert: NaiveAlert, event: AlertEvent) -> bool:
        """DESIGN 3, "Time", and ADR 7; nobody acknowledges what is over. A sign of life is none of the past."""
        if event.status is EventStatus.ACKNOWLEDGED:
            return alert.status is AlertStatus.RESOLVED or alert.silent
        if event.heartbeat and not (alert.active and alert.incident is not None):
            return False
        if not event.trusted or alert.start is None or event.episode_at is None:
            return False
        if event.status is EventStatus.RESOLVED:
            return event.episode_at < alert.start
        if alert.active:
            return False
        if event.episode_at != alert.start:
            return event.episode_at < alert.start
        if alert.status is AlertStatus.RESOLVED:
            return alert.unheard or self.time.clock - alert.resolved_at <= self.settings.dedup_window
        return False

    def _apply(self, tenant: str, integration: str, events: list[AlertEvent]) -> None:
        on_time, self.ceased = [], []
        for event in events:
            alert = self.alert(tenant, integration, event.identity)
            if alert is None:
                alert = NaiveAlert(tenant, integration, event.identity)
                self.alerts.append(alert)
            elif self._late(alert, event):
                continue
            on_time.append((alert, event))
        firing = [(alert, event) for alert, event in on_time if event.status is EventStatus.FIRING]
        for alert, event in firing:
            if alert.active and event.trusted and alert.start is not None and alert.start < (event.episode_at or 0):
                self._end(alert, AlertStatus.RESOLVED)
        self._settle_all()
        for alert, event in firing:
            self._hear(alert, event)
            self._fires(alert, event)
        for alert, event in on_time:
            if event.status is not EventStatus.FIRING:
                self._hear(alert, event)
                self._resolves(alert) if event.status is EventStatus.RESOLVED else self._acknowledges(alert)
        self._settle_all()

    def _hear(self, alert: NaiveAlert, event: AlertEvent) -> None:
        alert.said, alert.said_at = (event.content, event.status), self.time.clock
        alert.heard = self.time.moment(alert.tenant, alert.integration)
        newer = event.trusted and event.episode_at is not None and (alert.start is None or event.episode_at > alert.start)
        if event.status is EventStatus.RESOLVED:
            alert.unheard = alert.unheard or (newer and not alert.fired)
            alert.resolved_at = self.time.clock if newer else alert.resolved_at
        elif newer:
            alert.unheard = False
        if newer:
            alert.start = event.episode_at
        if event.severity is not None and (event.status is not EventStatus.RESOLVED or alert.said_nothing):
            alert.severity = event.severity
        alert.said_nothing = False
        ruling = self.rules_of(alert.tenant).ruling(event)
        window = ruling.group_window_s or self.settings.group_window_s
        goes_on = alert.active and alert.incident is not None and alert.waits_in is None  # by the window it began with
        if event.status is EventStatus.FIRING and not goes_on:
            alert.window_s = window if event.never_resolves else None

    def _fires(self, alert: NaiveAlert, event: AlertEvent) -> None:
        if self._beat(alert.tenant, alert.integration, event) or event.heartbeat:
            alert.status, alert.silent = AlertStatus.OPEN, False
            return
        if alert.active and alert.incident is not None and alert.waits_in is None:
            self._counts(alert.incident, alert, event)
            return
        ruling = self.rules_of(alert.tenant).ruling(event)
        self._join_or_open(alert, event, ruling, self.key(alert.tenant, ruling, event))

    def _join_or_open(self, alert: NaiveAlert, event: AlertEvent, ruling: Ruling, key: Key) -> None:
        last, now = self.last_of(key), self.time.clock
        collects = last is not None and self.collects(last)
        alert.status, alert.silent, alert.fired = AlertStatus.OPEN, False, True
        if last is not None and collects:
            self._enter(last, [alert])
            self._counts(last, alert, event)
            return
        if not self._enough(alert, ruling, key):
            return
        waiting = [each for each in self.alerts if each.active and each.waits_in == key and self._counted(each, ruling)]
        opened = [
            at for at in self.openings.get(key, []) if ruling.flapping is not None and now - at < ruling.flapping[1] * SECOND
        ]
        flaps = ruling.flapping is not None and len(opened) + 1 >= ruling.flapping[0]
        self.openings.setdefault(key, []).append(now)
        again = last is not None and last.status is IncidentStatus.RESOLVED and (flaps or self._reopens(last, ruling))
        if again and last is not None:
            last.status, last.silent = IncidentStatus.OPEN, False
            incident = last
        else:
            incident = self._open(alert, event, ruling, key)
        incident.flapping = incident.flapping or (flaps and again)
        self._enter(incident, [alert, *(each for each in waiting if each is not alert)])
        for each in waiting:
            self.worsen(incident, each.severity)
        self._counts(incident, alert, event)

    def _reopens(self, last: NaiveIncident, ruling: Ruling) -> bool:
        within = ruling.reopen_within_s
        return ruling.refire == "reopen" and (within is None or self.time.clock - last.resolved_at <= within * SECOND)

    def _counted(self, alert: NaiveAlert, ruling: Ruling) -> bool:
        return ruling.threshold is None or self.time.clock - alert.waits_since < ruling.threshold[1] * SECOND

    def _enough(self, alert: NaiveAlert, ruling: Ruling, key: Key) -> bool:
        if ruling.threshold is None:
            alert.waits_in = None
            return True
        alert.waits_in, alert.waits_since, alert.incident = key, self.time.clock, None
        waiting = [each for each in self.alerts if each.active and each.waits_in == key and self._counted(each, ruling)]
        return len(waiting) >= ruling.threshold[0]

    def _open(self, alert: NaiveAlert, event: AlertEvent, ruling: Ruling, key: Key) -> NaiveIncident:
        incident = NaiveIncident(
            tenant=alert.tenant, integration=alert.integration, opener=alert.identity, key=key, ruling=ruling, event=event,
            severity=alert.severity, worst=alert.severity, team=ruling.team, category="other",
            counting=self.rules_of(alert.tenant).counts, opened_at=self.time.clock,
        )  # fmt: skip
        self.incidents.append(incident)
        self.collector[key] = incident
        return incident

    def _enter(self, incident: NaiveIncident, alerts: Iterable[NaiveAlert]) -> None:
        began = not [each for each in self.active(incident) if each not in alerts]
        for alert in alerts:
            incident.joined += alert.incident is not incident
            alert.incident, alert.waits_in = incident, None
        incident.silent = incident.waits = False
        if began:
            incident.turned = self.time.moment(incident.tenant, incident.integration)

    def _counts(self, incident: NaiveIncident, alert: NaiveAlert, event: AlertEvent) -> None:
        """Count an event of an incident, and what it makes worse."""
        incident.events += 1
        rules = self.rules_of(incident.tenant)
        minute = self.time.clock // (60 * SECOND)
        if incident.counting:
            incident.minutes.append(minute)
        if event.status is not EventStatus.FIRING:
            return
        self.worsen(incident, alert.severity)
        for at_least, spike in rules.escalations(event):
            lately = [each for each in incident.minutes if spike and each >= minute - spike[1] // 60]
            if spike is None or len(lately) >= spike[0]:
                self.worsen(incident, at_least)

    def worsen(self, incident: NaiveIncident, severity: Severity) -> None:
        """E9: it rises above the worst that it had, and above what a person gave it; never what is over."""
        if incident.is_over:
            return
        if severity.rank > incident.worst.rank:
            incident.severity = highest(incident.severity, severity)
        incident.worst = highest(incident.worst, severity)

    def _acknowledges(self, alert: NaiveAlert) -> None:
        alert.status = AlertStatus.ACKNOWLEDGED
        if alert.incident is not None and alert.waits_in is None:
            self._count_plainly(alert.incident)

    def _resolves(self, alert: NaiveAlert) -> None:
        incident = alert.incident if alert.waits_in is None else None
        if alert.active:
            self._end(alert, AlertStatus.RESOLVED)
        elif alert.silent and incident is not None and not incident.is_over:
            alert.silent = False
            self._ceased(incident)
        else:
            incident = None
        if alert.status is not AlertStatus.RESOLVED:
            alert.status = AlertStatus.RESOLVED
        alert.resolved_at = self.time.clock if incident is not None or not alert.resolved_at else alert.resolved_at
        if incident is not None:
            self._count_plainly(incident)

    def _count_plainly(self, incident: NaiveIncident) -> None:
        incident.events += 1
        if incident.counting:
            incident.minutes.append(self.time.clock // (60 * SECOND))

    # ── endings ──

    def _end(self, alert: NaiveAlert, status: AlertStatus) -> None:
        """End an episode: RESOLVED by its source's word or newer episode, CLOSED by silence."""
        alert.status, incident = status, alert.incident
        if status is AlertStatus.CLOSED:
            alert.said = None
        alert.silent = status is AlertStatus.CLOSED
        if alert.waits_in is not None:
            alert.waits_in = None
            return
        if incident is not None and not self.active(incident):
            incident.turned = self.time.moment(incident.tenant, incident.integration)
            incident.silent = status is AlertStatus.CLOSED
            if not incident.silent:
                self._ceased(incident)

    def _ceased(self, incident: NaiveIncident) -> None:
        """Note that an alert ended by somebody's word: if none is left at the end of the round, the incident may be over."""
        self.ceased.append(incident)

    def _settle_all(self) -> None:
        for incident in self.ceased:
            self.settle(incident)
        self.ceased = []

    def settle(self, incident: NaiveIncident) -> None:
        """Resolve an incident whose last active alert ended, unless its rule says to wait."""
        if incident.is_over or self.active(incident):
            return
        incident.silent, incident.waits = False, True
        incident.turned = self.time.moment(incident.tenant, incident.integration)
        if not incident.flapping and not incident.ruling.never and not incident.ruling.quiet_s:
            self.resolve(incident)

    def resolve(self, incident: NaiveIncident) -> None:
        incident.status = IncidentStatus.RESOLVED
        self.ends(incident)

    def ends(self, incident: NaiveIncident) -> None:
        incident.snoozed_until, incident.flapping = None, False
        incident.over = self.time.moment(incident.tenant, incident.integration)
        incident.resolved_at = self.time.clock

    # ── heartbeats ──

    def _beat(self, tenant: str, integration: str, event: AlertEvent) -> bool:
        name = self.rules_of(tenant).heartbeat(event)
        if name is None or event.status is not EventStatus.FIRING:
            return name is not None
        self.beats[tenant, name] = self.time.moment(tenant, integration)
        self.away.discard((tenant, name))
        self.beat_is_over(tenant, name)
        return True

    def beat_is_over(self, tenant: str, name: str) -> None:
        """Resolve the open incident of a heartbeat; one that it was merged into is about more."""
        key = (tenant, "heartbeat", name)
        missed = self.last_of(key)
        if missed is not None and missed.key == key and not missed.is_over:
            self.resolve(missed)

    # ── time ──

    def fire_timers(self, tenants: list[str] | None) -> None:
        """Judge every absence of these tenants (None: of all), the oldest deadline first."""
        while True:
            due = [each for each in self._deadlines() if each[0] <= self.time.horizon and (tenants is None or each[2] in tenants)]
            if not due:
                return
            _, _, _, act = min(due, key=lambda each: each[:2])
            act()

    def _deadlines(self) -> list[tuple[int, str, str, Any]]:
        found: list[tuple[int, str, str, Any]] = []
        for alert in self.alerts:
            ends = self._alert_ends(alert)
            if ends is not None:
                found.append(
                    (ends, f"alert {alert.identity}", alert.tenant, lambda alert=alert: self._end(alert, AlertStatus.CLOSED))
                )
        for incident in self.incidents:
            ends = self._incident_ends(incident)
            if ends is not None:
                found.append((ends, "incident", incident.tenant, lambda incident=incident: self._ends_by_time(incident)))
        for (tenant, name), moment in self.beats.items():
            if (tenant, name) not in self.away:
                ends = self.time.due(tenant, moment, self.rules_of(tenant).every_s)
                found.append((ends, name, tenant, lambda tenant=tenant, name=name: self._miss(tenant, name)))
        return found

    def _alert_ends(self, alert: NaiveAlert) -> int | None:
        if not alert.active:
            return None
        ends = []
        if alert.window_s is not None:
            ends.append(self.time.due(alert.tenant, alert.heard, alert.window_s))
        if alert.waits_in is not None and alert.window_s is None:
            ends.append(self.time.due(alert.tenant, alert.heard, self.settings.silence_s))
        elif alert.incident is not None and alert.incident.is_over:
            ends.append(self._silence_ends(alert, alert.incident))
        return min(ends, default=None)

    def _silence_ends(self, alert: NaiveAlert, incident: NaiveIncident) -> int:
        """So long behind the last event and behind the incident's end.

        What was owed at that end is written down nowhere, so the fold may wait longer, by what the clock says: late is safe.
        """
        owed = self.time.owed_to(alert.tenant, alert.integration)
        heard = alert.heard.observed - dict(alert.heard.owed).get(alert.integration, 0)
        over = max(incident.over.observed - owed, heard + max(0, incident.resolved_at - alert.said_at))
        return max(heard, over) + self.settings.silence_s * SECOND + owed

    def _incident_ends(self, incident: NaiveIncident) -> int | None:
        if incident.is_over or incident.turned is None:
            return None
        if incident.flapping:
            wait: int | None = incident.ruling.flapping[1] if incident.ruling.flapping else 1800
        elif self.active(incident):
            return None
        elif incident.silent:
            wait = incident.ruling.silent_s
        else:
            wait = incident.ruling.quiet_s if incident.waits and not incident.ruling.never else None
        return None if wait is None else self.time.due(incident.tenant, incident.turned, wait)

    def _ends_by_time(self, incident: NaiveIncident) -> None:
        was_flapping, incident.flapping = incident.flapping, False
        if self.active(incident):
            return
        if was_flapping and (incident.silent or incident.ruling.never):
            return
        self.resolve(incident)

    def _miss(self, tenant: str, name: str) -> None:
        """Open an incident, unless the last one is open still, or was merged into one that is."""
        self.away.add((tenant, name))
        key = (tenant, "heartbeat", name)
        last = self.last_of(key)
        if last is not None and not last.is_over:
            return
        incident = NaiveIncident(
            tenant=tenant, integration="", opener=name, key=key, ruling=Ruling(), event=None,
            severity=Severity.CRITICAL, worst=Severity.CRITICAL, category="availability",
        )  # fmt: skip
        self.incidents.append(incident)
        self.collector[key] = incident
