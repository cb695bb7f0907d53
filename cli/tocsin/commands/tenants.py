"""`tocsin tenants`: the owners of everything."""

from typing import Annotated

import typer

from tocsin.commands.owner import Dsn, Json, actor, change, show, show_all
from tocsin_contracts.times import to_rfc3339
from tocsin_control.tenants import DEFAULT_BURST, DEFAULT_RATE_PER_MIN, Tenant, create_tenant, list_tenants

_COLUMNS = ("name", "id", "partition", "rate_limit_per_min", "burst", "created_at")


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    commands = typer.Typer(help="Create and list tenants.", no_args_is_help=True)
    commands.command("create")(create)
    commands.command("list")(show_tenants)
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


def _answer(tenant: Tenant) -> dict[str, object]:
    return {
        "id": tenant.id,
        "name": tenant.name,
        "partition": tenant.partition,
        "rate_limit_per_min": tenant.rate_limit_per_min,
        "burst": tenant.burst,
        "erased_at": tenant.erased_at,
        "created_at": to_rfc3339(tenant.created_at),
    }
