"""What people ask for under load: every kind of command, about incidents that are there, and now and then about none.

Pure and seeded; who asks sees incidents as `GET /incidents` showed them a moment ago, so some orders come too late.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tocsin_contracts.ids import short_code

Body = Mapping[str, Any]
_SEVERITIES: Final = ("CRITICAL", "HIGH", "MEDIUM", "LOW", "INFO")
_STATUSES: Final = ("ACKNOWLEDGED", "INVESTIGATING", "RESOLVED", "CLOSED")
_RULES: Final[tuple[Body, ...]] = (
    {"name": "pairs", "matchers": ['service="service-1"'], "threshold": {"alerts": 2, "within": "5m"}},
    {"name": "again", "matchers": ['source="sentry"'], "refire": "reopen", "reopen_within": "10m"},
    {"name": "by-service", "matchers": ['service!=""'], "group_by": ["service", "labels.env"], "continue": True},
    {"name": "by-alert", "matchers": ['service=~"service-[23]"'], "group_by": ["..."]},
    {"name": "people", "matchers": ['service="service-4"'], "resolve": {"when": "never"}, "team": "sre"},
    {"name": "mild", "severity_map": {"CRITICAL": "HIGH"}, "flapping": {"times": 2, "within": "5m"}},
)
_ESCALATION: Final[tuple[Body, ...]] = (
    {"name": "production", "matchers": 'env="production"', "at_least": "CRITICAL"},
    {"name": "spike", "at_least": "CRITICAL", "spike": {"events": 8, "within": "2m"}},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One command, the same however often it is sent."""

    key: str
    """Its Idempotency-Key."""
    method: str
    path: str
    body: Body
    if_match: str | None = None
    twins: bool = False
    """Sent twice at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What somebody sees who is about to ask for something."""

    incidents: Sequence[Mapping[str, Any]]
    """As in a list, newest first; at least one."""
    chosen: Mapping[str, Any]
    alerts: Sequence[str]
    """Of the chosen one."""
    moves: Sequence[tuple[str, int]]
    """Incidents and versions of what may be undone."""


def order(draw: random.Random, scene: Scene, key: str) -> Order:
    """Ask for something; half of what concerns one incident says which revision it was decided from."""
    twins = draw.random() < 0.1
    if draw.random() < 0.04:
        return Order(key=key, method="PUT", path="/rules", body={"document": rule_document(draw), "comment": key}, twins=twins)
    if draw.random() < 0.06:
        return Order(key=key, method="POST", path="/incidents/bulk", body=_many(draw, scene, key), twins=twins)
    if scene.moves and draw.random() < 0.06:
        incident, version = draw.choice(scene.moves)
        return Order(key=key, method="POST", path=f"/incidents/{incident}/undo", body={"version": version, "comment": key})
    method, verb, body = draw.choice(_OF_ONE)(draw, scene)
    condition = f'"r{scene.chosen["revision"]}"' if draw.random() < 0.5 else None
    return Order(
        key=key, method=method, path=f"/incidents/{_name(draw, scene)}/{verb}", body=body, if_match=condition, twins=twins
    )


def rule_document(draw: random.Random) -> Body:
    """Write a rule set: some of the rules in some order."""
    return {
        "version": 1,
        "rules": draw.sample(_RULES, draw.randrange(4)),
        "escalation": draw.sample(_ESCALATION, draw.randrange(3)),
        "services": {"service-6": "service-5"} if draw.random() < 0.3 else {},
    }


def _name(draw: random.Random, scene: Scene) -> str:
    """Name the chosen incident, as people do; now and then one that there is not."""
    whole = str(scene.chosen["id"])
    if draw.random() < 0.03:
        return "0" * 26
    return short_code(whole) if draw.random() < 0.15 else whole


def _many(draw: random.Random, scene: Scene, key: str) -> Body:
    action = draw.choice((
        {"kind": "acknowledge"}, {"kind": "set-status", "status": "RESOLVED"}, {"kind": "assign", "assignee": "ada"},
        {"kind": "snooze", "for": "1h"}, {"kind": "comment", "text": key}, {"kind": "reopen"},
    ))  # fmt: skip
    if draw.random() < 0.3:
        return {"filter": {"severity": _SEVERITIES}, "limit": 20, "action": action}
    chosen = draw.sample(list(scene.incidents), min(6, len(scene.incidents)))
    return {"incidents": [each["id"] for each in chosen], "action": action}


_Asked = tuple[str, str, Body]


def _status(draw: random.Random, scene: Scene) -> _Asked:
    del scene
    return "PATCH", "status", {"status": draw.choice(_STATUSES)}


def _comment(draw: random.Random, scene: Scene) -> _Asked:
    del scene
    return "POST", "comments", {"text": f"Looks like the deploy of {draw.randrange(24)}:00."}


def _field(draw: random.Random, scene: Scene) -> _Asked:
    del scene
    return draw.choice((
        ("PUT", "assignee", {"assignee": draw.choice((None, "ada", "bob"))}),
        ("PUT", "team", {"team": draw.choice((None, "sre"))}),
        ("PUT", "category", {"category": draw.choice(("capacity", "errors"))}),
        ("PUT", "severity", {"severity": draw.choice(_SEVERITIES)}),
        ("PUT", "runbook", {"url": "https://runbooks.example/1"}),
    ))  # fmt: skip


def _snooze(draw: random.Random, scene: Scene) -> _Asked:
    del scene
    return ("PUT", "snooze", {"for": draw.choice((1, 3600))}) if draw.random() < 0.7 else ("DELETE", "snooze", {})


def _other(draw: random.Random, scene: Scene) -> _Asked:
    return "POST", "links", {"incident": draw.choice(scene.incidents)["id"]}


def _reopen(draw: random.Random, scene: Scene) -> _Asked:
    del draw, scene
    return "POST", "reopen", {}


def _merge(draw: random.Random, scene: Scene) -> _Asked:
    sources = draw.sample(list(scene.incidents), min(len(scene.incidents), draw.choice((1, 1, 2))))
    return "POST", "merge", {"incidents": [each["id"] for each in sources]}


def _split(draw: random.Random, scene: Scene) -> _Asked:
    return "POST", "split", {"alerts": draw.sample(list(scene.alerts), min(len(scene.alerts), 2)) or ["0" * 26]}


_OF_ONE: Final[tuple[Callable[[random.Random, Scene], _Asked], ...]] = (
    _status, _status, _comment, _comment, _field, _field, _field, _snooze, _other, _reopen, _merge, _split,
)  # fmt: skip
