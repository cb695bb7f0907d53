"""The case corpus: recorded input, and the facts that the fold told (DESIGN 4)."""

import shutil
from pathlib import Path

import pytest

from tests.cases import ledger
from tests.cases.case import FOLDER, read_case, told
from tests.cases.stories import STORIES
from tocsin_grouper.domain.fold import FOLD_VERSION

CASES = sorted(FOLDER.glob("*.json"))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_the_fold_tells_what_it_told(path: Path) -> None:
    """A changed fact for the same input is a new fold: readers of facts, and every rebuild, must know."""
    case = read_case(path)
    message = (
        f"{path.name}: the fold tells other facts than under FOLD_VERSION {case['fold_version']}. If that is meant, bump "
        "FOLD_VERSION and record the corpus anew (python -m tests.cases.stories)"
    )
    assert case["fold_version"] == FOLD_VERSION, f"{path.name} is of another FOLD_VERSION: record the corpus anew"
    assert told(case) == case["told"], message


def test_every_story_is_recorded() -> None:
    assert {path.stem for path in CASES} >= {story.__name__ for story in STORIES}


def test_cases_are_only_added() -> None:
    """What was recorded under a FOLD_VERSION is neither edited nor dropped: the ledger has the hash of each."""
    assert ledger.faults(ledger.read(), FOLDER) == []


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    for path in CASES:
        shutil.copy(path, tmp_path)
    return tmp_path


def test_a_case_that_was_edited_by_hand_is_noticed(copied: Path) -> None:
    path = copied / CASES[0].name
    path.write_text(path.read_text().replace("incident-opened", "incident-begun"))
    assert ledger.faults(ledger.read(), copied) == [f"{CASES[0].stem}: its file was changed"]


def test_a_case_that_was_dropped_is_noticed(copied: Path) -> None:
    (copied / CASES[0].name).unlink()
    assert ledger.faults(ledger.read(), copied) == [f"{CASES[0].stem}: its file is gone"]


def test_a_case_of_an_older_version_must_be_recorded_anew(copied: Path) -> None:
    older = {"1": {"once_there": "x"}} | ledger.read()
    assert ledger.faults(older, copied) == ["once_there: its file is gone"]


def test_a_case_that_nobody_entered_is_noticed(copied: Path) -> None:
    shutil.copy(CASES[0], copied / "another.json")
    assert ledger.faults(ledger.read(), copied) == ["another: not in the ledger"]


def test_a_changed_fact_without_another_fold_version_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The check itself: a fold that says less of why tells other facts than were recorded."""
    monkeypatch.setattr("tocsin_grouper.domain.rules.why", lambda *_: {})
    case = read_case(FOLDER / "many_pods_are_one_incident.json")
    assert told(case) != case["told"]
