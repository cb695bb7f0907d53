"""Why each rule matched an alert, or did not: evaluated one by one, for people."""

from collections.abc import Iterator, Sequence

from tocsin_contracts.alert import AlertEvent
from tocsin_contracts.record import record
from tocsin_rules.compiled import CompiledRules
from tocsin_rules.document import DEFAULT_RULE
from tocsin_rules.fields import Subject, value_of
from tocsin_rules.matcher import Matcher
from tocsin_rules.ruling import Classification

SEEN_MAX = 200


@record
class Failed:
    """A matcher that did not hold, and what it saw."""

    matcher: str
    saw: str
    """The value, cut; "" where the alert has none."""


@record
class Explained:
    """What became of one rule."""

    kind: str
    """`classification`, `rules`, `escalation` or `heartbeats`: the document's part."""
    name: str
    matched: bool
    failed: tuple[Failed, ...] = ()
    """Every matcher that did not hold."""
    decided: bool = False
    """Whether it had a say: the first of its kind, or `continue` before it, or (escalation) any."""
    note: str = ""
    """Why a rule that matched had no say."""


def explain(rules: CompiledRules, source: str, integration: str, event: AlertEvent) -> list[Explained]:
    """Explain every rule, in order, for an alert as its source's file maps it (aliases are applied here)."""
    prepared = rules.prepare(event)
    bare = Subject(source=source, integration=integration, event=prepared)
    classified = rules.classify(source, integration, prepared)
    subject = Subject(source=source, integration=integration, event=prepared, category=classified.category, team=classified.team)
    return [
        *_heartbeats(rules, bare),
        *_classification(rules, bare, classified),
        *_rules(rules, subject),
        *(_explained("escalation", rule.name, rule.matchers, subject, decides=True) for rule in rules.rules.escalation),
    ]


def _heartbeats(rules: CompiledRules, subject: Subject) -> Iterator[Explained]:
    found = False
    for rule in rules.heartbeats:
        one = _explained("heartbeats", rule.name, rule.matchers, subject, decides=not found, note="an earlier one matched")
        found = found or one.matched
        yield one


def _classification(rules: CompiledRules, subject: Subject, classified: Classification) -> Iterator[Explained]:
    for rule in rules.classification:
        decides = rule.name in classified.by
        note = "what it says is said by an earlier one"
        yield _explained("classification", rule.name, rule.matchers, subject, decides=decides, note=note)


def _rules(rules: CompiledRules, subject: Subject) -> Iterator[Explained]:
    ended_by = ""
    for rule in rules.rules.rules:
        note = f"{ended_by} matched before and does not continue"
        one = _explained("rules", rule.name, rule.matchers, subject, decides=not ended_by, note=note)
        if one.matched and not ended_by and not rule.goes_on:
            ended_by = rule.name
        yield one
    note = f"{ended_by} matched before and does not continue"
    yield _explained("rules", DEFAULT_RULE, (), subject, decides=not ended_by, note=note)


def _explained(
    kind: str, name: str, matchers: Sequence[Matcher], subject: Subject, *, decides: bool, note: str = ""
) -> Explained:
    failed = tuple(
        Failed(matcher=str(matcher), saw=value_of(matcher.field, subject)[:SEEN_MAX])
        for matcher in matchers
        if not matcher.holds(value_of(matcher.field, subject))
    )
    matched = not failed
    return Explained(
        kind=kind,
        name=name,
        matched=matched,
        failed=failed,
        decided=matched and decides,
        note=note if matched and not decides else "",
    )
