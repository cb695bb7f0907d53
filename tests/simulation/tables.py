"""The grouper's store in memory: it takes the rows that the adapter would write, and does with them what the SQL does.

So batches, crashes and caches can be tried a thousand times a minute. `tests/integration/grouper` holds the real one to the
same rows.
"""

import hashlib
import re
from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from tocsin_contracts.incident import AnyIncidentFact, decode_fact
from tocsin_contracts.severity import Severity
from tocsin_contracts.status import AlertStatus, EventStatus, IncidentStatus
from tocsin_grouper.adapters import rows, schema
from tocsin_grouper.domain import policy
from tocsin_grouper.domain.changes import Changes
from tocsin_grouper.domain.keys import (
    ActionKey,
    AlertKey,
    CommandKey,
    DeliveryKey,
    GroupKey,
    IncidentKey,
    Key,
    MembersKey,
    MergedKey,
    OpeningKey,
    SenderKey,
    TextsKey,
    TimerKey,
    UnresolvedKey,
)
from tocsin_grouper.domain.partition import PartitionState
from tocsin_grouper.domain.rules import Rules, read_rules
from tocsin_grouper.domain.state import (
    Alert,
    DecidedCommand,
    Group,
    Incident,
    Members,
    Merged,
    PartitionClock,
    RecordedDelivery,
    SenderDelivery,
    Texts,
    Timer,
    Unresolved,
    Value,
)
from tocsin_grouper.domain.timers import Timers
from tocsin_runtime.fence import Claim, Fenced

Row = dict[str, Any]


def _fields_of(name: str) -> tuple[str, ...]:
    """Read from the DDL what a type says, in its order."""
    found = re.search(rf"CREATE TYPE proj\.{name} AS \((.*?)\);", schema.ddl(), re.DOTALL)
    assert found is not None
    return tuple(field.split()[0] for field in found[1].split(","))


_CHANGED_INCIDENT, _CHANGED_ALERT, _CHANGED_BODY = (_fields_of(name) for name in ("moved_incident", "moved_alert", "said_body"))
_STAYS_IF_NULL = frozenset({
    "title", "description", "service", "environment", "team", "host", "link", "labels", "metadata", "category", "reason",
})  # fmt: skip


class Crash(Exception):  # noqa: N818 # a simulated death, caught by the simulation alone
    """The worker died at its write: before the commit, or behind it without hearing of it."""


class Tables:
    """One partition's rows, and its progress. `crash_at` makes the next write die."""

    def __init__(self, partition: int = 0) -> None:
        self.claim = Claim(
            generation="live", consumer="grouper", partition=partition, topic_id="t", next=0, source_next=None, epoch=1
        )
        self.facts: dict[tuple[Any, ...], Row] = {}
        self.alert_events: list[Row] = []
        self.deliveries: dict[tuple[Any, ...], Row] = {}
        self.commands: dict[tuple[Any, ...], Row] = {}
        self.incident_actions: list[Row] = []
        self.incidents: dict[tuple[Any, ...], Row] = {}
        self.groups: dict[tuple[Any, ...], Group] = {}
        self.rule_sets: dict[tuple[Any, ...], Row] = {}
        self.gateways: dict[str, int] = {}
        self.alerts: dict[tuple[Any, ...], Row] = {}
        self.alert_bodies: dict[tuple[Any, ...], Row] = {}
        self.timers: dict[TimerKey, Timer] = {}
        self.refusals: dict[tuple[str, str], int] = {}
        self.erased: dict[str, int] = {}
        self.leaving: frozenset[str] = frozenset()
        self.clock: PartitionClock | None = None
        self.crash_at: str | None = None

    async def load_partition(self, partition: int) -> PartitionState:
        return PartitionState(
            clock=self.clock,
            refusals=dict(self.refusals),
            timers=Timers(self.timers),
            erased=dict(self.erased),
            leaving=self.leaving,
            rules=self._rules(),
            gateways=dict(self.gateways),
        )

    async def load(self, keys: Sequence[Key]) -> dict[Key, Value | None]:
        return {key: self._load(key) for key in keys}

    async def write(self, claim: Claim, changes: Changes, *, next: int, source_next: int) -> Claim:  # noqa: A002 # the port's name
        crash, self.crash_at = self.crash_at, None
        if crash == "before":
            raise Crash
        if claim != self.claim:
            raise Fenced
        self._erase(changes)
        self._append(changes)
        self._write_incidents(changes)
        self._write_alerts(changes)
        for key, timer in changes.timers.items():
            if timer is None:
                self.timers.pop(key, None)
            else:
                self.timers[key] = timer
        self.refusals.update(changes.refusals)
        for name, observed in changes.gateways.items():
            if observed is None:
                self.gateways.pop(name, None)
            else:
                self.gateways[name] = observed
        self.clock = changes.clock or self.clock
        moved = Claim(
            generation=claim.generation, consumer=claim.consumer, partition=claim.partition, topic_id=claim.topic_id, next=next,
            source_next=source_next, epoch=claim.epoch,
        )  # fmt: skip
        self.claim = moved
        if crash == "behind":
            raise Crash
        return moved

    def dump(self) -> dict[str, list[str]]:
        """Give every table as sorted text."""
        tables: dict[str, Iterable[object]] = {
            "facts": self.facts.values(), "alert_events": self.alert_events, "deliveries": self.deliveries.values(),
            "commands": self.commands.values(), "incident_actions": self.incident_actions, "incidents": self.incidents.values(),
            "groups": self.groups.items(), "alerts": self.alerts.values(), "alert_bodies": self.alert_bodies.values(),
            "timers": self.timers.items(), "refusals": self.refusals.items(), "partitions": [self.clock],
            "erased": self.erased.items(), "rule_sets": self.rule_sets.values(), "gateways": self.gateways.items(),
        }  # fmt: skip
        return {name: sorted(repr(row) for row in found) for name, found in tables.items()}

    def digest(self) -> str:
        """Hash all rows."""
        return hashlib.sha256(repr(self.dump()).encode()).hexdigest()

    def _erase(self, changes: Changes) -> None:
        for tenant, offset in changes.erased.items():
            self.erased.setdefault(tenant, offset)
            self.facts = {key: row for key, row in self.facts.items() if row["tenant_id"] != tenant}
            self.alert_events = [row for row in self.alert_events if row["tenant_id"] != tenant]
            self.deliveries = {key: row for key, row in self.deliveries.items() if row["tenant_id"] != tenant}
            self.incident_actions = [row for row in self.incident_actions if row["tenant_id"] != tenant]
            kept = (
                self.commands, self.incidents, self.groups, self.alerts, self.alert_bodies, self.timers, self.refusals,
                self.rule_sets,
            )  # fmt: skip
            for table in kept:
                for key in [key for key in table if key[0] == tenant]:
                    del table[key]  # type: ignore[arg-type] # each table has keys of its own type, and all begin with the tenant

    def _append(self, changes: Changes) -> None:
        for row in _named(rows.FACTS, rows.facts(changes)):
            _insert(self.facts, (row["partition"], row["offset"], row["tenant_id"], row["seq"]), row)
        self.alert_events += _named(rows.EVENTS, rows.events(changes))
        for row in _named(rows.DELIVERIES, rows.deliveries(changes)):
            _insert(self.deliveries, (row["partition"], row["offset"]), row | {"redriven_to": None})
        for row in _named(rows.COMMANDS, rows.commands(changes)):
            _insert(self.commands, (row["tenant_id"], row["id"]), row)
        self.incident_actions += _named(rows.ACTIONS, rows.actions(changes))
        for row in _named(rows.RULE_SETS, rows.rule_sets(changes)):
            _insert(self.rule_sets, (row["tenant_id"], row["version"]), row)
        for fact in changes.redriven:
            if (fact.partition, fact.offset) not in self.deliveries:
                continue  # of a tenant that the batch erased
            self.deliveries[fact.partition, fact.offset] |= {"outcome": "redriven", "redriven_to": fact.to}

    def _write_incidents(self, changes: Changes) -> None:
        for row in _named(rows.INCIDENTS, rows.opened_incidents(changes)):
            _insert(self.incidents, (row["tenant_id"], row["id"]), row)
        for row in _named(_CHANGED_INCIDENT, rows.changed_incidents(changes)):
            self.incidents[row["tenant_id"], row["id"]] |= _said(row)
        self.groups.update({(key.tenant, key.group): group for key, group in changes.groups.items()})

    def _write_alerts(self, changes: Changes) -> None:
        for row in _named(rows.ALERTS, rows.new_alerts(changes, self.claim.partition)):
            _insert(self.alerts, (row["tenant_id"], row["id"]), row)
        for row in _named(_CHANGED_ALERT, rows.changed_alerts(changes)):
            self.alerts[row["tenant_id"], row["id"]] |= _said(row)
        for row in _named(rows.BODIES, rows.new_bodies(changes, self.claim.partition)):
            _insert(self.alert_bodies, (row["tenant_id"], row["alert_id"]), row)
        for row in _named(_CHANGED_BODY, rows.changed_bodies(changes)):
            self.alert_bodies[row["tenant_id"], row["alert_id"]] |= _said(row)

    def _load(self, key: Key) -> Value | None:
        match key:
            case AlertKey(tenant, name):
                return _alert(self.alerts.get((tenant, name)))
            case IncidentKey(tenant, name):
                return read_incident(self.incidents.get((tenant, name)))
            case GroupKey(tenant, name):
                return self.groups.get((tenant, name))
            case OpeningKey(tenant, incident):
                return self._fact(tenant, incident, 1)
            case ActionKey(tenant, incident, version):
                return self._fact(tenant, incident, version)
            case MembersKey(tenant, incident):
                found = [
                    row["id"] for row in self.alerts.values() if (row["tenant_id"], row["incident_id"]) == (tenant, incident)
                ]
                return Members(alerts=tuple(sorted(found)))
            case MergedKey(tenant, incident):
                rows_of_tenant = (row for row in self.incidents.values() if row["tenant_id"] == tenant)
                return Merged(incidents=tuple(sorted(row["id"] for row in rows_of_tenant if row["merged_into"] == incident)))
            case UnresolvedKey(tenant):
                found = [row["id"] for row in self.incidents.values() if row["tenant_id"] == tenant and not _is_over(row)]
                return Unresolved(incidents=tuple(sorted(found)))
            case TextsKey(tenant, name):
                return _texts(self.alerts.get((tenant, name)), self.alert_bodies.get((tenant, name)))
            case CommandKey(tenant, name):
                row = self.commands.get((tenant, name))
                return None if row is None else DecidedCommand(request_hash=row["request_hash"])
            case DeliveryKey(partition, offset):
                row = self.deliveries.get((partition, offset))
                return None if row is None else _named_row(RecordedDelivery, row, tenant="tenant_id")
            case SenderKey():
                return self._sender(key)

    def _fact(self, tenant: str, incident: str, version: int) -> AnyIncidentFact | None:
        for row in self.facts.values():
            if (row["tenant_id"], row["incident_id"], row["version"]) == (tenant, incident, version):
                return decode_fact(row["kind"], incident, version, row["at"], row["body"])
        return None

    def _rules(self) -> dict[str, Rules]:
        newest = {row["tenant_id"]: row for row in sorted(self.rule_sets.values(), key=lambda row: int(row["version"]))}
        return {tenant: read_rules(row["version"], orjson.loads(row["document"])) for tenant, row in newest.items()}

    def _sender(self, key: SenderKey) -> SenderDelivery | None:
        wanted = (key.tenant, key.integration, key.sender_id, "processed")
        found = [
            row
            for row in self.deliveries.values()
            if (row["tenant_id"], row["integration_id"], row["sender_id"], row["outcome"]) == wanted
        ]
        newest = max(found, key=lambda row: (row["logged_at"], row["offset"]), default=None)
        return None if newest is None else SenderDelivery(offset=newest["offset"], logged_at=newest["logged_at"])


def _named(columns: Sequence[str], found: Iterable[rows.Row]) -> list[Row]:
    return [dict(zip(columns, row, strict=True)) for row in found]


def _said(row: Row) -> Row:
    """Leave out what was not said anew: it stays."""
    return {name: value for name, value in row.items() if value is not None or name not in _STAYS_IF_NULL}


def _insert(table: dict[tuple[Any, ...], Row], key: tuple[Any, ...], row: Row) -> None:
    """Insert a row as COPY does: a second one of the same key is an error."""
    assert key not in table, f"a second row {key}"
    table[key] = row


def _is_over(row: Row) -> bool:
    return IncidentStatus(row["status"]).is_over


def _named_row(kind: type[Any], row: Row, **renamed: str) -> Any:
    return kind(**{name: row[renamed.get(name, name)] for name in kind.__dataclass_fields__})


def _alert(row: Row | None) -> Alert | None:
    if row is None:
        return None
    typed = row | {
        "status": AlertStatus(row["status"]),
        "severity": Severity(row["severity"]),
        "content_status": EventStatus(row["content_status"]),
    }
    found = _named_row(Alert, typed, tenant="tenant_id", integration="integration_id", incident="incident_id")
    assert isinstance(found, Alert)
    return found


def _texts(row: Row | None, body: Row | None) -> Texts | None:
    if row is None or body is None:
        return None
    found = _named_row(Texts, body | row | {"labels": orjson.loads(body["labels"])})
    assert isinstance(found, Texts)
    return found


def read_incident(row: Row | None) -> Incident | None:
    """Read an incident from its row."""
    if row is None:
        return None
    typed = row | {
        "status": IncidentStatus(row["status"]),
        "severity": Severity(row["severity"]),
        "worst": Severity(row["worst"]),
        "policy": policy.read(orjson.loads(row["policy"])),
        "recent": tuple(zip(row["recent"][::2], row["recent"][1::2], strict=True)),
    }
    found = _named_row(Incident, typed, tenant="tenant_id", integration="integration_id")
    assert isinstance(found, Incident)
    return found
