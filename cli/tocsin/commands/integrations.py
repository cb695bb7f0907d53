"""`tocsin integrations`: configured senders."""

from collections.abc import Mapping, Sequence
from typing import Annotated

import typer
from pydantic import SecretStr

from tocsin.commands import trying
from tocsin.commands.integration_options import SecretFile, Settings, Style, changed, public_url, read_secret
from tocsin.commands.owner import Dsn, Json, actor, change, master_key, show, show_all
from tocsin_contracts.times import to_rfc3339
from tocsin_control.documents import document_of, merged
from tocsin_control.errors import Refused
from tocsin_control.integrations import (
    DEFAULT_BURST,
    DEFAULT_RATE_PER_MIN,
    CreatedIntegration,
    Integration,
    change_integration,
    create_integration,
    delete_integration,
    described,
    find_integration,
    list_integrations,
    path_with_token,
    set_enabled,
)
from tocsin_control.secrets import DEFAULT_OVERLAP_S, SecretState, add_secret, list_secrets
from tocsin_control.tenants import find_tenant
from tocsin_control.url_tokens import add_url_token, first_url_token, list_url_tokens
from tocsin_runtime.postgres import Connection
from tocsin_sources import registry

_COLUMNS = ("name", "source", "tenant", "id", "version", "enabled", "path")
Id = Annotated[str, typer.Argument(metavar="ID", help="Its id.")]
_OPT_IN = "Take a token in its URL, for a sender that can set nothing but a URL; prints that URL's path, this once."


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    commands = typer.Typer(help="Create, change, try and delete integrations, rotate their secrets.", no_args_is_help=True)
    commands.command("create")(create)
    commands.command("list")(show_integrations)
    commands.command("show")(show_integration)
    commands.command("change")(change_one)
    commands.command("rotate")(rotate)
    commands.command("disable")(disable)
    commands.command("enable")(enable)
    commands.command("delete")(delete)
    commands.command("url")(url)
    commands.command("try")(trying.try_out)
    app.add_typer(commands, name="integrations")


def create(
    name: Annotated[str, typer.Argument(help="Its name, unique in the tenant.")],
    tenant: Annotated[str, typer.Option("--tenant", help="Id or name of its owner.")],
    source: Annotated[str, typer.Option("--source", help=f"One of {', '.join(registry.names())}.")],
    secret_file: SecretFile = None,
    unsigned: Annotated[
        bool, typer.Option("--unsigned", help="Accept requests that prove nothing, where the source allows it.")
    ] = False,
    url_token: Annotated[bool, typer.Option("--url-token", help=_OPT_IN)] = False,
    settings: Settings = "{}",
    signature_style: Style = None,
    rate_limit_per_min: Annotated[int, typer.Option("--rate-limit", min=1, help="Deliveries a minute.")] = DEFAULT_RATE_PER_MIN,
    burst: Annotated[int, typer.Option("--burst", min=1, help="Deliveries at once.")] = DEFAULT_BURST,
    dsn: Dsn = None,
    as_json: Json = False,
) -> None:
    """Make an integration; prints its id, its path and its secret, this once."""
    said: dict[str, object] = {"rate_limit_per_min": rate_limit_per_min, "burst": burst}
    said |= {"signature_required": not unsigned, "url_token": url_token}
    terms = changed({"name": "new", **said}, settings, signature_style).terms()
    key = master_key()
    secret = read_secret(secret_file)

    async def work(connection: Connection) -> CreatedIntegration:
        owner = await find_tenant(connection, tenant)
        return await create_integration(
            connection, key, tenant=owner.id, source=source, name=name, terms=terms, secret=secret, actor=actor()
        )

    created = change(dsn, work)
    made = _answer(created.integration)
    show({**made, "secret": created.secret.get_secret_value(), **_tokened(made, created.url_token)}, as_json=as_json)


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


def show_integration(integration: Id, dsn: Dsn = None, as_json: Json = False) -> None:
    """Show all that is set of an integration, and the age of its secrets."""

    async def work(connection: Connection) -> tuple[Integration, Mapping[str, object]]:
        found = await find_integration(connection, integration)
        secrets, tokens = await list_secrets(connection, [found.id]), await list_url_tokens(connection, [found.id])
        return found, {"secrets": _secrets(secrets[found.id]), "url_tokens": _secrets(tokens[found.id])}

    found, ages = change(dsn, work)
    show({**_answer(found), **described(found), **ages}, as_json=as_json)


def change_one(
    integration: Id,
    settings: Settings = "{}",
    signature_style: Style = None,
    name: Annotated[str | None, typer.Option("--name", help="Another name.", show_default=False)] = None,
    rate_limit_per_min: Annotated[
        int | None, typer.Option("--rate-limit", min=1, help="Deliveries a minute.", show_default=False)
    ] = None,
    burst: Annotated[int | None, typer.Option("--burst", min=1, help="Deliveries at once.", show_default=False)] = None,
    url_token: Annotated[
        bool | None, typer.Option("--url-token/--no-url-token", help=_OPT_IN + " Or no longer: every token ends.")
    ] = None,
    if_version: Annotated[
        int | None, typer.Option("--if-version", help="Refuse if it is at another version.", show_default=False)
    ] = None,
    dsn: Dsn = None,
    as_json: Json = False,
) -> None:
    """Change what is named, as the next version; a null in --settings puts its default back. Felt within 5 s."""
    said = {"name": name, "rate_limit_per_min": rate_limit_per_min, "burst": burst, "url_token": url_token}
    patch = {member: value for member, value in said.items() if value is not None}

    async def work(connection: Connection) -> tuple[Integration, SecretStr | None]:
        async with connection.transaction():
            before = await find_integration(connection, integration, lock=True)
            wanted = changed(merged(document_of(before), patch), settings, signature_style)
            after = await change_integration(
                connection, integration, wanted.terms(), name=wanted.name, if_version=if_version, actor=actor()
            )
            return after, await first_url_token(connection, tenant=after.tenant, integration=after.id, actor=actor())

    after, token = change(dsn, work)
    answer = _answer(after)
    show({**answer, **_tokened(answer, token)}, as_json=as_json)


def rotate(
    integration: Id,
    secret_file: SecretFile = None,
    overlap_s: Annotated[
        int, typer.Option("--overlap", min=0, help="Seconds that the old secret is still accepted; 0 ends all others now.")
    ] = DEFAULT_OVERLAP_S,
    url_token: Annotated[bool, typer.Option("--url-token", help="Rotate the token of its URL instead of the secret.")] = False,
    dsn: Dsn = None,
    as_json: Json = False,
) -> None:
    """Give an integration a new secret, or a new token of its URL; prints it this once."""
    if url_token:
        _rotate_url_token(integration, overlap_s, chosen=secret_file is not None, dsn=dsn, as_json=as_json)
        return
    key = master_key()
    chosen = read_secret(secret_file)

    async def work(connection: Connection) -> SecretStr:
        found = await find_integration(connection, integration)
        return await add_secret(
            connection, key, tenant=found.tenant, integration=found.id, secret=chosen, overlap_s=overlap_s, actor=actor()
        )

    show({"id": integration, "secret": change(dsn, work).get_secret_value()}, as_json=as_json)


def _rotate_url_token(integration: str, overlap_s: int, *, chosen: bool, dsn: str | None, as_json: bool) -> None:
    if chosen:
        raise Refused("--secret-file: a token of a URL is made, never chosen")

    async def work(connection: Connection) -> tuple[Integration, SecretStr]:
        found = await find_integration(connection, integration)
        token = await add_url_token(connection, tenant=found.tenant, integration=found.id, overlap_s=overlap_s, actor=actor())
        return found, token

    found, token = change(dsn, work)
    show({"id": found.id, **_tokened(_answer(found), token)}, as_json=as_json)


def disable(integration: Id, dsn: Dsn = None, as_json: Json = False) -> None:
    """Answer an integration's deliveries 403; felt within 5 s."""
    _switch(integration, enabled=False, dsn=dsn, as_json=as_json)


def enable(integration: Id, dsn: Dsn = None, as_json: Json = False) -> None:
    """Take an integration's deliveries again; felt within 5 s."""
    _switch(integration, enabled=True, dsn=dsn, as_json=as_json)


def delete(integration: Id, dsn: Dsn = None, as_json: Json = False) -> None:
    """Take an integration away with its secrets, for good; what it sent stays."""
    gone = change(dsn, lambda connection: delete_integration(connection, integration, actor=actor()))
    show(_answer(gone), as_json=as_json)


def url(
    integration: Id,
    base: Annotated[
        str | None,
        typer.Option("--url", envvar="TOCSIN_URL", help="The public address; else that of `tocsin up`.", show_default=False),
    ] = None,
    dsn: Dsn = None,
) -> None:
    """Print the URL that the sender posts to; where it takes a token, also the form of that URL."""
    found = change(dsn, lambda connection: find_integration(connection, integration))
    typer.echo(public_url(base) + found.path)
    if found.terms.url_token:
        typer.echo(path_with_token(public_url(base) + found.path))
        typer.echo("The second is for a sender that can set nothing but a URL; its token was shown when it was made.", err=True)


def _switch(integration: str, *, enabled: bool, dsn: str | None, as_json: bool) -> None:
    switched = change(dsn, lambda connection: set_enabled(connection, integration, enabled=enabled, actor=actor()))
    show(_answer(switched), as_json=as_json)


def _secrets(states: Sequence[SecretState]) -> list[object]:
    return [
        {
            "version": state.version,
            "created_at": to_rfc3339(state.created_at),
            "not_after": None if state.not_after is None else to_rfc3339(state.not_after),
            "last_used_at": None if state.last_used_at is None else to_rfc3339(state.last_used_at),
        }
        for state in states
    ]


def _tokened(answer: Mapping[str, object], token: SecretStr | None) -> dict[str, object]:
    """Give the path with a new token, which is shown this once."""
    return {} if token is None else {"path_with_token": path_with_token(str(answer["path"]), token)}


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
