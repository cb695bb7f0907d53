"""Redrive (DESIGN 3): processed only if the original failed and no delivery with its id was processed since."""

import pytest

from tests.support.folding import Folding, firing, kinds, outcome
from tocsin_contracts.outcome import Mapped
from tocsin_contracts.position import Position
from tocsin_grouper.domain.deliveries import REDRIVE_HORIZON
from tocsin_grouper.domain.facts import DeliveryRedriven

FAILED = {"mapped": Mapped.FAILED, "reason": "unknown-shape"}


def test_a_failed_delivery_that_is_sent_again_is_processed_and_its_row_says_where() -> None:
    folding = Folding()
    folding.deliver(**FAILED)
    facts = folding.wait(60).deliver(firing("a"), redrive_of=Position(0, 0))
    assert (outcome(facts), kinds(facts)) == (("processed", None), ["incident-opened", "alerts-recorded"])
    assert DeliveryRedriven(partition=0, offset=0, to=1) in facts


def test_a_second_redrive_is_a_duplicate() -> None:
    folding = Folding()
    folding.deliver(**FAILED)
    folding.deliver(firing("a"), redrive_of=Position(0, 0))
    facts = folding.deliver(firing("a"), redrive_of=Position(0, 0))
    assert (outcome(facts), kinds(facts)) == (("duplicate", "original-not-failed"), [])


def test_a_redrive_that_fails_again_leaves_the_original_to_be_redriven() -> None:
    folding = Folding()
    folding.deliver(**FAILED)
    assert outcome(folding.deliver(redrive_of=Position(0, 0), **FAILED))[0] == "failed"
    assert outcome(folding.deliver(firing("a"), redrive_of=Position(0, 0)))[0] == "processed"


@pytest.mark.parametrize("original", ["processed", "ignored", "absent", "another tenant's"])
def test_what_did_not_fail_is_not_redriven(original: str) -> None:
    folding = Folding()
    match original:
        case "processed":
            folding.deliver(firing("a"))
        case "ignored":
            folding.deliver(mapped=Mapped.IGNORED, reason="ping")
        case "another tenant's":
            folding.deliver(tenant="other", **FAILED)
        case _:
            folding.tick()
    facts = folding.deliver(firing("b"), redrive_of=Position(0, 0))
    assert (outcome(facts), kinds(facts)) == (("duplicate", "original-not-failed"), [])


def test_a_delivery_whose_id_was_processed_since_is_not_redriven() -> None:
    """The sender retried by itself, and that one got through."""
    folding = Folding()
    folding.deliver(sender_id="e1", **FAILED)
    folding.deliver(firing("a"), sender_id="e1")
    assert outcome(folding.deliver(firing("a"), sender_id="e1", redrive_of=Position(0, 0))) == ("duplicate", "processed-since")


def test_an_id_that_was_redriven_is_known_from_then_on() -> None:
    folding = Folding()
    folding.deliver(sender_id="e1", **FAILED)
    folding.deliver(firing("a"), sender_id="e1", redrive_of=Position(0, 0))
    assert outcome(folding.deliver(firing("a"), sender_id="e1")) == ("duplicate", "same-sender-id")


def test_a_redrive_of_content_that_came_since_is_processed() -> None:
    """Somebody asked for it by hand: equal content is no reason to leave the row failed."""
    folding = Folding()
    folding.deliver(**FAILED)
    folding.deliver(firing("a"))
    assert outcome(folding.deliver(firing("a"), redrive_of=Position(0, 0)))[0] == "processed"


@pytest.mark.parametrize(("micros", "expected"), [(0, "processed"), (1, "duplicate")])
def test_what_failed_longer_ago_than_the_log_reaches_is_not_redriven(micros: int, expected: str) -> None:
    """Its row may be gone with its day, in one projection and not in another: the answer must not depend on that (P5)."""
    folding = Folding()
    folding.deliver(**FAILED)
    folding.now += REDRIVE_HORIZON + micros
    assert outcome(folding.deliver(firing("a"), redrive_of=Position(0, 0)))[0] == expected
