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
from tocsin_grouper.domain import policy
from tocsin_grouper.domain.policy import DEFAULT_POLICY, Policy
from tocsin_rules.compiled import CompiledRules
from tocsin_rules.defaults import COMPILED_DEFAULTS
from tocsin_rules.document import EscalationRule, HeartbeatRule
from tocsin_rules.ruling import Classification, Ruling
from tocsin_rules.shelf import SHELF, Written, write
from tocsin_rules.terms import ResolveWhen

_FIRING: Final = EventStatus.FIRING  # a member by one name, as in `episodes`
JUDGED_MAX: Final = 1024
"""Deliveries whose judgements are kept: they are asked for twice, when their state is loaded and when they are decided."""


@record
class Rules:
    """A version of a tenant's rules; 0 is what holds before there are any."""

    version: int
    written: Written | None
    """None: of a tenant that never wrote any."""

    @property
    def compiled(self) -> CompiledRules:
        """Give them ready: of many tenants, those that were used last are kept so."""
        return COMPILED_DEFAULTS if self.written is None else SHELF.ready(self.written)


class Judged:
    """An alert event as the tenant's rules see it.

    What only the beginning of an episode needs is worked out when somebody asks: most events go on with one. It is kept, and
    always of the event as the rules found it, before `settle` gave it its team and severity.
    """

    __slots__ = ("_classified", "_from", "_ruling", "beat", "escalations", "event", "said")

    def __init__(
        self,
        rules: CompiledRules,
        source: str,
        integration: str,
        said: AlertEvent,
        event: AlertEvent,
        *,
        beat: HeartbeatRule | None = None,
    ) -> None:
        self.said = said
        """As the sender said it."""
        self.event = event
        """With its names aliased, its severity mapped, its team decided."""
        self.beat = beat
        """The configured heartbeat that it is a sign of."""
        self.escalations: tuple[EscalationRule, ...] = ()
        self._from = (rules, source, integration)
        self._classified: Classification | None = None
        self._ruling: Ruling | None = None

    @property
    def rules_it(self) -> bool:
        """Tell whether there is a ruling about it: it fires, and is no sign of life. What does not follows its alert."""
        return self.event.status is _FIRING and not self.event.heartbeat

    @property
    def classified(self) -> Classification:
        """Whose it is, and what it is about."""
        if self._classified is None:
            rules, source, integration = self._from
            self._classified = rules.classify(source, integration, self.event)
        return self._classified

    @property
    def ruling(self) -> Ruling:
        """How it becomes, or joins, an incident."""
        if self._ruling is None:
            rules, source, integration = self._from
            self._ruling = rules.rule_for(source, integration, self.event, self.classified)
        return self._ruling

    def settle(self) -> None:
        """Decide its severity, its team and what wants it worse, by rules that say anything about these."""
        rules, source, integration = self._from
        ruling = self.ruling
        self.escalations = rules.escalations(source, integration, self.event, self.classified)
        if ruling.team != self.event.team or ruling.severity is not self.event.severity:
            self.event = replace(self.event, team=ruling.team, severity=ruling.severity)


DEFAULT_RULES: Final = Rules(version=0, written=None)
RulesByTenant = Mapping[str, Rules]
Judgements = MutableMapping[tuple[int, int], tuple[Judged, ...]]


def read_rules(version: int, document: Mapping[str, Any]) -> Rules:
    """Make a version of rules ready.

    Raises:
        ValueError: not a rule set that this release reads.
    """
    written = write(document)
    SHELF.ready(written)
    return Rules(version=version, written=written)


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
        known = judgements[key] = tuple([judge(rules, image.source, image.integration, event) for event in image.alerts])
    return known


def judge(rules: Rules, source: str, integration: str, said: AlertEvent) -> Judged:
    """Say what the rules make of one alert event."""
    compiled = rules.compiled
    event = compiled.prepare(said)
    if event.status is not _FIRING:
        return Judged(compiled, source, integration, said, event)
    beat = compiled.heartbeat_of(source, integration, event) if compiled.has_heartbeats else None
    if beat is not None and not event.heartbeat:
        event = replace(event, heartbeat=True)
    judged = Judged(compiled, source, integration, said, event, beat=beat)
    if rules.version > 0 and judged.rules_it:  # the default rules change neither team nor severity
        judged.settle()
    return judged


def policy_of(rules: Rules, ruling: Ruling) -> Policy:
    """Say how an incident behaves that this ruling opens."""
    return policy.shared(
        never_by_itself=ruling.resolve_when is ResolveWhen.NEVER,
        quiet_s=ruling.resolve_after_s,
        silent_s=ruling.resolve_silent_after_s,
        flapping_s=DEFAULT_POLICY.flapping_s if ruling.flapping is None else ruling.flapping.within_s,
        spike_s=rules.compiled.spike_s,
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
