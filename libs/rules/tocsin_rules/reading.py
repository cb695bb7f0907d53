"""Reading a rule set: every fault at once, each with its place."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from tocsin_rules.category import Category
from tocsin_rules.document import DEFAULT_RULE, DOCUMENT_MAX_BYTES, RESERVED, RuleSet
from tocsin_rules.regex import Programs

FAULTS_MAX = 50
Place = tuple[str | int, ...]


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
    try:
        size = len(json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode())
    except (TypeError, ValueError, RecursionError):  # YAML's dates and binaries; lone surrogates; brackets without an end
        raise UnfitRules([Fault(place=(), code="no_json", detail="only text, numbers, yes and no, lists and objects")]) from None
    if size > DOCUMENT_MAX_BYTES:
        detail = f"a rule set has at most {DOCUMENT_MAX_BYTES:,} bytes as JSON, this has {size:,}"
        raise UnfitRules([Fault(place=(), code="too_large", detail=detail)])
    try:
        rules = RuleSet.model_validate_json(json.dumps(document, ensure_ascii=False), context=Programs())
    except ValidationError as error:
        raise UnfitRules(_faults_of(error)) from None
    faults = list(_faults(rules))
    if faults:
        raise UnfitRules(faults)
    return rules


def _faults_of(error: ValidationError) -> list[Fault]:
    found = error.errors(include_url=False, include_context=False, include_input=False)
    return [
        Fault(place=tuple(each["loc"]), code=each["type"], detail=each["msg"].removeprefix("Value error, ")) for each in found
    ]


def _faults(rules: RuleSet) -> Iterator[Fault]:
    """Find what a part by itself cannot see: names given twice or not ours to give, categories asked before they are known."""
    kinds = {"classification": rules.classification, "rules": rules.rules, "escalation": rules.escalation}
    for kind, parts in {**kinds, "heartbeats": rules.heartbeats}.items():
        first: dict[str, int] = {}
        for number, part in enumerate(parts):
            place: Place = (kind, number, "name")
            if part.name in first:
                detail = f"{part.name!r} is the name of {kind}[{first[part.name]}] too"
                yield Fault(place=place, code="name_taken", detail=detail)
            first.setdefault(part.name, number)
            if part.name == DEFAULT_RULE or part.name.startswith(RESERVED):
                yield Fault(place=place, code="name_reserved", detail=f"names that begin with {DEFAULT_RULE!r} are ours")
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
