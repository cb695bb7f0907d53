"""Tenants: the owners of everything, each in one partition for good."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import asyncpg
import orjson

from tocsin_contracts.ids import TenantId
from tocsin_contracts.times import from_datetime
from tocsin_contracts.topics import DEFAULT_PARTITIONS
from tocsin_control import audit
from tocsin_control.errors import NameTaken, NoRoom, NotFound, Refused
from tocsin_control.identifier import new_tenant_id
from tocsin_runtime.postgres import Connection
from tocsin_runtime.queries import load

DEFAULT_RATE_PER_MIN = 6_000
DEFAULT_BURST = 12_000
DEFAULT_WORKER_RATE_PER_MIN = 300_000
"""What one grouper worker folds; the tenants of a partition may not be allowed more together (P9)."""
LIST_MAX = 10_000
PARTITIONS = "partitions"
WORKER_RATE = "worker_rate_per_min"

_QUERIES = load("tocsin_control", "sql/tenants.sql")
_LOCK = _QUERIES["lock"]
_SETTING = _QUERIES["setting"]
_RECORD_SETTING = _QUERIES["record_setting"]
_LOADS = _QUERIES["loads"]
_INSERT = _QUERIES["insert"]
_LIST = _QUERIES["list"]
_FIND = _QUERIES["find"]
_LOCK_ONE = _QUERIES["lock_one"]
_SET_ENABLED = _QUERIES["set_enabled"]
_SET_LIMITS = _QUERIES["set_limits"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """One tenant as `control.tenants` keeps it."""

    id: TenantId
    name: str
    partition: int
    rate_limit_per_min: int
    burst: int
    enabled: bool
    erased_at: str | None
    """Position of the record that erased it, as `partition:offset`."""
    created_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionLoad:
    """Who lives in a partition already."""

    tenants: int = 0
    rate_per_min: int = 0


async def create_tenant(
    connection: Connection,
    *,
    name: str,
    partitions: int | None = None,
    rate_limit_per_min: int = DEFAULT_RATE_PER_MIN,
    burst: int = DEFAULT_BURST,
    actor: audit.Who = "cli",
) -> Tenant:
    """Make a tenant in the partition with the fewest, where its limit fits.

    Args:
        connection: as tocsin_owner.
        name: unique.
        partitions: how many partitions the topics have; else the recorded number, else the default of new topics.
        rate_limit_per_min: deliveries a minute of all its integrations.
        burst: deliveries at once.
        actor: who asks, for the audit.

    Raises:
        NameTaken: another tenant has this name.
        NoRoom: no partition has room for its limit.
        Refused: a value out of bounds.
    """
    async with connection.transaction():
        await connection.execute(_LOCK)
        count = partitions or await recorded_partitions(connection) or DEFAULT_PARTITIONS
        most, loads = await worker_rate(connection), await _loads(connection)
        partition = choose_partition(loads, partitions=count, rate_per_min=rate_limit_per_min, worker_rate_per_min=most)
        try:
            row = await connection.fetchrow(_INSERT, new_tenant_id(), name, partition, rate_limit_per_min, burst)
        except asyncpg.UniqueViolationError as error:
            raise NameTaken(f"there is a tenant named {name!r} already") from error
        except (asyncpg.CheckViolationError, asyncpg.DataError) as error:
            raise Refused("a tenant needs a name of 1 to 200 characters and limits above 0") from error
        tenant = _tenant(_one(row))
        detail: dict[str, object] = {"after": _described(tenant)}
        await audit.record(connection, actor=actor, action="tenant.created", tenant=tenant.id, subject=tenant.id, detail=detail)
        return tenant


def choose_partition(loads: Mapping[int, PartitionLoad], *, partitions: int, rate_per_min: int, worker_rate_per_min: int) -> int:
    """Choose the partition with the fewest tenants among those with room; the lowest number of equals.

    Raises:
        NoRoom: the limits of every partition's tenants would add up to more than a worker's rate.
    """
    free = PartitionLoad()
    fits = [
        (loads.get(number, free).tenants, number)
        for number in range(partitions)
        if loads.get(number, free).rate_per_min + rate_per_min <= worker_rate_per_min
    ]
    if not fits:
        raise NoRoom(
            f"no partition has room for {rate_per_min} deliveries a minute (a worker takes {worker_rate_per_min}): "
            "lower the limit, or add partitions"
        )
    return min(fits)[1]


async def set_tenant_enabled(connection: Connection, tenant: str, *, enabled: bool, actor: audit.Who = "cli") -> Tenant:
    """Take a tenant's deliveries and commands, or answer them 403; its data stays, and can be read.

    Raises:
        NotFound: no such tenant, or an erased one.
    """
    async with connection.transaction():
        before = await _locked(connection, tenant)
        if before.enabled is enabled:
            return before
        after = _tenant(_one(await connection.fetchrow(_SET_ENABLED, tenant, enabled)))
        action = "tenant.enabled" if enabled else "tenant.disabled"
        await audit.record(connection, actor=actor, action=action, tenant=after.id, subject=after.id)
        return after


async def change_tenant_limits(
    connection: Connection, tenant: str, *, rate_limit_per_min: int, burst: int, actor: audit.Who = "cli"
) -> Tenant:
    """Give a tenant other limits, where its partition has room for them (P9).

    Raises:
        NoRoom: the limits of the partition's tenants would add up to more than a worker's rate.
        NotFound: no such tenant, or an erased one.
        Refused: a value out of bounds.
    """
    if rate_limit_per_min < 1 or burst < 1:
        raise Refused("the limits of a tenant are above 0")
    async with connection.transaction():
        await connection.execute(_LOCK)
        before = await _locked(connection, tenant)
        if (before.rate_limit_per_min, before.burst) == (rate_limit_per_min, burst):
            return before
        most, load = await worker_rate(connection), (await _loads(connection))[before.partition]
        total = load.rate_per_min - before.rate_limit_per_min + rate_limit_per_min
        if total > most and rate_limit_per_min > before.rate_limit_per_min:
            raise NoRoom(f"the tenants of partition {before.partition} would be allowed {total} a minute, a worker takes {most}")
        after = _tenant(_one(await connection.fetchrow(_SET_LIMITS, tenant, rate_limit_per_min, burst)))
        detail: dict[str, object] = {"before": _described(before), "after": _described(after)}
        await audit.record(connection, actor=actor, action="tenant.changed", tenant=after.id, subject=after.id, detail=detail)
        return after


async def list_tenants(connection: Connection, *, limit: int = LIST_MAX) -> tuple[Tenant, ...]:
    """List tenants in order of creation, erased ones too; at most `limit`."""
    return tuple(_tenant(row) for row in await connection.fetch(_LIST, limit))


async def find_tenant(connection: Connection, id_or_name: str) -> Tenant:
    """Find a tenant by id, else by name.

    Raises:
        NotFound: neither.
    """
    row = await connection.fetchrow(_FIND, id_or_name)
    if row is None:
        raise NotFound(f"there is no tenant {id_or_name!r}; 'tocsin tenants list' shows all")
    return _tenant(row)


async def recorded_partitions(connection: Connection) -> int | None:
    """Give the recorded number of partitions of both topics, None if nobody recorded it."""
    return await _setting(connection, PARTITIONS)


async def record_partitions(connection: Connection, count: int) -> None:
    """Record how many partitions the topics have; new tenants spread over them.

    Raises:
        Refused: fewer than before: partitions are added, never removed.
    """
    async with connection.transaction():
        await connection.execute(_LOCK)
        before = await recorded_partitions(connection) or 0
        if count < max(before, 1):
            raise Refused(f"{count} partitions, but {before} are recorded: partitions are added, never removed")
        await connection.execute(_RECORD_SETTING, PARTITIONS, str(count))


async def record_worker_rate(connection: Connection, rate_per_min: int) -> None:
    """Record what one worker folds a minute; it bounds the limits of a partition's tenants together (P9)."""
    if rate_per_min < 1:
        raise Refused("a worker's rate is above 0")
    await connection.execute(_RECORD_SETTING, WORKER_RATE, str(rate_per_min))


async def _setting(connection: Connection, name: str) -> int | None:
    value = await connection.fetchval(_SETTING, name)
    return None if value is None else int(orjson.loads(value))


async def worker_rate(connection: Connection) -> int:
    """Give what one worker folds a minute: the recorded rate, else the default.

    Args:
        connection: as tocsin_owner or tocsin_ingest.
    """
    return await _setting(connection, WORKER_RATE) or DEFAULT_WORKER_RATE_PER_MIN


async def _loads(connection: Connection) -> dict[int, PartitionLoad]:
    return {
        row["partition"]: PartitionLoad(tenants=row["tenants"], rate_per_min=row["rate_per_min"])
        for row in await connection.fetch(_LOADS)
    }


async def _locked(connection: Connection, tenant: str) -> Tenant:
    if await connection.fetchval(_LOCK_ONE, tenant) is None:
        raise NotFound(f"there is no tenant {tenant!r}")
    return await find_tenant(connection, tenant)


def _described(tenant: Tenant) -> dict[str, object]:
    return {
        "name": tenant.name,
        "partition": tenant.partition,
        "rate_limit_per_min": tenant.rate_limit_per_min,
        "burst": tenant.burst,
    }


def _one(row: asyncpg.Record | None) -> asyncpg.Record:
    assert row is not None, "INSERT … RETURNING gives its row"  # noqa: S101 - tells mypy; the statement cannot give none
    return row


def _tenant(row: asyncpg.Record) -> Tenant:
    return Tenant(
        id=TenantId(row["id"]),
        name=row["name"],
        partition=row["partition"],
        rate_limit_per_min=row["rate_limit_per_min"],
        burst=row["burst"],
        enabled=row["enabled"],
        erased_at=row["erased_at"],
        created_at=from_datetime(row["created_at"]),
    )
