"""The projection in PostgreSQL: what the fold loads, and how a batch is written with its progress in one transaction."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import asyncpg
import orjson

from tocsin_contracts.incident import AnyIncidentFact, decode_fact
from tocsin_contracts.severity import Severity
from tocsin_contracts.status import AlertStatus, EventStatus, IncidentStatus
from tocsin_grouper.adapters import erasing, retention, rows, schema
from tocsin_grouper.adapters.codec import Connection
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
from tocsin_grouper.domain.rules import read_rules
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
    Waiting,
)
from tocsin_grouper.domain.timers import Timers
from tocsin_runtime import fence
from tocsin_runtime.fence import Claim


class Projection:
    """One partition's reader and writer of a projection schema, over one dedicated connection.

    The connection decodes `timestamptz` as µs (`codec.use_microseconds`) and JSON as text. After a swap it must be a new
    one: COPY and arrays of rows are written by remembered types.
    """

    def __init__(
        self,
        connection: Connection,
        name: str = schema.LIVE_SCHEMA,
        *,
        retention_days: int | None = None,
        heeds_erased: bool = True,
        erased_piece_rows: int = erasing.PIECE_ROWS,
    ) -> None:
        """Take a connection.

        Args:
            connection: as tocsin_grouper.
            name: of the schema.
            retention_days: old day tables go when a new day begins; None, as for a shadow, keeps them.
            heeds_erased: leave tenants out from the start of whom `control` says that they were erased.
            erased_piece_rows: rows of erased tenants deleted with one batch.
        """
        self.connection = connection
        self._retention = None if retention_days is None else retention.Retention(connection, name, retention_days)
        self._erasing = erasing.Erasing(connection, name, piece_rows=erased_piece_rows)
        self._schema = name
        self._queries = schema.queries(name)
        self._days: set[int] = set()
        self._heeds_erased = heeds_erased

    async def load_partition(self, partition: int) -> PartitionState:
        """Load the fold's own state of a partition; the records it needs come later, by key."""
        clock = await self.connection.fetchrow(self._queries["load_partition"], partition)
        refusals = await self.connection.fetch(self._queries["load_refusals"], partition)
        timers = await self.connection.fetch(self._queries["load_timers"], partition)
        erased = await self.connection.fetch(self._queries["load_erased"], partition)
        rules = await self.connection.fetch(self._queries["load_rules"], partition)
        gateways = await self.connection.fetch(self._queries["load_gateways"], partition)
        self._erasing.resume(row["tenant_id"] for row in erased)
        leaving = await self.connection.fetch(self._queries["load_leaving"], partition) if self._heeds_erased else []
        return PartitionState(
            clock=None if clock is None else PartitionClock(**clock),
            refusals={(row["tenant_id"], row["integration_id"]): row["owed"] for row in refusals},
            timers=Timers(
                {
                    TimerKey(row["tenant_id"], row["key"]): Timer(
                        kind=row["kind"], integration=row["integration_id"], subject=row["subject"], due=row["due"]
                    )
                    for row in timers
                }
            ),
            erased={row["tenant_id"]: row["offset"] for row in erased},
            leaving=frozenset(row["id"] for row in leaving),
            rules={row["tenant_id"]: read_rules(row["version"], orjson.loads(row["document"])) for row in rules},
            gateways={row["gateway"]: row["observed"] for row in gateways},
        )

    async def load_restored(self, partition: int) -> list[str]:
        """List tenants that the log erased and that `control` has all the same: a backup of before was restored."""
        return [row["tenant_id"] for row in await self.connection.fetch(self._queries["load_restored"], partition)]

    async def load(self, keys: Sequence[Key]) -> dict[Key, Value | None]:
        """Load records by key; a key without a row is there with None."""
        found: dict[Key, Value | None] = dict.fromkeys(keys)
        by_space: dict[str, list[Key]] = defaultdict(list)
        for key in found:
            by_space[key.space].append(key)
        for space, wanted in by_space.items():
            statement, read = _LOADERS[space]
            parts = [list(column) for column in zip(*(key[:-1] for key in wanted), strict=True)]
            for row in await self.connection.fetch(self._queries[statement], *parts):
                key, value = read(row)
                found[key] = value
        return found

    async def write(self, claim: Claim, changes: Changes, *, next: int, source_next: int) -> Claim:  # noqa: A002 # the column's name
        """Write a batch and its progress in one transaction, the fence first.

        Raises:
            Fenced: somebody else owns the partition; nothing was written.
        """
        async with self.connection.transaction():
            moved = await fence.advance(self.connection, claim, expected_next=claim.next, next=next, source_next=source_next)
            await self.write_rows(claim.partition, changes)
        if self._retention is not None and changes.clock is not None:
            await self._retention.keep(changes.clock.clock)
        return moved

    async def write_rows(self, partition: int, changes: Changes) -> None:
        """Write a batch's rows inside the caller's transaction; what is erased goes first, or begins to."""
        await self._erasing.erase(partition, changes.erased)
        await self._ensure_days(changes)
        await self._append(changes)
        await self._write_incidents(changes, partition)
        await self._write_alerts(changes, partition)
        await self._write_partition(changes, partition)
        await self._erasing.piece()

    async def _ensure_days(self, changes: Changes) -> None:
        days = {schema.day_of(stamp.clock) for stamp, _ in changes.deliveries} | {
            schema.day_of(stamp.clock) for stamp, _ in changes.events
        }
        for day in sorted(days - self._days):
            await schema.ensure_day(self.connection, self._schema, day)
            self._days.add(day)
            if self._retention is not None:
                self._retention.day_began()

    async def _append(self, changes: Changes) -> None:
        await self._copy("facts", rows.FACTS, rows.facts(changes))
        await self._copy("alert_events", rows.EVENTS, rows.events(changes))
        await self._copy("deliveries", rows.DELIVERIES, rows.deliveries(changes))
        await self._copy("commands", rows.COMMANDS, rows.commands(changes))
        await self._copy("incident_actions", rows.ACTIONS, rows.actions(changes))
        await self._copy("rule_sets", rows.RULE_SETS, rows.rule_sets(changes))
        redriven = [(fact.partition, fact.offset, fact.to) for fact in changes.redriven]
        await self._run("mark_redriven", redriven)

    async def _write_incidents(self, changes: Changes, partition: int) -> None:
        await self._copy("incidents", rows.INCIDENTS, rows.opened_incidents(changes))
        await self._merge("update_incidents", rows.changed_incidents(changes))
        await self._merge("save_groups", rows.groups(changes), partition)

    async def _write_alerts(self, changes: Changes, partition: int) -> None:
        await self._copy("alerts", rows.ALERTS, rows.new_alerts(changes, partition))
        await self._merge("update_alerts", rows.changed_alerts(changes))
        await self._copy("alert_bodies", rows.BODIES, rows.new_bodies(changes, partition))
        await self._merge("update_bodies", rows.changed_bodies(changes))

    async def _write_partition(self, changes: Changes, partition: int) -> None:
        armed = [
            (key.tenant, key.key, timer.kind, timer.integration, timer.subject, timer.due)
            for key, timer in changes.timers.items()
            if timer is not None
        ]
        cleared = [tuple(key) for key, timer in changes.timers.items() if timer is None]
        await self._merge("save_timers", armed, partition)
        await self._run("drop_timers", cleared, partition)
        owed = [(tenant, integration, micros) for (tenant, integration), micros in changes.refusals.items()]
        await self._run("save_refusals", owed, partition)
        ticked = [(name, observed) for name, observed in changes.gateways.items() if observed is not None]
        gone = [(name,) for name, observed in changes.gateways.items() if observed is None]
        await self._run("save_gateways", ticked, partition)
        await self._run("drop_gateways", gone, partition)
        clock = changes.clock
        if clock is not None:
            await self.connection.execute(
                self._queries["save_partition"], partition, clock.clock, clock.last_raw, clock.observed, clock.last_offset
            )

    async def _copy(self, table: str, columns: Sequence[str], records: list[rows.Row]) -> None:
        if records:
            await self.connection.copy_records_to_table(table, schema_name=self._schema, columns=columns, records=records)

    async def _merge(self, statement: str, records: list[rows.Row], *first: object) -> None:
        """Give the rows as one array of a type of the DDL."""
        if records:
            await self.connection.execute(self._queries[statement], *first, records)

    async def _run(self, statement: str, records: list[Any], *first: object) -> None:
        """Give the rows as an array a column: dearer, for few rows or few columns."""
        if records:
            await self.connection.execute(self._queries[statement], *first, *rows.columns(records))


def _alert(row: asyncpg.Record) -> tuple[Key, Value]:
    (
        tenant, name, integration, incident, status, severity, heartbeat, never_resolves, episode_at, occurred_at, opened_at,
        resolved_at, created_at, updated_at, last_seen_at, event_count, content, content_status, content_at, last_observed,
        group_window_s, silence_s, changed_offset, ruled_window_s, held,
    ) = row  # fmt: skip
    return AlertKey(tenant, name), Alert(
        tenant=tenant,
        id=name,
        integration=integration,
        incident=incident,
        status=AlertStatus(status),
        severity=Severity(severity),
        heartbeat=heartbeat,
        never_resolves=never_resolves,
        episode_at=episode_at,
        occurred_at=occurred_at,
        opened_at=opened_at,
        resolved_at=resolved_at,
        created_at=created_at,
        updated_at=updated_at,
        last_seen_at=last_seen_at,
        event_count=event_count,
        content=content,
        content_status=EventStatus(content_status),
        content_at=content_at,
        last_observed=last_observed,
        group_window_s=group_window_s,
        silence_s=silence_s,
        changed_offset=changed_offset,
        ruled_window_s=ruled_window_s,
        held=held,
    )


def _incident(row: asyncpg.Record) -> tuple[Key, Value]:
    values = dict(row)
    tenant, name = values.pop("tenant_id"), values.pop("id")
    values["status"] = IncidentStatus(values["status"])
    values["severity"] = Severity(values["severity"])
    values["worst"] = Severity(values["worst"])
    values["policy"] = policy.read(orjson.loads(values["policy"]))
    recent = values["recent"]
    values["recent"] = tuple(zip(recent[::2], recent[1::2], strict=True))
    return IncidentKey(tenant, name), Incident(tenant=tenant, id=name, **values)


def _group(row: asyncpg.Record) -> tuple[Key, Value]:
    held = tuple(_waiting(*each) for each in orjson.loads(row["held"])) if row["held"] != "[]" else ()
    group = Group(incident=row["incident_id"], held=held, openings=tuple(row["openings"]))
    return GroupKey(row["tenant_id"], row["group_key"]), group


def _waiting(alert: str, since: int, severity: str | None, reason: str | None, events: list[list[int]]) -> Waiting:
    minutes = tuple((minute, count) for minute, count in events)
    worst = None if severity is None else Severity(severity)
    return Waiting(alert=alert, since=since, severity=worst, reason=reason, events=minutes)


def _opening(row: asyncpg.Record) -> tuple[Key, Value]:
    return OpeningKey(row["tenant_id"], row["incident_id"]), _fact(row)


def _action(row: asyncpg.Record) -> tuple[Key, Value]:
    return ActionKey(row["tenant_id"], row["incident_id"], row["version"]), _fact(row)


def _fact(row: asyncpg.Record) -> AnyIncidentFact:
    return decode_fact(row["kind"], row["incident_id"], row["version"], row["at"], row["body"])


def _members(row: asyncpg.Record) -> tuple[Key, Value]:
    return MembersKey(row["tenant_id"], row["incident_id"]), Members(alerts=tuple(row["alerts"]))


def _merged(row: asyncpg.Record) -> tuple[Key, Value]:
    return MergedKey(row["tenant_id"], row["incident_id"]), Merged(incidents=tuple(row["incidents"]))


def _unresolved(row: asyncpg.Record) -> tuple[Key, Value]:
    return UnresolvedKey(row["tenant_id"]), Unresolved(incidents=tuple(row["incidents"]))


def _texts(row: asyncpg.Record) -> tuple[Key, Value]:
    values = dict(row)
    key = TextsKey(values.pop("tenant_id"), values.pop("id"))
    return key, Texts(**values | {"labels": orjson.loads(values["labels"])})


def _command(row: asyncpg.Record) -> tuple[Key, Value]:
    return CommandKey(row["tenant_id"], row["id"]), DecidedCommand(request_hash=row["request_hash"])


def _sender(row: asyncpg.Record) -> tuple[Key, Value]:
    key = SenderKey(row["tenant_id"], row["integration_id"], row["sender_id"])
    return key, SenderDelivery(offset=row["offset"], logged_at=row["logged_at"])


def _delivery(row: asyncpg.Record) -> tuple[Key, Value]:
    key = DeliveryKey(row["partition"], row["offset"])
    return key, RecordedDelivery(tenant=row["tenant_id"], outcome=row["outcome"], logged_at=row["logged_at"])


_LOADERS: dict[str, tuple[str, Callable[[asyncpg.Record], tuple[Key, Value]]]] = {
    "alert": ("load_alerts", _alert),
    "incident": ("load_incidents", _incident),
    "group": ("load_groups", _group),
    "opening": ("load_openings", _opening),
    "action": ("load_actions", _action),
    "members": ("load_members", _members),
    "merged": ("load_merged", _merged),
    "unresolved": ("load_unresolved", _unresolved),
    "texts": ("load_texts", _texts),
    "command": ("load_commands", _command),
    "sender": ("load_senders", _sender),
    "delivery": ("load_deliveries", _delivery),
}
