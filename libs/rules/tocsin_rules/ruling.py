"""What rules decide about an alert, with the reason in words."""

from tocsin_contracts.record import record
from tocsin_contracts.severity import Severity
from tocsin_rules.category import Category
from tocsin_rules.document import Flapping, Threshold
from tocsin_rules.keys import Values
from tocsin_rules.terms import Refire, ResolveWhen

REASON_MAX = 1000


@record
class Classification:
    """Whose an alert is, and what it is about."""

    team: str | None
    """By the first classification rule that names one, else as the sender said."""
    category: Category
    """By the first that names one, else `other`."""
    by: tuple[str, ...] = ()
    """Names of the rules that decided, in their order."""


@record
class Ruling:
    """How an alert becomes, or joins, an incident."""

    rule: str
    """The rule that matched first and did not say `continue`; else `default`."""
    rules: tuple[str, ...]
    """Every rule that had a say, in order; `default` last where none of them ended the evaluation."""
    key_rule: str
    """The rule whose `group_by` made the key; `default` for the default key (E7)."""
    group_by: tuple[str, ...] | None
    key: str
    """The group key, hexadecimal SHA-256."""
    values: Values
    """What the key was made of: names and values."""
    window_s: int | None
    """None: the integration's."""
    refire: Refire
    reopen_within_s: int | None
    threshold: Threshold | None
    severity: Severity | None
    """The event's, by the rule's severity map; None where the event has none."""
    team: str | None
    """By rule, else by classification, else as the sender said."""
    resolve_when: ResolveWhen
    resolve_after_s: int
    resolve_silent_after_s: int | None
    flapping: Flapping | None
    reason: str
    """One line for people, at most 1,000 characters."""
