"""What holds for every stream of the log (P3, P4, P5)."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tests.simulation.sim import violations
from tests.simulation.tables import Tables
from tests.support.folding import Everything, Folding, fold_with_loading
from tests.support.images import records_of
from tests.unit.grouper.streams import QUICKLY, SETTINGS, Act, acts, play
from tocsin_contracts.image import Image
from tocsin_contracts.incident import decode_fact, encode_fact
from tocsin_contracts.outcome import Outcome
from tocsin_grouper.domain.changes import Changes
from tocsin_grouper.domain.evolve import Place, evolve
from tocsin_grouper.domain.facts import DeliveryRecorded, Fact, IncidentChanged
from tocsin_grouper.domain.fold import decide
from tocsin_grouper.domain.keys import AlertKey, IncidentKey, Key
from tocsin_grouper.domain.partition import PartitionState
from tocsin_grouper.domain.state import Alert, Incident, Value
from tocsin_grouper.domain.timers import Timers
from tocsin_grouper.handler import PartitionHandler
from tocsin_runtime.log import Record


async def fold_in_batches(records: Sequence[Record], sizes: Sequence[int]) -> Tables:
    """Fold in batches of these sizes, the last one again and again; each on a cold cache."""
    tables = Tables()
    start, batches = 0, iter(sizes)
    size = next(batches)
    while start < len(records):
        handler = PartitionHandler(tables, tables.claim, await tables.load_partition(0))
        await handler.handle(records[start : start + size])
        start += size
        size = next(batches, size)
    return tables


def in_batches(folding: Folding, *sizes: int) -> dict[str, list[str]]:
    return asyncio.run(fold_in_batches(records_of(folding.records), sizes)).dump()


@QUICKLY
@given(acts(), st.integers(1, 40))
def test_a_prefix_and_the_rest_give_what_all_gives(stream: list[Act], split: int) -> None:
    """Split anywhere; what is carried over the split is what the rows hold."""
    folding = play(stream)
    assert in_batches(folding, split, 500) == in_batches(folding, 500)


@QUICKLY
@given(acts())
def test_batches_of_one_seven_and_five_hundred_leave_the_same_rows(stream: list[Act]) -> None:
    folding = play(stream)
    rows = in_batches(folding, 500)
    assert in_batches(folding, 7) == rows
    assert in_batches(folding, 1) == rows


@QUICKLY
@given(acts())
def test_a_cold_cache_after_every_record_gives_the_same_facts(stream: list[Act]) -> None:
    """Whatever is loaded, and in whatever order it was asked for."""
    folding = play(stream)
    stored: dict[Key, Value] = {}
    state = PartitionState()
    for record, warm in zip(folding.records, folding.decisions, strict=True):
        cold = fold_with_loading(state, record, stored)
        assert cold.facts == warm.facts
        state.absorb(cold.facts, cold.draft)
        stored.update({key: value for key, value in state.loaded.items() if value is not None})
        timers = Timers(dict(state.timers.items()))
        state = PartitionState(clock=state.clock, refusals=dict(state.refusals), timers=timers)


@QUICKLY
@given(acts())
def test_all_promises_about_rows_hold(stream: list[Act]) -> None:
    """One outcome a delivery, gapless versions, counts that are those of the rows, a timer for every active episode."""
    folding = play(stream)
    records = records_of(folding.records)
    assert violations(asyncio.run(fold_in_batches(records, [500])), folding.records) == []


def _settled(folding: Folding) -> tuple[dict[Key, object], list[Incident]]:
    """Give all that a duplicate must not touch: alerts but for when they were last seen, and incidents as they are."""
    alerts: dict[Key, object] = {
        key: replace(value, last_seen_at=0, last_observed=0, changed_offset=0)
        for key, value in dict(folding.state.loaded).items()
        if isinstance(value, Alert) and isinstance(key, AlertKey)
    }
    return alerts, [*folding.incidents(), *folding.incidents("other")]


@QUICKLY
@given(acts(repeating=False))
def test_every_delivery_again_at_once_opens_counts_and_ends_nothing(stream: list[Act]) -> None:
    """P4: the sender's retry, or the other one of a pair; whatever came before it, and whatever comes behind it."""
    once, twice = play(stream), Folding(settings=SETTINGS)
    for act in stream:
        count = len(twice.records)
        act(twice)
        last = twice.records[-1].payload if len(twice.records) > count else None
        if isinstance(last, Image):
            before = _settled(twice)
            facts = twice.fold(last)
            assert _settled(twice) == before
            assert _outcome(facts) in (Outcome.DUPLICATE, Outcome.PROCESSED)
    assert _told(twice) == _told(once)


def _outcome(facts: Sequence[Fact]) -> Outcome:
    (outcome,) = [fact.outcome for fact in facts if isinstance(fact, DeliveryRecorded)]
    return outcome


def _told(folding: Folding) -> list[tuple[object, ...]]:
    """Give the incidents without their ids and offsets, which name positions."""
    return [
        (i.tenant, i.group_key, i.status, i.severity, i.alert_count, i.firing_count, i.event_count, i.version, i.revision)
        for i in [*folding.incidents(), *folding.incidents("other")]
    ]


@QUICKLY
@given(acts())
def test_facts_round_trip_and_alone_give_the_incidents(stream: list[Act]) -> None:
    """Written as rows and read back, folded by `evolve` alone, in versions 1..n without a gap (P3)."""
    folding = play(stream)
    state: dict[Key, Incident] = {}
    for decision in folding.decisions:
        observed = decision.clock.observed
        for change in _changes(decision.facts):
            fact = change.fact
            assert decode_fact(fact.kind, fact.incident, fact.version, fact.at, encode_fact(fact)) == fact
            key = IncidentKey(change.tenant, fact.incident)
            place = Place(change.tenant, decision.record.position.offset, observed, heard=0)
            state[key] = evolve(state.get(key), fact, place)
    found = {key: value for key, value in dict(folding.state.loaded).items() if isinstance(value, Incident)}
    assert _untimed(state) == _untimed(found)


def _untimed(incidents: Mapping[Key, Incident]) -> dict[Key, Incident]:
    """Leave out what depends on refusals, of which facts of incidents do not tell."""
    return {key: replace(incident, turned_observed=None) for key, incident in incidents.items()}


def _changes(facts: Sequence[Fact]) -> list[IncidentChanged]:
    return [fact for fact in facts if isinstance(fact, IncidentChanged)]


@QUICKLY
@given(acts())
def test_deciding_is_pure(stream: list[Act]) -> None:
    """The same record on the same state gives the same facts, asked twice; and nothing but absorbing changes the state."""
    folding = play(stream)
    state = PartitionState(loaded=Everything())
    for record in folding.records:
        first, second = decide(state, record), decide(state, record)
        assert first.facts == second.facts
        state.absorb(second.facts, second.draft)


@QUICKLY
@given(acts(), st.sampled_from(["acme", "other"]))
def test_a_tenants_incidents_do_not_depend_on_its_neighbours(stream: list[Act], tenant: str) -> None:
    """P9: with everybody else's records replaced by such that say nothing, its incidents are the same to the last field."""
    folding = play(stream)
    alone = Folding(settings=SETTINGS)
    nothing = Folding(tenant="nobody").image()
    for record in folding.records:
        alone.fold_record(record if record.tenant in (None, tenant) else replace(record, payload=nothing))
    assert alone.incidents(tenant) == folding.incidents(tenant)


@QUICKLY
@given(acts())
def test_the_net_changes_of_a_batch_are_the_last_states(stream: list[Act]) -> None:
    folding = play(stream)
    changes = Changes()
    for decision in folding.decisions:
        changes.add(decision)
    loaded = dict(folding.state.loaded)
    assert changes.incidents == {key: value for key, value in loaded.items() if isinstance(value, Incident)}
    assert changes.alerts == {key: value for key, value in loaded.items() if isinstance(value, Alert)}
    assert changes.clock == folding.state.clock
    assert {key: timer for key, timer in changes.timers.items() if timer is not None} == dict(folding.state.timers.items())
