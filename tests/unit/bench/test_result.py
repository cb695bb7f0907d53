"""What `make bench` writes and shows."""

from io import StringIO
from pathlib import Path

import orjson
import pytest
from rich.console import Console

from bench import result
from bench.result import Result

KEYS = {"name", "value", "unit", "floor", "ratio", "goal", "holds"}


def test_a_rate_holds_when_its_share_of_the_floor_reaches_the_goal() -> None:
    assert result.at_least(0.7, "gateway", 70.0, "req/s", floor=100.0).holds is True
    assert result.at_least(0.7, "gateway", 69.0, "req/s", floor=100.0).holds is False


def test_a_cost_holds_when_it_is_few_enough_times_the_floor() -> None:
    assert result.at_most_times(2.5, "normalizer", 25.0, "µs", floor=10.0).holds is True
    assert result.at_most_times(2.5, "normalizer", 26.0, "µs", floor=10.0).holds is False


def test_a_bound_holds_without_a_floor_and_shows_one_where_there_is_one() -> None:
    assert result.at_most(30, "p50", 30.0, "ms") == Result(name="p50", value=30.0, unit="ms", goal="<= 30", holds=True)
    assert result.at_most(7, "list", 8.0, "ms", floor=2.0).ratio == 4.0


def test_a_number_without_a_goal_neither_holds_nor_misses() -> None:
    assert result.told("rows an alert", 4.6, "rows").holds is None


def test_the_file_is_a_list_of_objects_of_seven_members(tmp_path: Path) -> None:
    path = tmp_path / "results.json"

    result.write([result.at_least(0.5, "a", 1.0, "req/s", floor=2.0), result.told("b", 3.0, "µs")], path)

    written = orjson.loads(path.read_bytes())
    assert [set(each) for each in written] == [KEYS, KEYS]
    assert written[0] == {
        "name": "a", "value": 1.0, "unit": "req/s", "floor": 2.0, "ratio": 0.5, "goal": "ratio >= 0.50", "holds": True,
    }  # fmt: skip
    assert written[1]["floor"] is None


def test_the_table_shows_every_result_with_its_verdict() -> None:
    console = Console(width=140, file=StringIO())

    console.print(result.table([result.at_least(0.5, "gateway", 1.0, "req/s", floor=4.0), result.told("rows", 4.6, "rows")]))

    shown = console.file.getvalue()  # type: ignore[attr-defined] # the file is ours
    assert "ratio >= 0.50" in shown
    assert "0.25" in shown
    assert "no" in shown
    assert "rows" in shown


@pytest.mark.parametrize(("value", "text"), [(None, ""), (12345.6, "12,346"), (45.67, "45.7"), (4.567, "4.57"), (0.1, "0.10")])
def test_numbers_are_short(value: float | None, text: str) -> None:
    assert result.number(value) == text
