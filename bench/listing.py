"""A list of 50 incidents with two filters, among 100,000 of the tenant's own, against `select 1` on the same server."""

import time
from collections.abc import Awaitable, Callable, Mapping

import aiohttp
import orjson
import uvloop

from bench import servers, statistics
from bench.result import Result, at_most, told
from tests.support.system import System
from tocsin_contracts.ids import incident_id
from tocsin_contracts.position import Position
from tocsin_contracts.times import SECOND
from tocsin_contracts.topics import GROUPER_CONSUMER, LIVE
from tocsin_control.bootstrap import Role
from tocsin_control.principal import Scope
from tocsin_control.tenants import Tenant
from tocsin_grouper.adapters import guard, rows
from tocsin_grouper.adapters.codec import Connection
from tocsin_grouper.adapters.connecting import open_connection

INCIDENTS = 100_000
ROUNDS = 150
WARM = 10
GOAL_P50_MS = 7.0
START = 1_767_225_600 * SECOND
STEP = 60 * SECOND
SERVICES, TEAMS = 97, 11
STATUSES = ("RESOLVED", "RESOLVED", "CLOSED", "RESOLVED", "OPEN", "CLOSED", "RESOLVED", "ACKNOWLEDGED", "RESOLVED", "CLOSED")
SEVERITIES = ("CRITICAL", "HIGH", "MEDIUM", "LOW", "MEDIUM", "HIGH", "MEDIUM")
QUERIES: tuple[Mapping[str, str], ...] = (
    {"status": "OPEN", "severity": "CRITICAL"},
    {"service": "service-7", "status": "RESOLVED"},
    {"team": "team-3", "severity": "HIGH"},
    {"source": "alertmanager", "environment": "prod"},
)
_PARTITION = "INSERT INTO proj.partitions (partition, clock, last_raw, observed, last_offset) VALUES ($1, $2, $3, 0, $4)"
_PROGRESS = (
    "INSERT INTO control.progress (generation, consumer, partition, topic_id, next, source_next, epoch)"
    " VALUES ($1, $2, $3, 'bench', $4, $4, 1)"
)
Once = Callable[[], Awaitable[None]]


def measure() -> list[Result]:
    """Fill the tables with COPY, then ask by HTTP, one request at a time, floor and lists in turns."""
    with servers.running_servers() as running, servers.running_system(running) as system:
        return uvloop.run(_measure(system))


async def _measure(system: System) -> list[Result]:
    tenant = await system.tenant()
    await _fill(system, tenant)
    key = await system.key(tenant, Scope.INCIDENTS_READ)
    await system.start("query")
    url = system.instance("query").url + "/api/v1/incidents"
    floor = await open_connection(system.dsn(Role.QUERY))
    samples: dict[str, list[float]] = {"select 1": []}
    try:
        async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}"}) as session:
            works: dict[str, Once] = {"select 1": lambda: _select_one(floor)}
            for query in QUERIES:
                name = " and ".join(query)
                works[name] = lambda query=query: _list(session, url, query)  # type: ignore[misc] # a lambda's default has no type
                samples[name] = []
            for number in range(ROUNDS + WARM):
                for name, work in works.items():
                    began = time.perf_counter()
                    await work()
                    if number >= WARM:
                        samples[name].append((time.perf_counter() - began) * 1e3)
    finally:
        await floor.close()
    return _results(samples)


async def _select_one(connection: Connection) -> None:
    await connection.fetchval("SELECT 1")


async def _list(session: aiohttp.ClientSession, url: str, query: Mapping[str, str]) -> None:
    async with session.get(url, params={**query, "limit": "50"}) as answer:
        body = await answer.read()
    if answer.status != 200 or len(orjson.loads(body)["items"]) != 50:
        raise RuntimeError(f"{query}: {answer.status} {body[:200]!r}")


def _results(samples: Mapping[str, list[float]]) -> list[Result]:
    floor = statistics.percentile(samples["select 1"], 0.5)
    lists = {name: took for name, took in samples.items() if name != "select 1"}
    every = [each for took in lists.values() for each in took]
    held = [
        at_most(GOAL_P50_MS, f"list of 50 by {name}: p50", statistics.percentile(took, 0.5), "ms", floor=floor)
        for name, took in lists.items()
    ]
    return [*held, told("list of 50, two filters: p99 of all", statistics.percentile(every, 0.99), "ms")]


async def _fill(system: System, tenant: Tenant) -> None:
    """Write the projection as the grouper would have left it, and let PostgreSQL look at it as autovacuum does."""
    connection = await open_connection(system.dsn(Role.GROUPER))
    try:
        await guard.ensure(connection)
        await connection.copy_records_to_table(
            "incidents", schema_name="proj", columns=rows.INCIDENTS, records=[incident(n, tenant) for n in range(INCIDENTS)]
        )
        clock = START + INCIDENTS * STEP
        await connection.execute(_PARTITION, tenant.partition, clock, clock, INCIDENTS)
        await connection.execute(_PROGRESS, LIVE, GROUPER_CONSUMER, tenant.partition, INCIDENTS)
        await connection.execute("VACUUM ANALYZE proj.incidents")
    finally:
        await connection.close()


def incident(number: int, tenant: Tenant) -> rows.Row:
    """Make the row of one incident; number and offset are the same."""
    group, service, at = f"{number:064x}", f"service-{number % SERVICES}", START + number * STEP
    status = STATUSES[number % len(STATUSES)]
    over = at + 5 * STEP
    labels = {"alertname": f"ErrorBudgetBurn{number % 1000}", "service": service, "cluster": "eu-west-1", "job": service}
    values: dict[str, object] = {
        "tenant_id": tenant.id, "id": incident_id(tenant.id, Position(tenant.partition, number), group), "group_key": group,
        "status": status, "severity": SEVERITIES[number % len(SEVERITIES)], "title": f"{service} burns its error budget",
        "description": "The error budget of the last hour burns faster than it is refilled.", "source": "alertmanager",
        "integration_id": "i_bench", "project": "", "service": service, "environment": ("prod", "staging")[number % 3 // 2],
        "team": f"team-{number % TEAMS}", "link": "http://prometheus.example.com:9090/graph?g0.expr=up",
        "labels": orjson.dumps(labels).decode(), "rule": "default", "rule_version": 1, "reason": "default rule",
        "previous_id": None, "created_at": at, "updated_at": over, "first_seen_at": at, "last_alert_at": over,
        "acknowledged_at": over if status == "ACKNOWLEDGED" else None,
        "resolved_at": over if status in {"RESOLVED", "CLOSED"} else None, "closed_at": over if status == "CLOSED" else None,
        "alert_count": 3, "firing_count": 0 if status in {"RESOLVED", "CLOSED"} else 3, "event_count": 8, "version": 6,
        "revision": 1, "partition": tenant.partition, "opened_offset": number, "changed_offset": number, "over_observed": None,
        "worst": SEVERITIES[number % len(SEVERITIES)], "category": ("errors", "latency", "other")[number % 3], "policy": "{}",
        "split_from": None, "merged_into": None, "merged_by": None, "snoozed_until": None, "assignee": None, "runbook_url": None,
        "turned_observed": over, "flapping": False, "silent": False, "recent": [],
    }  # fmt: skip
    return tuple(values[column] for column in rows.INCIDENTS)
