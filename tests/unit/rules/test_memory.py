"""What rules remember is bounded in bytes, and decides nothing."""

import tracemalloc

import pytest

from tests.unit.rules.alerts import INTEGRATION, SOURCE, alert
from tocsin_rules.compiled import CompiledRules, compile_rules
from tocsin_rules.defaults import DEFAULT_RULES
from tocsin_rules.memory import Memory
from tocsin_rules.reading import read_rule_set
from tocsin_rules.shelf import Shelf, write

LABELS = 20
HUGE = {
    "version": 1,
    "default_classification": False,
    "classification": [{"name": "c", "matchers": [f'l{n}!="x"' for n in range(LABELS)], "team": "t"}],
    "rules": [{"name": "r", "matchers": [f'l{n}=~"ab.*"' for n in range(LABELS)], "group_by": [f"l{n}" for n in range(LABELS)]}],
    "escalation": [{"name": "e", "matchers": [f'l{n}=~"ab.*"' for n in range(LABELS)], "at_least": "HIGH"}],
}
EVERYTHING = {"version": 1, "default_classification": False, "rules": [{"name": "r", "group_by": ["..."]}]}


def ask(rules: CompiledRules, number: int, *, size: int = 900) -> object:
    labels = {f"l{n}": f"ab{number}-{n}".ljust(size, "é") for n in range(LABELS)}
    event = alert(title=f"t{number}", problem=f"p{number}", labels=labels)
    classified = rules.classify(SOURCE, INTEGRATION, event)
    return rules.rule_for(SOURCE, INTEGRATION, event, classified), rules.escalations(SOURCE, INTEGRATION, event, classified)


@pytest.mark.parametrize("document", [HUGE, EVERYTHING])
def test_huge_labels_take_no_more_memory_than_a_rule_set_has(document: dict[str, object]) -> None:
    rules = compile_rules(read_rule_set(document), memory_bytes=2 << 20)
    for number in range(10):
        ask(rules, number)
    tracemalloc.start()
    for number in range(300):
        ask(rules, number)
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert rules.memory.taken <= 2 << 20
    assert kept <= 3 << 20


def test_what_is_forgotten_is_found_again_the_same() -> None:
    forgetful, all_knowing = (compile_rules(read_rule_set(HUGE), memory_bytes=size) for size in (20_000, 64 << 20))
    for number in (1, 2, 1, 3, 2, 1):
        assert ask(forgetful, number, size=20) == ask(all_knowing, number, size=20)
    assert forgetful.memory.taken <= 20_000


def test_a_full_memory_forgets_everything_and_goes_on() -> None:
    memory = Memory(1_000)
    table: dict[str, int] = memory.table()
    other: dict[str, int] = memory.table()
    memory.keep(other, "b", 2, 300)
    memory.keep(table, "a", 1, 300)
    assert (table, other) == ({"a": 1}, {"b": 2})
    assert memory.keep(table, "c", 3, 300) == 3
    assert (table, other) == ({"c": 3}, {})
    assert memory.keep(table, "huge", 4, 1_000) == 4
    assert (table, memory.taken) == ({}, 0)


def test_the_rule_sets_used_last_are_kept_ready() -> None:
    written = [write({"version": 1, "rules": [{"name": f"r{n}"}]}) for n in range(3)]
    one = compile_rules(DEFAULT_RULES).taken
    shelf = Shelf(bytes_max=int(one * 4.5))
    first = shelf.ready(written[0])
    second = shelf.ready(written[1])
    assert shelf.ready(written[0]) is first
    shelf.ready(written[2])
    assert shelf.ready(written[0]) is first
    again = shelf.ready(written[1])
    assert again is not second
    assert again.rules == second.rules


def test_one_rule_set_is_ready_however_large_it_is() -> None:
    shelf = Shelf(bytes_max=1)
    written = write({"version": 1, "rules": [{"name": "a"}]})
    assert shelf.ready(written) is shelf.ready(write({"version": 1, "rules": [{"name": "a"}]}))


def test_no_rule_set_is_refused_when_it_is_written_down() -> None:
    with pytest.raises(ValueError, match="/version"):
        Shelf().ready(write({"version": 2}))


def test_rule_sets_that_grew_make_room() -> None:
    """What is remembered counts, at the latest after a thousand questions."""
    shelf = Shelf(bytes_max=1 << 20)
    grown, other = (write({**HUGE, "services": {"a": name}}) for name in "bc")
    first = shelf.ready(other)
    for number in range(60):
        ask(shelf.ready(grown), number)
    for _ in range(1_024):
        shelf.ready(grown)
    assert shelf.ready(other) is not first
