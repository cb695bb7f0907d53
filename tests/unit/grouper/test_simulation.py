"""A short run of the simulation, and what makes its streams worth folding; `make sim` runs it at any length."""

import json
import os
import subprocess
import sys
from asyncio import run
from collections import Counter
from typing import get_args

import pytest

from tests.simulation.generator import stream
from tests.simulation.sim import digest, simulate, straight
from tests.support.images import records_of
from tocsin_contracts.incident import AnyIncidentFact
from tocsin_grouper.domain.facts import Effect

SEEDS = range(7, 15)


@pytest.mark.parametrize("seed", SEEDS)
def test_crashes_batches_and_lost_caches_leave_the_rows_of_one_straight_fold(seed: int) -> None:
    """P2, P3, P5: `make sim SEED=<seed> RUNS=1` repeats one."""
    assert simulate(seed) == []


def test_a_stream_is_its_seed() -> None:
    assert stream(7, 300) == stream(7, 300)
    assert stream(7, 300) != stream(8, 300)
    assert stream(7, 300)[:100] == stream(7, 100)


def test_the_streams_hold_everything_that_the_fold_decides() -> None:
    """A generator that stops making duplicates or silences would make every other test of it worthless."""
    outcomes, effects, kinds, why, answers = Counter[str](), Counter[str](), Counter[str](), Counter[str](), Counter[int]()
    for seed in SEEDS:
        tables = run(straight(records_of(stream(seed, 400))))
        outcomes.update(f"{row['outcome']} {row['reason']}" for row in tables.deliveries.values())
        effects.update(row["effect"] for row in tables.alert_events)
        kinds.update(row["kind"] for row in tables.facts.values())
        endings = [row for row in tables.facts.values() if row["kind"] == "alerts-recorded"]
        why.update(str(json.loads(row["body"]).get("why")) for row in endings)
        answers.update(row["status"] for row in tables.commands.values())
    assert {
        "processed None", "duplicate same-content", "duplicate same-sender-id", "duplicate original-not-failed",
        "duplicate processed-since", "failed unknown-shape", "ignored unknown-shape", "redriven unknown-shape",
    } <= outcomes.keys()  # fmt: skip
    assert effects.keys() >= set(Effect) - {Effect.HELD}
    assert kinds.keys() >= {fact.kind for fact in get_args(AnyIncidentFact)} - {"flapping-ended"}
    assert len(why) == 4
    assert answers.keys() >= {200, 404, 409, 412}


def test_the_hash_seed_of_python_changes_no_row() -> None:
    """P5: nothing iterates a set, and nothing is ordered by `hash()`."""
    expected = digest(7, 300)
    for seed in ("0", "1", "4711"):
        program = "from tests.simulation.sim import digest; print(digest(7, 300))"
        environment = os.environ | {"PYTHONHASHSEED": seed}
        said = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
        assert said.stdout.strip() == expected
