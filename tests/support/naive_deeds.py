"""What people do, for the naive model: docs/reference/commands.md and rules.md, plainly."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.support.naive import NaiveModel
from tests.support.naive_rules import NaiveRules
from tests.support.naive_state import Key, NaiveAlert, NaiveIncident
from tests.support.naive_time import Moment
from tocsin_contracts.severity import Severity
from tocsin_contracts.status import TRANSITIONS, AlertStatus, IncidentStatus

Answer = tuple[bool, int, str | None]
DONE: Answer = (True, 200, None)
FIELDS = {"assign": ("assignee", "assignee"), "set-team": ("team", "team"), "set-category": ("category", "category"),
          "set-runbook": ("runbook_url", "url")}  # fmt: skip


def refused(status: int, reason: str) -> Answer:
    return (False, status, reason)


@dataclass(eq=False)
class Undoable:
    """A merge, a split or a snooze that somebody may take back."""

    kind: str
    other: NaiveIncident | None = None
    alerts: list[NaiveAlert] = field(default_factory=list)
    status: IncidentStatus = IncidentStatus.OPEN
    over: Moment = field(default_factory=Moment)
    resolved_at: int = 0
    events: int = 0
    until: int | None = None
    before: int | None = None
    undone: bool = False


class NaiveDeeds:
    """The commands of the naive model."""

    def __init__(self, model: NaiveModel) -> None:
        self.model = model
        self.names: dict[str, NaiveIncident] = {}
        self.alert_names: dict[str, NaiveAlert] = {}
        self.undoable: list[tuple[NaiveIncident, Undoable]] = []
        """What the last command did that can be undone; whoever plays tells at which version people see it."""

    def ask(self, tenant: str, command: str, body: Mapping[str, Any], if_revision: int | None = None) -> Answer | None:
        """Decide a command; None where it was decided before."""
        model = self.model
        model.fire_timers([tenant])
        self.undoable = []
        if (tenant, command) in model.commands:
            return None
        model.commands.add((tenant, command))
        if body["kind"] == "set-rules":
            self._adopt(tenant, NaiveRules(body["document"]))
            return DONE
        if body["kind"] == "bulk":
            for name in dict.fromkeys(body["incidents"]):
                self._ask_one(tenant, {**body["deed"], "incident": name}, None)
            return DONE
        return self._ask_one(tenant, body, if_revision)

    def _ask_one(self, tenant: str, body: Mapping[str, Any], if_revision: int | None) -> Answer:
        incident = self._find(tenant, body["incident"])
        if incident is None:
            return refused(404, "no-such-incident")
        if if_revision is not None and if_revision != incident.revision:
            return refused(412, "revision-changed")
        answer = self._do(incident, body)
        if answer == DONE:
            incident.revision += 1
        return answer

    def _find(self, tenant: str, name: str) -> NaiveIncident | None:
        found = self.names.get(name)
        return found if found is not None and found.tenant == tenant else None

    def _do(self, incident: NaiveIncident, body: Mapping[str, Any]) -> Answer:
        kind = body["kind"]
        if kind in FIELDS:
            name, member = FIELDS[kind]
            setattr(incident, name, body[member])
            return DONE
        if kind == "comment":
            return DONE
        if kind == "set-severity":
            incident.severity = Severity(body["severity"])
            return DONE
        acts: dict[str, Callable[[NaiveIncident, Mapping[str, Any]], Answer]] = {
            "set-status": self._set_status, "snooze": self._snooze, "unsnooze": self._unsnooze, "reopen": self._reopen,
            "link": self._link, "unlink": self._link, "merge": self._merge, "split": self._split, "undo": self._undo,
        }  # fmt: skip
        return acts[kind](incident, body)

    def _set_status(self, incident: NaiveIncident, body: Mapping[str, Any]) -> Answer:
        if incident.merged_into is not None:
            return refused(409, "merged-elsewhere")
        after = IncidentStatus(body["status"])
        if after not in TRANSITIONS[incident.status]:
            return refused(409, "transition-not-allowed")
        was_over, incident.status = incident.is_over, after
        if after.is_over and not was_over:
            self.model.ends(incident)
        return DONE

    def _snoozed(self, incident: NaiveIncident) -> bool:
        return incident.snoozed_until is not None and incident.snoozed_until > self.model.time.clock

    def _snooze(self, incident: NaiveIncident, body: Mapping[str, Any]) -> Answer:
        if incident.merged_into is not None:
            return refused(409, "merged-elsewhere")
        if incident.is_over:
            return refused(409, "over")
        if body["until"] <= self.model.time.clock:
            return refused(422, "until-has-passed")
        self.undoable.append((incident, Undoable("snooze", until=body["until"], before=incident.snoozed_until)))
        incident.snoozed_until = body["until"]
        return DONE

    def _unsnooze(self, incident: NaiveIncident, body: Mapping[str, Any]) -> Answer:
        if not self._snoozed(incident):
            return refused(409, "not-snoozed")
        incident.snoozed_until = None
        return DONE

    def _reopen(self, incident: NaiveIncident, body: Mapping[str, Any]) -> Answer:
        if incident.merged_into is not None:
            return refused(409, "merged-elsewhere")
        if not incident.is_over:
            return refused(409, "not-over")
        incident.status, incident.silent, incident.waits = IncidentStatus.OPEN, False, False
        incident.turned = None
        if self.model.active(incident):
            incident.turned = self.model.time.moment(incident.tenant, incident.integration)
        self._goes_by(incident, self.model.rules_of(incident.tenant))
        self._collect_again(incident)
        return DONE

    def _collect_again(self, incident: NaiveIncident) -> None:
        last = self.model.last_of(incident.key)
        if last is None or not (last is incident or self.model.collects(last)):
            self.model.collector[incident.key] = incident

    def _link(self, incident: NaiveIncident, body: Mapping[str, Any]) -> Answer:
        other = self._find(incident.tenant, body["other"])
        if other is incident and body["kind"] == "link":
            return refused(409, "same-incident")
        return refused(404, "no-such-incident") if other is None else DONE

    # ── moving alerts ──

    def _move(self, alerts: list[NaiveAlert], origin: NaiveIncident, to: NaiveIncident, events: int) -> bool:
        """Move alerts; tells whether the one that had them may be over now: it gave what nobody called resolved."""
        model = self.model
        had = bool(model.active(to))
        for alert in alerts:
            alert.incident = to
        origin.joined -= len(alerts)
        to.joined += len(alerts)
        origin.events -= events
        to.events += events
        for incident, turned in ((origin, not model.active(origin)), (to, not had and bool(model.active(to)))):
            if turned and any(alert.active for alert in alerts):
                incident.turned = model.time.moment(incident.tenant, incident.integration)
        gives_active = any(alert.active for alert in alerts)
        if gives_active:
            to.silent = to.waits = False
        kept_open = gives_active or origin.silent
        if origin.merged_into is None and kept_open and not model.active(origin):
            left = model.members(origin)
            origin.silent = not left or any(alert.silent for alert in left)
        return kept_open

    def _wait_for_a_word(self, incident: NaiveIncident) -> None:
        """Nobody said that what silence ended is over: an incident that has but such alerts now waits for that."""
        if not self.model.active(incident) and any(alert.silent for alert in self.model.members(incident)):
            incident.silent, incident.waits = True, False
            incident.turned = self.model.time.moment(incident.tenant, incident.integration)

    def _merge(self, target: NaiveIncident, body: Mapping[str, Any]) -> Answer:
        sources = [self._find(target.tenant, name) for name in dict.fromkeys(body["sources"])]
        if target.merged_into is not None:
            return refused(409, "merged-elsewhere")
        if target.is_over:
            return refused(409, "over")
        for source in sources:
            if source is None:
                return refused(404, "no-such-incident")
            if source is target:
                return refused(409, "same-incident")
            if source.merged_into is not None:
                return refused(409, "merged-elsewhere")
            if source.status is IncidentStatus.CLOSED:
                return refused(409, "over")
        for source in sources:
            assert source is not None
            done = Undoable(
                "merge", source, self.model.members(source), source.status, source.over, source.resolved_at, source.events,
                before=source.snoozed_until,
            )  # fmt: skip
            self.undoable.append((target, done))
            source.status, source.merged_into = IncidentStatus.CLOSED, target
            source.snoozed_until, source.flapping = None, False
            self._move(done.alerts, source, target, source.events)
            source.revision += 1
            self.model.worsen(target, source.severity)
        target.revision += len(sources) - 1
        return DONE

    def _split(self, parent: NaiveIncident, body: Mapping[str, Any]) -> Answer:
        model = self.model
        if parent.merged_into is not None:
            return refused(409, "merged-elsewhere")
        alerts = [self.alert_names.get(name) for name in dict.fromkeys(body["alerts"])]
        moved = [alert for alert in alerts if alert is not None and alert.incident is parent]
        if len(moved) != len(alerts):
            return refused(409, "not-a-member")
        if len(moved) == len(model.members(parent)):
            return refused(409, "nothing-would-be-left")
        child = self._split_off(parent, moved)
        model.incidents.append(child)
        self.undoable.append((parent, Undoable("split", child, moved)))
        kept_open = self._move(moved, parent, child, 0)
        self._wait_for_a_word(child)
        if kept_open:
            self._over_if_left(parent)
        self._over_if_left(child)
        return DONE

    def _split_off(self, parent: NaiveIncident, moved: list[NaiveAlert]) -> NaiveIncident:
        """Open the incident of alerts as if they had opened it: the first that began to fire says whose it is."""
        first = min(moved, key=lambda each: each.began or each.seen_at)
        worst = max((alert.severity for alert in moved), key=lambda severity: severity.rank)
        team = first.team if parent.team == parent.first_team else parent.team
        category = "other" if parent.category == parent.first_category else parent.category
        child = NaiveIncident(
            tenant=parent.tenant, integration=first.integration, opener=None, ruling=parent.ruling, event=None,
            key=(parent.tenant, "split", len(self.model.incidents)), counting=parent.counting, severity=worst, worst=worst,
            team=team, first_team=team, category=category, first_category=category, revision=1,
        )  # fmt: skip
        for alert in moved:
            for at_least, spike in self.model.rules_of(parent.tenant).escalations(alert.event) if alert.event else []:
                if spike is None:
                    self.model.worsen(child, at_least)
        return child

    def _over_if_left(self, incident: NaiveIncident) -> None:
        """What has no active alert any more is over, if each that it has was resolved."""
        members = self.model.members(incident)
        if members and all(alert.status is AlertStatus.RESOLVED for alert in members):
            self.model.settle(incident)

    def _undo(self, incident: NaiveIncident, body: Mapping[str, Any]) -> Answer:
        if incident.merged_into is not None:
            return refused(409, "merged-elsewhere")
        done = incident.actions.get(body["version"])
        if done is None or done.undone:
            return refused(409, "nothing-to-undo")
        if done.kind == "snooze":
            return self._undo_snooze(incident, done)
        if done.other.merged_into is not (incident if done.kind == "merge" else None):
            return refused(409, "nothing-to-undo")
        if done.kind == "split" and incident.is_over and not done.other.is_over:
            return refused(409, "over")
        if done.kind == "split" and self._has_only_others(done.other, done.alerts):
            return refused(409, "nothing-to-undo")
        done.undone = True
        if done.kind == "merge":
            self._undo_merge(incident, done)
        else:
            self._undo_split(incident, done)
        return DONE

    def _has_only_others(self, child: NaiveIncident | None, split_off: list[NaiveAlert]) -> bool:
        """Tell whether what was split off is all gone, and others came: there is nothing to take back."""
        members = [] if child is None else self.model.members(child)
        return bool(members) and not any(alert.incident is child for alert in split_off)

    def _undo_snooze(self, incident: NaiveIncident, done: Undoable) -> Answer:
        """It stands while it is what holds now: of two until the same moment each is, so often as somebody asks."""
        if not self._snoozed(incident) or incident.snoozed_until != done.until:
            return refused(409, "nothing-to-undo")
        incident.snoozed_until = self._still(done.before)
        return DONE

    def _still(self, until: int | None) -> int | None:
        return until if until is not None and until > self.model.time.clock else None

    def _undo_merge(self, target: NaiveIncident, done: Undoable) -> None:
        source = done.other
        assert source is not None
        back = [alert for alert in done.alerts if alert.incident is target]
        source.merged_into, source.status, source.over, source.resolved_at = None, done.status, done.over, done.resolved_at
        source.snoozed_until = self._still(done.before)
        if source.is_over and any(alert.active for alert in back):
            source.status = IncidentStatus.OPEN
        source.revision += 1
        kept_open = self._move(back, target, source, done.events)
        self._wait_for_a_word(source)
        if not back and not source.silent:
            source.turned = None
        if kept_open:
            self._over_if_left(target)
        if not source.is_over:
            self._goes_by(source, self.model.rules_of(source.tenant))
        if back and not self.model.active(source):
            self._over_if_left(source)
        if not source.is_over:
            self._collect_again(source)

    def _undo_split(self, parent: NaiveIncident, done: Undoable) -> None:
        child = done.other
        assert child is not None
        back = [alert for alert in done.alerts if alert.incident is child]
        all_of_it = len(back) == len(self.model.members(child))
        kept_open = self._move(back, child, parent, child.events if all_of_it else 0)
        child.revision += 1
        if all_of_it:
            child.status, child.merged_into = IncidentStatus.CLOSED, parent
            child.snoozed_until, child.flapping = None, False
        elif kept_open:
            self._over_if_left(child)
        self.model.worsen(parent, child.severity)

    # ── rules ──

    def _adopt(self, tenant: str, rules: NaiveRules) -> None:
        model = self.model
        model.rules[tenant] = rules
        under: dict[Key, list[NaiveIncident]] = {}
        for incident in sorted(model.of(tenant), key=lambda each: (each.opened_at, each.name)):
            if model.followed(incident).is_over or incident.event is None:
                continue
            self._goes_by(incident, rules)
            under.setdefault(incident.key, []).append(incident)
        for key, found in under.items():
            self._hold(key, found)
        self._expect(tenant, rules)

    def _goes_by(self, incident: NaiveIncident, rules: NaiveRules) -> None:
        """Move an incident to the key and rule that these rules give the event that opened it; a sign of life has none."""
        if incident.event is None or rules.heartbeat(incident.event) is not None:
            return
        model = self.model
        model.behaves(incident, rules.ruling(incident.event))
        before, incident.key = incident.key, model.key(incident.tenant, incident.ruling, incident.event)
        quiet = incident.turned is not None and not incident.silent and not model.active(incident)
        incident.waits = incident.waits or (quiet and not incident.is_over)
        if before != incident.key and model.collector.get(before) is incident:
            del model.collector[before]

    def _hold(self, key: Key, found: list[NaiveIncident]) -> None:
        """Of several under one key the one that collected goes on, else the oldest that can, or what took it in can."""
        able = [incident for incident in found if self.model.collects(self.model.followed(incident))]
        if able and self.model.collector.get(key) not in able:
            self.model.collector[key] = able[0]
        elif key not in self.model.collector:
            self.model.collector[key] = found[0]

    def _expect(self, tenant: str, rules: NaiveRules) -> None:
        model = self.model
        names = {str(rule["name"]) for rule in rules.document.get("heartbeats", [])}
        for owner, name in [key for key in model.beats if key[0] == tenant and key[1] not in names]:
            del model.beats[owner, name]
            model.away.discard((owner, name))
            model.beat_is_over(owner, name)
        for name in sorted(names):
            if (tenant, name) not in model.beats:
                model.beats[tenant, name] = model.time.moment(tenant, "")
