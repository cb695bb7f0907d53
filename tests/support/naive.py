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
            alert.heard = self.time.later(alert.heard, self.time.moment(tenant, integration))
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
                alert = NaiveAlert(tenant, integration, event.identity, self.time.clock)
                self.alerts.append(alert)
            elif self._late(alert, event):
                continue
            on_time.append((alert, event))
        for alert, event in on_time:
            newer = event.trusted and alert.start is not None and alert.start < (event.episode_at or 0)
            if event.status is EventStatus.FIRING and alert.active and newer and alert.waits_in is None:
                self._end(alert, AlertStatus.RESOLVED)
        self._settle_all()
        for alert, event in sorted(on_time, key=lambda each: each[1].status is EventStatus.RESOLVED):
            self._hear(alert, event)
            if event.status is EventStatus.FIRING:
                self._fires(alert, event)
            else:
                self._resolves(alert) if event.status is EventStatus.RESOLVED else self._acknowledges(alert)
        self._escalate()
        self._settle_all()

    def _hear(self, alert: NaiveAlert, event: AlertEvent) -> None:
        if event.status is EventStatus.FIRING and alert.content != event.content:
            alert.event, alert.team = event, self.rules_of(alert.tenant).ruling(event).team or alert.team
        alert.said, alert.said_at, alert.content = (event.content, event.status), self.time.clock, event.content
        alert.heard = self.time.later(alert.heard, self.time.moment(alert.tenant, alert.integration))
        newer = event.trusted and event.episode_at is not None and (alert.start is None or event.episode_at > alert.start)
        if event.status is EventStatus.RESOLVED:
            alert.unheard = not alert.active if newer else alert.unheard
            alert.began = None if alert.unheard else alert.began
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
        alive = self._beat(alert.tenant, alert.integration, event) or event.heartbeat
        if alert.active and alert.incident is not None and alert.waits_in is None:
            self._counts(alert.incident, alert, event)
            return
        if alive:
            alert.status, alert.silent, alert.incident, alert.waits_in = AlertStatus.OPEN, False, None, None
            return
        ruling = self.rules_of(alert.tenant).ruling(event)
        self._join_or_open(alert, event, ruling, self.key(alert.tenant, ruling, event))

    def _join_or_open(self, alert: NaiveAlert, event: AlertEvent, ruling: Ruling, key: Key) -> None:
        last = self.last_of(key)
        self._goes_on_waiting(alert, ruling)
        collects = last is not None and self.collects(last)
        alert.status, alert.silent, alert.began = AlertStatus.OPEN, False, self.time.clock
        if last is not None and collects:
            self._enter(last, [alert])
            self._counts(last, alert, event)
            return
        if not self._enough(alert, ruling, key):
            self._waits(alert, event)
            return
        waiting = [each for each in self.alerts if each.active and each.waits_in == key and each.waits_in_time]
        flaps = self._flaps(ruling, key)
        again = last is not None and last.status is IncidentStatus.RESOLVED and (flaps or self._reopens(last, ruling))
        if again and last is not None:
            last.status, last.silent = IncidentStatus.OPEN, False
            last.turned = self.time.moment(last.tenant, last.integration)
            if last.key == key:
                self.behaves(last, ruling)
            incident = last
        else:
            incident = self._open(alert, event, ruling, key)
        incident.flapping = incident.flapping or (flaps and again)
        self._enter(incident, [alert, *(each for each in waiting if each is not alert)])
        for each in waiting:
            self.worsen(incident, each.severity)
        self._counts(incident, alert, event)

    def behaves(self, incident: NaiveIncident, ruling: Ruling) -> None:
        """Let an incident behave as a rule in force says."""
        incident.ruling, incident.counting = ruling, self.rules_of(incident.tenant).counts
        incident.minutes = incident.minutes if incident.counting else []

    def _flaps(self, ruling: Ruling, key: Key) -> bool:
        """Count an opening; as many of them are remembered as the rule asks for, none where it asks for none."""
        if ruling.flapping is None:
            self.openings[key] = []
            return False
        times, within = ruling.flapping
        lately = [at for at in self.openings.get(key, []) if self.time.clock - at < within * SECOND]
        self.openings[key] = [*lately, self.time.clock][-times:]
        return len(self.openings[key]) >= times

    def _reopens(self, last: NaiveIncident, ruling: Ruling) -> bool:
        within = ruling.reopen_within_s
        return ruling.refire == "reopen" and (within is None or self.time.clock - last.resolved_at <= within * SECOND)

    def _goes_on_waiting(self, alert: NaiveAlert, ruling: Ruling) -> None:
        """Forget what an alert would bring along from its wait, if that was too long ago."""
        passed = ruling.threshold is not None and self.time.clock - alert.waits_since >= ruling.threshold[1] * SECOND
        if alert.waits_in is None or not alert.waits_in_time or passed:
            alert.waited, alert.demanded = [], None

    def _waits(self, alert: NaiveAlert, event: AlertEvent) -> None:
        """Count a firing of an alert that waits, and remember what rules want for it."""
        alert.incident, rules = None, self.rules_of(alert.tenant)
        alert.waited = [*alert.waited, self.time.clock // (60 * SECOND)] if rules.counts else []
        self.asking += [(alert, at_least, spike) for at_least, spike in rules.escalations(event)]

    def _enough(self, alert: NaiveAlert, ruling: Ruling, key: Key) -> bool:
        if ruling.threshold is None:
            alert.waits_in = None
            return True
        alert.waits_in, alert.waits_since, alert.waits_in_time = key, self.time.clock, True
        waiting = [each for each in self.alerts if each.active and each.waits_in == key]
        for each in waiting:
            each.waits_in_time = each.waits_in_time and self.time.clock - each.waits_since < ruling.threshold[1] * SECOND
        return len([each for each in waiting if each.waits_in_time]) >= ruling.threshold[0]

    def _open(self, alert: NaiveAlert, event: AlertEvent, ruling: Ruling, key: Key) -> NaiveIncident:
        incident = NaiveIncident(
            tenant=alert.tenant, integration=alert.integration, opener=alert.identity, key=key, ruling=ruling, event=event,
            severity=alert.severity, worst=alert.severity, team=ruling.team, first_team=ruling.team,
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
            incident.minutes += alert.waited if incident.counting else []
            self.worsen(incident, alert.demanded or incident.worst)
            alert.waited, alert.demanded = [], None
        incident.silent = incident.waits = False
        if began:
            incident.turned = self.time.moment(incident.tenant, incident.integration)

    def _counts(self, incident: NaiveIncident, alert: NaiveAlert, event: AlertEvent) -> None:
        """Count a firing of an incident, and what it makes worse; rules are not asked of a sign of life."""
        self._count_plainly(incident)
        self.worsen(incident, alert.severity)
        if event.heartbeat or self.rules_of(incident.tenant).heartbeat(event) is not None:
            return
        self.escalating += [(incident, at_least, spike) for at_least, spike in self.rules_of(incident.tenant).escalations(event)]

    def _escalate(self) -> None:
        """Let rules make incidents worse, by all that a delivery counted; or what waits, which asks as its group does."""
        for alert, at_least, spike in self.asking:
            if alert.waits_in is None and alert.incident is not None:
                self.escalating.append((alert.incident, at_least, spike))
            together = [each for each in self.alerts if each.active and each.waits_in == alert.waits_in and each.waits_in_time]
            if alert.waits_in is not None and self._reached([minute for each in together for minute in each.waited], spike):
                alert.demanded = highest(alert.demanded or at_least, at_least)
        for incident, at_least, spike in self.escalating:
            if self._reached(incident.minutes, spike):
                self.worsen(incident, at_least)
        self.asking, self.escalating = [], []

    def _reached(self, minutes: list[int], spike: tuple[int, int] | None) -> bool:
        now = self.time.clock // (60 * SECOND)
        return spike is None or len([each for each in minutes if each >= now - spike[1] // 60]) >= spike[0]

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
        if alert.status is not AlertStatus.RESOLVED:
            alert.resolved_at = self.time.clock
        if alert.active:
            self._end(alert, AlertStatus.RESOLVED)
        elif alert.silent and incident is not None and not incident.is_over:
            alert.silent = False
            self._ceased(incident)
        else:
            incident = None
        alert.status, alert.silent = AlertStatus.RESOLVED, False
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
        if not incident.flapping and not incident.never and not incident.ruling.quiet_s:
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
        """Resolve the open incident of a heartbeat; one that it was merged into, or that has alerts that fire, is about more."""
        key = (tenant, "heartbeat", name)
        missed = self.last_of(key)
        if missed is None or missed.key != key or missed.is_over or missed.silent:
            return
        if not self.active(missed):
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
            wait = None if incident.never else incident.ruling.silent_s
        else:
            wait = incident.ruling.quiet_s if incident.waits and not incident.never else None
        return None if wait is None else self.time.due(incident.tenant, incident.turned, wait)

    def _ends_by_time(self, incident: NaiveIncident) -> None:
        was_flapping, incident.flapping = incident.flapping, False
        if self.active(incident):
            return
        if was_flapping and (incident.silent or incident.never):
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
            severity=Severity.CRITICAL, worst=Severity.CRITICAL, category="availability", first_category="availability",
        )  # fmt: skip
        self.incidents.append(incident)
        self.collector[key] = incident
