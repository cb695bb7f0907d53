"""What all rules that had a say set together: what an earlier one set stays, a later one fills what is not set yet."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from tocsin_contracts.record import record
from tocsin_contracts.severity import Severity
from tocsin_rules.document import DEFAULT_FLAPPING, DEFAULT_RULE, Flapping, Resolve, Rule, Threshold
from tocsin_rules.terms import Refire

T = TypeVar("T")
_DEFAULT_RESOLVE = Resolve()


@record
class Settings:
    """The settings of one combination of rules, complete."""

    rule: str
    rules: tuple[str, ...]
    key_rule: str
    group_by: tuple[str, ...] | None
    window_s: int | None
    refire: Refire
    reopen_within_s: int | None
    threshold: Threshold | None
    severity_map: Mapping[Severity, Severity]
    team: str | None
    resolve: Resolve
    resolve_silent_after_s: int | None
    flapping: Flapping | None


def settings_of(rules: Sequence[Rule]) -> Settings:
    """Join the rules that matched, in order; only the last may end the evaluation, else the default rule stands behind."""
    ended = bool(rules) and not rules[-1].goes_on
    names = tuple(rule.name for rule in rules)
    keyed = next((rule for rule in rules if rule.group_by is not None), None)
    flapping = next((rule for rule in rules if "flapping" in rule.model_fields_set), None)
    return Settings(
        rule=names[-1] if ended else DEFAULT_RULE,
        rules=names if ended else (*names, DEFAULT_RULE),
        key_rule=DEFAULT_RULE if keyed is None else keyed.name,
        group_by=None if keyed is None else keyed.group_by,
        window_s=_first(rule.group_window_s for rule in rules),
        refire=_first(rule.refire for rule in rules) or Refire.NEW,
        reopen_within_s=_first(rule.reopen_within_s for rule in rules),
        threshold=_first(rule.threshold for rule in rules),
        severity_map=_first(rule.severity_map for rule in rules) or {},
        team=_first(rule.team for rule in rules),
        resolve=_first(rule.resolve for rule in rules) or _DEFAULT_RESOLVE,
        resolve_silent_after_s=_first(rule.resolve_silent_after_s for rule in rules),
        flapping=DEFAULT_FLAPPING if flapping is None else flapping.flapping,
    )


def _first(values: Iterable[T | None]) -> T | None:
    return next((value for value in values if value is not None), None)
