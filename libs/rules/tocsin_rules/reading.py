"""Reading a rule set: every fault at once, each with its place."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from math import isfinite

from pydantic import ValidationError

from tocsin_rules.category import Category
from tocsin_rules.document import DEFAULT_RULE, DOCUMENT_MAX_BYTES, RESERVED, RuleSet
from tocsin_rules.regex import Programs
from tocsin_rules.wording import Place, worded

FAULTS_MAX = 50
DEPTH_MAX = 40
KINDS = ("classification", "rules", "escalation", "heartbeats")
__all__ = ["Fault", "Place", "UnfitRules", "read_rule_set"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing wrong with a document."""

    place: Place
    code: str
    detail: str

    @property
    def pointer(self) -> str:
        """Write the place as a JSON pointer (RFC 6901)."""
        return "".join("/" + str(part)[:100].replace("~", "~0").replace("/", "~1") for part in self.place)


class UnfitRules(ValueError):  # noqa: N818 - it names what the document is
    """A document is no rule set; `faults` says where and why, at most `FAULTS_MAX` times."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults[:FAULTS_MAX])
        super().__init__("; ".join(f"{fault.pointer or 'the document'}: {fault.detail}" for fault in self.faults))


def read_rule_set(document: object) -> RuleSet:
    """Read a parsed document (YAML or JSON) strictly.

    Raises:
        UnfitRules: lists every fault, with JSON pointers.
    """
    if not isinstance(document, Mapping):
        raise UnfitRules([Fault(place=(), code="object_type", detail="a rule set is an object with members")])
    odd = list(islice(_odd((), document, 0), FAULTS_MAX))
    if odd:
        raise UnfitRules(odd)
    try:
        data = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    except (ValueError, RecursionError):  # lone surrogates; something that holds itself
        raise UnfitRules([Fault(place=(), code="no_json", detail="this cannot be written as JSON")]) from None
    if len(data) > DOCUMENT_MAX_BYTES:
        detail = f"a rule set has at most {DOCUMENT_MAX_BYTES:,} bytes as JSON, this has {len(data):,}"
        raise UnfitRules([Fault(place=(), code="too_large", detail=detail)])
    named = list(_names(document))
    try:
        rules = RuleSet.model_validate_json(data, context=Programs())
    except ValidationError as error:
        raise UnfitRules([*_faults_of(error), *named]) from None
    faults = [*named, *_faults(rules)]
    if faults:
        raise UnfitRules(faults)
    return rules


def _odd(place: Place, value: object, depth: int) -> Iterator[Fault]:
    """Find what YAML knows and JSON does not."""
    if depth > DEPTH_MAX:
        yield Fault(place=place, code="too_deep", detail=f"deeper than {DEPTH_MAX}")
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            if not isinstance(name, str):
                detail = f"the name {str(name)[:100]!r} is no text: write it in quotes"
                yield Fault(place=(*place, str(name)[:100]), code="no_json", detail=detail)
            yield from _odd((*place, str(name)), inner, depth + 1)
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value):
            yield from _odd((*place, number), inner, depth + 1)
    elif isinstance(value, float) and not isfinite(value):
        yield Fault(place=place, code="no_json", detail="a number is wanted, or a text in quotes")
    elif not (value is None or isinstance(value, str | int | float)):
        kind = "date" if type(value).__name__ in {"date", "datetime"} else type(value).__name__
        yield Fault(place=place, code="no_json", detail=f"this reads as a {kind}: write it in quotes")


def _names(document: Mapping[str, object]) -> Iterator[Fault]:
    """Find names that are given twice, or are not ours to give, whatever else is wrong."""
    for kind in KINDS:
        parts = document.get(kind)
        first: dict[str, int] = {}
        for number, part in enumerate(parts if isinstance(parts, list | tuple) else ()):
            name = part.get("name") if isinstance(part, Mapping) else None
            if not isinstance(name, str):
                continue
            place: Place = (kind, number, "name")
            if name in first:
                yield Fault(place=place, code="name_taken", detail=f"{name[:100]!r} is the name of {kind}[{first[name]}] too")
            first.setdefault(name, number)
            if name == DEFAULT_RULE or name.startswith(RESERVED):
                yield Fault(place=place, code="name_reserved", detail=f"names that begin with {DEFAULT_RULE!r} are ours")


def _faults_of(error: ValidationError) -> list[Fault]:
    found = error.errors(include_url=False, include_input=False)
    faults = (
        Fault(
            place=tuple(part for part in each["loc"] if part != "[key]"),
            code=each["type"],
            detail=worded(each["loc"], each["type"], each["msg"], each.get("ctx", {})),
        )
        for each in found
    )
    return list(dict.fromkeys(faults))  # a name and its value may lack the same


def _faults(rules: RuleSet) -> Iterator[Fault]:
    """Find what a part by itself cannot see: categories that are asked before they are known, rules that say nothing."""
    for kind in ("classification", "heartbeats"):
        asked = rules.classification if kind == "classification" else rules.heartbeats
        for number, part in enumerate(asked):
            if any(matcher.field == "category" for matcher in part.matchers):
                yield Fault(
                    place=(kind, number, "matchers"), code="category_unknown", detail="the category is not known yet here"
                )
    for number, rule in enumerate(rules.classification):
        if rule.team is None and rule.category is None:
            allowed = ", ".join(Category)
            detail = f"say a team, a category ({allowed}), or both"
            yield Fault(place=("classification", number), code="says_nothing", detail=detail)
