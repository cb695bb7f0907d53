"""What people ask in a simulated day: every kind of command, about incidents that are there, and sometimes about none.

Pure and seeded. Who asks sees the incidents as the fold has them, as people do.
"""

import random
from collections.abc import Callable, Mapping
from typing import Any

from tests.support.folding import Folding
from tocsin_contracts.incident import AlertsCame, AlertsLeft, AnyIncidentFact, Snoozed
from tocsin_contracts.severity import Severity
from tocsin_contracts.status import IncidentStatus
from tocsin_contracts.times import SECOND
from tocsin_grouper.domain.facts import IncidentChanged
from tocsin_grouper.domain.state import Alert, Incident

Body = dict[str, Any]
LATELY = 150
"""Records in which somebody who undoes things looks for some."""
_RULES: tuple[Mapping[str, Any], ...] = (
    {"name": "pairs", "matchers": ['service=~"s[01]"'], "threshold": {"alerts": 2, "within": "5m"}},
    {"name": "again", "matchers": ['severity="HIGH"'], "refire": "reopen", "reopen_within": "10m"},
    {"name": "by-service", "matchers": ['service!=""'], "group_by": ["service"], "group_window": "3m", "continue": True},
    {"name": "everything", "matchers": ['source="statuscake"'], "group_by": ["..."], "flapping": {"times": 3, "within": "5m"}},
    {"name": "quiet", "matchers": ['source="alertmanager"'], "resolve": {"after": "1m"}, "team": "sre"},
    {"name": "people", "matchers": ['source="sentry"'], "resolve": {"when": "never"}, "resolve_silent_after": "5m"},
    {"name": "silent", "resolve_silent_after": "4m"},
)
_ESCALATION: tuple[Mapping[str, Any], ...] = (
    {"name": "prod", "matchers": 'env="prod"', "at_least": "HIGH"},
    {"name": "spike", "at_least": "CRITICAL", "spike": {"events": 8, "within": "2m"}},
)
_HEARTBEAT: Mapping[str, Any] = {"name": "beat", "matchers": 'identity="n29"', "every": "2m"}


def rule_document(rng: random.Random) -> Body:
    """Write a rule set: some of the rules in some order."""
    return {
        "version": 1,
        "rules": rng.sample(_RULES, rng.randrange(4)),
        "escalation": rng.sample(_ESCALATION, rng.randrange(3)),
        "heartbeats": [_HEARTBEAT] if rng.random() < 0.5 else [],
        "services": {"s3": "s2"} if rng.random() < 0.3 else {},
    }


def ask(rng: random.Random, folding: Folding, tenant: str) -> Body:
    """Ask for something; of incidents that are over as well, for that is refused."""
    if rng.random() < 0.06:
        return {"kind": "set-rules", "document": rule_document(rng)}
    incidents = folding.incidents(tenant)[-12:]
    if not incidents or rng.random() < 0.04:
        return {"kind": "set-status", "incident": "nobody", "status": "RESOLVED"}
    incident = rng.choice([*(each for each in incidents if not each.status.is_over), rng.choice(incidents)])
    if rng.random() < 0.1:
        deed = _simple(rng, folding) | {"comment": "all of them"}
        return {"kind": "bulk", "incidents": [each.id for each in rng.sample(incidents, min(5, len(incidents)))], "deed": deed}
    return {"incident": incident.id} | rng.choice(_ASKED)(rng, folding, incident, incidents)


def _simple(rng: random.Random, folding: Folding) -> Body:
    return rng.choice((
        {"kind": "set-status", "status": rng.choice([*IncidentStatus, IncidentStatus.RESOLVED])},
        {"kind": "set-status", "status": rng.choice([*IncidentStatus, IncidentStatus.RESOLVED])},
        {"kind": "assign", "assignee": rng.choice([None, "ada", "bob"])},
        {"kind": "snooze", "until": folding.now + rng.choice([-1, 60, 600]) * SECOND},
        {"kind": "unsnooze"},
        {"kind": "comment", "text": "Looks like the deploy."},
        {"kind": "set-severity", "severity": rng.choice(list(Severity))},
        {"kind": "set-team", "team": rng.choice([None, "sre"])},
        {"kind": "reopen"},
    ))  # fmt: skip


def _deed(rng: random.Random, folding: Folding, incident: Incident, incidents: list[Incident]) -> Body:
    del incident, incidents
    return _simple(rng, folding)


def _merge(rng: random.Random, folding: Folding, incident: Incident, incidents: list[Incident]) -> Body:
    del folding, incident
    return {"kind": "merge", "sources": [each.id for each in rng.sample(incidents, min(rng.choice([1, 1, 2]), len(incidents)))]}


def _split(rng: random.Random, folding: Folding, incident: Incident, incidents: list[Incident]) -> Body:
    """Take alerts out of an incident that has several, if there is one; of another at times, which is refused."""
    found: dict[str, list[str]] = {}
    for value in dict(folding.state.loaded).values():
        if isinstance(value, Alert) and value.tenant == incident.tenant and value.incident is not None and value.held is None:
            found.setdefault(value.incident, []).append(value.id)
    able = [each.id for each in incidents if len(found.get(each.id, [])) > 1 and each.merged_into is None]
    name = rng.choice(able) if able and rng.random() < 0.9 else incident.id
    members = found.get(name, [])
    chosen = rng.sample(members, min(max(1, len(members) - 1), len(members), rng.choice([1, 1, 2])))
    return {"kind": "split", "incident": name, "alerts": chosen or ["nobody"]}


def _link(rng: random.Random, folding: Folding, incident: Incident, incidents: list[Incident]) -> Body:
    del folding, incident
    return {"kind": rng.choice(["link", "unlink"]), "other": rng.choice(incidents).id}


def _undo(rng: random.Random, folding: Folding, incident: Incident, incidents: list[Incident]) -> Body:
    """Take back what was done lately; what never can be at times, or was taken back already."""
    names = {each.id for each in incidents}
    lately = [
        change.fact
        for decision in folding.decisions[-LATELY:]
        for change in decision.facts
        if isinstance(change, IncidentChanged) and change.fact.incident in names and _can_be_undone(change.fact)
    ]
    if not lately and rng.random() < 0.8:
        return rng.choice([_merge, _split])(rng, folding, incident, incidents)
    if not lately or rng.random() < 0.1:
        return {"kind": "undo", "version": max(1, incident.version - rng.randrange(3))}
    done = rng.choice([*lately[-2:], rng.choice(lately)])
    return {"kind": "undo", "incident": done.incident, "version": done.version}


def _can_be_undone(fact: AnyIncidentFact) -> bool:
    match fact:
        case AlertsCame(reason="merge") | AlertsLeft(reason="split"):
            return True
        case Snoozed(undoes=None):
            return fact.until is not None
        case _:
            return False


_ASKED: tuple[Callable[[random.Random, Folding, Incident, list[Incident]], Body], ...] = (
    _deed, _deed, _deed, _deed, _deed, _merge, _merge, _split, _split, _link, _undo, _undo,
)  # fmt: skip
