"""Problem types: each explained once, for the OpenAPI document and for docs/reference/problems.md alike."""

from pathlib import Path

from tocsin_contracts.problem import MEANINGS, ProblemType

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "problems.md"


def test_every_problem_type_has_a_meaning_and_a_row_on_its_page() -> None:
    assert set(MEANINGS) == set(ProblemType)
    page = PAGE.read_text()
    rows = [f"| `{str(kind).rpartition('/')[2]}` | {meaning} |" for kind, meaning in MEANINGS.items()]
    assert [row for row in rows if row not in page] == [], "rows that are missing on docs/reference/problems.md"
