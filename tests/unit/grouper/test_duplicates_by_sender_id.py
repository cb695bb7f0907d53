"""P4 with the sender's own delivery id (D3): for seven days it names one delivery."""

import pytest

from tests.support.folding import Folding, firing, kinds, outcome, resolved
from tocsin_contracts.outcome import Mapped
from tocsin_contracts.times import DAY, SECOND
from tocsin_grouper.domain.facts import DeliveryRecorded

WEEK_S = 7 * 86_400


def test_the_same_id_again_opens_and_counts_nothing() -> None:
    """E16: same source event id is idempotent, whatever else the body says."""
    folding = Folding()
    folding.deliver(firing("a"), sender_id="e1")
    before = folding.incident(), folding.alert()
    facts = folding.wait(60).deliver(firing("b", title="other"), sender_id="e1")
    assert (outcome(facts), kinds(facts)) == (("duplicate", "same-sender-id"), [])
    assert (folding.incident(), folding.alert()) == before


def test_the_duplicate_names_the_delivery_that_counted() -> None:
    folding = Folding()
    folding.deliver(firing("a"), sender_id="e1")
    folding.wait(60).deliver(firing("a"), sender_id="e1")
    recorded = folding.wait(60).deliver(firing("a"), sender_id="e1")[-1]
    assert isinstance(recorded, DeliveryRecorded)
    assert recorded.duplicate_of == 0


@pytest.mark.parametrize(("seconds", "expected"), [(WEEK_S, "duplicate"), (WEEK_S + 0.000001, "processed")])
def test_an_id_is_remembered_for_seven_days_to_the_microsecond(seconds: float, expected: str) -> None:
    folding = Folding()
    folding.deliver(firing("a"), sender_id="e1")
    folding.now += round(seconds * SECOND)
    assert outcome(folding.deliver(firing("a"), sender_id="e1"))[0] == expected


def test_a_duplicate_does_not_prolong_the_seven_days() -> None:
    folding = Folding()
    folding.deliver(firing("a"), sender_id="e1")
    folding.now += 6 * DAY
    folding.deliver(firing("a"), sender_id="e1")
    folding.now += 2 * DAY
    assert outcome(folding.deliver(firing("a"), sender_id="e1"))[0] == "processed"


@pytest.mark.parametrize("mapped", [Mapped.FAILED, Mapped.IGNORED])
def test_a_delivery_that_was_not_processed_never_makes_a_duplicate(mapped: Mapped) -> None:
    folding = Folding()
    assert outcome(folding.deliver(mapped=mapped, reason="unknown-shape", sender_id="e1"))[0] == mapped.value
    assert outcome(folding.deliver(firing("a"), sender_id="e1"))[0] == "processed"


def test_an_id_is_known_within_its_integration_and_tenant_only() -> None:
    folding = Folding()
    folding.deliver(firing("a"), sender_id="e1")
    assert outcome(folding.deliver(firing("a"), sender_id="e1", integration="other"))[0] == "processed"
    assert outcome(folding.deliver(firing("a"), sender_id="e1", tenant="other"))[0] == "processed"


def test_with_an_id_equal_content_is_no_duplicate() -> None:
    """The sender says that these are two deliveries."""
    folding = Folding()
    folding.deliver(firing("a"), sender_id="e1")
    assert outcome(folding.deliver(firing("a"), sender_id="e2"))[0] == "processed"
    assert folding.incident().event_count == 2


def test_an_id_moves_no_lease() -> None:
    folding = Folding()
    folding.deliver(firing("a"), resolved("b"), sender_id="e1")
    before = folding.alert()
    folding.wait(60).deliver(firing("a"), resolved("b"), sender_id="e1")
    assert folding.alert() == before
