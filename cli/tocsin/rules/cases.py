"""Test cases of a rule set: an alert, and what is expected of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from tocsin.declaring.yaml import Written, read_yaml
from tocsin.rules.file import TESTS, UnfitFile, read_text, told
from tocsin.rules.verdict import Verdict, facts_of, judge
from tocsin.rules.written_alert import WrittenAlert
from tocsin_contracts.severity import Severity
from tocsin_control.documents import Fault, UnfitDocument, read_document
from tocsin_control.errors import Refused
from tocsin_rules.category import Category
from tocsin_rules.compiled import CompiledRules
from tocsin_rules.terms import Refire
from tocsin_rules.wording import unknown, worded


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
    expect: Expected

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing is expected."""
        return not self.expect.model_fields_set


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


def read_cases(tests: object, path: Path, written: Written) -> Sequence[Case]:
    """Read test cases strictly.

    Args:
        tests: as written; None where there are none.
        path: of the file that they stand in.
        written: that file.

    Raises:
        UnfitFile: says every fault, with its line.
    """
    if tests is None:
        return ()
    try:
        return read_document(_Cases, {TESTS: tests}).tests
    except UnfitDocument as unfit:
        raise UnfitFile([told(path, written, fault.place, _worded(fault)) for fault in unfit.faults]) from None


def read_cases_file(path: Path) -> Sequence[Case]:
    """Read a file of its own with `tests: [...]`.

    Raises:
        Refused: no such file, or not one that we take; says where.
    """
    written = read_yaml(read_text(path), str(path))
    document = written.document
    if not isinstance(document, dict) or set(document) != {TESTS}:
        raise Refused(f"{path}: a file with test cases holds 'tests', and nothing else")
    return read_cases(document[TESTS], path, written)


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


def _worded(fault: Fault) -> str:
    if fault.code == "extra_forbidden":
        models: dict[str, type[BaseModel]] = {"alert": WrittenAlert, "expect": Expected}
        known = models.get(str(fault.place[-2]), Case)
        return unknown(str(fault.place[-1]), known.model_fields)
    return worded(fault.place, fault.code, fault.detail, {})


def _shown(value: object) -> str:
    return "nothing" if value in (None, [], {}) else str(value)
