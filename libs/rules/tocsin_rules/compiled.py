"""A rule set made ready for the fold: each question about an alert costs about the same with one rule as with a thousand."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import chain
from sys import getsizeof

from tocsin_contracts.alert import AlertEvent
from tocsin_contracts.severity import Severity
from tocsin_rules.category import Category
from tocsin_rules.default_classification import DEFAULT_CLASSIFICATION, DEFAULT_INDEX
from tocsin_rules.document import DEFAULT_RULE, ClassificationRule, EscalationRule, HeartbeatRule, RuleSet
from tocsin_rules.fields import EVERYTHING, Subject
from tocsin_rules.index import MatcherIndex, numbers_of
from tocsin_rules.keys import Values, default_key_of, default_values, grouped_key, grouped_values
from tocsin_rules.memory import SET_MAX_BYTES, Memory, size_of
from tocsin_rules.ruling import REASON_MAX, Classification, Ruling
from tocsin_rules.settings import Settings, settings_of

_RULING_SIZE = 600
"""Bytes of a ruling and of the key under which it is remembered, without their texts."""
_JOINED_SIZE = 800
_RULE_BYTES, _MATCHER_BYTES, _REGEX_BYTES = 3_000, 700, 6_000
"""Measured, of usual ones."""


class CompiledRules:
    """One rule set; safe to keep and to share by one thread. What it answers depends on its arguments alone."""

    def __init__(self, rules: RuleSet, memory: Memory) -> None:
        self.rules = rules
        self.memory = memory
        """For what it answered before."""
        self.heartbeats: tuple[HeartbeatRule, ...] = rules.heartbeats
        self.classification: tuple[ClassificationRule, ...] = classification_of(rules)
        self.has_aliases = bool(rules.services or rules.environments or rules.severity_map)
        """Whether `prepare` can change anything."""
        self.has_rules = bool(rules.rules)
        self.has_escalations = bool(rules.escalation)
        self.spike_s: int | None = max((rule.spike.within_s for rule in rules.escalation if rule.spike is not None), default=None)
        """How far back spikes look, at most; None: no rule asks for one."""
        self.has_heartbeats = bool(rules.heartbeats)
        self._services = _folded(rules.services)
        self._environments = _folded(rules.environments)
        self._bytes = _bytes_of(rules)
        self._own = len(rules.classification)
        self._classes = MatcherIndex([rule.matchers for rule in rules.classification], memory)
        self._with_team = _bits(rule.team is not None for rule in rules.classification)
        self._with_category = _bits(rule.category is not None for rule in rules.classification)
        self._rules = MatcherIndex([rule.matchers for rule in rules.rules], memory)
        self._going_on = _bits(rule.goes_on for rule in rules.rules)
        self._escalation = MatcherIndex([rule.matchers for rule in rules.escalation], memory)
        self._beats = MatcherIndex([rule.matchers for rule in rules.heartbeats], memory)
        self._classifications: dict[tuple[int, int, str | None], Classification] = memory.table()
        self._joined: dict[int, Settings] = memory.table()
        self._rulings: dict[tuple[int, Values, Severity | None, str | None], Ruling] = memory.table()
        self._escalations: dict[int, tuple[EscalationRule, ...]] = memory.table()

    @property
    def taken(self) -> int:
        """The bytes that it takes, about: more than it does with few alerts, less with expressions made to take much."""
        return self._bytes + self.memory.taken

    def prepare(self, event: AlertEvent) -> AlertEvent:
        """Apply aliases of services and environments, and the severity map for all; the same object when nothing changes."""
        if not self.has_aliases:
            return event
        service = _aliased(self._services, event.service)
        environment = _aliased(self._environments, event.environment)
        severity = None if event.severity is None else self.rules.severity_map.get(event.severity, event.severity)
        if (service, environment, severity) == (event.service, event.environment, event.severity):
            return event
        return replace(event, service=service, environment=environment, severity=severity)

    def classify(self, source: str, integration: str, event: AlertEvent) -> Classification:
        """Say whose a prepared alert is, and what it is about; the first match for each of team and category wins."""
        matching = self._classes.matching(source, integration, event) if self._own else 0
        teaming, sorting = _lowest(matching & self._with_team), _lowest(matching & self._with_category)
        if not sorting and self.rules.default_classification:
            sorting = _lowest(DEFAULT_INDEX.matching(source, integration, event)) << self._own
        key = (teaming, sorting, event.team)
        found = self._classifications.get(key)
        if found is None:
            found = self.memory.keep(self._classifications, key, self._classify(*key), _JOINED_SIZE + size_of(event.team))
        return found

    def rule_for(self, source: str, integration: str, event: AlertEvent, classified: Classification) -> Ruling:
        """Say how a prepared and classified alert becomes an incident."""
        if not self.has_rules:
            return self._ruling(0, default_values(source, event), event.severity, classified.team)
        bits = self._deciding(self._rules.matching(source, integration, event, classified.category, classified.team))
        group_by = self._settings(bits).group_by
        if group_by is None:
            values = default_values(source, event)
        else:
            values = grouped_values(group_by, _subject(source, integration, event, classified))
            if EVERYTHING in group_by:  # each alert by itself, with all its labels: nothing of it is worth remembering
                return self._rule(bits, values, event.severity, classified.team)
        return self._ruling(bits, values, event.severity, classified.team)

    def escalations(
        self, source: str, integration: str, event: AlertEvent, classified: Classification
    ) -> tuple[EscalationRule, ...]:
        """Give all escalation rules that match, in their order."""
        if not self.has_escalations:
            return ()
        bits = self._escalation.matching(source, integration, event, classified.category, classified.team)
        found = self._escalations.get(bits)
        if found is None:
            found = self.memory.keep(self._escalations, bits, self._escalate(bits), _JOINED_SIZE + 2 * size_of(bits))
        return found

    def heartbeat_of(self, source: str, integration: str, event: AlertEvent) -> HeartbeatRule | None:
        """Give the heartbeat whose sign of life a prepared alert is: the first that matches."""
        if not self.has_heartbeats:
            return None
        bits = self._beats.matching(source, integration, event)
        return self.heartbeats[_lowest(bits).bit_length() - 1] if bits else None

    def _deciding(self, matching: int) -> int:
        """Leave the rules that have a say: up to the first that does not go on."""
        ending = _lowest(matching & ~self._going_on)
        return matching & (ending - 1) | ending if ending else matching

    def _settings(self, bits: int) -> Settings:
        found = self._joined.get(bits)
        if found is None:
            found = settings_of([self.rules.rules[number] for number in numbers_of(bits)])
            self.memory.keep(self._joined, bits, found, _JOINED_SIZE + size_of(bits, found.rules))
        return found

    def _ruling(self, bits: int, values: Values, severity: Severity | None, team: str | None) -> Ruling:
        key = (bits, values, severity, team)
        found = self._rulings.get(key)
        if found is None:
            found = self._rule(*key)
            size = _RULING_SIZE + size_of(found.reason, team, values) + sum(map(getsizeof, chain.from_iterable(values)))
            self.memory.keep(self._rulings, key, found, size)
        return found

    def _classify(self, teaming: int, sorting: int, said: str | None) -> Classification:
        team = self.classification[teaming.bit_length() - 1].team if teaming else said
        category = self.classification[sorting.bit_length() - 1].category if sorting else None
        by = tuple(self.classification[number].name for number in numbers_of(teaming | sorting))
        return Classification(team=team, category=category or Category.OTHER, by=by)

    def _escalate(self, bits: int) -> tuple[EscalationRule, ...]:
        return tuple(self.rules.escalation[number] for number in numbers_of(bits))

    def _rule(self, bits: int, values: Values, severity: Severity | None, team: str | None) -> Ruling:
        settings = self._settings(bits)
        is_default = settings.group_by is None
        key = default_key_of(values) if is_default else grouped_key(settings.key_rule, values)
        return Ruling(
            rule=settings.rule,
            rules=settings.rules,
            key_rule=settings.key_rule,
            group_by=settings.group_by,
            key=key,
            values=values,
            window_s=settings.window_s,
            refire=settings.refire,
            reopen_within_s=settings.reopen_within_s,
            threshold=settings.threshold,
            severity=None if severity is None else settings.severity_map.get(severity, severity),
            team=settings.team or team,
            resolve_when=settings.resolve.when,
            resolve_after_s=settings.resolve.after_s,
            resolve_silent_after_s=settings.resolve_silent_after_s,
            flapping=settings.flapping,
            reason=_reason(settings, values),
        )


def compile_rules(rules: RuleSet, memory_bytes: int = SET_MAX_BYTES) -> CompiledRules:
    """Make a rule set ready; takes a tenth of a second for a thousand rules, so keep the result."""
    return CompiledRules(rules, Memory(memory_bytes))


def _bytes_of(rules: RuleSet) -> int:
    """Estimate what a rule set takes when it is ready."""
    parts = (*rules.classification, *rules.rules, *rules.escalation, *rules.heartbeats)
    matchers = [matcher for part in parts for matcher in part.matchers]
    searched = [matcher.regex.program for matcher in matchers if matcher.is_searched]
    return _RULE_BYTES * (1 + len(parts)) + _MATCHER_BYTES * len(matchers) + sum(_REGEX_BYTES + 64 * each for each in searched)


def classification_of(rules: RuleSet) -> tuple[ClassificationRule, ...]:
    """Give the classification rules in the order in which they are asked: the tenant's own, then the default set."""
    return (*rules.classification, *(DEFAULT_CLASSIFICATION if rules.default_classification else ()))


def _reason(settings: Settings, values: Values) -> str:
    others = [name for name in settings.rules if name != settings.rule]
    along = f" (with {', '.join(others)})" if others else ""
    if settings.group_by is not None:
        by = "" if settings.key_rule == settings.rule else f" grouped by {settings.key_rule}"
        words = ", ".join(f"{name.removeprefix('labels.')} {value!r}" for name, value in values)
    else:
        (_, source), (_, project), (_, environment), (_, problem) = values
        by = "" if settings.rule == DEFAULT_RULE else " by the default key"
        told = f", project {project}" if project else ""
        told += f", environment {environment}" if environment else ""
        words = f"{source} problem {problem!r}{told}"
    name = "default rule" if settings.rule == DEFAULT_RULE else f"rule {settings.rule}"
    return f"{name}{along}{by}: {words}"[:REASON_MAX]


def _subject(source: str, integration: str, event: AlertEvent, classified: Classification) -> Subject:
    return Subject(source=source, integration=integration, event=event, category=classified.category, team=classified.team)


def _folded(aliases: Mapping[str, str]) -> Mapping[str, str]:
    """Give aliases by their folded names; of names that fold alike the first holds."""
    folded: dict[str, str] = {}
    for name, meant in aliases.items():
        folded.setdefault(_fold(name), meant)
    return folded


def _aliased(aliases: Mapping[str, str], said: str | None) -> str | None:
    return said if said is None else aliases.get(_fold(said), said)


def _fold(name: str) -> str:
    return name.strip().casefold()


def _lowest(bits: int) -> int:
    return bits & -bits


def _bits(flags: Iterable[bool]) -> int:
    return sum(1 << number for number, flag in enumerate(flags) if flag)
