"""What rules cost an alert: with 1,000 of them against one, and without any; on CPU time of this process."""

import random
import time
from collections.abc import Sequence
from typing import Any

from bench import statistics
from bench.result import Result, at_most, at_most_times, told
from tocsin_contracts.alert import AlertEvent
from tocsin_contracts.severity import Severity
from tocsin_contracts.status import EventStatus
from tocsin_rules.compiled import CompiledRules, compile_rules
from tocsin_rules.reading import read_rule_set

RULES = 1_000
ALERTS = 20_000
ROUNDS = 7
GOAL_TIMES = 3.0
GOAL_DEFAULT_US = 3.0
_SERVICES = 1_000
_TITLES = ("High 5xx rate on {}", "{} is down", "Disk of {} is nearly full", "p99 latency of {}", "Job {} failed")


def measure() -> list[Result]:
    """Measure each mix of matchers with one rule and with all, in turns, over the same alerts."""
    few, alerts = _alerts(200), _alerts(_SERVICES)
    results = [
        at_most(GOAL_DEFAULT_US, "rules: an alert without rules, 1,000 problems", _cost([_compiled([])], few)[0], "µs"),
        told("rules: an alert without rules, 5,000 problems", _cost([_compiled([])], alerts)[0], "µs"),
    ]
    for name, rule in (("equalities", _equal), ("expressions", _matching), ("both mixed", _mixed)):
        rules = [rule(number) for number in range(RULES)]
        one, many = _cost([_compiled([rules[7]]), _compiled(rules)], alerts)
        results.append(at_most_times(GOAL_TIMES, f"rules: 1,000 of {name} against one", many, "µs", floor=one))
    return results


def _equal(number: int) -> dict[str, Any]:
    return {"matchers": f'service="service-{number}",env="prod"', "group_by": ["service", "region"]}


def _matching(number: int) -> dict[str, Any]:
    return {"matchers": f'title=~".*service-{number}\\\\b.*",instance=~"service-{number}-[0-9]+"', "group_by": ["service"]}


def _mixed(number: int) -> dict[str, Any]:
    kinds = (
        f'service="service-{number}",severity=~"CRITICAL|HIGH"',
        f'title=~"(?i).*(down|latency).*service-{number}",env!="dev"',
        f'instance=~"service-{number}-.*",env=~"prod|stage",team!~"nobody.*"',
        f'host="host-{number}"',
    )
    return {"matchers": kinds[number % len(kinds)], "team": f"team-{number % 20}", "continue": number % 10 == 0}


def _compiled(rules: Sequence[dict[str, Any]]) -> CompiledRules:
    named = [{"name": f"rule-{number}", **rule} for number, rule in enumerate(rules)]
    return compile_rules(read_rule_set({"version": 1, "rules": named}))


def _alerts(services: int) -> list[AlertEvent]:
    """Draw alerts of services with five problems each on thirty instances; one in a hundred has a title that comes only once."""
    drawn = random.Random(7)
    alerts = []
    for number in range(ALERTS):
        service = f"service-{drawn.randrange(services)}"
        kind = drawn.randrange(len(_TITLES))
        once = f" (run {number})" if number % 100 == 0 else ""
        alerts.append(
            AlertEvent(
                identity=f"{service}-{number}",
                problem=f"{service}-{kind}",
                status=EventStatus.FIRING,
                title=_TITLES[kind].format(service) + once,
                content="",
                severity=tuple(Severity)[kind],
                service=service,
                environment=drawn.choice(("prod", "stage", "dev")),
                host=f"host-{drawn.randrange(_SERVICES)}",
                labels={"alertname": "Bench", "region": "eu", "instance": f"{service}-{drawn.randrange(30)}"},
            )
        )
    return alerts


def _cost(candidates: Sequence[CompiledRules], alerts: Sequence[AlertEvent]) -> list[float]:
    """Give µs an alert of each rule set: all that the fold asks, in turns, the middle of the rounds."""
    taken: list[list[float]] = [[] for _ in candidates]
    for _ in range(ROUNDS):
        for rules, times in zip(candidates, taken, strict=True):
            began = time.process_time()
            for said in alerts:
                event = rules.prepare(said)
                classified = rules.classify("alertmanager", "int_1", event)
                rules.rule_for("alertmanager", "int_1", event, classified)
                rules.escalations("alertmanager", "int_1", event, classified)
                rules.heartbeat_of("alertmanager", "int_1", event)
            times.append((time.process_time() - began) / len(alerts) * 1e6)
    return [statistics.middle(times) for times in taken]
