"""The rules in force for a tenant, and what they say about each alert of a delivery.

The rules themselves are a library (`tocsin_rules`) that ingest and the CLI share; here they meet the fold: which version is
in force, and what it makes of a delivery's alerts, once for each delivery and version.
"""

from collections.abc import Mapping, MutableMapping
from dataclasses import replace
from typing import Any, Final

from tocsin_contracts.alert import AlertEvent
from tocsin_contracts.image import Image
from tocsin_contracts.record import record
from tocsin_contracts.status import EventStatus
from tocsin_grouper.domain.policy import DEFAULT_POLICY, Policy
from tocsin_rules.category import Category
from tocsin_rules.compiled import CompiledRules, compile_rules
from tocsin_rules.defaults import COMPILED_DEFAULTS
from tocsin_rules.document import EscalationRule, HeartbeatRule
from tocsin_rules.reading import read_rule_set
from tocsin_rules.ruling import Ruling
from tocsin_rules.terms import ResolveWhen

JUDGED_MAX: Final = 1024
"""Deliveries whose judgements are kept: they are asked for twice, when their state is loaded and when they are decided."""


@record
class Rules:
    """A version of a tenant's rules; 0 is what holds before there are any."""

    version: int
    compiled: CompiledRules


@record
class Judged:
    """An alert event as the tenant's rules see it."""

    event: AlertEvent
    """With its names aliased, its severity mapped, its team decided."""
    said: AlertEvent
    """As the sender said it."""
    ruling: Ruling | None = None
    """None for what does not fire: it follows its alert."""
    category: Category | None = None
    escalations: tuple[EscalationRule, ...] = ()
    beat: HeartbeatRule | None = None
    """The configured heartbeat that it is a sign of."""


DEFAULT_RULES: Final = Rules(version=0, compiled=COMPILED_DEFAULTS)
RulesByTenant = Mapping[str, Rules]
Judgements = MutableMapping[tuple[int, int], tuple[Judged, ...]]


def read_rules(version: int, document: Mapping[str, Any]) -> Rules:
    """Make a version of rules ready.

    Raises:
        ValueError: not a rule set that this release reads.
    """
    return Rules(version=version, compiled=compile_rules(read_rule_set(document)))


def judge_all(rules: Rules, image: Image, offset: int, judgements: Judgements) -> tuple[Judged, ...]:
    """Judge the alerts of a delivery, in their order; what was judged already is remembered.

    Args:
        rules: in force at the delivery's position.
        image: the delivery.
        offset: of its record.
        judgements: the memory; it never decides anything.
    """
    key = (offset, rules.version)
    known = judgements.get(key)
    if known is None:
        if len(judgements) >= JUDGED_MAX:
            judgements.clear()
        known = judgements[key] = tuple(judge(rules, image.source, image.integration, event) for event in image.alerts)
    return known


def judge(rules: Rules, source: str, integration: str, said: AlertEvent) -> Judged:
    """Say what the rules make of one alert event."""
    compiled = rules.compiled
    event = compiled.prepare(said)
    if event.status is not EventStatus.FIRING:
        return Judged(event=event, said=said)
    beat = compiled.heartbeat_of(source, integration, event)
    if beat is not None or event.heartbeat:
        return Judged(event=event if event.heartbeat else replace(event, heartbeat=True), said=said, beat=beat)
    classified = compiled.classify(source, integration, event)
    ruling = compiled.rule_for(source, integration, event, classified)
    escalations = compiled.escalations(source, integration, event, classified)
    if ruling.team != event.team or ruling.severity is not event.severity:
        event = replace(event, team=ruling.team, severity=ruling.severity)
    return Judged(event=event, said=said, ruling=ruling, category=classified.category, escalations=escalations)


def policy_of(rules: Rules, ruling: Ruling) -> Policy:
    """Say how an incident behaves that this ruling opens."""
    spikes = [each.spike.within_s for each in rules.compiled.rules.escalation if each.spike is not None]
    return Policy(
        never_by_itself=ruling.resolve_when is ResolveWhen.NEVER,
        quiet_s=ruling.resolve_after_s,
        silent_s=ruling.resolve_silent_after_s,
        flapping_s=DEFAULT_POLICY.flapping_s if ruling.flapping is None else ruling.flapping.within_s,
        spike_s=max(spikes, default=None),
    )


def why(rules: Rules, ruling: Ruling) -> dict[str, object]:
    """Say what the rules decided, as facts keep it: nothing is recomputed when somebody asks."""
    told: dict[str, object] = {
        "rule": ruling.rule,
        "rule_version": rules.version,
        "rules": list(ruling.rules),
        "reason": ruling.reason,
        "key": ruling.key,
        "key_rule": ruling.key_rule,
        "values": dict(ruling.values),
    }
    if ruling.window_s is not None:
        told["window_s"] = ruling.window_s
    return told
