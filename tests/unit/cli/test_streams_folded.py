"""Generated streams of ten sources through the real map and the real fold, in memory: P2 to P5 hold, whatever the batches."""

import random
from asyncio import run
from collections import Counter
from itertools import islice

import pytest

from tests.simulation.sim import straight, troubled, violations
from tests.simulation.streaming import decoded, image_records
from tests.simulation.tables import Tables
from tocsin.streams.stream import Sending, Traffic, stream

START = 1_772_446_530_000_000
SEEDS = range(7, 11)
COUNTS = ("tenant_id", "title", "severity", "status", "service", "environment", "alert_count", "event_count", "firing_count")


def drawn(seed: int, many: int = 600) -> list[Sending]:
    traffic = Traffic(seed=seed, start_at=START, tenants=("acme", "globex", "initech"), troubles=60, retried=0.1, late=0.05)
    return list(islice(stream(traffic), many))


def incidents(tables: Tables) -> Counter[str]:
    return Counter(repr([row[name] for name in COUNTS]) for row in tables.incidents.values())


@pytest.mark.parametrize("seed", SEEDS)
def test_crashes_and_batches_leave_the_rows_of_one_straight_fold(seed: int) -> None:
    """P2, P3, P5."""
    records = image_records(drawn(seed))
    plain, hurt = run(straight(records)), run(troubled(records, random.Random(seed)))
    assert violations(plain, decoded(records)) == []
    assert plain.dump() == hurt.dump()


@pytest.mark.parametrize("seed", SEEDS)
def test_retries_are_duplicates_and_change_no_incident(seed: int) -> None:
    """P4: the same stream without its retries leaves the same incidents."""
    sendings = drawn(seed)
    whole = run(straight(image_records(sendings)))
    once = run(straight(image_records(each for each in sendings if not each.retry)))
    retried = sum(each.retry for each in sendings)
    duplicates = [sum(row["outcome"] == "duplicate" for row in tables.deliveries.values()) for tables in (whole, once)]
    assert retried > 20
    assert duplicates[0] == duplicates[1] + retried
    assert incidents(whole) == incidents(once)


def test_streams_hold_what_makes_them_worth_folding() -> None:
    outcomes, effects, statuses = Counter[str](), Counter[str](), Counter[str]()
    for seed in SEEDS:
        tables = run(straight(image_records(drawn(seed))))
        outcomes.update(f"{row['outcome']} {row['reason']}" for row in tables.deliveries.values())
        effects.update(row["effect"] for row in tables.alert_events)
        statuses.update(row["status"] for row in tables.incidents.values())
    assert outcomes.keys() == {"processed None", "duplicate same-content", "duplicate same-sender-id"}
    assert {"opened", "joined", "repeated", "acknowledged", "resolved", "late"} <= effects.keys()
    assert {"OPEN", "RESOLVED"} <= statuses.keys()
