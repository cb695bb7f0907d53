"""The net changes of a batch: what a row says does not depend on where batches end (P5)."""

from tests.support.folding import Folding, episode, firing, resolved
from tocsin_grouper.domain.changes import Changes


def changes_of(folding: Folding) -> Changes:
    changes = Changes()
    for decision in folding.decisions:
        changes.add(decision)
    return changes


def test_a_new_alert_is_named_by_the_first_that_was_said_of_it() -> None:
    """As its row is when a batch ends behind that event: later ones change texts, never identity, problem and project."""
    folding = Folding()
    folding.deliver(firing("a", problem="p", project="shop", title="first", service="s"))
    folding.wait(60).deliver(firing("a", problem="renamed", project="moved", title="second"))
    (words,) = changes_of(folding).words.values()
    assert (words.event.problem, words.event.project) == ("p", "shop")
    assert words.get("title") == "second"
    assert words.get("service") == "s", "what a sender leaves out stays"


def test_the_texts_of_a_resolve_rename_nothing() -> None:
    folding = Folding()
    folding.deliver(firing("a", title="Disk is full"))
    folding.wait(60).deliver(resolved("a", title="Resolved: disk is full", raw='{"s":2}'))
    changes = changes_of(folding)
    (words,) = changes.words.values()
    assert words.get("title") == "Disk is full"
    assert list(changes.raws.values()) == ['{"s":2}'], "its JSON is the newest that counted"


def test_an_alert_is_new_once() -> None:
    """A late event counts nothing: it must not look like the first again."""
    folding = Folding()
    folding.wait(100).deliver(firing("a", **episode(50)))
    folding.wait(5).deliver(resolved("a", **episode(0, 20)))
    first, second = folding.decisions
    changes = Changes()
    changes.add(first)
    assert len(changes.new_alerts) == 1
    later = Changes()
    later.add(second)
    assert later.new_alerts == set()
