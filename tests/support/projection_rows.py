"""Rows of the projection, written by plain INSERT: for tests of whoever reads it.

    async with made.writing() as rows:
        incident = await rows.incident("acme", service="api", severity=Severity.CRITICAL)
        await rows.alert("acme", incident_id=incident)

A keyword sets its column; others have a default, or are blank. Ids are made as the fold makes them.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import asyncpg
import orjson

import tocsin_grouper
from tests.support.servers import Database, SharedPostgres
from tocsin_contracts import ids
from tocsin_contracts.position import Position
from tocsin_contracts.topics import GROUPER_CONSUMER, LIVE
from tocsin_control.bootstrap import Role, ensure_roles, migrate_control
from tocsin_control.keys import READ_SCOPES, create_key
from tocsin_control.principal import Scope
from tocsin_runtime.postgres import Connection

START = datetime(2026, 1, 1, tzinfo=UTC)
PASSWORDS = {role.value: f"test-{role.value}" for role in Role}
"""Roles belong to the cluster, so every test gives them the same passwords."""
TENANTS = {"acme": 0, "globex": 0, "initech": 1}
"""Tenants and their partitions: two share one."""
_DDL = Path(tocsin_grouper.__file__).parent / "sql" / "schema.sql"
_DAYS = ("alert_events", "deliveries")
_REQUIRED = """SELECT attname AS name, format_type(atttypid, NULL) AS kind FROM pg_catalog.pg_attribute
    WHERE attrelid = $1::text::regclass AND attnum > 0 AND attnotnull AND NOT attisdropped"""
_BLANKS: dict[str, object] = {
    "text": "",
    "boolean": False,
    "integer": 0,
    "bigint": 0,
    "jsonb": "{}",
    "json": "{}",
    "text[]": [],
    "bigint[]": [],
    "timestamp with time zone": START,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectionDatabase:
    """A database with `control`, an empty or seeded `proj`, and the tenants of `TENANTS`."""

    database: Database

    def dsn(self, role: Role) -> str:
        return self.database.dsn_as(role, PASSWORDS[role])

    @asynccontextmanager
    async def connected(self, role: Role) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
        connection = await asyncpg.connect(self.dsn(role))
        try:
            yield connection
        finally:
            await connection.close()

    @asynccontextmanager
    async def owning(self) -> AsyncIterator[ProjectionRows]:
        """Insert rows of `control` as its owner."""
        async with self.connected(Role.OWNER) as connection:
            yield ProjectionRows(connection)

    @asynccontextmanager
    async def writing(self, schema: str = "proj") -> AsyncIterator[ProjectionRows]:
        """Insert rows as the grouper; into `schema`."""
        async with self.connected(Role.GROUPER) as connection:
            yield ProjectionRows(connection, schema)

    async def key(self, tenant: str, *scopes: Scope) -> str:
        """Make an API key of the tenant; by default one that reads everything."""
        async with self.connected(Role.OWNER) as connection:
            made = await create_key(connection, tenant=tenant, actor_name="test", scopes=scopes or READ_SCOPES)
        return made.text.get_secret_value()


async def build_projection(postgres: SharedPostgres) -> ProjectionDatabase:
    """Make a database with everything but rows: copy it (`copy_projection`) rather than building it twice."""
    database = await postgres.create_database()
    await ensure_roles(database.dsn, database.name, PASSWORDS)
    await migrate_control(database.dsn_as(Role.OWNER, PASSWORDS[Role.OWNER]))
    made = ProjectionDatabase(database=database)
    async with made.connected(Role.GROUPER) as connection:
        await make_schema(connection, "proj")
    async with made.connected(Role.OWNER) as connection:
        await connection.executemany(
            "INSERT INTO control.tenants (id, name, partition, rate_limit_per_min, burst) VALUES ($1, $1, $2, 1000, 2000)",
            list(TENANTS.items()),
        )
    return made


async def copy_projection(postgres: SharedPostgres, template: ProjectionDatabase) -> ProjectionDatabase:
    """Make a copy that a test may write to, and swap schemas in."""
    database = await postgres.create_database(template.database.name)
    connection = await asyncpg.connect(database.dsn)
    try:  # rights on a database are not copied with it
        await connection.execute(f'GRANT CREATE ON DATABASE "{database.name}" TO {Role.GROUPER}')
    finally:
        await connection.close()
    return ProjectionDatabase(database=database)


async def make_schema(connection: Connection, schema: str) -> None:
    """Make a projection under another name too, as a rebuild does; its day tables are one default table each."""
    await connection.execute(re.sub(r"\bproj\b", schema, _DDL.read_text()))
    for table in _DAYS:
        await connection.execute(f"CREATE TABLE {schema}.{table}_default PARTITION OF {schema}.{table} DEFAULT")


class ProjectionRows:
    """Inserts rows; each call makes one, the next a second later in the log."""

    def __init__(self, connection: asyncpg.Connection[asyncpg.Record], schema: str = "proj") -> None:
        self.connection = connection
        self._schema = schema
        self._numbers = count(1)
        self._columns: dict[str, dict[str, str]] = {}

    async def incident(self, tenant: str, **columns: object) -> str:
        """Open an incident; gives its id."""
        number = next(self._numbers)
        at = columns.get("created_at", START + timedelta(seconds=number))
        row: dict[str, object] = {
            "id": ids.incident_id(tenant, Position(TENANTS[tenant], number), "group"),
            "group_key": "0" * 64,
            "status": "OPEN",
            "severity": "HIGH",
            "worst": columns.get("severity", "HIGH"),
            "title": f"Incident {number}",
            "source": "alertmanager",
            "integration_id": "prometheus",
            "project": "",
            "labels": '{"alertname": "HighErrorRate"}',
            "rule": "default",
            "rule_version": 1,
            "reason": "same problem",
            **dict.fromkeys(("created_at", "updated_at", "first_seen_at", "last_alert_at"), at),
            "alert_count": 1,
            "firing_count": 1,
            "event_count": 1,
            "version": 1,
            "revision": 0,
            "opened_offset": number,
            "changed_offset": number,
        }
        return await self._insert("incidents", tenant, row | columns)

    async def alert(self, tenant: str, **columns: object) -> str:
        """Record an alert; gives its id."""
        number = next(self._numbers)
        identity = str(columns.get("identity", f"series-{number}"))
        at = columns.get("created_at", START + timedelta(seconds=number))
        row: dict[str, object] = {
            "id": ids.alert_id(tenant, "prometheus", identity),
            "integration_id": "prometheus",
            "source": "alertmanager",
            "identity": identity,
            "problem": "HighErrorRate",
            "project": "",
            "status": "OPEN",
            "severity": "HIGH",
            "title": f"Alert {number}",
            **dict.fromkeys(("occurred_at", "opened_at", "created_at", "updated_at", "last_seen_at", "content_at"), at),
            "event_count": 1,
            "changed_offset": number,
        }
        body: dict[str, object] = {
            "labels": '{"alertname": "HighErrorRate"}',
            "metadata": "{}",
            "raw": '{"status": "firing", "n": 12345678901234567890123}',
        }
        said = {name: columns.pop(name) for name in ("description", "labels", "metadata", "raw") if name in columns}
        alert = await self._insert("alerts", tenant, row | columns)
        await self._insert("alert_bodies", tenant, body | {"alert_id": alert} | said)
        return alert

    async def event(self, tenant: str, alert: str, offset: int, **columns: object) -> None:
        """Record a notification of an alert."""
        at = START + timedelta(seconds=offset)
        row: dict[str, object] = {
            "logged_at": at,
            "offset": offset,
            "seq": 0,
            "alert_id": alert,
            "status": "firing",
            "severity": "HIGH",
            "effect": "opened",
            "occurred_at": at,
        }
        await self._insert("alert_events", tenant, row | columns)

    async def delivery(self, tenant: str, offset: int, **columns: object) -> str:
        """Record a delivery with its outcome; gives its id."""
        at = START + timedelta(seconds=offset)
        row: dict[str, object] = {
            "id": ids.delivery_id(tenant, Position(TENANTS[tenant], offset)),
            "logged_at": at,
            "offset": offset,
            "integration_id": "prometheus",
            "source": "alertmanager",
            "outcome": "processed",
            "received_at": at,
            "size": 2048,
            "alert_count": 1,
            "incident_ids": [],
            "request_id": f"request-{offset}",
            "release": "0.1.0",
            "integration_version": 1,
        }
        return await self._insert("deliveries", tenant, row | columns)

    async def discard(self, tenant: str, offset: int, why: str = "a test of ours") -> None:
        """Record that somebody looked at a failed delivery and let it be; the caller's connection is the owner's."""
        await self.connection.execute(
            "INSERT INTO control.discards VALUES ($1, $2, $3, $4, 'person', 'ann', 'Ann', $5)",
            tenant,
            TENANTS[tenant],
            offset,
            why,
            START,
        )

    async def rejection(self, tenant: str, reason: str, count: int, *, samples: int = 1) -> None:
        """Record requests that were turned away, with some of them; the caller's connection is the owner's."""
        await self.connection.execute(
            "INSERT INTO control.rejections VALUES ($1, $2, 'prometheus', $3, $4)", START.date(), tenant, reason, count
        )
        for slot in range(samples):
            at = START + timedelta(seconds=slot)
            await self.connection.execute(
                "INSERT INTO control.rejection_samples VALUES ($1, 'prometheus', $2, $3, $4, 401, 'request-1', '192.0.2.1', 10)",
                tenant,
                slot,
                at,
                reason,
            )

    async def action(self, tenant: str, incident: str, version: int, **columns: object) -> None:
        """Record what somebody did."""
        row: dict[str, object] = {
            "incident_id": incident,
            "version": version,
            "kind": "status-changed",
            "actor_kind": "person",
            "actor_id": "ann",
            "actor_name": "Ann",
            "from_status": "OPEN",
            "to_status": "ACKNOWLEDGED",
            "detail": '{"before": "OPEN", "after": "ACKNOWLEDGED"}',
            "command_id": f"command-{version}",
            "at": START + timedelta(seconds=version),
            "offset": version,
        }
        await self._insert("incident_actions", tenant, row | columns)

    async def fact(self, tenant: str, incident: str, version: int, **columns: object) -> None:
        """Record a fact."""
        row: dict[str, object] = {
            "incident_id": incident,
            "version": version,
            "offset": int(str(next(self._numbers))),
            "seq": 0,
            "kind": "alert-joined",
            "at": START + timedelta(seconds=version),
            "body": '{"alert": "x"}',
        }
        await self._insert("facts", tenant, row | columns)

    async def opening(self, tenant: str, incident: str, **body: object) -> None:
        """Record how an incident began: its first fact."""
        made = {
            "group_key": "0" * 64,
            "alert": ids.alert_id(tenant, "prometheus", "series-0"),
            "source": "alertmanager",
            "integration": "prometheus",
            "project": "",
            "problem": "HighErrorRate",
            "title": "High error rate",
            "severity": "HIGH",
            "first_seen_at": 0,
            "rule": "default",
            "rule_version": 0,
            "reason": "the same problem",
        }
        await self.fact(tenant, incident, 1, kind="incident-opened", body=orjson.dumps(made | body).decode())

    async def rule_set(self, tenant: str, version: int, **columns: object) -> None:
        """Record a version of the rules."""
        row: dict[str, object] = {
            "version": version,
            "document": '{"version": 1, "rules": []}',
            "actor_kind": "person",
            "actor_id": "ann",
            "actor_name": "Ann",
            "command_id": f"rules-{version}",
            "at": START + timedelta(seconds=version),
            "offset": version,
        }
        await self._insert("rule_sets", tenant, row | columns)

    async def command(self, tenant: str, command: str, **columns: object) -> str:
        """Record what was decided about a command."""
        row: dict[str, object] = {
            "id": command,
            "request_hash": "h",
            "kind": "set-status",
            "actor_kind": "person",
            "actor_id": "ann",
            "actor_name": "Ann",
            "outcome": "applied",
            "status": 200,
            "detail": '{"incident": "I", "status": "ACKNOWLEDGED", "version": 2, "revision": 1}',
            "decided_at": START,
            "offset": 1,
        }
        return await self._insert("commands", tenant, row | columns)

    async def folded(self, *, partition: int, source_next: int, appended_at: int, clock: datetime = START) -> None:
        """Say how far the fold has come, as the grouper does."""
        await self.connection.execute(
            "INSERT INTO control.progress VALUES ($1, $2, $3, 't', $4, $4, 1) ON CONFLICT (generation, consumer, partition)"
            " DO UPDATE SET next = excluded.next, source_next = excluded.source_next",
            LIVE,
            GROUPER_CONSUMER,
            partition,
            source_next,
        )
        await self.connection.execute(f"DELETE FROM {self._schema}.partitions WHERE partition = $1", partition)
        full = {"partition": partition, "clock": clock, "last_raw": appended_at, "last_offset": source_next - 1}
        await self._insert_full("partitions", full)

    async def _insert(self, table: str, tenant: str, row: dict[str, object]) -> str:
        await self._insert_full(table, {"tenant_id": tenant, "partition": TENANTS[tenant], **row})
        return str(row.get("id", ""))

    async def _insert_full(self, table: str, full: dict[str, object]) -> None:
        for name, kind in (await self._required(table)).items():
            full.setdefault(name, _BLANKS[kind])
        names = ", ".join(f'"{name}"' for name in full)
        marks = ", ".join(f"${number}" for number in range(1, len(full) + 1))
        await self.connection.execute(f"INSERT INTO {self._schema}.{table} ({names}) VALUES ({marks})", *full.values())

    async def _required(self, table: str) -> dict[str, str]:
        """Name the columns that must not be null: what no test of a reader looks at is blank."""
        if table not in self._columns:
            found = await self.connection.fetch(_REQUIRED, f"{self._schema}.{table}")
            self._columns[table] = {row["name"]: row["kind"] for row in found}
        return self._columns[table]
