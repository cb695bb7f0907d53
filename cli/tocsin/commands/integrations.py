"""`tocsin integrations`: configured senders."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from pydantic import SecretStr, ValidationError

from tocsin.commands.owner import Dsn, Json, actor, change, master_key, show, show_all
from tocsin_contracts.integration import IntegrationSettings
from tocsin_contracts.times import to_rfc3339
from tocsin_control.errors import Refused
from tocsin_control.integrations import (
    DEFAULT_BURST,
    DEFAULT_RATE_PER_MIN,
    CreatedIntegration,
    Integration,
    Terms,
    create_integration,
    find_integration,
    list_integrations,
)
from tocsin_control.secrets import DEFAULT_OVERLAP_S, SECRET_MAX, add_secret, chosen_secret
from tocsin_control.tenants import find_tenant
from tocsin_runtime.postgres import Connection
from tocsin_sources import registry

_COLUMNS = ("name", "source", "tenant", "id", "version", "enabled", "path")
SecretFile = Annotated[
    Path | None,
    typer.Option(
        "--secret-file",
        help="A file with the secret that the sender chose (Sentry's client secret); - for standard input. Else one is made.",
        show_default=False,
        allow_dash=True,
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    commands = typer.Typer(help="Create and list integrations, rotate their secrets.", no_args_is_help=True)
    commands.command("create")(create)
    commands.command("list")(show_integrations)
    commands.command("rotate")(rotate)
    app.add_typer(commands, name="integrations")


def create(
    name: Annotated[str, typer.Argument(help="Its name, unique in the tenant.")],
    tenant: Annotated[str, typer.Option("--tenant", help="Id or name of its owner.")],
    source: Annotated[str, typer.Option("--source", help=f"One of {', '.join(registry.names())}.")],
    secret_file: SecretFile = None,
    unsigned: Annotated[
        bool, typer.Option("--unsigned", help="Accept requests that prove nothing, where the source allows it.")
    ] = False,
    settings: Annotated[
        str, typer.Option("--settings", help='JSON, such as {"dedup_window_s": 60, "default_environment": "prod"}.')
    ] = "{}",
    rate_limit_per_min: Annotated[int, typer.Option("--rate-limit", min=1, help="Deliveries a minute.")] = DEFAULT_RATE_PER_MIN,
    burst: Annotated[int, typer.Option("--burst", min=1, help="Deliveries at once.")] = DEFAULT_BURST,
    dsn: Dsn = None,
    as_json: Json = False,
) -> None:
    """Make an integration; prints its id, its path and its secret, this once."""
    terms = Terms(
        settings=_settings(settings),
        rate_limit_per_min=rate_limit_per_min,
        burst=burst,
        signature_required=not unsigned,
    )
    key = master_key()
    secret = _read_secret(secret_file)

    async def work(connection: Connection) -> CreatedIntegration:
        owner = await find_tenant(connection, tenant)
        return await create_integration(
            connection, key, tenant=owner.id, source=source, name=name, terms=terms, secret=secret, actor=actor()
        )

    created = change(dsn, work)
    show({**_answer(created.integration), "secret": created.secret.get_secret_value()}, as_json=as_json)


def show_integrations(
    tenant: Annotated[str | None, typer.Option("--tenant", help="Id or name of one owner.", show_default=False)] = None,
    dsn: Dsn = None,
    as_json: Json = False,
) -> None:
    """List integrations in order of creation."""

    async def work(connection: Connection) -> tuple[Integration, ...]:
        owner = None if tenant is None else (await find_tenant(connection, tenant)).id
        return await list_integrations(connection, tenant=owner)

    show_all([_answer(integration) for integration in change(dsn, work)], _COLUMNS, as_json=as_json)


def rotate(
    integration: Annotated[str, typer.Argument(help="Its id.")],
    secret_file: SecretFile = None,
    overlap_s: Annotated[
        int, typer.Option("--overlap", min=0, help="Seconds that the old secret is still accepted; 0 ends all others now.")
    ] = DEFAULT_OVERLAP_S,
    dsn: Dsn = None,
    as_json: Json = False,
) -> None:
    """Give an integration a new secret; prints it this once."""
    key = master_key()
    chosen = _read_secret(secret_file)

    async def work(connection: Connection) -> SecretStr:
        found = await find_integration(connection, integration)
        return await add_secret(
            connection, key, tenant=found.tenant, integration=found.id, secret=chosen, overlap_s=overlap_s, actor=actor()
        )

    show({"id": integration, "secret": change(dsn, work).get_secret_value()}, as_json=as_json)


def _read_secret(path: Path | None) -> SecretStr | None:
    """Read a chosen secret; never from an argument, which every process on the machine can see."""
    if path is None:
        return None
    try:
        text = sys.stdin.read(SECRET_MAX * 2) if str(path) == "-" else path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"cannot read the secret from {path}: {getattr(error, 'strerror', None) or 'not text'}") from error
    return chosen_secret(text.strip("\r\n"))


def _settings(text: str) -> IntegrationSettings:
    """Read settings strictly: a name that nobody knows is a typing error."""
    try:
        settings = IntegrationSettings.model_validate_json(text, extra="forbid")
    except ValidationError as error:
        first = error.errors()[0]
        raise Refused(f"--settings: {'.'.join(str(part) for part in first['loc']) or 'JSON'}: {first['msg'].lower()}") from None
    return settings


def _answer(integration: Integration) -> dict[str, object]:
    return {
        "id": integration.id,
        "name": integration.name,
        "tenant": integration.tenant,
        "source": integration.source,
        "version": integration.version,
        "enabled": integration.enabled,
        "created_at": to_rfc3339(integration.created_at),
        "path": integration.path,
    }
