"""What is wrong with a document, in words for whoever wrote it: what is wanted there, and which name was meant."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel

from tocsin_rules.document import (
    ClassificationRule,
    EscalationRule,
    Flapping,
    HeartbeatRule,
    Resolve,
    Rule,
    RuleSet,
    Spike,
    Threshold,
)
from tocsin_rules.duration import write_duration

Place = tuple[str | int, ...]
_PARTS: Mapping[str, type[BaseModel]] = {
    "classification": ClassificationRule,
    "rules": Rule,
    "escalation": EscalationRule,
    "heartbeats": HeartbeatRule,
    "threshold": Threshold,
    "resolve": Resolve,
    "flapping": Flapping,
    "spike": Spike,
}
_DURATIONS = frozenset({"group_window", "reopen_within", "resolve_silent_after", "within", "after", "every"})
_PLAIN = {
    "missing": "it is missing",
    "string_pattern_mismatch": "a text without line ends and control characters is wanted",
    "string_type": "a text is wanted: in quotes, where it looks like a number or stands for true or null",
    "bool_type": "true or false is wanted",
    "int_type": "a whole number is wanted",
    "int_from_float": "a whole number is wanted",
    "tuple_type": "a list is wanted: each of its parts begins with -, or it stands in [ ]",
}
_EXAMPLES = {
    "threshold": "{alerts: 5, within: 10m}",
    "flapping": "{times: 4, within: 30m}, or null to switch it off",
    "resolve": "{when: all-resolved, after: 5m}",
    "spike": "{events: 100, within: 5m}",
    "severity_map": "{CRITICAL: HIGH}",
    "services": "{checkout-v2: checkout}",
    "environments": "{production: prod}",
}


def worded(place: Place, code: str, message: str, context: Mapping[str, Any]) -> str:
    """Say what is wanted at a place.

    Args:
        place: where.
        code: pydantic's word for the fault.
        message: pydantic's text, which stands where nothing better is known.
        context: what pydantic says beside it, such as bounds.
    """
    last = next((part for part in reversed(place) if isinstance(part, str)), "")
    match code:
        case "extra_forbidden":
            return unknown(last, members(place[:-1]))
        case "string_pattern_mismatch" if last == "name":
            return "a name is made of a-z, 0-9 and -, of at most 64 characters"
        case "model_type" | "model_attributes_type" | "dict_type":
            return f"members are wanted, such as {_EXAMPLES[last]}" if last in _EXAMPLES else "members are wanted"
        case "literal_error" | "missing" if place == ("version",):
            return "it is the format's version: write version: 1, without quotes"
        case "greater_than_equal" | "less_than_equal":
            return _bound(last, code, context)
        case "too_long" | "string_too_long" | "too_short" | "string_too_short":
            return _length(code, context)
        case _:
            return _PLAIN.get(code) or message.removeprefix("Value error, ").replace("Input should be", "it is one of")


def unknown(name: str, known: Iterable[str]) -> str:
    """Say that a member is none, and which may be meant."""
    listed = list(known)
    close = get_close_matches(name.casefold(), listed, n=1, cutoff=0.7)
    if close:
        return f"there is no such member: is {close[0]!r} meant?"
    return "there is no such member" + (f"; there are {', '.join(listed)}" if listed else "")


def members(place: Place) -> list[str]:
    """List the members that a place of a rule set may have."""
    names = [part for part in place if isinstance(part, str)]
    model = RuleSet if not names else _PARTS.get(names[-1])
    return [] if model is None else [field.alias or name for name, field in model.model_fields.items()]


def _bound(last: str, code: str, context: Mapping[str, Any]) -> str:
    most = code == "less_than_equal"
    value = context.get("le" if most else "ge")
    shown = write_duration(value) if last in _DURATIONS and isinstance(value, int) else value
    return f"{'at most' if most else 'at least'} {shown}"


def _length(code: str, context: Mapping[str, Any]) -> str:
    things = "characters" if code.startswith("string") else "parts"
    if code.endswith("too_long"):
        return f"at most {context.get('max_length'):,} {things}"
    return "it is empty"
