"""`tocsin tenants`: the owners of everything."""

import asyncio
import sys
import time
from typing import Annotated

import typer

from tocsin.commands.owner import Dsn, Json, actor, change, show, show_all
from tocsin_contracts.times import to_rfc3339
from tocsin_control.erasing import erase_tenant
from tocsin_control.tenants import (
    DEFAULT_BURST,
    DEFAULT_RATE_PER_MIN,
    Tenant,
    change_tenant_limits,
    create_tenant,
    find_tenant,
    list_tenants,
    record_worker_rate,
    set_tenant_enabled,
)
from tocsin_control.tenants import worker_rate as recorded_worker_rate
from tocsin_runtime.errors import Fatal
from tocsin_runtime.postgres import Connection

_COLUMNS = ("name", "id", "partition", "enabled", "rate_limit_per_min", "burst", "created_at")
_Named = Annotated[str, typer.Argument(metavar="TENANT", help="Its id or name.")]


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    commands = typer.Typer(help="Create, list, limit, disable and erase tenants.", no_args_is_help=True)
    commands.command("create")(create)
    commands.command("list")(show_tenants)
    commands.command("show")(show_tenant)
    commands.command("limit")(limit)
    commands.command("worker-rate")(worker_rate)
    commands.command("disable")(disable)
    commands.command("enable")(enable)
    commands.command("erase")(erase)
    app.add_typer(commands, name="tenants")


def create(
    name: Annotated[str, typer.Argument(help="Its name, unique.")],
    rate_limit_per_min: Annotated[
        int, typer.Option("--rate-limit", min=1, help="Deliveries a minute, of all its integrations.")
    ] = DEFAULT_RATE_PER_MIN,
    burst: Annotated[int, typer.Option("--burst", min=1, help="Deliveries at once.")] = DEFAULT_BURST,
    partitions: Annotated[
        int | None,
        typer.Option("--partitions", min=1, help="Partitions of the topics, if nobody recorded them.", show_default=False),
    ] = None,
    dsn: Dsn = None,
    as_json: Json = False,
) -> None:
    """Make a tenant; its partition is chosen now and never changes."""
    tenant = change(
        dsn,
        lambda connection: create_tenant(
            connection,
            name=name,
            partitions=partitions,
            rate_limit_per_min=rate_limit_per_min,
            burst=burst,
            actor=actor(),
        ),
    )
    show(_answer(tenant), as_json=as_json)


def show_tenants(dsn: Dsn = None, as_json: Json = False) -> None:
    """List tenants in order of creation."""
    tenants = change(dsn, list_tenants)
    show_all([_answer(tenant) for tenant in tenants], _COLUMNS, as_json=as_json)


def show_tenant(tenant: _Named, dsn: Dsn = None, as_json: Json = False) -> None:
    """Show one tenant."""
    show(_answer(change(dsn, lambda connection: find_tenant(connection, tenant))), as_json=as_json)


def limit(
    tenant: _Named,
    rate_limit_per_min: Annotated[int, typer.Option("--rate-limit", min=1, help="Deliveries a minute, of all its integrations.")],
    burst: Annotated[int, typer.Option("--burst", min=1, help="Deliveries at once.")],
    dsn: Dsn = None,
    as_json: Json = False,
) -> None:
    """Give a tenant other limits; felt within 5 s."""

    async def work(connection: Connection) -> Tenant:
        found = await find_tenant(connection, tenant)
        return await change_tenant_limits(connection, found.id, rate_limit_per_min=rate_limit_per_min, burst=burst, actor=actor())

    show(_answer(change(dsn, work)), as_json=as_json)


def worker_rate(
    rate_per_min: Annotated[
        int | None,
        typer.Argument(
            metavar="[RATE]", min=1, help="Deliveries a minute that one worker folds; else it is shown.", show_default=False
        ),
    ] = None,
    dsn: Dsn = None,
    as_json: Json = False,
) -> None:
    """Say what one worker folds a minute, or show it: the limits of a partition's tenants may not add up to more."""

    async def work(connection: Connection) -> int:
        if rate_per_min is not None:
            await record_worker_rate(connection, rate_per_min)
        return await recorded_worker_rate(connection)

    show({"worker_rate_per_min": change(dsn, work)}, as_json=as_json)


def disable(tenant: _Named, dsn: Dsn = None, as_json: Json = False) -> None:
    """Answer a tenant's deliveries and commands 403; its data stays and can be read."""
    _switch(tenant, enabled=False, dsn=dsn, as_json=as_json)


def enable(tenant: _Named, dsn: Dsn = None, as_json: Json = False) -> None:
    """Take a tenant's deliveries and commands again."""
    _switch(tenant, enabled=True, dsn=dsn, as_json=as_json)


def _switch(tenant: str, *, enabled: bool, dsn: str | None, as_json: bool) -> None:
    async def work(connection: Connection) -> Tenant:
        found = await find_tenant(connection, tenant)
        return await set_tenant_enabled(connection, found.id, enabled=enabled, actor=actor())

    show(_answer(change(dsn, work)), as_json=as_json)


def erase(
    tenant: Annotated[str, typer.Argument(metavar="TENANT", help="Its id or name.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    wait_s: Annotated[float, typer.Option("--wait", min=0, help="Seconds to wait for the record in the log.")] = 60.0,
    dsn: Dsn = None,
    as_json: Json = False,
) -> None:
    """Erase a tenant for good: integrations, secrets and keys at once, everything shown of it by a record of the log.

    What senders sent stays in the log until its retention takes it, and nobody reads it any more. Run again it goes on where it
    was; a backup that is restored later brings the tenant back, and is erased by the same command.
    """
    found = change(dsn, lambda connection: find_tenant(connection, tenant))
    if not yes:
        if not sys.stdin.isatty():
            raise Fatal(f"nobody is here to ask: to erase {found.name} ({found.id}) for good, say --yes")
        typer.confirm(
            f"Erase {found.name} ({found.id}), with all its incidents and integrations? Nothing brings it back.", abort=True
        )
    erased = change(dsn, lambda connection: _erase(connection, found.id, wait_s))
    show(_answer(erased), as_json=as_json)
    if erased.erased_at is None:
        typer.echo("Its rows of control are gone. Its record is written as soon as a gateway runs.", err=True)


async def _erase(connection: Connection, tenant: str, wait_s: float) -> Tenant:
    """Erase, and wait until a gateway has written the record."""
    erased = await erase_tenant(connection, tenant, actor=actor())
    until = time.monotonic() + wait_s
    while erased.erased_at is None and time.monotonic() < until:
        await asyncio.sleep(0.5)
        erased = await find_tenant(connection, tenant)
    return erased


def _answer(tenant: Tenant) -> dict[str, object]:
    return {
        "id": tenant.id,
        "name": tenant.name,
        "partition": tenant.partition,
        "enabled": tenant.enabled,
        "rate_limit_per_min": tenant.rate_limit_per_min,
        "burst": tenant.burst,
        "erased_at": tenant.erased_at,
        "created_at": to_rfc3339(tenant.created_at),
    }
