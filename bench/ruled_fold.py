"""The fold's Python with 1,000 rules in force against one: everything else of an alert is the same, so are the incidents."""

import time
from collections.abc import Sequence
from typing import Any

import orjson
import uvloop

from bench import images, sink, statistics, traffic
from bench.fold import BATCH
from bench.result import Result, at_most_times, told
from tocsin_contracts.command import Actor, Command, SetRules, encode_command
from tocsin_contracts.envelope import Kind, log_headers
from tocsin_runtime import collector
from tocsin_runtime.log import Record

RULES = 1_000
BATCHES = 16
WARM = 4
GOAL_TIMES = 3.0
_MADE: dict[str, Any] = {"group_by": ["labels.alertname", "service"], "flapping": {"times": 100, "within": "1h"}}
"""What each rule makes of an alert: which one matched changes nothing else."""
Rule = dict[str, Any]


def measure() -> list[Result]:
    """Measure three mixes of 1,000 rules; each alert matches one of them, and the one rule of the floor."""
    bodies = list(traffic.stream(BATCH * BATCHES))
    deliveries = images.image_records(images.log_records(bodies, first=1))
    batches = [deliveries[first : first + BATCH] for first in range(0, len(deliveries), BATCH)]
    results, adopted = [], 0.0
    with collector.spared():  # as the service does
        for name, matchers in (("equalities", _equal), ("expressions", _matching), ("both mixed", _mixed)):
            many = [{"name": f"rule-{number}", "matchers": matchers(number), **_MADE} for number in range(RULES)]
            one, thousand, adopted = uvloop.run(_measure(batches, [[_only()], many]))
            results.append(at_most_times(GOAL_TIMES, f"fold: 1,000 rules of {name} against one", thousand, "µs", floor=one))
        results.append(told("fold: another rule set comes into force, 1,000 rules", adopted * 1e3, "ms"))
    return results


async def _measure(batches: Sequence[list[Record]], rule_sets: Sequence[list[Rule]]) -> tuple[float, float, float]:
    """Fold each batch with each rule set, in turns; give µs an alert of both, and seconds until the last was in force."""
    handlers, adopted = [], 0.0
    for rules in rule_sets:
        handler = sink.handler(sink.Sink())
        began = time.process_time()
        await handler.handle([_adoption(rules)])
        adopted = time.process_time() - began
        handlers.append(handler)
    taken: list[list[float]] = [[] for _ in handlers]
    alerts = BATCH * traffic.ALERTS_PER_DELIVERY
    for number, batch in enumerate(batches):
        opened = set()
        for handler, times in zip(handlers, taken, strict=True):
            began = time.process_time()
            changes = await handler.handle(batch)
            ended = time.process_time()
            opened.add((len(changes.events), len(changes.facts)))
            if number >= WARM:
                times.append((ended - began) / alerts * 1e6)
        if len(opened) != 1:
            raise RuntimeError(f"the rule sets make different incidents of batch {number}: {opened}")
    one, thousand = (statistics.middle(times) for times in taken)
    return one, thousand, adopted


def _only() -> Rule:
    return {"name": "only", "matchers": 'alertname=~"ErrorBudgetBurn.*"', **_MADE}


def _equal(number: int) -> str:
    return f'alertname="ErrorBudgetBurn{number}",cluster="eu-west-1"'


def _matching(number: int) -> str:
    return f'alertname=~"(Slow|Error)BudgetBurn{number}",pod=~"service-[0-9]+-{number:x}-[0-9]",title=~".*burns its.*"'


def _mixed(number: int) -> str:
    kinds = (
        f'alertname="ErrorBudgetBurn{number}",severity=~"CRITICAL|HIGH|MEDIUM|INFO|LOW"',
        f'alertname=~"ErrorBudgetBurn{number}",title=~"(?i).*error budget",env!="dev"',
        f'pod=~"service-[0-9]+-{number:x}-.*",environment=~"prod|staging",team!~"nobody.*"',
        f'labels.alertname="ErrorBudgetBurn{number}",namespace!=""',
    )
    return kinds[number % len(kinds)]


def _adoption(rules: list[Rule]) -> Record:
    """Give the record by which a rule set comes into force, as the grouper reads it: the partition's first."""
    document = orjson.loads(orjson.dumps({"version": 1, "rules": rules}))
    command = Command(
        id="rules",
        request_hash="h",
        tenant=images.TENANT,
        actor=Actor(kind="person", id="bench", name="Bench"),
        issued_at=images.FIRST_MS * 1000,
        body=SetRules(document=document),
    )
    logged = Record(0, 0, images.FIRST_MS, images.TENANT.encode(), encode_command(command), log_headers(Kind.RULE_SET))
    (imaged,) = images.image_records([logged])
    return imaged
