"""Holds the projection against the journal: nothing lost, nothing twice, nothing invented, versions gapless, rebuilds equal."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from tests.simulation.decisions import Decisions
from tests.simulation.deliveries import body_key
from tests.simulation.expectation import StoryExpectation
from tests.simulation.findings import Findings
from tests.simulation.journal import Acked, Fate, Journal
from tests.simulation.ledger import Ledger
from tests.simulation.load import Owner
from tests.support.system import System
from tocsin_contracts import envelope
from tocsin_contracts.ids import delivery_id, parse_delivery_id
from tocsin_contracts.outcome import Outcome
from tocsin_contracts.position import Position
from tocsin_contracts.topics import LOG
from tocsin_runtime.kafka_log import KafkaLog
from tocsin_runtime.postgres import Connection
from tocsin_runtime.queries import parse

READS_AT_ONCE = 3
"""Of one tenant; below the bound of the query service."""
_QUERIES = parse((Path(__file__).parent / "invariants.sql").read_text(), "invariants.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a delivery in the log must have become."""

    delivery: str
    outcome: Outcome
    alerts: int


class Checker:
    """Reads the log and the projection side by side, each range once, in order."""

    def __init__(self, system: System, journal: Journal, ledger: Ledger, owners: Mapping[str, Owner]) -> None:
        self.findings = Findings()
        self.decisions = Decisions(system, ledger, self.findings)
        self.checked = 0
        """Deliveries of the log held against their outcome."""
        self._system = system
        self._journal = journal
        self._owners = owners
        self._next = dict.fromkeys(range(system.partitions), 0)
        self._stories: dict[int, StoryExpectation] = {}
        self._stored: dict[str, list[Position]] = {}
        self._unseen: list[Acked] = []
        self._acked = 0

    async def check(self, ends: Mapping[int, int]) -> None:
        """Check everything before `ends`, which the projection has reached, that was not checked yet."""
        expected = await self._read_log(ends)
        async with self._system.db() as connection:
            for partition, end in ends.items():
                await self._check_outcomes(connection, partition, end, expected)
                await self.decisions.check(connection, partition, self._next[partition], end)
                await self._none(connection, "versions", partition, self._next[partition], end)
        await self._check_acked(ends, expected)
        self._check_answers()
        self.decisions.check_answers()
        self._next.update(ends)
        self.checked += len(expected)

    async def check_all(self) -> None:
        """Check what needs the whole: counts, and a rebuild's hashes (P5)."""
        async with self._system.db() as connection:
            for rule in ("heads", "alerts", "incidents", "members"):
                await self._none(connection, rule)
            await self.decisions.check_all(connection)
        differs = [table.table for table in await self._system.verify() if not table.equal]
        self.findings.rebuilds += 1
        self.findings.rebuilds_equal += not differs
        if differs:
            self.findings.other.append(f"a rebuild differs in {', '.join(differs)}")

    async def close_books(self) -> None:
        """Check, with nobody sending and all checked, that each body is stored as often as its answers allow."""
        await self.decisions.close_books({tenant: owner.key for tenant, owner in self._owners.items()})
        for acked in self._unseen:
            self.findings.lost.append(f"{acked.delivery} lies behind the log's end")
        for sent in self._journal:
            stored, sure = len(self._stored.get(sent.told.key, ())), sent.count(Fate.OK)
            most = sure + sent.count(Fate.UNKNOWN)
            if stored < sure:
                self.findings.lost.append(f"{sent.told.marker}: answered 202 {sure} times, stored {stored} times")
            elif stored > most:
                where = self.findings.twice if most else self.findings.invented
                where.append(f"{sent.told.marker}: stored {stored} times, sent {most} times")

    async def _read_log(self, ends: Mapping[int, int]) -> dict[Position, Expected]:
        expected: dict[Position, Expected] = {}
        reader = KafkaLog(self._system.kafka).reader()
        await reader.start()
        try:
            for partition, end in ends.items():
                async for records in reader.scan(LOG, partition, self._next[partition], end):
                    for record in records:
                        match envelope.kind_of(record.headers):
                            case envelope.Kind.DELIVERY:
                                self._expect(Position(partition, record.offset), record.value, expected)
                            case envelope.Kind.COMMAND | envelope.Kind.RULE_SET:
                                self.decisions.read(Position(partition, record.offset), record.value)
        finally:
            await reader.close()
        return expected

    def _expect(self, position: Position, body: bytes, expected: dict[Position, Expected]) -> None:
        key = body_key(body)
        sent = self._journal.find(key)
        if sent is None:
            self.findings.invented.append(f"{position}: nobody sent {body[:80]!r}")
            return
        self._stored.setdefault(key, []).append(position)
        outcome = self._stories.setdefault(sent.told.story, StoryExpectation()).expect(sent.told)
        alerts = sent.told.alerts if outcome is Outcome.PROCESSED else 0
        expected[position] = Expected(delivery=delivery_id(sent.tenant, position), outcome=outcome, alerts=alerts)

    async def _check_outcomes(
        self, connection: Connection, partition: int, end: int, expected: Mapping[Position, Expected]
    ) -> None:
        """Hold one row a delivery, and its alert events, against what must be there."""
        rows: dict[int, list[Any]] = {}
        for row in await connection.fetch(_QUERIES["deliveries"], partition, self._next[partition], end):
            rows.setdefault(row["offset"], []).append(row)
        found = await connection.fetch(_QUERIES["events"], partition, self._next[partition], end)
        events = {row["offset"]: list(row["seqs"]) for row in found}
        for position, wanted in expected.items():
            if position.partition == partition:
                self._compare(position, wanted, rows.pop(position.offset, []), events.pop(position.offset, []))
        for offset in sorted(rows.keys() | events.keys()):
            self.findings.invented.append(f"{partition}:{offset} has rows, and the log no delivery")

    def _compare(self, position: Position, wanted: Expected, rows: list[Any], seqs: list[int]) -> None:
        if len(rows) != 1:
            (self.findings.twice if rows else self.findings.lost).append(f"{position} has {len(rows)} outcomes")
            return
        row = rows[0]
        if row["id"] != wanted.delivery:
            self.findings.other.append(f"{position} has the id {row['id']} instead of {wanted.delivery}")
        if row["outcome"] != wanted.outcome:
            applied = row["outcome"] == Outcome.PROCESSED
            where = self.findings.lost if wanted.alerts else self.findings.twice if applied else self.findings.other
            where.append(f"{position} ({wanted.delivery}) is {row['outcome']} and should be {wanted.outcome}")
        if seqs != list(range(wanted.alerts)):
            where = self.findings.lost if len(seqs) < wanted.alerts else self.findings.twice
            where.append(f"{position}: alert events {seqs} instead of {wanted.alerts}")

    async def _check_acked(self, ends: Mapping[int, int], expected: Mapping[Position, Expected]) -> None:
        """Ask for every delivery that was answered 202, as its sender would."""
        fresh, self._unseen = [*self._unseen, *self._journal.acked[self._acked :]], []
        self._acked = len(self._journal.acked)
        turns = {tenant: asyncio.Semaphore(READS_AT_ONCE) for tenant in self._owners}
        asked: list[tuple[Acked, Expected]] = []
        for acked in fresh:
            position = parse_delivery_id(acked.sent.tenant, acked.delivery)
            if position.offset >= ends[position.partition]:
                self._unseen.append(acked)
            elif position in expected and position in self._stored.get(acked.sent.told.key, ()):
                asked.append((acked, expected[position]))
            else:
                self.findings.lost.append(f"{acked.delivery}: the log holds something else at {position}")
        async with aiohttp.ClientSession(self._system.instance("query").url) as session:
            await asyncio.gather(*(self._ask(session, turns, acked, wanted) for acked, wanted in asked))

    async def _ask(
        self, session: aiohttp.ClientSession, turns: Mapping[str, asyncio.Semaphore], acked: Acked, wanted: Expected
    ) -> None:
        headers = {"authorization": f"Bearer {self._owners[acked.sent.tenant].key}"}
        async with (
            turns[acked.sent.tenant],
            session.get(f"/api/v1/deliveries/{acked.delivery}", headers=headers) as answer,
        ):
            shown = await answer.json() if answer.status == 200 else {"outcome": f"status {answer.status}"}
        if shown["outcome"] != wanted.outcome:
            self.findings.other.append(f"{acked.delivery} shows {shown['outcome']} and should show {wanted.outcome}")

    def _check_answers(self) -> None:
        """Allow no answer of 500 and above but 503: that says 'later' and means it."""
        wrong = {status: count for status, count in self._journal.statuses.items() if status >= 500 and status != 503}
        if wrong:
            self.findings.other.append(f"answers by status {wrong}")

    async def _none(self, connection: Connection, rule: str, *arguments: object) -> None:
        for row in await connection.fetch(_QUERIES[rule], *arguments):
            self.findings.other.append(f"{rule}: {dict(row)}")
