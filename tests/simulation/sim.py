"""Simulate the grouper in memory: random batches, crashes and cold caches must leave the rows of one straight fold.

Every run is its seed: `make sim SEED=7 RUNS=200`. A failure prints the command that repeats it.
"""

import argparse
import asyncio
import random
import sys
from collections import Counter, defaultdict
from collections.abc import Sequence

from tests.simulation.generator import seeds, stream
from tests.simulation.tables import Crash, Row, Tables, read_incident
from tests.support.images import records_of
from tocsin_contracts.image import Image
from tocsin_contracts.incident import AlertsCame, AlertsLeft, AlertsRecorded, AnyIncidentFact, decode_fact
from tocsin_contracts.status import AlertStatus
from tocsin_grouper.domain import episode_timer
from tocsin_grouper.domain.evolve import Place, evolve
from tocsin_grouper.domain.fold import LogRecord
from tocsin_grouper.domain.state import Incident
from tocsin_grouper.handler import PartitionHandler
from tocsin_runtime.log import Record

RECORDS = 400
_BATCHES = (1, 1, 2, 7, 30, 500)


async def straight(records: Sequence[Record], size: int = 10**9) -> Tables:
    """Fold all records in batches of one size, without any trouble."""
    tables = Tables()
    handler = await _handler(tables)
    for start in range(0, len(records), size):
        await handler.handle(records[start : start + size])
    return tables


async def troubled(records: Sequence[Record], rng: random.Random) -> Tables:
    """Fold all records in random batches; the worker dies, forgets, and reads again what it had read."""
    tables = Tables()
    handler = await _handler(tables, rng)
    while tables.claim.next < len(records):
        again = rng.choice([0, 0, 0, 1, 5])
        start = max(0, tables.claim.next - again)
        tables.crash_at = rng.choice([None, None, None, None, "before", "behind"])
        try:
            await handler.handle(records[start : tables.claim.next + rng.choice(_BATCHES)])
        except Crash:
            handler = await _handler(tables, rng)
        else:
            if rng.random() < 0.1:
                handler = await _handler(tables, rng)
    return tables


async def _handler(tables: Tables, rng: random.Random | None = None) -> PartitionHandler:
    """Take the partition with nothing in memory; with an `rng`, with a cache that is often too small."""
    cached_max = 100_000 if rng is None else rng.choice([1, 10, 100_000])
    return PartitionHandler(tables, tables.claim, await tables.load_partition(0), cached_max=cached_max)


def violations(tables: Tables, records: Sequence[LogRecord]) -> list[str]:
    """Say which promises the rows break."""
    return [*_outcomes(tables, records), *_histories(tables), *_counts(tables)]


def _outcomes(tables: Tables, records: Sequence[LogRecord]) -> list[str]:
    """P2: every delivery has exactly one outcome, and nothing else has one."""
    expected = {tuple(record.position) for record in records if isinstance(record.payload, Image)}
    return [f"the outcome of {place} is missing or invented" for place in expected ^ set(tables.deliveries)]


def _histories(tables: Tables) -> list[str]:
    """P3: versions are gapless, and the facts of an incident alone give the incident."""
    found: list[str] = []
    for incident, facts in facts_by_incident(tables).items():
        if [fact.version for _, fact in facts] != list(range(1, len(facts) + 1)):
            found.append(f"the versions of {incident} have gaps")
            continue
        state: Incident | None = None
        for row, fact in facts:
            state = evolve(state, fact, Place(row["tenant_id"], row["offset"], 0, 0))
        kept = read_incident(tables.incidents[facts[0][0]["tenant_id"], incident])
        differing = [
            name
            for name in Incident.__dataclass_fields__
            if name not in ("over_observed", "turned_observed") and getattr(state, name) != getattr(kept, name)
        ]
        found += [f"the facts of {incident} give another {name}" for name in differing]
    return found


def facts_by_incident(tables: Tables) -> dict[str, list[tuple[Row, AnyIncidentFact]]]:
    """Read the facts back, in log order."""
    found: dict[str, list[tuple[Row, AnyIncidentFact]]] = defaultdict(list)
    for _, row in sorted(tables.facts.items()):
        fact = decode_fact(row["kind"], row["incident_id"], row["version"], row["at"], row["body"])
        found[row["incident_id"]].append((row, fact))
    return found


def _counts(tables: Tables) -> list[str]:
    """The counts that decisions stand on are those of the rows; every active episode has a timer, no other alert has one."""
    found: list[str] = []
    active = Counter(
        row["incident_id"] for row in tables.alerts.values() if AlertStatus(row["status"]).is_active and row["incident_id"]
    )
    members: Counter[str] = Counter()  # one that joined another incident, and came back, counts anew
    events: Counter[str] = Counter()
    for incident, facts in facts_by_incident(tables).items():
        for _, fact in facts:
            if isinstance(fact, AlertsRecorded):
                members[incident] += len(fact.joined)
                events[incident] += fact.events
            elif isinstance(fact, AlertsCame | AlertsLeft):
                sign = 1 if isinstance(fact, AlertsCame) else -1
                members[incident] += sign * len(fact.alerts)
                events[incident] += sign * fact.events
    for (_, name), row in tables.incidents.items():
        told = (row["firing_count"], row["alert_count"], row["event_count"])
        if told != (active[name], members[name], events[name]):
            found.append(f"the counts of {name} are {told}")
    armed = {(key.tenant, timer.subject) for key, timer in tables.timers.items() if timer.kind == episode_timer.KIND}
    firing = {
        key for key, row in tables.alerts.items() if AlertStatus(row["status"]).is_active and (row["incident_id"] or row["held"])
    }
    return found + [f"alert {key} and its timer disagree" for key in armed ^ firing]


def simulate(seed: int, count: int = RECORDS) -> list[str]:
    """Run one simulation.

    Returns:
        What was violated, in words; nothing if all promises held.
    """
    records = stream(seed, count)
    encoded = records_of(records)
    plain = asyncio.run(straight(encoded))
    hurt = asyncio.run(troubled(encoded, random.Random(~seed)))
    found = violations(plain, records)
    before, after = plain.dump(), hurt.dump()
    return found + [f"{name} differs behind crashes" for name in before if before[name] != after[name]]


def digest(seed: int, count: int = RECORDS) -> str:
    """Hash all rows of a generated stream."""
    return asyncio.run(straight(records_of(stream(seed, count)))).digest()


def main() -> int:
    """Run a series of simulations."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--records", type=int, default=RECORDS)
    asked = parser.parse_args()
    for number, seed in enumerate(seeds(asked.seed, asked.runs), start=1):
        found = simulate(seed, asked.records)
        if found:
            print(*found, sep="\n")  # noqa: T201 # a command's output
            print(f"FAILED: make sim SEED={seed} RUNS=1" + (f" (--records {asked.records})" if asked.records != RECORDS else ""))  # noqa: T201
            return 1
        if number % 50 == 0:
            print(f"{number} of {asked.runs} runs hold")  # noqa: T201
    print(f"runs {asked.runs} from seed {asked.seed}, records {asked.records} each, violations 0")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
