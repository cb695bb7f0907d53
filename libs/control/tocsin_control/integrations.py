"""Integrations: configured senders. What the fold needs of one is an immutable version."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace

import asyncpg
import orjson
from pydantic import SecretStr

from tocsin_contracts.ids import IntegrationId, TenantId
from tocsin_contracts.integration import IntegrationSettings
from tocsin_contracts.times import from_datetime
from tocsin_control import audit, secrets, url_tokens
from tocsin_control.errors import NameTaken, NoRoom, NotFound, Refused, VersionChanged
from tocsin_control.identifier import new_integration_id
from tocsin_control.mapping_taken import untaken
from tocsin_control.master_key import MasterKey
from tocsin_control.signature_style import SignatureStyle
from tocsin_runtime.postgres import Connection
from tocsin_runtime.queries import load
from tocsin_sources import registry
from tocsin_sources.mapping import validate_mapping
from tocsin_sources.schemes.signed_time import TOLERANCE_S

DEFAULT_RATE_PER_MIN = 1_000
DEFAULT_BURST = 2_000
LIST_MAX = 10_000
PER_TENANT_MAX = 1_000
"""Integrations of one tenant: every gateway holds them all in memory."""
_DEFAULTS = IntegrationSettings()

_QUERIES = load("tocsin_control", "sql/integrations.sql")
_INSERT = _QUERIES["insert"]
_INSERT_VERSION = _QUERIES["insert_version"]
_LOCK = _QUERIES["lock"]
_SET_CURRENT = _QUERIES["set_current"]
_DELETE = _QUERIES["delete"]
_DELETE_SECRETS = _QUERIES["delete_secrets"]
_COUNT = _QUERIES["count"]
_LIST = _QUERIES["list"]
_FIND = _QUERIES["find"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a version fixes: settings of the fold, limits of the gateway (E3), and how requests are believed (D1, E1)."""

    settings: IntegrationSettings = _DEFAULTS
    rate_limit_per_min: int = DEFAULT_RATE_PER_MIN
    burst: int = DEFAULT_BURST
    signature_required: bool = True
    signature_style: SignatureStyle | None = None
    """Instead of what the source's file says."""
    enabled: bool = True
    """False: its deliveries are 403."""
    url_token: bool = False
    """Whether a token in its URL proves a request, for senders that can set nothing but a URL."""


DEFAULT_TERMS = Terms()


@dataclass(frozen=True, slots=True, kw_only=True)
class Integration:
    """One integration with its current terms."""

    id: IntegrationId
    tenant: TenantId
    source: str
    name: str
    version: int
    created_at: int
    terms: Terms

    @property
    def enabled(self) -> bool:
        """Tell whether its deliveries are accepted."""
        return self.terms.enabled

    @property
    def path(self) -> str:
        """Give the path that the sender posts to."""
        return webhook_path(self.source, self.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatedIntegration:
    """A new integration with its secret, and the token of its URL where it takes one; both are shown this once."""

    integration: Integration
    secret: SecretStr = field(repr=False)
    url_token: SecretStr | None = field(repr=False, default=None)


def webhook_path(source: str, integration: str) -> str:
    """Write the canonical path of an integration's webhook."""
    return f"/api/v1/webhooks/{source}/{integration}"


def path_with_token(path: str, token: SecretStr | None = None) -> str:
    """Write the path, or URL, of a sender that can set nothing but a URL; without a token, its form."""
    return f"{path}/t/{'<token>' if token is None else token.get_secret_value()}"


async def create_integration(
    connection: Connection,
    master_key: MasterKey,
    *,
    tenant: str,
    source: str,
    name: str,
    terms: Terms = DEFAULT_TERMS,
    secret: SecretStr | None = None,
    actor: audit.Who = "cli",
) -> CreatedIntegration:
    """Make an integration with version 1 and one secret.

    Args:
        connection: as tocsin_owner.
        master_key: seals the secret.
        tenant: id of its owner.
        source: a name that `tocsin_sources.registry` knows.
        name: unique in the tenant.
        terms: settings and limits.
        secret: chosen by the sender (`secrets.chosen_secret`); else one is made.
        actor: who asks, for the audit.

    Raises:
        NameTaken: the tenant has one of this name.
        NoRoom: the tenant has `PER_TENANT_MAX` of them.
        NotFound: no such tenant.
        Refused: unknown source, unsigned requests for a source that always signs, or a value out of bounds.
    """
    _check(source, terms)
    integration = new_integration_id()
    try:
        async with connection.transaction():
            if await connection.fetchval(_COUNT, tenant) >= PER_TENANT_MAX:
                raise NoRoom(f"the tenant has {PER_TENANT_MAX} integrations: delete those that nobody uses")
            await connection.execute(_INSERT, integration, tenant, source, name)
            await _insert_version(connection, integration, 1, terms)
            shown = await secrets.add_secret(
                connection, master_key, tenant=tenant, integration=integration, secret=secret, actor=actor
            )
            token = await url_tokens.first_url_token(connection, tenant=tenant, integration=integration, actor=actor)
            made = await find_integration(connection, integration)
            detail: dict[str, object] = {"after": described(made)}
            await audit.record(
                connection, actor=actor, action="integration.created", tenant=tenant, subject=integration, detail=detail
            )
            return CreatedIntegration(integration=made, secret=shown, url_token=token)
    except asyncpg.UniqueViolationError as error:
        raise _name_taken(name) from error
    except asyncpg.ForeignKeyViolationError as error:
        raise NotFound(f"there is no tenant {tenant!r}") from error
    except (asyncpg.CheckViolationError, asyncpg.DataError) as error:
        raise Refused("an integration needs a name of 1 to 200 characters and limits above 0") from error


async def change_integration(
    connection: Connection,
    integration: str,
    terms: Terms,
    *,
    name: str | None = None,
    tenant: str | None = None,
    if_version: int | None = None,
    actor: audit.Who = "cli",
) -> Integration:
    """Put new terms in force, as the next version; deliveries that came before keep theirs.

    What is no change makes no version. Where its URL takes a token no longer, every token ends; where it now takes one,
    `url_tokens.first_url_token` makes it.

    Args:
        connection: as tocsin_owner, or acting as the holder of a key.
        integration: its id.
        terms: all of them.
        name: another name; else it keeps its own.
        tenant: whose it must be; None for anybody's.
        if_version: the version that the change was made from; None for whichever there is.
        actor: who asks, for the audit.

    Raises:
        NameTaken: the tenant has another one of this name.
        NotFound: no such integration.
        Refused: as `create_integration` does.
        VersionChanged: another version is in force.
    """
    async with connection.transaction():
        before = await _locked(connection, integration, tenant, if_version)
        name = before.name if name is None else name
        if (before.name, before.terms) == (name, terms):
            return before
        _check(before.source, terms, before.terms)
        version = before.version + 1
        try:
            await _insert_version(connection, integration, version, terms)
            await connection.execute(_SET_CURRENT, integration, version, name)
        except asyncpg.UniqueViolationError as error:
            raise _name_taken(name) from error
        except (asyncpg.CheckViolationError, asyncpg.DataError) as error:
            raise Refused("an integration needs a name of 1 to 200 characters and limits above 0") from error
        if not terms.url_token:
            await url_tokens.end_url_tokens(connection, integration)
        after = await find_integration(connection, integration)
        detail: dict[str, object] = {"before": described(before), "after": described(after)}
        await audit.record(
            connection, actor=actor, action=_action(before, after), tenant=after.tenant, subject=integration, detail=detail
        )
        return after


async def set_enabled(
    connection: Connection, integration: str, *, enabled: bool, tenant: str | None = None, actor: audit.Who = "cli"
) -> Integration:
    """Accept deliveries of an integration, or no longer: its next version.

    Raises:
        NotFound: no such integration.
    """
    async with connection.transaction():
        before = await _locked(connection, integration, tenant, None)
        return await change_integration(connection, integration, replace(before.terms, enabled=enabled), actor=actor)


async def delete_integration(
    connection: Connection,
    integration: str,
    *,
    tenant: str | None = None,
    if_version: int | None = None,
    actor: audit.Who = "cli",
) -> Integration:
    """Take an integration away with its secrets; gives what it was. Its name is free again, its id is never used again.

    Its versions stay: deliveries in the log name them.

    Raises:
        NotFound: no such integration.
        VersionChanged: another version is in force.
    """
    async with connection.transaction():
        before = await _locked(connection, integration, tenant, if_version)
        await connection.execute(_DELETE_SECRETS, integration)
        await url_tokens.end_url_tokens(connection, integration)
        await connection.execute(_DELETE, integration)
        detail: dict[str, object] = {"before": described(before)}
        await audit.record(
            connection, actor=actor, action="integration.deleted", tenant=before.tenant, subject=integration, detail=detail
        )
        return before


async def list_integrations(
    connection: Connection, *, tenant: str | None = None, limit: int = LIST_MAX
) -> tuple[Integration, ...]:
    """List integrations in order of creation, of one tenant or of all; at most `limit`."""
    return tuple(_integration(row) for row in await connection.fetch(_LIST, tenant, limit))


async def find_integration(
    connection: Connection, integration: str, *, tenant: str | None = None, lock: bool = False
) -> Integration:
    """Find an integration by id, of one tenant or of anybody; deleted ones are not found.

    Args:
        connection: inside a transaction, if it is to be locked.
        integration: its id.
        tenant: whose it must be; None for anybody's.
        lock: let nobody else change it until the transaction ends.

    Raises:
        NotFound: no such integration.
    """
    if lock and await connection.fetchval(_LOCK, integration, tenant) is None:
        raise _no_integration(integration)
    row = await connection.fetchrow(_FIND, integration, tenant)
    if row is None:
        raise _no_integration(integration)
    return _integration(row)


def described(integration: Integration) -> dict[str, object]:
    """Describe an integration for the audit: all that can be changed of it, and no secret."""
    terms = integration.terms
    style = terms.signature_style
    return {
        "name": integration.name,
        "source": integration.source,
        "version": integration.version,
        "enabled": terms.enabled,
        "rate_limit_per_min": terms.rate_limit_per_min,
        "burst": terms.burst,
        "signature_required": terms.signature_required,
        "signature_style": None if style is None else asdict(style),
        "url_token": terms.url_token,
        "settings": terms.settings.model_dump(mode="json"),
    }


async def _locked(connection: Connection, integration: str, tenant: str | None, if_version: int | None) -> Integration:
    found = await find_integration(connection, integration, tenant=tenant, lock=True)
    if if_version is not None and found.version != if_version:
        raise VersionChanged(f"the integration is at version {found.version}, not {if_version}: somebody else changed it")
    return found


def _no_integration(integration: str) -> NotFound:
    return NotFound(f"there is no integration {integration!r}; 'tocsin integrations list' shows all")


def _name_taken(name: str) -> NameTaken:
    return NameTaken(f"the tenant has an integration named {name!r} already")


def _action(before: Integration, after: Integration) -> str:
    """Name a change: a mere switch by what it does."""
    if before.name == after.name and before.terms == replace(after.terms, enabled=before.enabled):
        return "integration.enabled" if after.enabled else "integration.disabled"
    return "integration.changed"


def _check(source: str, terms: Terms, before: Terms | None = None) -> None:
    """Refuse terms that cannot be.

    A mapping that stays as it was is not asked again: after a stricter release nobody could disable its integration.
    """
    known = registry.get(source)
    if known is None:
        raise Refused(f"there is no source {source!r}; known are {', '.join(registry.names())}")
    if not terms.signature_required and not known.signature_optional:
        raise Refused(f"{known.title} always proves who it is; its secret cannot be optional")
    mapping, former = terms.settings.mapping, None if before is None else before.settings.mapping
    if mapping is None or mapping == former:
        return
    if why := untaken(known, mapping, former):
        raise Refused(f"settings.mapping: {why}")
    if faults := validate_mapping(mapping.model_dump(exclude_unset=True)):
        raise Refused(f"the mapping cannot be used: {faults[0].pointer or 'mapping'}: {faults[0].detail}")


async def _insert_version(connection: Connection, integration: str, version: int, terms: Terms) -> None:
    style = terms.signature_style
    await connection.execute(
        _INSERT_VERSION,
        integration,
        version,
        orjson.dumps(terms.settings.model_dump(mode="json")).decode(),
        terms.rate_limit_per_min,
        terms.burst,
        terms.signature_required,
        style.header if style else None,
        style.algorithm if style else None,
        style.format if style else None,
        terms.enabled,
        style.signs if style else "body",
        style.time_header if style else None,
        style.tolerance_s if style else TOLERANCE_S,
        terms.url_token,
    )


def _integration(row: asyncpg.Record) -> Integration:
    return Integration(
        id=IntegrationId(row["id"]),
        tenant=TenantId(row["tenant_id"]),
        source=row["source"],
        name=row["name"],
        version=row["version"],
        created_at=from_datetime(row["created_at"]),
        terms=Terms(
            settings=IntegrationSettings.model_validate_json(row["settings"]),
            rate_limit_per_min=row["rate_limit_per_min"],
            burst=row["burst"],
            signature_required=row["signature_required"],
            signature_style=SignatureStyle.of(row),
            enabled=row["enabled"],
            url_token=row["url_token"],
        ),
    )
