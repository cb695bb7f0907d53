"""A seeded part of `make fuzz`: mutated bodies of each source, from bytes to facts; nothing raises, nothing leaves its bounds."""

import pytest

from tests.fuzz.trial import case_of, tried
from tests.support.folding import Folding
from tocsin_contracts.topics import BODY_MAX_BYTES
from tocsin_sources import registry

SEED, CASES = 20_260_302, 60


@pytest.mark.parametrize("source", registry.names())
def test_mutated_bodies_break_nothing(source: str) -> None:
    folding = Folding()
    outcomes = {tried(case_of(SEED, source, number), folding).outcome.partition(":")[0] for number in range(CASES)}
    assert len(outcomes) >= 3, "mutations that all end alike try nothing"


def test_a_case_is_the_same_whenever_it_is_made() -> None:
    assert case_of(1, "datadog", 2) == case_of(1, "datadog", 2)
    assert case_of(1, "datadog", 2).body != case_of(1, "datadog", 3).body


def test_a_mutated_body_is_one_that_the_gateway_takes() -> None:
    assert all(len(case_of(SEED, "sentry", number).body) <= BODY_MAX_BYTES for number in range(CASES))
