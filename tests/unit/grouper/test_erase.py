"""Erase (DESIGN 3): behind a tenant's last record nothing of it is left, and nobody else notices."""

import random
from asyncio import run
from dataclasses import replace

import pytest

from tests.simulation.generator import TENANTS, stream
from tests.simulation.sim import straight, troubled
from tests.simulation.tables import Tables
from tests.support.folding import Folding, firing, kinds
from tests.support.images import records_of
from tocsin_contracts.outcome import Mapped
from tocsin_contracts.tenant import TenantErased
from tocsin_grouper.adapters import erasing, fingerprint, schema
from tocsin_grouper.domain.facts import ClockAdvanced, Fact, RefusalCounted, TenantGone
from tocsin_grouper.domain.fold import LogRecord
from tocsin_grouper.handler import PartitionHandler

GONE = TENANTS[1]


def said(facts: list[Fact]) -> list[type]:
    return [type(fact) for fact in facts]


def erased_at(seed: int, place: int, count: int = 400) -> list[LogRecord]:
    """Put the record that erases a tenant in place of one of a generated stream."""
    records = stream(seed, count)
    records[place] = replace(records[place], payload=TenantErased(tenant=GONE, asked_at=0))
    return records


def test_the_record_says_that_the_tenant_goes_and_fires_none_of_its_timers() -> None:
    folding = Folding()
    folding.deliver(firing("a", never_resolves=True))
    folding.tick_for(1790)
    folding.wait(120)
    assert said(folding.erase("acme")) == [ClockAdvanced, TenantGone]
    assert len(folding.state.timers) == 0
    assert [key for key in dict(folding.state.loaded) if "acme" in key] == []


def test_what_comes_of_it_later_moves_the_clock_and_nothing_else() -> None:
    """A gateway that heard of it late may have let one more in."""
    folding = Folding()
    folding.erase("acme")
    assert said(folding.wait(5).deliver(firing("a"))) == [ClockAdvanced]
    assert said(folding.deliver(mapped=Mapped.FAILED, reason="not-json")) == [ClockAdvanced]
    assert said(folding.command("nobody", "RESOLVED")) == [ClockAdvanced]  # type: ignore[arg-type] # the status is text in the log too
    assert RefusalCounted not in said(folding.tick(refused=["prod"]))


def test_a_second_record_of_the_same_tenant_says_nothing() -> None:
    folding = Folding()
    folding.erase("acme")
    assert said(folding.erase("acme")) == [ClockAdvanced]


def test_another_tenant_of_the_partition_keeps_everything() -> None:
    folding = Folding()
    folding.deliver(firing("a"))
    folding.deliver(firing("a"), tenant="other")
    folding.erase("acme")
    assert kinds(folding.deliver(firing("b"), tenant="other")) != []
    assert len(folding.incidents("other")) == 1
    assert folding.incidents("acme") == []


def test_a_reader_that_knows_from_the_start_folds_nothing_of_it() -> None:
    folding = Folding()
    folding.state.leaving = frozenset({"acme"})
    assert said(folding.deliver(firing("a"))) == [ClockAdvanced]
    assert said(folding.erase("acme")) == [ClockAdvanced, TenantGone]


@pytest.mark.parametrize("place", [0, 50, 200, 399])
@pytest.mark.parametrize("seed", [7, 8, 9])
def test_batches_crashes_and_readers_that_know_from_the_start_leave_the_same_rows(seed: int, place: int) -> None:
    """P5: the fold that saw the tenant live and erased it, and the rebuild that never showed it, agree on every table."""
    records = records_of(erased_at(seed, place))
    plain = run(straight(records))
    hurt = run(troubled(records, random.Random(seed)))
    single = run(straight(records, 1))
    knowing = run(_knowing(records_of(erased_at(seed, place))))
    assert plain.dump() == hurt.dump() == single.dump() == knowing.dump()
    assert {row["tenant_id"] for row in plain.deliveries.values()} <= set(TENANTS) - {GONE}
    assert plain.erased == {GONE: place}


async def _knowing(records: list) -> Tables:  # type: ignore[type-arg] # as `straight` takes them
    tables = Tables()
    tables.leaving = frozenset({GONE})
    handler = PartitionHandler(tables, tables.claim, await tables.load_partition(0))
    for start in range(0, len(records), 37):
        await handler.handle(records[start : start + 37])
    return tables


def test_every_table_of_tenants_is_erased() -> None:
    """A table that a later release adds, and forgets here, fails this test."""
    tables = set(fingerprint.TABLES) - {"partitions", "erased", "gateways"}
    assert set(erasing.TABLES) == tables
    assert all(f"CREATE TABLE proj.{table} " in schema.ddl() for table in tables)
    assert schema.ddl().count("CREATE TABLE") == len(fingerprint.TABLES)
