"""One measured number, what it is held against, and how results are shown and kept."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson
from rich.table import Table

RESULTS = Path("bench-results.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One line of the table. A number without a goal is there to explain the others."""

    name: str
    value: float
    unit: str
    floor: float | None = None
    """The same thing done by the least that can do it, in the same run and unit."""
    ratio: float | None = None
    goal: str | None = None
    holds: bool | None = None


def at_least(goal: float, name: str, value: float, unit: str, *, floor: float) -> Result:
    """Hold a rate against its floor's: the ratio is to be at least the goal."""
    ratio = value / floor
    return Result(
        name=name, value=value, unit=unit, floor=floor, ratio=ratio, goal=f"ratio >= {goal:.2f}", holds=round(ratio, 2) >= goal
    )


def at_most_times(goal: float, name: str, value: float, unit: str, *, floor: float) -> Result:
    """Hold a cost against its floor's: the ratio is to be at most the goal."""
    ratio = value / floor
    return Result(
        name=name, value=value, unit=unit, floor=floor, ratio=ratio, goal=f"ratio <= {goal:.2f}", holds=round(ratio, 2) <= goal
    )


def at_most(goal: float, name: str, value: float, unit: str, *, floor: float | None = None) -> Result:
    """Hold a number against a bound; the floor, if any, is shown."""
    ratio = None if floor is None else value / floor
    return Result(name=name, value=value, unit=unit, floor=floor, ratio=ratio, goal=f"<= {goal:g}", holds=value <= goal)


def told(name: str, value: float, unit: str, *, floor: float | None = None) -> Result:
    """Tell a number that has no goal."""
    return Result(name=name, value=value, unit=unit, floor=floor, ratio=None if floor is None else value / floor)


def write(results: Sequence[Result], path: Path = RESULTS) -> None:
    """Write the results as a JSON list."""
    document = [asdict(result) for result in results]
    path.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def table(results: Iterable[Result]) -> Table:
    """Show the results to a person."""
    shown = Table("what", title="Tocsin, measured", title_justify="left")
    for heading in ("value", "unit", "floor", "ratio", "goal", "holds"):
        shown.add_column(heading, justify="left" if heading in {"unit", "goal"} else "right", no_wrap=True)
    for result in results:
        holds = "" if result.holds is None else "[green]yes[/]" if result.holds else "[red]no[/]"
        ratio = "" if result.ratio is None else f"{result.ratio:.2f}"
        shown.add_row(result.name, number(result.value), result.unit, number(result.floor), ratio, result.goal or "", holds)
    return shown


def number(value: float | None) -> str:
    """Write a number with three digits that mean something."""
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
