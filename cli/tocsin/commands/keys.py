"""`tocsin keys`: API keys of people and programs."""

from datetime import UTC
from datetime import datetime as Datetime  # noqa: N812 - typer shows it as the value's name
from typing import Annotated

import typer

from tocsin.commands.owner import Dsn, Json, actor, change, show, show_all
from tocsin_contracts.times import from_datetime, to_rfc3339
from tocsin_control.keys import READ_SCOPES, ApiKey, CreatedKey, create_key, list_keys, revoke_key
from tocsin_control.principal import Scope
from tocsin_control.tenants import find_tenant
from tocsin_runtime.postgres import Connection

_COLUMNS = ("id", "tenant", "holder", "kind", "scopes", "expires_at", "revoked_at", "last_used_at")


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    commands = typer.Typer(help="Create, list and revoke API keys.", no_args_is_help=True)
    commands.command("create")(create)
    commands.command("list")(show_keys)
    commands.command("revoke")(revoke)
    app.add_typer(commands, name="keys")


def create(
    holder: Annotated[str, typer.Argument(help="The person or program that will hold it.")],
    tenant: Annotated[str, typer.Option("--tenant", help="Id or name of its tenant.")],
    scope: Annotated[
        list[Scope] | None,
        typer.Option("--scope", help="What it may do; may be given again. Else: read.", show_default=False),
    ] = None,
    person: Annotated[bool, typer.Option("--person", help="The holder is a person, not a program.")] = False,
    expires: Annotated[Datetime | None, typer.Option("--expires", help="When it ends, UTC.", show_default=False)] = None,
    dsn: Dsn = None,
    as_json: Json = False,
) -> None:
    """Make an API key; prints it this once."""
    if expires is not None and expires.replace(tzinfo=UTC) <= Datetime.now(UTC):
        raise typer.BadParameter("--expires is in the past: such a key would open nothing")

    async def work(connection: Connection) -> CreatedKey:
        owner = await find_tenant(connection, tenant)
        return await create_key(
            connection,
            tenant=owner.id,
            actor_name=holder,
            actor_kind="person" if person else "machine",
            scopes=frozenset(scope) if scope else READ_SCOPES,
            expires_at=None if expires is None else from_datetime(expires.replace(tzinfo=UTC)),
            actor=actor(),
        )

    created = change(dsn, work)
    show({**_answer(created.key), "key": created.text.get_secret_value()}, as_json=as_json)


def show_keys(
    tenant: Annotated[str | None, typer.Option("--tenant", help="Id or name of one tenant.", show_default=False)] = None,
    dsn: Dsn = None,
    as_json: Json = False,
) -> None:
    """List API keys in order of creation; never their secrets."""

    async def work(connection: Connection) -> tuple[ApiKey, ...]:
        owner = None if tenant is None else (await find_tenant(connection, tenant)).id
        return await list_keys(connection, tenant=owner)

    show_all([_answer(key) for key in change(dsn, work)], _COLUMNS, as_json=as_json)


def revoke(
    key: Annotated[str, typer.Argument(help="Its id: the ten characters behind tocsin_.")],
    dsn: Dsn = None,
    as_json: Json = False,
) -> None:
    """End an API key for good; felt within 5 s."""
    revoked = change(dsn, lambda connection: revoke_key(connection, key, actor=actor()))
    show(_answer(revoked), as_json=as_json)


def _answer(key: ApiKey) -> dict[str, object]:
    return {
        "id": key.id,
        "tenant": key.tenant,
        "holder": key.actor_name,
        "kind": key.actor_kind,
        "scopes": sorted(scope.value for scope in key.scopes),
        "created_at": to_rfc3339(key.created_at),
        "expires_at": _time(key.expires_at),
        "revoked_at": _time(key.revoked_at),
        "last_used_at": _time(key.last_used_at),
    }


def _time(at: int | None) -> str | None:
    return None if at is None else to_rfc3339(at)
