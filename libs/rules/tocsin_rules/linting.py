"""What of a rule set is probably not meant as it is written. A rule set with findings is taken; people decide."""

from collections.abc import Iterator, Sequence
from difflib import get_close_matches

from tocsin_contracts.record import record
from tocsin_contracts.severity import Severity
from tocsin_rules.compiled import classification_of
from tocsin_rules.document import ClassificationRule, EscalationRule, HeartbeatRule, Rule, RuleSet, Spike
from tocsin_rules.fields import EVERYTHING, FIELDS, LABELS
from tocsin_rules.implication import implies
from tocsin_rules.matcher import Matcher
from tocsin_rules.reading import Place
from tocsin_rules.terms import Refire, ResolveWhen

COMPARED_MAX = 400_000
"""Pairs of rules that are compared; of larger sets the last rules are not."""
_KNOWN_LABELS = (
    "alertname",
    "instance",
    "region",
    "cluster",
    "namespace",
    "job",
    "pod",
    "container",
    "version",
    "status",
    "kind",
)
"""Labels whose names look like a field's, and are not meant as one."""
AnyRule = Rule | ClassificationRule | EscalationRule | HeartbeatRule


@record
class Finding:
    """One thing that is probably not meant."""

    place: Place
    code: str
    detail: str


def lint(rules: RuleSet) -> list[Finding]:
    """Look for rules that are never reached, names that look mistyped, conditions that never or always hold."""
    kinds: tuple[tuple[str, Sequence[AnyRule]], ...] = (
        ("classification", rules.classification),
        ("rules", rules.rules),
        ("escalation", rules.escalation),
        ("heartbeats", rules.heartbeats),
    )
    found: list[Finding] = []
    for kind, parts in kinds:
        for number, part in enumerate(parts):
            found += [_at((kind, number, "matchers"), code, detail) for code, detail in _matchers(part.matchers)]
    found += _shadowed("rules", rules.rules, [not rule.goes_on for rule in rules.rules])
    found += _shadowed_classes(rules)
    found += _shadowed("heartbeats", rules.heartbeats, [True] * len(rules.heartbeats))
    for number, rule in enumerate(rules.rules):
        found += [_at(("rules", number, *place), code, detail) for place, code, detail in _rule(rule)]
    for number, escalation in enumerate(rules.escalation):
        if escalation.at_least is Severity.INFO:
            found.append(_at(("escalation", number, "at_least"), "no_effect", "every severity is at least INFO"))
    found += _repeated_escalations(rules.escalation)
    found += _aliases("services", rules.services)
    found += _aliases("environments", rules.environments)
    return found


def _matchers(matchers: Sequence[Matcher]) -> Iterator[tuple[str, str]]:
    for number, matcher in enumerate(matchers):
        close = _meant(matcher.name)
        if close is not None:
            yield "mistyped", f"{matcher.name!r} is no field, so it means a label of that name: is {close!r} meant?"
        if matcher.operator.is_regex and not matcher.regex.has_meta:
            plain = "=" if not matcher.operator.is_negative else "!="
            yield "plain_regex", f"{matcher} has nothing of an expression: {matcher.name}{plain} says the same"
        if matcher in matchers[:number]:
            yield "repeated", f"{matcher} stands here twice"
        if matcher.field == "severity" and not any(matcher.holds(severity) for severity in (*Severity, "")):
            yield "never", f"{matcher} never holds: severities are {', '.join(Severity)}"
    for left, right in _contradictions(matchers):
        yield "never", f"{left} and {right} never hold together"


def _contradictions(matchers: Sequence[Matcher]) -> Iterator[tuple[Matcher, Matcher]]:
    """Find an equality beside a matcher of the same field that its value does not fulfil."""
    for left in matchers:
        if not left.operator.is_regex and not left.operator.is_negative:
            for right in matchers:
                plain_pair = not right.operator.is_regex and not right.operator.is_negative and left.wanted > right.wanted
                if right.field == left.field and not right.holds(left.wanted) and not plain_pair:
                    yield left, right


def _meant(name: str) -> str | None:
    if name in FIELDS or name in _KNOWN_LABELS or name.startswith(LABELS) or name == "env":
        return None
    folded = name.casefold()
    close = get_close_matches(folded, FIELDS, n=1, cutoff=0.8)
    return close[0] if close else None


def _rule(rule: Rule) -> Iterator[tuple[Place, str, str]]:
    if rule.reopen_within_s is not None and rule.refire is not Refire.REOPEN:
        yield ("reopen_within",), "no_effect", "only `refire: reopen` reads it"
    if rule.threshold is not None and rule.threshold.alerts == 1:
        yield ("threshold",), "no_effect", "one alert is enough without a threshold"
    if rule.threshold is not None and rule.group_by == (EVERYTHING,):
        yield ("threshold",), "never", "group_by '...' puts each alert by itself: a group never holds more than one"
    if (
        rule.resolve is not None
        and rule.resolve.when is ResolveWhen.NEVER
        and (rule.resolve.after_s or rule.resolve_silent_after_s)
    ):
        yield ("resolve",), "no_effect", "`when: never` leaves it to people, whatever time passes"
    for name in rule.group_by or ():
        close = _meant(name.removeprefix(LABELS)) if name.startswith(LABELS) else None
        if close is not None:
            yield ("group_by",), "mistyped", f"{name!r} is a label: is the field {close!r} meant?"
    said = rule.model_fields_set - {"name", "matchers"}
    if said <= {"goes_on"} and rule.goes_on:
        yield (), "no_effect", "it says nothing but `continue`"


def _shadowed(kind: str, rules: Sequence[AnyRule], ending: Sequence[bool]) -> Iterator[Finding]:
    """Find rules that no alert reaches: an earlier one takes all that they match."""
    compared = 0
    for number, rule in enumerate(rules):
        for before in range(number):
            compared += 1
            if compared > COMPARED_MAX:
                return
            if ending[before] and implies(rule.matchers, rules[before].matchers):
                taken = "takes every alert" if not rules[before].matchers else "takes all that this one matches"
                yield _at((kind, number), "unreachable", f"{rule.name!r} is never reached: {rules[before].name!r} {taken}")
                break


def _shadowed_classes(rules: RuleSet) -> Iterator[Finding]:
    own = classification_of(rules)[: len(rules.classification)]
    for what in ("team", "category"):
        saying = [(number, rule) for number, rule in enumerate(own) if getattr(rule, what) is not None]
        for finding in _shadowed("classification", [rule for _, rule in saying], [True] * len(saying)):
            number = saying[int(finding.place[1])][0]
            yield _at(("classification", number, what), finding.code, f"its {what} is never used: {finding.detail}")


def _repeated_escalations(rules: Sequence[EscalationRule]) -> Iterator[Finding]:
    seen: dict[tuple[frozenset[Matcher], Severity, Spike | None], str] = {}
    for number, rule in enumerate(rules):
        key = (frozenset(rule.matchers), rule.at_least, rule.spike)
        if key in seen:
            yield _at(("escalation", number), "repeated", f"{rule.name!r} says what {seen[key]!r} says")
        seen.setdefault(key, rule.name)


def _aliases(kind: str, aliases: dict[str, str]) -> Iterator[Finding]:
    seen: dict[str, str] = {}
    for name, meant in aliases.items():
        folded = name.strip().casefold()
        if folded in seen:
            yield _at((kind, name), "repeated", f"{name!r} is the same name as {seen[folded]!r}: this one is never read")
        if name == meant:
            yield _at((kind, name), "no_effect", f"{name!r} means itself")
        if meant.casefold() != folded and any(meant.casefold() == other.casefold() for other in aliases):
            yield _at((kind, name), "no_chain", f"{meant!r} is an alias itself: aliases are applied once")
        seen.setdefault(folded, name)


def _at(place: Place, code: str, detail: str) -> Finding:
    return Finding(place=place, code=code, detail=detail)
