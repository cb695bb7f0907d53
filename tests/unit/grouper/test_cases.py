"""The case corpus: recorded input, and the facts that the fold told (DESIGN 4)."""

from pathlib import Path

import pytest

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
