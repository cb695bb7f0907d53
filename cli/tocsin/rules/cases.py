"""Test cases of a rule set: an alert, and what is expected of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from tocsin.declaring.yaml import read_yaml
from tocsin.rules.file import TESTS, read_text
from tocsin.rules.verdict import Verdict, facts_of, judge
from tocsin.rules.written_alert import WrittenAlert
from tocsin_contracts.severity import Severity
from tocsin_control.documents import UnfitDocument, read_document
from tocsin_control.errors import Refused
from tocsin_rules.category import Category
from tocsin_rules.compiled import CompiledRules
from tocsin_rules.terms import Refire


class Expected(BaseModel):
    """What is expected; only what is said is compared."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rule: str | None = None
    """The first that matches and does not continue; `default` where none does."""
    rules: list[str] | None = None
    """All that have a say, in order."""
    key_rule: str | None = None
    group: dict[str, str] | None = None
    """What the group key is made of."""
    team: str | None = None
    category: Category | None = None
    severity: Severity | None = None
    """Behind severity maps and the escalations without a spike."""
    escalations: list[str] | None = None
    heartbeat: str | None = None
    refire: Refire | None = None


class Case(BaseModel):
    """One test case."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str | None = None
    alert: WrittenAlert
    expect: Annotated[Expected, Field()]


class _Cases(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    tests: list[Case] = Field(max_length=10_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of a case."""

    name: str
    verdict: Verdict
    differences: tuple[str, ...]
    """A line for each expectation that does not hold."""


def read_cases(written: object, name: str) -> Sequence[Case]:
    """Read test cases strictly.

    Raises:
        Refused: says every fault.
    """
    if written is None:
        return ()
    try:
        return read_document(_Cases, {TESTS: written}).tests
    except UnfitDocument as unfit:
        raise Refused("; ".join(f"{name}: {fault.pointer}: {fault.detail}" for fault in unfit.faults)) from None


def read_cases_file(path: Path) -> Sequence[Case]:
    """Read a file of its own with `tests: [...]`.

    Raises:
        Refused: no such file, or not one that we take.
    """
    document = read_yaml(read_text(path), str(path)).document
    if not isinstance(document, dict) or set(document) != {TESTS}:
        raise Refused(f"{path}: a file with test cases holds 'tests', and nothing else")
    return read_cases(document[TESTS], str(path))


def run_case(rules: CompiledRules, case: Case, number: int) -> Result:
    """Judge a case's alert, and compare what is expected."""
    verdict = judge(rules, case.alert.subject())
    expected = case.expect.model_dump(mode="json", exclude_unset=True)
    found = facts_of(verdict)
    differences = tuple(
        f"{name}: expected {_shown(value)}, found {_shown(found[name])}"
        for name, value in expected.items()
        if found[name] != value
    )
    return Result(name=case.name or f"test {number}: {case.alert.title}", verdict=verdict, differences=differences)


def _shown(value: object) -> str:
    return "nothing" if value in (None, [], {}) else str(value)
