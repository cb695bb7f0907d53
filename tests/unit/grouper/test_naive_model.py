"""The fold against a second, naive model of the same documents: what people see is the same after every step (issue 5).

`make test` tries 120 streams of thirty steps; `make model` (TOCSIN_TEST_MODEL=long) two thousand of fifty.
"""

import os
import re
from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.support.folding import START, Folding, decided, incident_facts, outcome
from tests.support.naive import NaiveModel
from tests.support.naive_deeds import NaiveDeeds
from tests.support.naive_state import NaiveIncident
from tests.support.naive_streams import CHOSEN, ESCALATING, ESCALATION, HEARTBEAT, RULES, SETTINGS, TENANTS, brief, said
from tests.support.shortening import shorten
from tocsin_contracts import ids
from tocsin_contracts.alert import AlertEvent
from tocsin_contracts.incident import AlertsCame, AlertsLeft, IncidentOpened, Snoozed
from tocsin_contracts.status import IncidentStatus
from tocsin_contracts.tick import Refused, Tick
from tocsin_contracts.times import SECOND
from tocsin_grouper.domain.facts import CommandDecided, Fact, IncidentChanged
from tocsin_grouper.domain.state import Alert, Incident


class Step(NamedTuple):
    """A record that both were fed, and when."""

    at: int
    kind: str
    values: tuple[Any, ...]
    named: dict[str, Any]

    def __str__(self) -> str:
        tenant, events, *others = (*self.values, *self.named.values())
        what = "; ".join(map(brief, events)) if self.kind == "deliver" else events
        return f"{(self.at - START) / SECOND:9.3f} s  {self.kind} {tenant}: {what} {others}"


class Both(RuleBasedStateMachine):
    """The fold and the naive model, fed the same."""

    latest: ClassVar[list[Step]] = []
    """What the last of them was fed: of a run that fails it is what failed."""

    def __init__(self) -> None:
        super().__init__()
        self.steps: list[Step] = []
        Both.latest = self.steps
        self.folding = Folding(settings=SETTINGS)
        self.model = NaiveModel(SETTINGS, self.folding.source)
        self.deeds = NaiveDeeds(self.model)
        self.ids: dict[NaiveIncident, str] = {}
        self.asked = 0

    # ── records ──

    def deliver(self, tenant: str, events: list[AlertEvent], sender_id: str | None, integration: str = "prod") -> None:
        self.steps.append(Step(self.folding.now, "deliver", (tenant, events, sender_id, integration), {}))
        self.model.time.record(self.folding.now)
        facts = self.folding.deliver(*events, tenant=tenant, integration=integration, sender_id=sender_id)
        expected = self.model.deliver(tenant, integration, events, sender_id)
        self._name(facts)
        assert outcome(facts)[0] == expected, f"the model says {expected}"
        for each in self.model.alerts:
            self.deeds.alert_names[ids.alert_id(each.tenant, each.integration, each.identity)] = each

    def tick(self, process: str, refused: list[str], last: bool = False) -> None:
        self.steps.append(Step(self.folding.now, "tick", (process, refused, last), {}))
        names = [("acme", name) for name in refused]
        self.model.time.record(self.folding.now)
        self.model.time.tick(process, 15 * SECOND, names, last)
        listed = [Refused(tenant=tenant, integration=name) for tenant, name in names]
        facts = self.folding.fold(Tick(gateway="g", process=process, covers_ms=15_000, refused=listed, last=last))
        self.model.fire_timers(None)
        self._name(facts)
        self.compare()

    def ask(self, tenant: str, body: dict[str, Any], **values: Any) -> None:
        self.asked += 1
        self.steps.append(Step(self.folding.now, "ask", (tenant, body), dict(values)))
        command = values.pop("id", f"c{self.asked}")
        self.model.time.record(self.folding.now)
        facts = self.folding.ask(body, tenant=tenant, id=command, **values)
        expected = self.deeds.ask(tenant, command, body, values.get("if_revision"))
        self._name(facts)
        self._note_actions(facts)
        answers = [fact for fact in facts if isinstance(fact, CommandDecided)]
        if expected is None:
            assert answers == []
            return
        answer = decided(facts)
        told = (answer.applied, answer.status, answer.detail.get("reason"))
        assert told == expected, f"the fold answers {told}, the model {expected}"

    def _name(self, facts: list[Fact]) -> None:
        """Learn the ids of what was opened: they are hashes of positions, and no rule that the model knows."""
        opened = sorted(
            (fact.tenant, (fact.fact.split_from is None and fact.fact.alert) or "", number, fact.fact)
            for number, fact in enumerate(facts) if isinstance(fact, IncidentChanged) and isinstance(fact.fact, IncidentOpened)
        )  # fmt: skip
        new = sorted(
            (each.tenant, self._opener(each), number, each)
            for number, each in enumerate(self.model.incidents)
            if each not in self.ids
        )
        told = [(fact.alert, fact.reason) for _, _, _, fact in opened]
        assert [each[:2] for each in opened] == [each[:2] for each in new], f"the fold opened {told}, the model {new}"
        for (_, _, _, incident), (_, _, _, fact) in zip(new, opened, strict=True):
            self.ids[incident] = incident.name = fact.incident
            self.deeds.names[fact.incident] = incident

    @staticmethod
    def _opener(incident: NaiveIncident) -> str:
        if incident.opener is None or incident.event is None:
            return ""
        return ids.alert_id(incident.tenant, incident.integration, incident.opener)

    def _note_actions(self, facts: list[Fact]) -> None:
        """See, as people do, at which versions something was done that can be undone."""
        seen = [
            fact for fact in incident_facts(facts)
            if (isinstance(fact, Snoozed) and fact.until is not None and fact.undoes is None)
            or (isinstance(fact, AlertsCame) and fact.reason == "merge")
            or (isinstance(fact, AlertsLeft) and fact.reason == "split")
        ]  # fmt: skip
        assert [fact.incident for fact in seen] == [self.ids[incident] for incident, _ in self.deeds.undoable]
        for fact, (incident, undoable) in zip(seen, self.deeds.undoable, strict=True):
            incident.actions[fact.version] = undoable

    # ── what happens ──

    @initialize(document=st.none() | CHOSEN, escalation=ESCALATING)
    def begin(self, document: list[str] | None, escalation: list[str]) -> None:
        self.tick("p1", [])
        if document is not None:
            self.put_rules("acme", document, escalation, True)

    @rule(tenant=TENANTS, data=st.data(), count=st.integers(1, 3), sender_id=st.sampled_from([None, None, None, "e1", "e2"]))
    def something_is_said(self, tenant: str, data: st.DataObject, count: int, sender_id: str | None) -> None:
        self._say(tenant, data, count, sender_id)

    @rule(data=st.data(), count=st.integers(1, 2))
    def an_alert_says_something(self, data: st.DataObject, count: int) -> None:
        """Senders say more than people do: deliveries are drawn thrice as often as anything else."""
        self._say("acme", data, count, None)

    @rule(data=st.data())
    def a_body_names_many(self, data: st.DataObject) -> None:
        self._say("acme", data, 5, None)

    def _say(self, tenant: str, data: st.DataObject, count: int, sender_id: str | None) -> None:
        told = data.draw(st.lists(said(self.folding.now), min_size=1, max_size=count, unique_by=lambda one: one.identity))
        self.deliver(tenant, [one.event() for one in told], sender_id)

    @rule(seconds=st.sampled_from([1, 5, 20, 60, 61, 4000]))
    def time_passes_unheard(self, seconds: int) -> None:
        self.folding.wait(seconds)

    @rule(
        seconds=st.sampled_from([15, 60, 90, 180, 300, 600]),
        second=st.booleans(),
        leaves=st.booleans(),
        refused=st.sampled_from([[], [], [], ["prod"]]),
    )
    def time_passes(self, seconds: int, second: bool, leaves: bool, refused: list[str]) -> None:
        for _ in range(seconds // 15):
            self.folding.wait(15)
            self.tick("p1", refused)
            if second:
                self.tick("p2", [])
        if leaves:
            self.tick("p2", [], last=True)

    @rule(tenant=TENANTS, chosen=CHOSEN, escalation=ESCALATING, beats=st.booleans())
    def put_rules(self, tenant: str, chosen: list[str], escalation: list[str], beats: bool) -> None:
        document = {
            "version": 1, "rules": [RULES[name] for name in chosen], "escalation": [ESCALATION[name] for name in escalation],
            "heartbeats": [HEARTBEAT] if beats else [],
        }  # fmt: skip
        self.ask(tenant, {"kind": "set-rules", "document": document})

    def some(self, data: st.DataObject, tenant: str, *, most: int = 1) -> list[str]:
        """Choose incidents, mostly of this tenant and open ones, at times of nobody."""
        mine = [self.ids[incident] for incident in self.model.of(tenant)]
        fresh = [self.ids[incident] for incident in self.model.of(tenant) if not incident.is_over]
        names = st.sampled_from([*(fresh * 4), *mine, "nobody", *self.ids.values()])
        return data.draw(st.lists(names, min_size=1, max_size=most))

    def simple(self, data: st.DataObject) -> dict[str, Any]:
        until = self.folding.now + data.draw(st.sampled_from([-1, 30, 600])) * SECOND
        return data.draw(st.sampled_from([
            *({"kind": "set-status", "status": status.value} for status in IncidentStatus),
            {"kind": "set-status", "status": "RESOLVED"},
            {"kind": "assign", "assignee": "ada"}, {"kind": "assign", "assignee": None}, {"kind": "snooze", "until": until},
            {"kind": "snooze", "until": until}, {"kind": "unsnooze"}, {"kind": "comment", "text": "x"},
            {"kind": "set-severity", "severity": "LOW"}, {"kind": "set-severity", "severity": "CRITICAL"},
            {"kind": "set-team", "team": "dba"}, {"kind": "set-category", "category": "data"},
            {"kind": "set-runbook", "url": "https://wiki.example/x"}, {"kind": "reopen"}, {"kind": "reopen"},
        ]))  # fmt: skip

    @rule(data=st.data(), tenant=TENANTS, revision=st.sampled_from([None, None, None, 0, 1]))
    def somebody_does_something(self, data: st.DataObject, tenant: str, revision: int | None) -> None:
        (name,) = self.some(data, tenant)
        deed = self.simple(data)
        if deed["kind"] == "comment":
            (other,) = self.some(data, tenant)
            deed = data.draw(st.sampled_from([deed, {"kind": "link", "other": other}, {"kind": "unlink", "other": other}]))
        self.ask(tenant, deed | {"incident": name}, if_revision=revision)
        if data.draw(st.integers(0, 7)) == 0:
            number = data.draw(st.integers(1, self.asked + 1))
            self.ask(tenant, {"kind": "comment", "incident": name, "text": "x"}, id=f"c{number}")

    @rule(data=st.data(), tenant=TENANTS)
    def somebody_does_it_to_many(self, data: st.DataObject, tenant: str) -> None:
        self.ask(tenant, {"kind": "bulk", "incidents": self.some(data, tenant, most=4), "deed": self.simple(data)})

    @rule(data=st.data(), tenant=TENANTS)
    def somebody_merges(self, data: st.DataObject, tenant: str) -> None:
        (name,) = self.some(data, tenant)
        self.ask(tenant, {"kind": "merge", "incident": name, "sources": self.some(data, tenant, most=2)})

    @precondition(lambda self: any(len(self.model.members(incident)) > 1 for incident in self.model.incidents))
    @rule(data=st.data())
    def somebody_splits(self, data: st.DataObject) -> None:
        some = [self.ids[each] for each in self.model.incidents if len(self.model.members(each)) > 1]
        incident = self.deeds.names[data.draw(st.sampled_from(some))]
        members = [name for name, each in self.deeds.alert_names.items() if each.incident is incident]
        others = [name for name, each in self.deeds.alert_names.items() if each.tenant == incident.tenant]
        chosen = data.draw(st.lists(st.sampled_from([*members, *members, *members, *others]), min_size=1, max_size=2))
        self.ask(incident.tenant, {"kind": "split", "incident": self.ids[incident], "alerts": chosen})

    @precondition(lambda self: any(incident.actions for incident in self.model.incidents))
    @rule(data=st.data())
    def somebody_undoes(self, data: st.DataObject) -> None:
        incident = self.deeds.names[data.draw(st.sampled_from([self.ids[each] for each in self.model.incidents if each.actions]))]
        version = data.draw(st.sampled_from([*sorted(incident.actions), *sorted(incident.actions), 1, 99]))
        self.ask(incident.tenant, {"kind": "undo", "incident": self.ids[incident], "version": version})

    # ── what people see ──

    @invariant()
    def compare(self) -> None:
        found: dict[str, Incident] = {each.id: each for tenant in ("acme", "other") for each in self.folding.incidents(tenant)}
        alerts = [each for each in dict(self.folding.state.loaded).values() if isinstance(each, Alert)]
        assert len(found) == len(self.model.incidents)
        members: dict[str, set[str]] = {}
        for each in alerts:
            if each.incident is not None and each.held is None:
                members.setdefault(each.incident, set()).add(each.id)
        for number, incident in enumerate(self.model.incidents):
            name = self.ids[incident]
            expected, seen = self._expected(incident), self._seen(found[name], members.get(name, set()))
            assert expected == seen, f"incident {number} {name}: " + str(
                {key: (expected[key], seen[key]) for key in seen if expected[key] != seen[key]}
            )
        told = {(each.tenant, each.integration, each.id): each.status for each in alerts}
        for mine in self.model.alerts:
            name = ids.alert_id(mine.tenant, mine.integration, mine.identity)
            assert told[mine.tenant, mine.integration, name] == mine.status, mine

    def _expected(self, incident: NaiveIncident) -> dict[str, Any]:
        members = self.model.members(incident)
        return {
            "status": incident.status, "severity": incident.severity, "alerts": incident.joined,
            "firing": len([each for each in members if each.active]), "events": incident.events,
            "members": {ids.alert_id(each.tenant, each.integration, each.identity) for each in members},
            "assignee": incident.assignee, "team": incident.team, "category": incident.category,
            "runbook_url": incident.runbook_url, "snoozed_until": incident.snoozed_until, "flapping": incident.flapping,
            "merged_into": None if incident.merged_into is None else self.ids[incident.merged_into],
            "revision": incident.revision,
        }  # fmt: skip

    @staticmethod
    def _seen(incident: Incident, members: set[str]) -> dict[str, Any]:
        return {
            "status": incident.status, "severity": incident.severity, "alerts": incident.alert_count,
            "firing": incident.firing_count, "events": incident.event_count, "members": members,
            "assignee": incident.assignee, "team": incident.team, "category": incident.category,
            "runbook_url": incident.runbook_url, "snoozed_until": incident.snoozed_until, "flapping": incident.flapping,
            "merged_into": incident.merged_into, "revision": incident.revision,
        }  # fmt: skip


# ── a failure, short enough to read ──


def nothing(step: Step) -> Step:
    """Give a record of somebody else in place of another: what comes behind it keeps its position, and so its id."""
    return Step(step.at, "ask", ("nobody", {"kind": "comment", "incident": "none", "text": "x"}), {})


def run(steps: Sequence[Step]) -> tuple[int, str] | None:
    """Feed both anew; gives at which step they differ, and how, less all names and numbers."""
    both = Both()
    for number, step in enumerate(steps):
        both.folding.now = step.at
        try:
            getattr(both, step.kind)(*step.values, **step.named)
            both.compare()
        except AssertionError as error:
            return number, re.sub(r"[0-9A-Z]{26}|[0-9]+", "#", str(error).partition("\n")[0])
    return None


def shortest(steps: Sequence[Step]) -> list[Step]:
    """Leave out all records that it does not take for both to differ as they do."""
    differs = run(steps)

    def fails(tried: Sequence[Step]) -> int | None:
        found = run(tried)
        return None if found is None or differs is None or found[1] != differs[1] else found[0]

    return [step for step in shorten(steps, nothing, fails) if step != nothing(step)]


LONG = os.environ.get("TOCSIN_TEST_MODEL") == "long"
EXAMPLES, STEPS = (2000, 50) if LONG else (120, 30)


class TestFoldAndModel(Both.TestCase):  # type: ignore[misc,valid-type] # made by Hypothesis
    """Both, fed many streams."""

    settings = settings(
        max_examples=EXAMPLES,
        stateful_step_count=STEPS,
        deadline=None,
        report_multiple_bugs=False,
        derandomize=not LONG,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )

    def runTest(self) -> None:  # noqa: N802 # unittest's name
        """Show the records of a failure, as few as it takes."""
        try:
            super().runTest()
        except AssertionError as error:
            raise AssertionError("\n".join([str(error), *map(str, shortest(list(Both.latest)))])) from None
