"""Holds what was decided about commands against the log and against what callers were told.

Every command of the log has one row, at its first record; its facts stand at that record and nowhere else, as many as it asks
for; whoever was told an outcome was told that row; who was told "later" finds it.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from tests.simulation.findings import Findings
from tests.simulation.ledger import Ledger, Ordered, Said
from tests.support.system import System
from tocsin_contracts.command import Bulk, Command, Merge, SetRules, Split, Undo, decode_command
from tocsin_contracts.position import Position
from tocsin_runtime.postgres import Connection
from tocsin_runtime.queries import parse

_QUERIES = parse((Path(__file__).parent / "decisions.sql").read_text(), "decisions.sql")
_OURS = frozenset({"type", "title", "status", "detail", "instance", "command_id", "current"})
"""Members of a problem that are not the outcome's."""
Name = tuple[str, str]
"""Tenant and key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """One row of `commands`."""

    position: Position
    applied: bool
    status: int
    detail: Mapping[str, Any]

    def fits(self, said: Said) -> bool:
        """Tell whether a caller was told this."""
        if said.status != self.status or self.applied is not (said.status == 200):
            return False
        if self.applied:
            return {name: value for name, value in said.body.items() if name != "command_id"} == self.detail
        return {name: value for name, value in said.body.items() if name not in _OURS} == {
            name: value for name, value in self.detail.items() if name not in _OURS
        }


class Decisions:
    """Reads the log's commands and their rows side by side, each range once, in order."""

    def __init__(self, system: System, ledger: Ledger, findings: Findings) -> None:
        self.checked = 0
        """Commands of the log held against their rows."""
        self._system = system
        self._ledger = ledger
        self._findings = findings
        self._first: dict[Name, Position] = {}
        self._rows: dict[Name, Decided] = {}
        self._fresh: dict[Position, Command] = {}
        self._told: Counter[Name] = Counter()

    def read(self, position: Position, value: bytes) -> None:
        """Take a command's record; one that was appended again is decided no second time."""
        command = decode_command(value)
        name = (command.tenant, command.id)
        if self._ledger.find(*name) is None:
            self._findings.invented.append(f"{position}: nobody ordered {command.id}")
        elif name not in self._first:
            self._first[name] = position
            self._fresh[position] = command

    async def check(self, connection: Connection, partition: int, begin: int, end: int) -> None:
        """Check the rows and facts of a range."""
        rows = {row["offset"]: row for row in await connection.fetch(_QUERIES["decided"], partition, begin, end)}
        told = await connection.fetch(_QUERIES["deeds"], partition, begin, end)
        deeds = {(row["offset"], row["tenant_id"], row["command"]): row["facts"] for row in told}
        for position, command in list(self._fresh.items()):
            if position.partition == partition and position.offset < end:
                self._compare(position, command, rows.pop(position.offset, None), deeds)
                del self._fresh[position]
                self.checked += 1
        for offset in rows:
            self._findings.invented.append(f"{partition}:{offset} has a decision, and the log no new command")
        for offset, tenant, key in deeds:
            where = self._findings.twice if (tenant, key) in self._first else self._findings.invented
            where.append(f"{partition}:{offset} has facts of {tenant}'s {key}, which was not applied there")

    async def check_all(self, connection: Connection) -> None:
        """Check what needs the whole: versions of rules, and one for each command that was applied."""
        for row in await connection.fetch(_QUERIES["rules"]):
            self._findings.other.append(f"rules: {dict(row)}")

    def check_answers(self) -> None:
        """Hold what callers were told since the last look against the rows."""
        for ordered in self._ledger:
            name = (ordered.tenant, ordered.order.key)
            seen, decided = self._told[name], self._rows.get(name)
            if decided is None or seen == len(ordered.said):
                continue
            self._told[name] = len(ordered.said)
            for said in ordered.said[seen:]:
                if said.is_decision and not decided.fits(said):
                    self._findings.other.append(f"{name} was told {said}, and the row says {decided}")
                elif said.is_final and not said.is_decision:
                    self._findings.other.append(f"{name} was refused by the gateway ({said}), and was decided: {decided}")
        wrong = {status: count for status, count in self._ledger.statuses.items() if status >= 500 and status != 503}
        if wrong:
            self._findings.other.append(f"commands were answered by status {wrong}")

    async def close_books(self, keys: Mapping[str, str]) -> None:
        """Check, with nobody asking any more, that whoever was promised an outcome finds it; `keys` are tenants' API keys."""
        for ordered in self._unseen():
            self._findings.lost.append(f"{ordered.order.key} was told {ordered.said[-1]}, and the log does not have it")
        for ordered in self._ledger:
            decided = self._rows.get((ordered.tenant, ordered.order.key))
            if decided is not None and not ordered.is_answered:
                await self._ask(ordered, decided, keys[ordered.tenant])

    def _unseen(self) -> Iterator[Ordered]:
        return (each for each in self._ledger if each.was_taken and (each.tenant, each.order.key) not in self._first)

    async def _ask(self, ordered: Ordered, decided: Decided, key: str) -> None:
        """Look for an outcome that its caller never heard."""
        answer = await self._system.get(f"/api/v1/commands/{ordered.order.key}", key)
        shown = answer.json() if answer.status == 200 else {"status": f"answered {answer.status}"}
        if shown["status"] != decided.status:
            self._findings.other.append(f"{ordered.order.key} shows {shown}, and the row says {decided}")

    def _compare(self, position: Position, command: Command, row: Any, deeds: dict[tuple[int, str, str], int]) -> None:
        """Hold one command against its row and its facts; takes the facts out of `deeds`."""
        facts = deeds.pop((position.offset, command.tenant, command.id), 0)
        if row is None or (row["tenant_id"], row["id"]) != (command.tenant, command.id):
            self._findings.lost.append(f"{position}: {command.id} has no decision")
            return
        detail = orjson.loads(row["detail"])
        decided = Decided(position=position, applied=row["outcome"] == "applied", status=row["status"], detail=detail)
        self._rows[command.tenant, command.id] = decided
        least, most = _facts_of(command, decided)
        if facts < least:
            self._findings.lost.append(f"{position}: {command.id} has {facts} facts, and asks for {least}")
        elif facts > most:
            self._findings.twice.append(f"{position}: {command.id} has {facts} facts, and asks for {most}")


def _facts_of(command: Command, decided: Decided) -> tuple[int, int]:
    """Say how many facts a command has: at least and at most."""
    if not decided.applied:
        return 0, 0
    match command.body:
        case SetRules():
            return 0, 0
        case Bulk():
            applied = int(decided.detail["applied"])
            return applied, applied
        case Merge(sources=sources):
            return 2 * len(set(sources)), 2 * len(set(sources))
        case Split():
            return 2, 2
        case Undo():
            return 1, 2
        case _:
            return 1, 1
