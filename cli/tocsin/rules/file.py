"""The file with the rules: a rule set as YAML, and beside it the alerts that it is tested with."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tocsin.declaring.yaml import Place, Written, read_yaml
from tocsin_control.errors import Refused
from tocsin_rules.document import RuleSet
from tocsin_rules.reading import UnfitRules, read_rule_set

TESTS = "tests"
"""The member that is ours alone: it is never part of the rule set that is applied."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesFile:
    """A file that holds a rule set."""

    path: Path
    document: Mapping[str, object]
    """As written, without the tests."""
    rules: RuleSet
    tests: object
    """As written; None where there are none."""
    written: Written

    def told(self, place: Place, detail: str) -> str:
        """Say something about a place as `name:line: place: what`."""
        return told(self.path, self.written, place, detail)


class UnfitFile(Refused):
    """A file holds no rule set; `faults` has a line for each reason."""

    def __init__(self, faults: list[str]) -> None:
        self.faults = faults
        super().__init__("; ".join(faults))


def read_rules_file(path: Path) -> RulesFile:
    """Read a rule set strictly.

    Raises:
        Refused: no such file, or no YAML.
        UnfitFile: no rule set; says every fault with its line.
    """
    written = read_yaml(read_text(path), str(path))
    document = written.document
    tests = None
    if isinstance(document, dict):
        tests = document.get(TESTS)
        document = {name: value for name, value in document.items() if name != TESTS}
    try:
        rules = read_rule_set(document)
    except UnfitRules as unfit:
        faults = sorted(unfit.faults, key=lambda fault: written.line(fault.place))
        raise UnfitFile([told(path, written, fault.place, fault.detail) for fault in faults]) from None
    assert isinstance(document, dict)  # noqa: S101 - nothing else is a rule set
    return RulesFile(path=path, document=document, rules=rules, tests=tests, written=written)


def read_text(path: Path) -> str:
    """Read a text file.

    Raises:
        Refused: there is none, or it is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise Refused(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise Refused(f"{path} is not UTF-8") from error


def told(path: Path, written: Written, place: Place, detail: str) -> str:
    """Say something about a place of a file as `name:line: place: what`."""
    shown = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).lstrip(".")
    return f"{path}:{written.line(place)}: {shown or 'the file'}: {detail}"
