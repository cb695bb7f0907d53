"""What of a rule set is probably not meant as it is written. A rule set with findings is taken; people decide."""

from collections.abc import Callable, Collection, Iterator, Sequence

from tocsin_contracts.record import record
from tocsin_contracts.severity import Severity, highest
from tocsin_rules.compiled import classification_of
from tocsin_rules.document import ClassificationRule, EscalationRule, HeartbeatRule, Rule, RuleSet, Spike
from tocsin_rules.doubt import Code, Never, doubts_of, meant_by
from tocsin_rules.fields import EVERYTHING, LABELS
from tocsin_rules.implication import implies
from tocsin_rules.matcher import Matcher
from tocsin_rules.reading import Place
from tocsin_rules.terms import Refire, ResolveWhen

COMPARED_MAX = 400_000
"""Pairs of rules that are compared; of larger sets the last rules are not."""
AnyRule = Rule | ClassificationRule | EscalationRule | HeartbeatRule


@record
class Finding:
    """One thing that is probably not meant."""

    place: Place
    code: Code
    detail: str


def lint(
    rules: RuleSet, sources: Collection[str] = (), environment_of: Callable[[str], str] = lambda name: name
) -> list[Finding]:
    """Look for rules that are never reached, names that look mistyped, conditions that never or always hold.

    Args:
        rules: the rule set.
        sources: names of all sources there are; none: any name may be one.
        environment_of: what the name of an environment was folded to before rules see it.
    """
    never = Never(rules, sources, environment_of)
    kinds: tuple[tuple[str, Sequence[AnyRule]], ...] = (
        ("classification", rules.classification),
        ("rules", rules.rules),
        ("escalation", rules.escalation),
        ("heartbeats", rules.heartbeats),
    )
    found: list[Finding] = []
    for kind, parts in kinds:
        for number, part in enumerate(parts):
            found += [_at((kind, number, "matchers"), code, detail) for code, detail in doubts_of(part.matchers, never)]
    found += _shadowed("rules", rules.rules, [not rule.goes_on for rule in rules.rules])
    found += _shadowed_classes(rules)
    found += _shadowed_by_heartbeats(rules)
    found += _shadowed("heartbeats", rules.heartbeats, [True] * len(rules.heartbeats))
    for number, rule in enumerate(rules.rules):
        found += [_at(("rules", number, *place), code, detail) for place, code, detail in _rule(rule)]
    for number, escalation in enumerate(rules.escalation):
        if all(highest(severity, escalation.at_least) is severity for severity in _severities(escalation.matchers)):
            detail = f"what matches is {escalation.at_least} or worse already"
            found.append(_at(("escalation", number, "at_least"), "no_effect", detail))
    found += _repeated_escalations(rules.escalation)
    found += _aliases("services", rules.services)
    found += _aliases("environments", rules.environments)
    found += _unread_environments(rules.environments, environment_of)
    return found


def _severities(matchers: Sequence[Matcher]) -> list[Severity]:
    asked = [matcher for matcher in matchers if matcher.field == "severity"]
    return [severity for severity in Severity if all(matcher.holds(severity) for matcher in asked)]


def _shadowed_by_heartbeats(rules: RuleSet) -> Iterator[Finding]:
    for number, rule in enumerate(rules.rules):
        beat = next((beat for beat in rules.heartbeats if implies(rule.matchers, beat.matchers)), None)
        if beat is not None:
            detail = f"{rule.name!r} is never reached: all that it matches is a sign of life of heartbeat {beat.name!r}"
            yield _at(("rules", number), "unreachable", detail)


def _rule(rule: Rule) -> Iterator[tuple[Place, Code, str]]:
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
        close = meant_by(name.removeprefix(LABELS)) if name.startswith(LABELS) else None
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
                detail = "from here on no rule was compared with those before it: there are too many"
                yield _at((kind, number), "not_compared", detail)
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


def _unread_environments(aliases: dict[str, str], environment_of: Callable[[str], str]) -> Iterator[Finding]:
    """Find aliases of names that are folded to others before rules see them, which changes what is meant."""
    for name, meant in aliases.items():
        folded = environment_of(name)
        if folded not in (name.strip().casefold(), meant) and folded not in aliases:
            yield _at(("environments", name), "no_effect", f"{name!r} comes as {folded!r}, and that is no alias")


def _at(place: Place, code: Code, detail: str) -> Finding:
    return Finding(place=place, code=code, detail=detail)
