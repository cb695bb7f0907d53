"""What differs between two rule sets, part by part."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tocsin_rules.document import RuleSet, document_of

PARTS = ("classification", "rules", "escalation", "heartbeats")
"""Members that are lists of named parts, in an order that counts."""


def differences(before: RuleSet, after: RuleSet) -> list[str]:
    """Write what changes: `+` comes, `-` goes, `~` becomes another; nothing where both mean the same."""
    old, new = document_of(before), document_of(after)
    lines = [line for name in sorted({*old, *new} - {*PARTS, "version"}) for line in _value(name, old.get(name), new.get(name))]
    for part in PARTS:
        lines += _parts(part, _named(old.get(part)), _named(new.get(part)))
    return lines


def _parts(part: str, old: Mapping[str, Mapping[str, Any]], new: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for name in [*old, *(name for name in new if name not in old)]:
        if name not in new:
            yield f"- {part} {name}"
        elif name not in old:
            yield f"+ {part} {name}: {_json(_rest(new[name]))}"
        elif old[name] != new[name]:
            yield f"~ {part} {name}"
            for member in sorted({*old[name], *new[name]}):
                yield from (f"  {line}" for line in _value(member, old[name].get(member), new[name].get(member)))
    kept = [name for name in old if name in new]
    if kept != [name for name in new if name in old]:
        yield f"~ {part}: in another order: {', '.join(new)}"


def _value(name: str, old: object, new: object) -> Iterator[str]:
    if old != new:
        yield f"~ {name}: {_json(old)} -> {_json(new)}"


def _named(parts: object) -> dict[str, Mapping[str, Any]]:
    return {part["name"]: part for part in parts} if isinstance(parts, Sequence) else {}


def _rest(part: Mapping[str, Any]) -> Mapping[str, Any]:
    return {name: value for name, value in part.items() if name != "name"}


def _json(value: object) -> str:
    return "not said" if value is None else json.dumps(value, ensure_ascii=False)
